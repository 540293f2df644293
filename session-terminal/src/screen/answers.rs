//! What a program asks of its terminal, and what it is told when no terminal is there.

use std::fmt::Write as _;

use vt100::{Callbacks, Screen};

/// Answers kept at most, in bytes: a program that asks for ever gets no more.
const ANSWERS_MAX: usize = 4096;
/// The longest title that is kept, in bytes.
const TITLE_MAX: usize = 1024;

/// Notes what the screen parser has no state for.
#[derive(Debug, Default)]
pub(super) struct Observer {
    answers: Vec<u8>,
    title: Option<String>,
}

impl Observer {
    pub(super) fn take_answers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answers)
    }

    pub(super) fn write_title(&self, out: &mut String) {
        if let Some(title) = &self.title {
            let _ = write!(out, "\x1b]2;{title}\x07");
        }
    }

    fn answer(&mut self, answer: &str) {
        if self.answers.len() + answer.len() <= ANSWERS_MAX {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }
}

impl Callbacks for Observer {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        let title = &title[..title.len().min(TITLE_MAX)];
        let text = String::from_utf8_lossy(title);
        self.title = Some(text.chars().filter(|c| !c.is_control()).collect());
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        second: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        let parameter = parameters.first().and_then(|numbers| numbers.first()).copied();
        let (row, column) = screen.cursor_position();
        let column = column.min(screen.size().1.get() - 1);
        match (first, second, last, parameter.unwrap_or(0)) {
            (None, _, 'n', 5) => self.answer("\x1b[0n"),
            (None, _, 'n', 6) => self.answer(&format!("\x1b[{};{}R", row + 1, column + 1)),
            (Some(b'?'), None, 'n', 6) => {
                self.answer(&format!("\x1b[?{};{}R", row + 1, column + 1));
            }
            (None, _, 'c', 0) => self.answer("\x1b[?62;22c"),
            (Some(b'>'), None, 'c', 0) => self.answer("\x1b[>0;0;0c"),
            (Some(b'?'), Some(b'$'), 'p', mode) => self.answer(&format!("\x1b[?{mode};0$y")),
            (None, _, 't', 18) => {
                let (rows, columns) = screen.size();
                self.answer(&format!("\x1b[8;{rows};{columns}t"));
            }
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut Screen, parameters: &[&[u8]]) {
        match parameters {
            [b"10", b"?"] => self.answer("\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
            [b"11", b"?"] => self.answer("\x1b]11;rgb:0000/0000/0000\x1b\\"),
            _ => {}
        }
    }
}

/// Keeps the last lines that scroll off the primary screen.
pub(super) struct Scrolled {
    lines: std::collections::VecDeque<String>,
    most: usize,
}

impl Scrolled {
    pub(super) fn new(most: usize) -> Self {
        Self { lines: std::collections::VecDeque::new(), most }
    }

    pub(super) fn take(&mut self) -> String {
        self.lines.drain(..).flat_map(|line| [line, "\x1b[m\r\n".to_owned()]).collect()
    }
}

impl Callbacks for Scrolled {
    fn on_scroll(&mut self, row: vt100::capture::RowContents<'_>, alternate: bool) {
        if alternate {
            return;
        }
        let mut line = String::new();
        // Writing to a string can't fail.
        let _ = row.write_formatted_basic(&mut line, &mut Default::default());
        if self.lines.len() == self.most {
            self.lines.pop_front();
        }
        self.lines.push_back(line.trim_end_matches(' ').to_owned());
    }
}

/// Takes out of a client's input what its terminal said by itself: answers to questions that all
/// attached terminals were asked, of which the program may get only one.
///
/// `None` if there is none. An answer that comes in two pieces is not recognised.
pub(crate) fn strip_answers(input: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(0x1b, input)?;
    let mut kept = Vec::new();
    let mut rest = input;
    let mut found = false;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let answer = answer_length(rest);
        found |= answer > 0;
        if answer == 0 {
            kept.push(0x1b);
        }
        rest = &rest[answer.max(1)..];
    }
    kept.extend_from_slice(rest);
    found.then_some(kept)
}

/// The length of the answer at the start of `input`; 0 if that is something else.
fn answer_length(input: &[u8]) -> usize {
    match input {
        [0x1b, b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
                return 0;
            };
            let (parameters, last) = (&rest[..end], rest[end]);
            let is_answer = match last {
                // Cursor position, with two numbers; one number is a key.
                b'R' => parameters.contains(&b';'),
                b'n' | b'c' | b'y' => !parameters.is_empty(),
                b't' => parameters.contains(&b';'),
                b'u' => parameters.starts_with(b"?"),
                _ => false,
            };
            if is_answer { 2 + end + 1 } else { 0 }
        }
        [0x1b, b']' | b'P', rest @ ..] => string_end(rest).map_or(0, |end| 2 + end),
        _ => 0,
    }
}

fn string_end(bytes: &[u8]) -> Option<usize> {
    let at = memchr::memchr2(0x07, 0x1b, bytes)?;
    match &bytes[at..] {
        [0x07, ..] => Some(at + 1),
        [0x1b, b'\\', ..] => Some(at + 2),
        _ => None,
    }
}
