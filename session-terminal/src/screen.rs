//! The state of a session's terminal, and how to paint it on a client's.

mod answers;
mod modes;
mod skip;

use std::num::NonZeroU16;

use bytes::Bytes;
use session_core::TerminalSize;
use vt100::Parser;

use self::answers::Observer;
use self::modes::Modes;
use crate::scan::Scanner;

pub(crate) use self::answers::strip_answers;

/// Bytes that may wait unparsed. A parser is slower than a terminal's flood, so it runs when
/// somebody wants to see, or when this much waits; and then it may leap over plain text.
const WAITING_MAX: usize = 256 * 1024;

/// Lines above the screen that come back when it grows.
const SCROLLBACK_LINES: usize = 100;

/// Everything that a real terminal would need to be told before it shows a paint, whatever it
/// showed before: the primary screen, no margins, no line drawing, no mouse, default attributes.
const CLEAN: &str = "\x1b[?1049l\x1b[r\x1b[?6l\x1b[?7h\x1b[4l\x1b(B\x0f\x1b[m\
    \x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l";

/// The terminal as the main process left it after the last byte fed.
pub(crate) struct Screen {
    parser: Parser<Observer>,
    scanner: Scanner,
    modes: Modes,
    waiting: Vec<u8>,
}

impl Screen {
    pub(crate) fn new(size: TerminalSize) -> Self {
        let (rows, columns) = cells(size);
        Self {
            parser: Parser::new_with_callbacks(
                rows,
                columns,
                SCROLLBACK_LINES,
                Observer::default(),
            ),
            scanner: Scanner::default(),
            modes: Modes::default(),
            waiting: Vec::new(),
        }
    }

    /// Takes what the main process wrote; cheap, unless much waits.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= WAITING_MAX {
            self.catch_up();
        }
    }

    /// Parses what waits and gives the answers to what the main process asked of its terminal
    /// since the last call.
    pub(crate) fn answers(&mut self) -> Vec<u8> {
        self.catch_up();
        self.parser.callbacks_mut().take_answers()
    }

    /// Takes the size that the main process's terminal was given.
    pub(crate) fn resize(&mut self, size: TerminalSize) {
        self.catch_up();
        let (rows, columns) = cells(size);
        self.parser.set_size(rows, columns);
        self.modes.forget_margins();
    }

    /// Whether a full-screen program shows its own screen over the primary one.
    pub(crate) fn is_alternate(&mut self) -> bool {
        self.catch_up();
        self.parser.screen().alternate_screen()
    }

    /// What brings any terminal of this size to the present state, mid-sequence included, so that
    /// the raw stream may follow.
    pub(crate) fn paint(&mut self) -> Bytes {
        self.catch_up();
        let screen = self.parser.screen();
        let mut out = String::from(CLEAN);
        if screen.alternate_screen() {
            // `state_formatted` knows only the screen in view; leaving it in a copy gives the
            // primary one as it will come back, with its cursor.
            let (rows, columns) = screen.size();
            let mut below = Parser::new(rows, columns, 0);
            *below.screen_mut() = screen.clone();
            below.process(b"\x1b[?1049l");
            out.push_str(&below.screen().contents_formatted());
            out.push_str("\x1b[?1049h");
        }
        out.push_str(&screen.contents_formatted());
        out.push_str(&screen.input_mode_formatted());
        if self.modes.write(&mut out) {
            // Margins put the cursor home.
            out.push_str(&screen.cursor_state_formatted());
            out.push_str(&screen.attributes_formatted());
        }
        self.parser.callbacks().write_title(&mut out);
        let mut bytes = out.into_bytes();
        bytes.extend_from_slice(self.scanner.unfinished());
        bytes.into()
    }

    fn catch_up(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let may_leap = self.scanner.is_between() && !self.modes.has_margins();
        self.scanner.scan(&waiting, |sequence| self.modes.note(sequence));
        let rows = usize::from(self.parser.screen().size().0.get());
        let leap = may_leap.then(|| skip::leap(&waiting, 2 * rows + SCROLLBACK_LINES)).flatten();
        match leap {
            Some(leap) => {
                self.parser.process(b"\r");
                for attributes in leap.attributes {
                    self.parser.process(attributes);
                }
                self.parser.process(&waiting[leap.resume..]);
            }
            None => self.parser.process(&waiting),
        }
        self.waiting = waiting;
        self.waiting.clear();
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// The last `lines` lines (at most) that scrolled off the primary screen while `raw` was shown,
/// with their colours, each line ended.
pub(crate) fn scrollback(raw: &[u8], size: TerminalSize, lines: usize) -> String {
    let (rows, columns) = cells(size);
    let mut parser = Parser::new_with_callbacks(rows, columns, 0, answers::Scrolled::new(lines));
    parser.process(raw);
    parser.callbacks_mut().take()
}

fn cells(size: TerminalSize) -> (NonZeroU16, NonZeroU16) {
    let or = |value, default| NonZeroU16::new(value).unwrap_or(default);
    (or(size.rows, Parser::DEFAULT_ROWS), or(size.columns, Parser::DEFAULT_COLS))
}

#[cfg(test)]
mod tests;
