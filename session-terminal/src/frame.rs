//! The frames that a holder and its clients exchange; `docs/protocol.md` is the same in prose.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use session_core::{Error, ErrorKind, Exit, Result, TerminalSize};

/// The version of the frame format that this library speaks.
///
/// It grows when a frame changes its meaning. New frame types and bytes appended to a known
/// frame's payload do not change it: receivers skip what they don't know.
pub const PROTOCOL_VERSION: u16 = 1;

/// The longest payload of a frame, in bytes; a longer one ends the connection.
pub const FRAME_MAX_BYTES: usize = 1 << 20;

/// The bytes before each payload: a type (one byte) and a length (four bytes, big-endian).
pub const FRAME_HEADER_BYTES: usize = 5;

const MAGIC: &[u8; 8] = b"SESSTERM";
const FLAG_READ_ONLY: u8 = 1;
const FLAG_REPLAY: u8 = 2;

const HELLO: u8 = 1;
const ATTACH: u8 = 2;
const INPUT: u8 = 3;
const RESIZE: u8 = 4;
const DETACH: u8 = 5;
const PING: u8 = 6;
const STOP: u8 = 7;
const WELCOME: u8 = 65;
pub(crate) const OUTPUT: u8 = 66;
const EXITED: u8 = 67;
const GOODBYE: u8 = 68;
const PONG: u8 = 69;

/// One message on a holder's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// The client's first frame: what it speaks.
    Hello {
        /// Its [`PROTOCOL_VERSION`]; never 0.
        version: u16,
    },
    /// The client wants the terminal.
    Attach {
        /// Its size.
        size: TerminalSize,
        /// It only watches.
        read_only: bool,
        /// It wants the scrollback before the screen.
        replay: bool,
    },
    /// Key strokes of the client.
    Input(Bytes),
    /// The client's new size.
    Resize(TerminalSize),
    /// The client leaves; closing the connection says the same.
    Detach,
    /// Asks for a [`Frame::Pong`] with the same payload.
    Ping(Bytes),
    /// Asks the holder to stop the session.
    Stop {
        /// How long to wait between asking and killing, in milliseconds.
        grace: u32,
    },
    /// The holder's answer to [`Frame::Hello`]: the lower of both versions.
    Welcome {
        /// What both speak from here on.
        version: u16,
    },
    /// Bytes for the client's terminal.
    Output(Bytes),
    /// The main process ended; nothing follows.
    Exited(Exit),
    /// The holder lets the client go, with a reason for people; nothing follows.
    Goodbye(String),
    /// The answer to [`Frame::Ping`].
    Pong(Bytes),
    /// A type that this version doesn't know; receivers skip it.
    Unknown(u8),
}

/// The header of a frame of `kind` with `length` payload bytes.
pub(crate) fn header(kind: u8, length: usize) -> [u8; FRAME_HEADER_BYTES] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind, length[0], length[1], length[2], length[3]]
}

impl Frame {
    /// Appends the frame to `out`; fails with `InvalidInput` if its payload is too long.
    pub fn encode(&self, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        out.put_slice(&[0; FRAME_HEADER_BYTES]);
        let kind = put_payload(self, out)?;
        let length = out.len() - start - FRAME_HEADER_BYTES;
        if length > FRAME_MAX_BYTES {
            out.truncate(start);
            return Err(too_long(length));
        }
        out[start..start + FRAME_HEADER_BYTES].copy_from_slice(&header(kind, length));
        Ok(())
    }

    /// Takes one frame off the front of `source`; `None` if it is not all there yet.
    ///
    /// An error means that the other side does not speak this format: end the connection.
    pub fn decode(source: &mut BytesMut) -> Result<Option<Self>> {
        if source.len() < FRAME_HEADER_BYTES {
            return Ok(None);
        }
        let length = u32::from_be_bytes([source[1], source[2], source[3], source[4]]) as usize;
        if length > FRAME_MAX_BYTES {
            return Err(too_long(length));
        }
        if source.len() < FRAME_HEADER_BYTES + length {
            source.reserve(FRAME_HEADER_BYTES + length - source.len());
            return Ok(None);
        }
        let kind = source[0];
        source.advance(FRAME_HEADER_BYTES);
        let payload = source.split_to(length).freeze();
        take_payload(kind, payload).map(Some)
    }
}

