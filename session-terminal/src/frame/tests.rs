use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use session_core::{Exit, TerminalSize, Timestamp};

use super::{FRAME_HEADER_BYTES, FRAME_MAX_BYTES, Frame};

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn size() -> impl Strategy<Value = TerminalSize> {
    (1u16.., 1u16..).prop_map(|(columns, rows)| TerminalSize::new(columns, rows))
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        any::<u16>().prop_map(|version| Frame::Hello { version }),
        (size(), any::<bool>(), any::<bool>())
            .prop_map(|(size, read_only, replay)| { Frame::Attach { size, read_only, replay } }),
        bytes().prop_map(Frame::Input),
        size().prop_map(Frame::Resize),
        Just(Frame::Detach),
        bytes().prop_map(Frame::Ping),
        any::<u32>().prop_map(|grace| Frame::Stop { grace }),
        any::<u16>().prop_map(|version| Frame::Welcome { version }),
        bytes().prop_map(Frame::Output),
        (any::<i32>(), 0i64..1_000_000_000_000).prop_map(|(code, at)| {
            Frame::Exited(Exit::with_code(code, Timestamp::from_milliseconds(at)))
        }),
        ".{0,50}".prop_map(Frame::Goodbye),
        bytes().prop_map(Frame::Pong),
        (100u8..).prop_map(Frame::Unknown),
    ]
}

fn decode_all(source: &mut BytesMut) -> Vec<Frame> {
    std::iter::from_fn(|| Frame::decode(source).expect("frames of this version")).collect()
}

proptest! {
    #[test]
    fn frames_survive_any_cut(frames in proptest::collection::vec(frame(), 0..8), cut: usize) {
        let mut encoded = BytesMut::new();
        for frame in &frames {
            frame.encode(&mut encoded).expect("short enough");
        }
        let mut left = encoded;
        let right = left.split_off(cut % (left.len() + 1));
        let mut decoded = decode_all(&mut left);
        left.extend_from_slice(&right);
        decoded.extend(decode_all(&mut left));
        prop_assert_eq!(decoded, frames);
        prop_assert!(left.is_empty());
    }

    #[test]
    fn garbage_is_refused_or_waits_but_never_panics(garbage in bytes()) {
        let mut source = BytesMut::from(&garbage[..]);
        while let Ok(Some(_)) = Frame::decode(&mut source) {}
    }

    #[test]
    fn appended_fields_are_ignored(frame in prop_oneof![
        size().prop_map(Frame::Resize),
        any::<u16>().prop_map(|version| Frame::Welcome { version }),
        any::<u16>().prop_map(|version| Frame::Hello { version }),
        any::<u32>().prop_map(|grace| Frame::Stop { grace }),
    ], extra in bytes()) {
        let mut encoded = BytesMut::new();
        frame.encode(&mut encoded).expect("short enough");
        encoded.extend_from_slice(&extra);
        let length = u32::try_from(encoded.len() - FRAME_HEADER_BYTES).expect("short enough");
        encoded[1..FRAME_HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
        prop_assert_eq!(Frame::decode(&mut encoded).expect("a frame"), Some(frame));
    }
}

#[test]
fn a_frame_has_the_documented_bytes() {
    let mut encoded = BytesMut::new();
    let size = TerminalSize::new(80, 24);
    for frame in [
        Frame::Hello { version: 1 },
        Frame::Attach { size, read_only: true, replay: true },
        Frame::Output(Bytes::from_static(b"hi")),
    ] {
        frame.encode(&mut encoded).expect("short enough");
    }
    let expected = b"\x01\0\0\0\x0aSESSTERM\0\x01\x02\0\0\0\x05\0\x50\0\x18\x03\x42\0\0\0\x02hi";
    assert_eq!(&encoded[..], expected);
}

#[test]
fn the_length_is_bounded() {
    let mut encoded = BytesMut::new();
    let long = Frame::Input(vec![0; FRAME_MAX_BYTES + 1].into());
    long.encode(&mut encoded).expect_err("too long");
    assert!(encoded.is_empty());
    let mut announced = BytesMut::from(&b"\x03\x00\x10\x00\x01"[..]);
    Frame::decode(&mut announced).expect_err("too long");
}
