//! Leaping over plain text whose every trace has scrolled off the screen.

/// Where parsing goes on, and what of the part before still has an effect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leap<'a> {
    /// The colours and attributes set on the way, oldest first.
    pub(super) attributes: Vec<&'a [u8]>,
    /// The first byte to parse; the cursor stands in the first column there.
    pub(super) resume: usize,
}

/// Below this many bytes a leap is not worth its search.
const WORTH_BYTES: usize = 4096;

/// Finds how much of `bytes` need not be parsed, if its last `lines` lines are.
///
/// Only where nothing but the attributes can outlive the scrolling: text, line ends and sequences
/// that colour (`m`) or erase within a line (`K`). The caller makes sure that the stream stands
/// between sequences and that no margins keep a part of the screen from scrolling.
pub(super) fn leap(bytes: &[u8], lines: usize) -> Option<Leap<'_>> {
    let plain = &bytes[..plain_length(bytes)];
    if plain.len() < WORTH_BYTES {
        return None;
    }
    let newline = memchr::memrchr_iter(b'\n', plain).nth(lines)?;
    if newline < WORTH_BYTES / 2 || plain[newline - 1] != b'\r' {
        return None;
    }
    let resume = newline + 1;
    Some(Leap { attributes: attributes(&plain[..resume]), resume })
}

/// How many bytes hold only what may be leapt over, cut before the first sequence that may not.
fn plain_length(bytes: &[u8]) -> usize {
    let mut from = 0;
    loop {
        let text_end = memchr::memchr(0x1b, &bytes[from..]).map_or(bytes.len(), |at| from + at);
        if let Some(bad) = lasting_control(&bytes[from..text_end]) {
            return from + bad;
        }
        if text_end == bytes.len() {
            return text_end;
        }
        match harmless_sequence(&bytes[text_end..]) {
            Some(length) => from = text_end + length,
            None => return text_end,
        }
    }
}

fn lasting_control(text: &[u8]) -> Option<usize> {
    let lasts = |byte: u8| byte < 0x20 && !matches!(byte, 0x07..=0x0a | 0x0d);
    // Without a way out of the loop, so that it runs on many bytes at once.
    if !text.iter().fold(false, |any, byte| any | lasts(*byte)) {
        return None;
    }
    text.iter().position(|byte| lasts(*byte))
}

/// The length of the `ESC [ … m` or `ESC [ … K` at the start.
fn harmless_sequence(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().position(|byte| !matches!(byte, b'0'..=b';'))?;
    matches!(parameters[end], b'm' | b'K').then_some(2 + end + 1)
}

fn attributes(skipped: &[u8]) -> Vec<&[u8]> {
    let mut attributes = Vec::new();
    let mut from = 0;
    while let Some(at) = memchr::memchr(0x1b, &skipped[from..]) {
        let start = from + at;
        let Some(length) = harmless_sequence(&skipped[start..]) else { break };
        let sequence = &skipped[start..start + length];
        if matches!(sequence, b"\x1b[m" | b"\x1b[0m") {
            attributes.clear();
        }
        if sequence.ends_with(b"m") {
            attributes.push(sequence);
        }
        from = start + length;
    }
    attributes
}
