//! The modes of a terminal that the screen parser does not keep.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Private modes (`ESC [ ? n h`) that change what a terminal sends or shows.
const KEPT: [u16; 6] = [1004, 1007, 1015, 1016, 2031, 2048];

/// The deepest stack of keyboard flags that is kept.
const KEYBOARDS_MAX: usize = 16;

/// What was set and is not default.
#[derive(Debug, Default)]
pub(super) struct Modes {
    margins: Option<(u16, u16)>,
    private: BTreeSet<u16>,
    no_wrap: bool,
    line_drawing: bool,
    keyboards: Vec<u16>,
    other_keys: Option<u16>,
}

impl Modes {
    /// Takes notice of one complete escape sequence.
    pub(super) fn note(&mut self, sequence: &[u8]) {
        match sequence {
            b"\x1bc" => *self = Self::default(),
            b"\x1b[!p" => {
                self.margins = None;
                self.no_wrap = false;
                self.line_drawing = false;
            }
            b"\x1b(0" => self.line_drawing = true,
            [0x1b, b'(', _] => self.line_drawing = false,
            [0x1b, b'[', parameters @ .., last] => self.note_control(parameters, *last),
            _ => {}
        }
    }

    pub(super) fn has_margins(&self) -> bool {
        self.margins.is_some()
    }

    /// Terminals drop their margins when their size changes.
    pub(super) fn forget_margins(&mut self) {
        self.margins = None;
    }

    /// Appends what sets these modes; tells whether it moves the cursor.
    pub(super) fn write(&self, out: &mut String) -> bool {
        // Writing to a string can't fail.
        for mode in KEPT {
            let end = if self.private.contains(&mode) { 'h' } else { 'l' };
            let _ = write!(out, "\x1b[?{mode}{end}");
        }
        if self.no_wrap {
            out.push_str("\x1b[?7l");
        }
        if self.line_drawing {
            out.push_str("\x1b(0");
        }
        // A paint may meet a terminal that has these set already: start from none.
        out.push_str("\x1b[<16u");
        for flags in &self.keyboards {
            let _ = write!(out, "\x1b[>{flags}u");
        }
        match self.other_keys {
            Some(level) => drop(write!(out, "\x1b[>4;{level}m")),
            None => out.push_str("\x1b[>4m"),
        }
        let Some((top, bottom)) = self.margins else { return false };
        let _ = write!(out, "\x1b[{top};{bottom}r");
        true
    }

    fn note_control(&mut self, parameters: &[u8], last: u8) {
        match (parameters, last) {
            (b"" | b";", b'r') => self.margins = None,
            ([b'?', numbers @ ..], b'h' | b'l') => {
                for mode in numbers_of(numbers) {
                    self.note_private(mode, last == b'h');
                }
            }
            ([b'>', b'4', b';', rest @ ..], b'm') => {
                self.other_keys = numbers_of(rest).next().filter(|level| *level > 0);
            }
            (b">4" | b">", b'm') => self.other_keys = None,
            ([b'>', flags @ ..], b'u') if self.keyboards.len() < KEYBOARDS_MAX => {
                self.keyboards.push(numbers_of(flags).next().unwrap_or(0));
            }
            ([b'<', count @ ..], b'u') => {
                let count = usize::from(numbers_of(count).next().unwrap_or(1).max(1));
                self.keyboards.truncate(self.keyboards.len().saturating_sub(count));
            }
            ([b'0'..=b'9' | b';', ..], b'r') => {
                let mut numbers = numbers_of(parameters);
                let top = numbers.next().unwrap_or(1).max(1);
                self.margins = numbers.next().filter(|end| *end > top).map(|end| (top, end));
                // With only a top given the bottom is the screen's; that is more than is kept.
                if self.margins.is_none() && top > 1 {
                    self.margins = Some((top, 9999));
                }
            }
            _ => {}
        }
    }

    fn note_private(&mut self, mode: u16, set: bool) {
        if mode == 7 {
            self.no_wrap = !set;
        } else if set && KEPT.contains(&mode) {
            self.private.insert(mode);
        } else {
            self.private.remove(&mode);
        }
    }
}

fn numbers_of(parameters: &[u8]) -> impl Iterator<Item = u16> + '_ {
    parameters
        .split(|byte| *byte == b';' || *byte == b':')
        .filter_map(|number| std::str::from_utf8(number).ok()?.parse().ok())
}
