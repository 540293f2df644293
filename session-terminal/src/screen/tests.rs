use proptest::prelude::*;
use session_core::TerminalSize;
use vt100::Parser;

use super::{Screen, scrollback, strip_answers};

const SIZE: (u16, u16) = (24, 80);

fn screen() -> Screen {
    Screen::new(TerminalSize::new(SIZE.1, SIZE.0))
}

fn replica() -> Parser {
    let (rows, columns) = super::cells(TerminalSize::new(SIZE.1, SIZE.0));
    Parser::new(rows, columns, 0)
}

fn reference(bytes: &[u8]) -> Parser {
    let mut parser = replica();
    parser.process(bytes);
    parser
}

#[track_caller]
fn assert_same(left: &vt100::Screen, right: &vt100::Screen) {
    assert_eq!(left.contents(), right.contents());
    assert_eq!(left.contents_formatted(), right.contents_formatted());
    assert_eq!(left.cursor_position(), right.cursor_position());
    assert_eq!(left.input_mode_formatted(), right.input_mode_formatted());
    assert_eq!(left.attributes_formatted(), right.attributes_formatted());
    assert_eq!(left.hide_cursor(), right.hide_cursor());
    assert_eq!(left.alternate_screen(), right.alternate_screen());
}

/// S2.11: what is painted at a reattach is what was there, and the stream may go on from it.
#[track_caller]
fn assert_round_trip(before: &[u8], after: &[u8]) {
    let mut original = screen();
    original.feed(before);
    let mut painted = replica();
    // Whatever the client's terminal showed before must not matter.
    painted.process(b"\x1b[5;9rrubbish\x1b[31m\x1b[?1049hmore\x1b[?1000h\x1b[?2004h");
    painted.process(&original.paint());
    let mut all = before.to_vec();
    all.extend_from_slice(after);
    painted.process(after);
    assert_same(painted.screen(), reference(&all).screen());
}

#[test]
fn paints_contents_attributes_cursor_and_modes() {
    assert_round_trip(b"one\r\n\x1b[1;31mtwo\x1b[4m\x1b[5;10Hthree", b"more");
    assert_round_trip(b"\x1b[?2004h\x1b[?1h\x1b=\x1b[?25l\x1b[?1002h\x1b[?1006hx", b"y");
}

#[test]
fn paints_the_alternate_screen_and_the_primary_one_under_it() {
    let before = b"$ vim\r\nsecond\x1b[32m \x1b[?1049h\x1b[2J\x1b[3;4H\x1b[7mvim's text";
    assert_round_trip(before, b"");
    assert_round_trip(before, b"\x1b[?1049l");
    assert_round_trip(before, b"\x1b[?1049lafter");
}

#[test]
fn paints_in_the_middle_of_a_sequence_or_character() {
    assert_round_trip(b"a\x1b[3", b"1mred");
    assert_round_trip(b"a\x1b]0;ti", b"tle\x07z");
    assert_round_trip("caf€".as_bytes().split_at(5).0, &"€".as_bytes()[2..]);
}

#[test]
fn paints_margins() {
    assert_round_trip(b"\x1b[5;10r\x1b[7;3Hx", b"\n\n\n\n\n\n\nbelow");
}

#[test]
fn leaping_over_a_flood_shows_the_same_screen() {
    let mut flood = b"top\x1b[44m".to_vec();
    for line in 0..20_000 {
        flood.extend_from_slice(format!("\x1b[3{}mline {line}\x1b[K\r\n", line % 7).as_bytes());
    }
    flood.extend_from_slice(b"$ ");
    let mut leaping = screen();
    leaping.feed(&flood);
    leaping.catch_up();
    assert_same(leaping.parser.screen(), reference(&flood).screen());
}

#[test]
fn answers_what_a_program_asks() {
    let mut screen = screen();
    screen.feed(b"ab\x1b[6n\r\n\x1b[6n\x1b[5n\x1b[c\x1b]11;?\x07");
    let answers = screen.answers();
    let expected: &[u8] = b"\x1b[1;3R\x1b[2;1R\x1b[0n\x1b[?62;22c\x1b]11;rgb:0000/0000/0000\x1b\\";
    assert_eq!(answers, expected);
    assert!(screen.answers().is_empty());
}

#[test]
fn takes_answers_out_of_input_and_leaves_keys() {
    assert_eq!(strip_answers(b"plain"), None);
    assert_eq!(strip_answers(b"\x1b[A\x1bOP"), None);
    assert_eq!(strip_answers(b"a\x1b[12;40Rb").as_deref(), Some(&b"ab"[..]));
    assert_eq!(strip_answers(b"\x1b[?62;22c").as_deref(), Some(&b""[..]));
    assert_eq!(strip_answers(b"\x1b]11;rgb:0/0/0\x1b\\x").as_deref(), Some(&b"x"[..]));
}

#[test]
fn replays_what_scrolled_off_without_questions() {
    let mut raw = Vec::new();
    for line in 0..30 {
        raw.extend_from_slice(format!("\x1b[6n\x1b[31mline {line}\x1b[m\r\n").as_bytes());
    }
    let text = scrollback(&raw, TerminalSize::new(80, 24), 5);
    assert!(text.contains("line 6"), "{text:?}");
    assert!(!text.contains("line 7") && !text.contains("\x1b[6n"), "{text:?}");
    assert_eq!(text.matches("\r\n").count(), 5);
}

proptest! {
    #[test]
    fn any_stream_paints_to_the_same_screen(pieces in proptest::collection::vec(piece(), 0..60)) {
        let bytes = pieces.concat();
        let mut original = screen();
        original.feed(&bytes);
        let mut painted = replica();
        painted.process(&original.paint());
        let expected = reference(&bytes);
        prop_assert_eq!(painted.screen().contents(), expected.screen().contents());
        prop_assert_eq!(painted.screen().cursor_position(), expected.screen().cursor_position());
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-zé€ ]{0,90}".prop_map(String::into_bytes),
        Just(b"\r\n".to_vec()),
        (0u8..50).prop_map(|code| format!("\x1b[{code}m").into_bytes()),
        (1u8..30, 1u8..90).prop_map(|(row, column)| format!("\x1b[{row};{column}H").into_bytes()),
        Just(b"\x1b[?1049h".to_vec()),
        Just(b"\x1b[?1049l".to_vec()),
        Just(b"\x1b[J".to_vec()),
        Just(b"\x1b[L".to_vec()),
    ]
}
