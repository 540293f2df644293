//! What people read: the one place that prints.

use std::io::{BufRead, Write};

use anstream::{eprint, eprintln, print, println};
use session_core::{Error, ErrorKind};

/// How to talk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    pub(crate) quiet: bool,
    pub(crate) json: bool,
}

impl Ui {
    /// Prints a result.
    pub(crate) fn line(self, text: impl std::fmt::Display) {
        println!("{text}");
    }

    /// Prints text as it is.
    pub(crate) fn text(self, text: impl std::fmt::Display) {
        print!("{text}");
        let _ = std::io::stdout().flush();
    }

    /// Prints a result as a document.
    pub(crate) fn document(self, document: &impl serde::Serialize) {
        let json = serde_json::to_string_pretty(document).expect("a result is plain data");
        println!("{}", harmless(&json));
    }

    /// Tells something beside the result.
    pub(crate) fn notice(self, text: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Tells a failure, with what to do about it.
    pub(crate) fn failure(self, error: &Error) {
        let report = error.report();
        if self.json {
            let json = serde_json::to_string(&report).unwrap_or_else(|_| error.to_string());
            eprintln!("{}", harmless(&json));
            return;
        }
        let session = report.session.map(|name| format!("session `{name}`: ")).unwrap_or_default();
        if report.problems.len() > 1 {
            eprintln!(
                "\x1b[1;31merror:\x1b[0m {session}{} things are wrong:",
                report.problems.len()
            );
            for problem in &report.problems {
                eprintln!("  - {problem}");
            }
        } else {
            eprintln!("\x1b[1;31merror:\x1b[0m {session}{}", report.message);
        }
        for cause in report.causes {
            eprintln!("  because: {cause}");
        }
        if let Some(hint) = hint(error.kind()) {
            eprintln!("\x1b[2mhint: {hint}\x1b[0m");
        }
    }

    /// Asks what most people say yes to: only `n` and `no`, and the end of the input, are a no.
    pub(crate) fn agree(self, question: &str) -> bool {
        eprint!("{question} ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let answer = answer.trim().to_ascii_lowercase();
        read.is_ok_and(|count| count > 0) && !matches!(answer.as_str(), "n" | "no")
    }

    /// Asks for a word; `None` at the end of the input.
    pub(crate) fn ask(self, question: &str) -> Option<String> {
        eprint!("{question} ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok_and(|count| count > 0).then(|| answer.trim().to_owned())
    }

    /// Asks; anything but `y` or `yes` is a no.
    pub(crate) fn confirm(self, question: &str) -> bool {
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

/// What a person can do about a kind of failure, beyond what the message says.
fn hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::BackendUnavailable => Some("`sessctl doctor` looks at every backend"),
        ErrorKind::PermissionDenied => {
            Some("give yourself access to the path, or set SESSCTL_HOME to a directory of your own")
        }
        ErrorKind::StorageFull => {
            Some("`sessctl trash empty --all` frees what removed sessions hold")
        }
        ErrorKind::Internal => Some("this is a defect; please report it with the text above"),
        _ => None,
    }
}

/// Text from outside, with nothing in it that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| if is_obeyed(c) { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// A document that says the same, with nothing in it that a terminal would obey but its line ends.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // All of these lie below U+10000, so that one escape is enough, and only in texts.
            c if c != '\n' && is_obeyed(c) => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

/// Whether a terminal does something else with it than show it: controls, and what turns the direction around or has no
/// width (Unicode's `Bidi_Control`, and the invisible ones of its `Default_Ignorable_Code_Point` that no script needs).
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{harmless, plain};

    #[test]
    fn nothing_is_obeyed() {
        let hostile = "a\u{9b}31m\u{202e}b\u{200b}\u{2066}\u{1b}[2J\u{feff}ü\u{200d}";
        let is_good = |text: &str| !text.chars().any(|c| super::is_obeyed(c) && c != '\n');
        assert!(is_good(&plain(hostile)) && plain(hostile).contains('ü'));
        let json = serde_json::json!({ (hostile): [hostile] });
        let shown = harmless(&serde_json::to_string_pretty(&json).expect("plain data"));
        assert!(
            is_good(&shown) && shown.contains("\\u009b") && shown.contains("\\u202e"),
            "{shown}"
        );
        let read: serde_json::Value = serde_json::from_str(&shown).expect("the same document");
        assert_eq!(read, json);
    }
}
