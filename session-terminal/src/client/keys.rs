//! Finding the detach chord in what a person types.

/// A control character in all the ways in which a terminal may send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chord {
    byte: u8,
    /// With the kitty keyboard protocol, and with xterm's `modifyOtherKeys`.
    sequences: [String; 2],
}

impl Chord {
    pub(super) fn new(byte: u8) -> Self {
        let key = (byte | 0x40).to_ascii_lowercase();
        Self { byte, sequences: [format!("\x1b[{key};5u"), format!("\x1b[27;5;{key}~")] }
    }

    fn find(&self, typed: &[u8]) -> Option<usize> {
        let byte = memchr::memchr(self.byte, typed);
        let sequences =
            self.sequences.iter().filter_map(|it| memchr::memmem::find(typed, it.as_bytes()));
        byte.into_iter().chain(sequences).min()
    }
}

/// What was typed at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keys<'a> {
    /// All of it is for the session.
    All(&'a [u8]),
    /// The chord, and what was typed before it.
    Detach(&'a [u8]),
}

impl<'a> Keys<'a> {
    pub(super) fn split(typed: &'a [u8], chord: Option<&Chord>) -> Self {
        match chord.and_then(|chord| chord.find(typed)) {
            Some(at) => Self::Detach(&typed[..at]),
            None => Self::All(typed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chord, Keys};

    /// S2.11.
    #[test]
    fn finds_the_chord_however_it_is_sent() {
        let chord = Chord::new(0x1c);
        for sent in [&b"ab\x1c"[..], b"ab\x1b[92;5u", b"ab\x1b[27;5;92~c"] {
            assert_eq!(Keys::split(sent, Some(&chord)), Keys::Detach(b"ab"), "{sent:?}");
        }
        assert_eq!(Keys::split(b"\x03\x1b[A", Some(&chord)), Keys::All(b"\x03\x1b[A"));
        assert_eq!(Keys::split(b"\x1c", None), Keys::All(b"\x1c"));
        assert_eq!(Keys::split(b"\x1b[97;5u", Some(&Chord::new(1))), Keys::Detach(b""));
    }
}
