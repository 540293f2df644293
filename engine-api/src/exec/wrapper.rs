//! What runs in the container in place of the program, until the program may begin.

use session_core::{Error, ErrorKind, ExecRequest, Result, TerminalSize};

use super::OPERATION;

const WRAPPER: &str = include_str!("wrapper.sh");
const WATCHER: &str = include_str!("watcher.sh");
/// Set by shells, and not by whoever asked.
const SET_BY_SHELLS: [&str; 3] = ["OLDPWD", "SHLVL", "_"];

/// Refuses what can't be passed to a container unchanged.
pub(super) fn check(request: &ExecRequest) -> Result<()> {
    let refuse = |message: String| Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    let Some(program) = request.argv.first().filter(|program| !program.is_empty()) else {
        return refuse("no program was named; name one".to_owned());
    };
    if program.starts_with('-') {
        return refuse(format!(
            "`{program}` is no program but an option; name a program before it"
        ));
    }
    if request.argv.iter().any(|argument| argument.contains('\0')) {
        return refuse("an argument has a zero byte in it; leave it out".to_owned());
    }
    for (name, value) in &request.environment {
        // Some shells drop what they could not name.
        let plain = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !plain {
            let name = name.escape_debug();
            return refuse(format!(
                "the variable `{name}` can't be passed to a container; use letters, digits and `_`"
            ));
        }
        if value.contains('\0') {
            return refuse(format!("the value of `{name}` has a zero byte in it; leave it out"));
        }
    }
    Ok(())
}

/// What the wrapper is told.
pub(super) struct Wrapping<'a> {
    /// The word behind which it says something; no other text holds it.
    pub(super) word: &'a str,
    /// The lifeline's path in the container, where there is one, and this host's boot.
    pub(super) fifo: Option<(&'a str, &'a str)>,
    /// The directory, absolute.
    pub(super) directory: &'a str,
}

impl Wrapping<'_> {
    /// The program and arguments to give to the engine.
    pub(super) fn command(&self, request: &ExecRequest) -> Vec<String> {
        let mut script = without_comments(WRAPPER);
        for name in SET_BY_SHELLS.iter().filter(|name| !request.environment.contains_key(**name)) {
            script.push_str(&format!("unset {name}\n"));
        }
        script.push_str("exec \"$@\"\n");
        let input = match request {
            ExecRequest { terminal: Some(_), .. } => "terminal",
            ExecRequest { input: true, .. } => "pipe",
            _ => "none",
        };
        let TerminalSize { rows, columns, .. } = request.terminal.unwrap_or_default();
        let size = format!("{rows} {columns}");
        let (fifo, boot) = self.fifo.unwrap_or_default();
        let watcher = match fifo {
            "" => String::new(),
            _ => without_comments(WATCHER),
        };
        let told = [self.word, fifo, boot, input, &size, self.directory, &watcher];
        let head = ["/bin/sh", "-c", &script, "sh"];
        let words = head.into_iter().chain(told).map(str::to_owned);
        words.chain(request.argv.iter().cloned()).collect()
    }
}

/// The program that ends the process `pid` and what it started when its input ends.
pub(super) fn watcher(pid: u32) -> Vec<String> {
    let pid = pid.to_string();
    ["/bin/sh", "-c", &without_comments(WATCHER), "sh", &pid].map(str::to_owned).to_vec()
}

/// The script as it is sent: engines show it in events and lists of processes.
fn without_comments(script: &str) -> String {
    let lines = script.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    lines.fold(String::with_capacity(script.len()), |text, line| text + line + "\n")
}

/// What the wrapper said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It waits; this is its number in the container, and whether it holds the lifeline.
    Up { pid: u32, tied: bool },
    /// There is no such directory.
    NoDirectory,
    /// There is no such program.
    NoProgram,
    /// The next byte is the program's.
    Go,
}

/// Finds what was said behind `word` in `heard`: the message, and where the text behind it begins.
pub(super) fn said(heard: &[u8], word: &str) -> Option<(Said, usize)> {
    let from = heard.windows(word.len()).position(|window| window == word.as_bytes())?;
    let end = from + heard[from..].iter().position(|byte| *byte == b'\n')?;
    let text = String::from_utf8_lossy(&heard[from + word.len()..end]);
    let mut words = text.split_whitespace();
    let said = match (words.next()?, words.next(), words.next()) {
        ("up", Some(pid), tied) => Said::Up { pid: pid.parse().ok()?, tied: tied == Some("tied") },
        ("no-directory", ..) => Said::NoDirectory,
        ("no-program", ..) => Said::NoProgram,
        ("go", ..) => Said::Go,
        _ => return None,
    };
    Some((said, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_found_behind_noise() {
        let heard = b"sh: no job control\r\nw1 up 12 tied 12 (sh) S 0\r\nrest";
        assert_eq!(said(heard, "w1"), Some((Said::Up { pid: 12, tied: true }, 47)));
        assert_eq!(&heard[47..], b"rest");
        assert_eq!(said(b"w1 no-program", "w1"), None);
        assert_eq!(said(b"w1 no-program\n", "w1"), Some((Said::NoProgram, 14)));
    }

    #[test]
    fn names_that_a_shell_drops_are_refused() {
        let mut request = ExecRequest::new(vec!["true".to_owned()]);
        assert!(check(&request).is_ok());
        request.environment.insert("a.b".to_owned(), String::new());
        assert_eq!(check(&request).map_err(|error| error.kind()), Err(ErrorKind::InvalidInput));
    }
}
