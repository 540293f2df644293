//! The key chord that detaches.

use session_core::{Error, ErrorKind, Result};

/// A control key, as the byte that a terminal sends for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chord(u8);

impl Chord {
    /// Ctrl-\, which hardly any program uses; Ctrl-C belongs to the agent.
    pub(crate) const DEFAULT: &str = r"ctrl-\";

    /// Reads `ctrl-\`, `ctrl-q`, `^]`, …
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let key = text.strip_prefix('^').or_else(|| {
            let (control, key) = text.split_once(['-', '+'])?;
            control.eq_ignore_ascii_case("ctrl").then_some(key)
        });
        let byte = match key.map(str::as_bytes) {
            Some([key @ (b'a'..=b'z' | b'A'..=b'Z')]) => Some(key.to_ascii_uppercase() - b'@'),
            Some([key @ (b'[' | b'\\' | b']' | b'^' | b'_')]) => Some(key - b'@'),
            _ => None,
        };
        // Ctrl-C, Enter, Tab and Escape would take a key away that every program needs.
        let needed = [3, b'\r', b'\n', b'\t', 27];
        byte.filter(|byte| !needed.contains(byte)).map(Self).ok_or_else(|| {
            let shown = text.escape_debug();
            let message = format!(
                r"`{shown}` is no detach chord; use `ctrl-` and a letter (but c, i, j, m) or one of \ ] ^ _"
            );
            Error::new(ErrorKind::InvalidInput, "sessctl.detach-key", message)
        })
    }

    /// How it is written in a configuration.
    pub(crate) fn word(self) -> String {
        format!("ctrl-{}", char::from(self.0 + b'@').to_ascii_lowercase())
    }

    /// The byte that the terminal sends.
    pub(crate) fn byte(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for Chord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ctrl-{}", char::from(self.0 + b'@'))
    }
}

#[cfg(test)]
mod tests {
    use super::Chord;

    #[test]
    fn chords_are_control_bytes() {
        for (text, byte) in [(r"ctrl-\", 0x1c), ("Ctrl-q", 0x11), ("ctrl+]", 0x1d), ("^A", 1)] {
            let chord = Chord::parse(text).ok();
            assert_eq!(chord.map(Chord::byte), Some(byte), "{text}");
            assert_eq!(chord.and_then(|chord| Chord::parse(&chord.word()).ok()), chord, "{text}");
        }
    }

    #[test]
    fn keys_that_programs_need_are_refused() {
        for text in ["", "q", "ctrl-", "ctrl-c", "^[", "ctrl-m", "ctrl-i", "alt-x", "ctrl-ab"] {
            assert!(Chord::parse(text).is_err(), "{text}");
        }
    }
}
