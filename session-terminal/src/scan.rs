//! Finds the ends of escape sequences in a stream that comes in pieces.

/// Where a byte stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Plain text or control characters.
    #[default]
    Ground,
    /// In a character of which so many bytes are missing.
    Character(u8),
    /// After ESC, with intermediates maybe.
    Escape,
    /// In a control sequence (`ESC [`).
    Control,
    /// In a string (`ESC ]`, `ESC P`, `ESC X`, `ESC ^`, `ESC _`).
    Text,
    /// After an ESC in a string.
    TextEscape,
}

/// The longest unfinished sequence that is kept, in bytes; what is longer is let go.
const UNFINISHED_MAX: usize = 64 * 1024;

/// Follows the escape sequences of a stream; all but plain text costs a look at each byte.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    state: State,
    unfinished: Vec<u8>,
}

impl Scanner {
    /// Reads on; calls `found` with each complete escape sequence.
    pub(crate) fn scan(&mut self, bytes: &[u8], mut found: impl FnMut(&[u8])) {
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Ground {
                let Some(next) = memchr::memchr(0x1b, &bytes[at..]) else {
                    self.end_of_text(&bytes[at..]);
                    return;
                };
                at += next + 1;
                self.unfinished.clear();
                self.unfinished.push(0x1b);
                self.state = State::Escape;
                continue;
            }
            let byte = bytes[at];
            at += 1;
            self.step(byte, &mut found);
        }
    }

    /// Reads to the end of the sequence that the stream is in or that begins at `bytes`, and gives
    /// how many bytes that were; `sequence` gets it if it is complete.
    pub(crate) fn scan_one(&mut self, bytes: &[u8], sequence: &mut Vec<u8>) -> usize {
        let mut is_complete = false;
        for (at, byte) in bytes.iter().enumerate() {
            self.scan(std::slice::from_ref(byte), |found| {
                sequence.extend_from_slice(found);
                is_complete = true;
            });
            if is_complete {
                return at + 1;
            }
        }
        bytes.len()
    }

    /// Whether the stream is within an escape sequence.
    pub(crate) fn is_in_sequence(&self) -> bool {
        !matches!(self.state, State::Ground | State::Character(_))
    }

    /// The bytes of a sequence or character that has begun and not ended: who joins the stream
    /// now needs them first.
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.unfinished
    }

    /// Whether the stream stands between sequences.
    pub(crate) fn is_between(&self) -> bool {
        self.state == State::Ground
    }

    fn step(&mut self, byte: u8, found: &mut impl FnMut(&[u8])) {
        if let State::Character(missing) = self.state {
            self.continue_character(byte, missing);
            return;
        }
        if self.unfinished.len() < UNFINISHED_MAX {
            self.unfinished.push(byte);
        }
        self.state = match (self.state, byte) {
            // CAN and SUB end every sequence.
            (_, 0x18 | 0x1a) => State::Ground,
            (State::Text, 0x07) | (State::TextEscape, b'\\') => State::Ground,
            (State::Text, 0x1b) => State::TextEscape,
            (State::Text, _) => State::Text,
            (_, 0x1b) => {
                self.unfinished.clear();
                self.unfinished.push(byte);
                State::Escape
            }
            // An ESC ended the string and began another sequence.
            (State::TextEscape, _) => {
                self.unfinished.clear();
                self.unfinished.extend([0x1b, byte]);
                after_escape(byte)
            }
            (State::Escape, _) => after_escape(byte),
            (State::Control, 0x40..=0x7e) => State::Ground,
            (state, _) => state,
        };
        if self.state == State::Ground {
            found(&self.unfinished);
            self.unfinished.clear();
        }
    }

    /// Remembers a character that the end of `text` cuts.
    fn end_of_text(&mut self, text: &[u8]) {
        self.unfinished.clear();
        let last = text.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
        let Some(back) = last else { return };
        let start = text.len() - 1 - back;
        let length = match text[start] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        let have = back + 1;
        if have < length {
            self.unfinished.extend_from_slice(&text[start..]);
            self.state = State::Character(u8::try_from(length - have).unwrap_or(1));
        }
    }

    fn continue_character(&mut self, byte: u8, missing: u8) {
        if byte & 0xc0 == 0x80 && missing > 1 {
            self.unfinished.push(byte);
            self.state = State::Character(missing - 1);
            return;
        }
        self.unfinished.clear();
        self.state = State::Ground;
        if byte == 0x1b {
            self.unfinished.push(byte);
            self.state = State::Escape;
        } else if byte & 0xc0 != 0x80 {
            self.end_of_text(&[byte]);
        }
    }
}

fn after_escape(byte: u8) -> State {
    match byte {
        b'[' => State::Control,
        b']' | b'P' | b'X' | b'^' | b'_' => State::Text,
        // Intermediates, and control characters within a sequence.
        0x00..=0x2f => State::Escape,
        _ => State::Ground,
    }
}

#[cfg(test)]
mod tests;
