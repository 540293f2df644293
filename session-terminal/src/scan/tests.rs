use proptest::prelude::*;

use super::Scanner;

fn sequences(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    for piece in pieces {
        scanner.scan(piece, |sequence| found.push(sequence.to_vec()));
    }
    (found, scanner.unfinished().to_vec())
}

#[test]
fn finds_sequences_of_every_kind() {
    let (found, rest) = sequences(&[b"a\x1b[1;31mb\x1b]0;title\x07c\x1b(0\x1bPq\x1b\\\x1b7z"]);
    let expected: [&[u8]; 5] =
        [b"\x1b[1;31m", b"\x1b]0;title\x07", b"\x1b(0", b"\x1bPq\x1b\\", b"\x1b7"];
    assert_eq!(found, expected);
    assert!(rest.is_empty());
}

#[test]
fn keeps_what_is_not_finished() {
    assert_eq!(sequences(&[b"abc\x1b[3"]).1, b"\x1b[3");
    assert_eq!(sequences(&["abc€".as_bytes().split_at(5).0]).1, &"€".as_bytes()[..2]);
    assert_eq!(sequences(&["€".as_bytes().split_at(1).0, &"€".as_bytes()[1..]]).1, b"");
    assert_eq!(sequences(&[b"\xe2\x1b[1"]).1, b"\x1b[1");
}

proptest! {
    #[test]
    fn pieces_do_not_matter(bytes in proptest::collection::vec(
        prop_oneof![Just(0x1b), Just(b'['), Just(b']'), Just(b'm'), Just(0x07), Just(0xe2), any::<u8>()],
        0..200,
    ), cut in 0usize..200) {
        let cut = cut.min(bytes.len());
        let (left, right) = bytes.split_at(cut);
        prop_assert_eq!(sequences(&[&bytes]), sequences(&[left, right]));
    }
}
