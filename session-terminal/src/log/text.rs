//! Raw terminal output made plain.

use crate::scan::Scanner;

/// The longest line that is given, in characters; the rest of a longer one is left out.
pub const LINE_MAX_CHARACTERS: usize = 8192;

/// Turns raw terminal output into plain lines.
///
/// Escape sequences and control characters are left out; what a carriage return or a backspace
/// went back over is overwritten, as on a terminal; a sequence that moves to another line ends the
/// line. Bytes that are not UTF-8 become U+FFFD.
#[derive(Debug, Default)]
pub struct Sanitizer {
    scanner: Scanner,
    line: Vec<char>,
    column: usize,
    cut: bool,
    partial: Vec<u8>,
}

impl Sanitizer {
    /// A sanitizer at the start of a log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on; gives each line that ends.
    pub fn push(&mut self, bytes: &[u8], mut give: impl FnMut(String)) {
        // The scanner finds sequences that lie across two pieces; the text lies between them.
        let mut scanner = std::mem::take(&mut self.scanner);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if scanner.is_in_sequence() || rest[0] == 0x1b {
                let mut sequence = Vec::new();
                at += scanner.scan_one(rest, &mut sequence);
                self.obey(&sequence, &mut give);
            } else {
                let end = memchr::memchr(0x1b, rest).unwrap_or(rest.len());
                self.text(&rest[..end], &mut give);
                at += end;
            }
        }
        self.scanner = scanner;
    }

    /// The last, unfinished line, if there is one.
    pub fn finish(mut self) -> Option<String> {
        if !self.partial.is_empty() {
            self.put('\u{fffd}');
        }
        (!self.line.is_empty()).then(|| self.take_line())
    }

    fn text(&mut self, text: &[u8], give: &mut impl FnMut(String)) {
        let mut all = std::mem::take(&mut self.partial);
        let joined;
        let mut rest = if all.is_empty() {
            text
        } else {
            all.extend_from_slice(text);
            joined = all;
            &joined
        };
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    self.characters(valid, give);
                    return;
                }
                Err(error) => {
                    let (valid, bad) = rest.split_at(error.valid_up_to());
                    self.characters(&String::from_utf8_lossy(valid), give);
                    let Some(length) = error.error_len() else {
                        self.partial = bad.to_vec();
                        return;
                    };
                    self.put('\u{fffd}');
                    rest = &bad[length..];
                }
            }
        }
    }

    fn characters(&mut self, text: &str, give: &mut impl FnMut(String)) {
        for character in text.chars() {
            match character {
                '\n' => give(self.take_line()),
                '\r' => self.column = 0,
                '\u{8}' => self.column = self.column.saturating_sub(1),
                '\t' => self.put('\t'),
                _ if character.is_control() || is_invisible(character) => {}
                _ => self.put(character),
            }
        }
    }

    fn obey(&mut self, sequence: &[u8], give: &mut impl FnMut(String)) {
        let [0x1b, b'[', parameters @ .., last] = sequence else { return };
        let number = std::str::from_utf8(parameters).ok().and_then(|text| text.parse().ok());
        let count = number.unwrap_or(1).clamp(1, LINE_MAX_CHARACTERS);
        match last {
            b'K' if parameters.is_empty() || parameters == b"0" => self.line.truncate(self.column),
            b'K' if parameters == b"2" => self.line.clear(),
            b'C' => self.column = (self.column + count).min(LINE_MAX_CHARACTERS),
            b'D' => self.column = self.column.saturating_sub(count),
            b'G' | b'`' => self.column = count - 1,
            b'A' | b'B' | b'E' | b'F' | b'H' | b'd' | b'f' if !self.line.is_empty() => {
                give(self.take_line());
            }
            _ => {}
        }
    }

    fn put(&mut self, character: char) {
        if self.column >= LINE_MAX_CHARACTERS {
            self.cut = true;
            return;
        }
        if self.line.len() < self.column {
            self.line.resize(self.column, ' ');
        }
        match self.line.get_mut(self.column) {
            Some(place) => *place = character,
            None => self.line.push(character),
        }
        self.column += 1;
    }

    fn take_line(&mut self) -> String {
        let mut line: String = self.line.drain(..).collect();
        if std::mem::take(&mut self.cut) {
            line.push('…');
        }
        self.column = 0;
        line
    }
}

/// Characters that change how their neighbours are shown: directions and joiners of whole lines.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LINE_MAX_CHARACTERS, Sanitizer};

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut sanitizer = Sanitizer::new();
        let mut lines = Vec::new();
        for piece in pieces {
            sanitizer.push(piece, |line| lines.push(line));
        }
        lines.extend(sanitizer.finish());
        lines
    }

    /// S0.20: a log shows text, whatever the session wrote.
    #[test]
    fn leaves_out_everything_that_a_terminal_would_obey() {
        let raw =
            b"\x1b]0;owned\x07\x1b[31mred\x1b[m\r\nbell\x07 \x1bPq\x1b\\\xc2\x9b31m\xe2\x80\xaez\n";
        assert_eq!(lines(&[raw]), ["red", "bell 31mz"]);
    }

    #[test]
    fn overwrites_what_a_carriage_return_went_back_over() {
        assert_eq!(
            lines(&[b"10%\r20%\r100%\r\nabc\rX\nab\x08Z\nlong\r\x1b[Kno"]),
            ["100%", "Xbc", "aZ", "no"]
        );
    }

    #[test]
    fn replaces_what_is_not_utf8_and_joins_what_was_cut() {
        assert_eq!(
            lines(&[b"a\xffb\n", &"€".as_bytes()[..1], &"€".as_bytes()[1..]]),
            ["a\u{fffd}b", "€"]
        );
        assert_eq!(lines(&[b"\xe2\x1b[1mx"]), ["\u{fffd}x"]);
    }

    #[test]
    fn bounds_a_line_of_ten_megabytes() {
        let given = lines(&[&vec![b'x'; 10 << 20], b"\nnext"]);
        assert_eq!(given[0].chars().count(), LINE_MAX_CHARACTERS + 1);
        assert_eq!(given[1], "next");
    }

    proptest! {
        #[test]
        fn no_control_character_ever_comes_out(
            bytes in proptest::collection::vec(
                prop_oneof![Just(0x1b), Just(b'['), Just(b']'), Just(0x9b), any::<u8>()], 0..300),
            cut in 0usize..300,
        ) {
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            for line in lines(&[left, right]) {
                prop_assert!(line.chars().all(|c| c == '\t' || !c.is_control()), "{line:?}");
            }
        }
    }
}
