//! Who commits: what git says of the person in a repository of theirs, for a copy that is where none of their configuration is.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than git takes to read some files; a file system that hangs must not hold the copy up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks; by the first one git has answered as a rule.
const PAUSE: Duration = Duration::from_micros(500);
/// More than a name and an address.
const LARGEST: u64 = 4096;
/// Variables of a git that runs around us: they lead to its repository.
const AROUND: &[&str] =
    &["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_CONFIG", "GIT_PREFIX"];

/// A question that git answers meanwhile.
#[derive(Debug)]
pub(crate) struct Asked(Option<Child>);

/// The settings `user.name` and `user.email`, as far as there are some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity(pub(crate) Vec<(&'static str, String)>);

impl Asked {
    /// Asks git in `source`, which may say other things of a person than elsewhere (`includeIf`). Without an environment, or where
    /// there is no git, nobody is asked.
    pub(crate) fn at(source: &Path, environment: Option<&BTreeMap<String, String>>) -> Self {
        let Some(environment) = environment else { return Self(None) };
        let mut git = Command::new("git");
        git.args(["config", "--null", "--get-regexp", r"^user\.(name|email)$"]);
        git.current_dir(source).env_clear().envs(environment);
        AROUND.iter().for_each(|name| {
            git.env_remove(name);
        });
        git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(git.spawn().ok())
    }

    /// The answer; none where git has none, or takes too long.
    pub(crate) fn answer(mut self) -> Identity {
        self.0.as_mut().and_then(answer).unwrap_or_default()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Whoever has ended already is only waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn answer(child: &mut Child) -> Option<Identity> {
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() >= until => return None,
            None => std::thread::sleep(PAUSE),
        }
    };
    if !status.success() {
        return None;
    }
    let mut text = Vec::new();
    child.stdout.take()?.take(LARGEST).read_to_end(&mut text).ok()?;
    Some(parse(&text))
}

/// Reads `key`, a line break, the value and a zero byte, again and again; the last of a key counts.
fn parse(text: &[u8]) -> Identity {
    let text = String::from_utf8_lossy(text);
    let said = |key: &'static str| {
        let mut values = text.split('\0').filter_map(|pair| pair.split_once('\n'));
        let value = values.rfind(|(name, _)| *name == key)?.1;
        (!value.trim().is_empty()).then(|| (key, value.to_owned()))
    };
    Identity(["user.name", "user.email"].into_iter().filter_map(said).collect())
}

#[test]
fn an_answer_is_read() {
    let read = |text: &str| parse(text.as_bytes()).0;
    assert_eq!(read(""), []);
    assert_eq!(
        read("user.name\nMe\0user.email\nme@a\0user.email\nme@b\0"),
        [("user.name", "Me".to_owned()), ("user.email", "me@b".to_owned())]
    );
    assert_eq!(
        read("user.name\nTwo\nLines\0user.email\n \0"),
        [("user.name", "Two\nLines".to_owned())]
    );
    assert_eq!(read("user.name"), []);
}
