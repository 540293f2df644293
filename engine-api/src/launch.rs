//! The scripts that a container runs before the main process, as text.
//!
//! An engine fixes a container's command at its creation and a session runs something else at each
//! start, so the command is [`BOOT`], which reads what [`script`] wrote just before.

use session_core::{Error, ErrorKind, Launch, Result};

use crate::place::RUN_DIRECTORY;

/// The container's command: reads the launch script if there is one, else idles until TERM.
///
/// `sleep` in the background, because a shell runs a trap only when its foreground child has
/// ended; `read` stands in where an image has no `sleep`.
pub(crate) const BOOT: &str = "\
if [ -f /run/sessctl/launch ]; then . /run/sessctl/launch; fi
trap 'exit 0' TERM INT HUP
while :; do sleep 86400 & wait $! || read -r _ || exit 0; done";

/// What a launch script says over its terminal, as escape sequences that no terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// It waits for a line.
    Waiting,
    /// The program is next; all that follows is its own output.
    Ready,
    /// There is no such program.
    Missing,
}

impl Marker {
    const ALL: [Self; 3] = [Self::Waiting, Self::Ready, Self::Missing];

    fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Missing => "missing",
        }
    }

    fn text(self, nonce: &str) -> String {
        format!("sessctl;{nonce};{}", self.word())
    }

    /// The shell command that writes it.
    fn command(self, nonce: &str) -> String {
        format!("printf '\\033]{}\\007'", self.text(nonce))
    }

    fn bytes(self, nonce: &str) -> Vec<u8> {
        format!("\x1b]{}\x07", self.text(nonce)).into_bytes()
    }

    /// The first marker in `bytes`, and where what follows it begins.
    pub(crate) fn find(bytes: &[u8], nonce: &str) -> Option<(Self, usize)> {
        let at = |marker: Self| {
            let wanted = marker.bytes(nonce);
            let start = bytes.windows(wanted.len()).position(|window| window == wanted)?;
            Some((marker, start + wanted.len()))
        };
        Self::ALL.into_iter().filter_map(at).min_by_key(|found| found.1)
    }
}

/// The launch script for `launch`.
///
/// It removes itself before anything else, for its environment may be secret. Fails with
/// `InvalidInput` for what no process can be given.
pub(crate) fn script(launch: &Launch, nonce: &str) -> Result<String> {
    let refuse = |message: &str| Err(Error::new(ErrorKind::InvalidInput, "engine.start", message));
    let Some(program) = launch.argv.first().filter(|program| !program.is_empty()) else {
        return refuse("no program is named; give its name first");
    };
    if launch.argv.iter().any(|word| word.contains('\0')) {
        return refuse("an argument has a NUL in it; take it out");
    }
    let mut exports = String::new();
    let mut passed = String::new();
    for (name, value) in &launch.environment {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let shown = name.escape_debug();
            return refuse(&format!("the variable `{shown}` can't be set; take it out"));
        }
        let assignment = format!("{name}={}", quoted(value));
        if is_exportable(name) {
            exports.push_str(&format!("export {assignment}\n"));
        } else {
            passed.push_str(&format!(" {}", quoted(&format!("{name}={value}"))));
        }
    }
    let env = if passed.is_empty() { String::new() } else { format!("env{passed} ") };
    let argv: Vec<_> = launch.argv.iter().map(|word| quoted(word)).collect();
    let found = match program.contains('/') {
        true => format!("[ -f {0} ] && [ -x {0} ]", quoted(program)),
        // Busybox's shell has programs of its own, so what is found need not be a path.
        false => format!("command -v {} >/dev/null 2>&1", quoted(program)),
    };
    Ok(format!(
        "rm -f {RUN_DIRECTORY}/launch\n{waiting}\nIFS= read -r _\n{exports}\
         if {found}; then {ready}; exec {env}{argv}; fi\n{missing}\nexit 127\n",
        waiting = Marker::Waiting.command(nonce),
        ready = Marker::Ready.command(nonce),
        missing = Marker::Missing.command(nonce),
        argv = argv.join(" "),
    ))
}

/// `text` as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether a shell can export it. Some of their own they refuse to change (bash).
fn is_exportable(name: &str) -> bool {
    const READ_ONLY: [&str; 7] =
        ["BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "GROUPS"];
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !READ_ONLY.contains(&name)
}
