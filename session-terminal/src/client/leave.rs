//! What a session may have left on in a person's terminal, and how to undo it.

use crate::scan::Scanner;

/// Undoes everything but the alternate screen and keyboard flags: mouse, paste and focus modes,
/// application keys, margins, line drawing, a hidden cursor, colours.
const UNDO: &str = "\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\
    \x1b[?1016l\x1b[?1004l\x1b[?1007l\x1b[?2031l\x1b[?2048l\x1b[?2026l\x1b[?2004l\x1b[?1l\x1b>\x1b[>4m\x1b[?7h\x1b[4l\
    \x1b7\x1b[r\x1b8\x1b(B\x0f\x1b[m\x1b[?25h\x1b[0 q";

/// Begins a line below the session's screen.
const NEW_LINE: &str = "\r\n\x1b[J";

/// Ends a sequence that was cut in the middle (CAN), so that the undoing is heard.
const CANCEL: &str = "\x18";

/// Follows the output for what can't be undone blindly.
#[derive(Debug, Default)]
pub(super) struct Leave {
    scanner: Scanner,
    alternate: bool,
    keyboards: bool,
    origin: bool,
    is_painted: bool,
}

impl Leave {
    pub(super) fn new(is_painted: bool) -> Self {
        Self { is_painted, ..Self::default() }
    }

    pub(super) fn note(&mut self, bytes: &[u8]) {
        let (alternate, keyboards, origin) =
            (&mut self.alternate, &mut self.keyboards, &mut self.origin);
        self.scanner.scan(bytes, |sequence| match sequence {
            b"\x1b[?1049h" | b"\x1b[?1047h" | b"\x1b[?47h" => *alternate = true,
            b"\x1b[?1049l" | b"\x1b[?1047l" | b"\x1b[?47l" | b"\x1bc" => *alternate = false,
            b"\x1b[?6h" => *origin = true,
            b"\x1b[?6l" => *origin = false,
            [0x1b, b'[', b'>', .., b'u'] => *keyboards = true,
            _ => {}
        });
    }

    pub(super) fn sequence(&self) -> String {
        let mut sequence = String::new();
        if self.scanner.is_in_sequence() {
            sequence.push_str(CANCEL);
        }
        if self.keyboards {
            sequence.push_str("\x1b[<16u");
        }
        if self.alternate {
            sequence.push_str("\x1b[?1049l");
        }
        if self.origin {
            // Moves the cursor to the top, which is why it is not undone blindly.
            sequence.push_str("\x1b[?6l");
        }
        sequence.push_str(UNDO);
        if self.is_painted {
            sequence.push_str(NEW_LINE);
        }
        sequence
    }
}
