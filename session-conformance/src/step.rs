//! What the programs of the clauses do, apart from how a backend is told to do it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One step of a program that a clause runs in a session.
///
/// A program is a list of steps, done in order; after the last one it ends with code 0.
/// [`script`] turns one into a POSIX shell script, which is what a backend of real processes runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Step {
    /// Writes the text and a newline to standard output.
    Print(String),
    /// Writes the text and a newline to standard error.
    PrintError(String),
    /// Writes these bytes to standard output, and nothing after them.
    PrintBytes(Vec<u8>),
    /// Writes `line 1` to `line N`.
    Lines(u32),
    /// Writes `size COLUMNS ROWS` of its terminal.
    Size,
    /// Writes `ready`, then the size as [`Size`](Self::Size) does at each change; never ends.
    SizeOnResize,
    /// Writes `directory PATH` of its working directory.
    Directory,
    /// Writes `NAME=VALUE`, or `NAME=unset`.
    Variable(String),
    /// Writes the content of a file; the path is relative to its working directory.
    Show(String),
    /// Makes a symbolic link.
    Link {
        /// Where it leads.
        target: String,
        /// What it is called, in the working directory.
        name: String,
    },
    /// Reads a line from its input and writes `got LINE`.
    ReadLine,
    /// Copies its input to its output until the input ends.
    Copy,
    /// Starts a child that stays, with this token on its command line; the child writes `child up`.
    Child(String),
    /// As [`Child`](Self::Child), but the child forked twice, has a process session of its own,
    /// ignores polite signals and keeps no stream; it writes `daemon up` before it lets go.
    Daemon(String),
    /// From here on polite signals (hangup, interrupt, terminate) do nothing.
    IgnoreTermination,
    /// From here on SIGTERM ends it with this code.
    ExitOnTermination(i32),
    /// From here on SIGTERM does nothing and SIGHUP ends it with this code, as with a shell that
    /// somebody types to.
    ExitOnHangup(i32),
    /// Sends itself a signal.
    KillSelf(i32),
    /// Does nothing, for ever.
    Wait,
    /// Ends with this code.
    Exit(i32),
}

/// The steps as a script for a POSIX shell that has `cat`, `ln`, `setsid`, `sleep` and `stty`.
pub fn script(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        text.push_str(&line(step));
        text.push('\n');
    }
    text
}

fn line(step: &Step) -> String {
    const SIZE: &str = r#"set -- $(stty size); echo "size $2 $1""#;
    match step {
        Step::Print(text) => format!("printf '%s\\n' {}", quoted(text)),
        Step::PrintError(text) => format!("printf '%s\\n' {} >&2", quoted(text)),
        Step::PrintBytes(bytes) => {
            let mut octal = String::new();
            for byte in bytes {
                // Writing to a string can't fail.
                let _ = write!(octal, "\\{byte:03o}");
            }
            format!("printf '{octal}'")
        }
        Step::Lines(count) => {
            format!(r#"i=0; while [ "$i" -lt {count} ]; do i=$((i + 1)); echo "line $i"; done"#)
        }
        Step::Size => SIZE.to_owned(),
        // Not in the trap itself: bash forgets a WINCH that comes while it runs the trap of one.
        Step::SizeOnResize => format!(
            "new=; trap 'new=1' WINCH; echo ready; while :; do if [ \"$new\" ]; then new=; {SIZE}; fi; \
             sleep 0.1 & wait $!; done"
        ),
        Step::Directory => r#"echo "directory $(pwd -P)""#.to_owned(),
        Step::Variable(name) => format!(r#"echo "{name}=${{{name}-unset}}""#),
        Step::Show(path) => format!("cat {}", quoted(path)),
        Step::Link { target, name } => format!("ln -s {} {}", quoted(target), quoted(name)),
        Step::ReadLine => r#"IFS= read -r line; echo "got $line""#.to_owned(),
        Step::Copy => "cat".to_owned(),
        Step::Child(token) => {
            let child = format!("echo child up; while :; do sleep 0.2; done; : {token}");
            format!("sh -c {} &", quoted(&child))
        }
        Step::Daemon(token) => {
            let child = format!(
                "trap '' HUP INT TERM; echo daemon up; exec </dev/null >/dev/null 2>&1; \
                 while :; do sleep 0.2; done; : {token}"
            );
            format!("( setsid sh -c {} & )", quoted(&child))
        }
        Step::IgnoreTermination => "trap '' HUP INT TERM".to_owned(),
        Step::ExitOnTermination(code) => format!("trap 'exit {code}' TERM"),
        Step::ExitOnHangup(code) => format!("trap '' TERM; trap 'exit {code}' HUP"),
        Step::KillSelf(signal) => format!("kill -{signal} $$"),
        // A trap runs as soon as `wait` returns, and not before a process in the foreground ends.
        Step::Wait => "while :; do sleep 0.5 & wait $!; done".to_owned(),
        Step::Exit(code) => format!("exit {code}"),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