fn put_payload(frame: &Frame, out: &mut BytesMut) -> Result<u8> {
    Ok(match frame {
        Frame::Hello { version } => {
            out.put_slice(MAGIC);
            out.put_u16(*version);
            HELLO
        }
        Frame::Attach { size, read_only, replay } => {
            put_size(*size, out);
            let flag = |set: bool, flag: u8| if set { flag } else { 0 };
            out.put_u8(flag(*read_only, FLAG_READ_ONLY) | flag(*replay, FLAG_REPLAY));
            ATTACH
        }
        Frame::Input(bytes) => put_bytes(bytes, INPUT, out),
        Frame::Resize(size) => {
            put_size(*size, out);
            RESIZE
        }
        Frame::Detach => DETACH,
        Frame::Ping(bytes) => put_bytes(bytes, PING, out),
        Frame::Stop { grace } => {
            out.put_u32(*grace);
            STOP
        }
        Frame::Welcome { version } => {
            out.put_u16(*version);
            WELCOME
        }
        Frame::Output(bytes) => put_bytes(bytes, OUTPUT, out),
        Frame::Exited(exit) => {
            let json = serde_json::to_vec(exit).map_err(|error| {
                let message = "an exit does not fit into JSON; please report this";
                Error::new(ErrorKind::Internal, "frame.encode", message).with_source(error)
            })?;
            put_bytes(&json, EXITED, out)
        }
        Frame::Goodbye(reason) => put_bytes(reason.as_bytes(), GOODBYE, out),
        Frame::Pong(bytes) => put_bytes(bytes, PONG, out),
        Frame::Unknown(kind) => *kind,
    })
}

fn take_payload(kind: u8, mut payload: Bytes) -> Result<Frame> {
    Ok(match kind {
        HELLO => {
            if payload.len() < MAGIC.len() + 2 || !payload.starts_with(MAGIC) {
                return Err(malformed("hello"));
            }
            payload.advance(MAGIC.len());
            Frame::Hello { version: payload.get_u16() }
        }
        ATTACH => {
            let size = take_size(&mut payload, "attach")?;
            let flags = payload.try_get_u8().map_err(|_| malformed("attach"))?;
            let is_set = |flag: u8| flags & flag != 0;
            Frame::Attach { size, read_only: is_set(FLAG_READ_ONLY), replay: is_set(FLAG_REPLAY) }
        }
        INPUT => Frame::Input(payload),
        RESIZE => Frame::Resize(take_size(&mut payload, "resize")?),
        DETACH => Frame::Detach,
        PING => Frame::Ping(payload),
        STOP => Frame::Stop { grace: payload.try_get_u32().map_err(|_| malformed("stop"))? },
        WELCOME => {
            Frame::Welcome { version: payload.try_get_u16().map_err(|_| malformed("welcome"))? }
        }
        OUTPUT => Frame::Output(payload),
        EXITED => Frame::Exited(
            serde_json::from_slice(&payload)
                .map_err(|error| malformed("exited").with_source(error))?,
        ),
        GOODBYE => Frame::Goodbye(String::from_utf8_lossy(&payload).into_owned()),
        PONG => Frame::Pong(payload),
        unknown => Frame::Unknown(unknown),
    })
}

fn put_bytes(bytes: &[u8], kind: u8, out: &mut BytesMut) -> u8 {
    out.put_slice(bytes);
    kind
}

fn put_size(size: TerminalSize, out: &mut BytesMut) {
    out.put_u16(size.columns);
    out.put_u16(size.rows);
}

fn take_size(payload: &mut Bytes, frame: &str) -> Result<TerminalSize> {
    if payload.len() < 4 {
        return Err(malformed(frame));
    }
    Ok(TerminalSize::new(payload.get_u16(), payload.get_u16()))
}

fn malformed(frame: &str) -> Error {
    let message = format!("the {frame} frame is malformed; the other side is not a session's");
    Error::new(ErrorKind::InvalidInput, "frame.decode", message)
}

fn too_long(length: usize) -> Error {
    let message = format!("a frame of {length} bytes; at most {FRAME_MAX_BYTES} are allowed");
    Error::new(ErrorKind::InvalidInput, "frame.decode", message)
}

#[cfg(test)]
mod tests;
