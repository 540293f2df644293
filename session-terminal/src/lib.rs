//! The holder of a session's terminal: one reader, any number of clients, and the screen between them.

mod attachment;
pub mod client;
mod connection;
mod descendants;
mod frame;
mod guard;
mod hold;
mod holder_process;
mod holders;
mod hub;
mod journal;
mod keyboard;
pub mod log;
mod outbox;
mod place;
mod scan;
mod screen;

pub use frame::{FRAME_HEADER_BYTES, FRAME_MAX_BYTES, Frame, PROTOCOL_VERSION};
pub use hold::{Ending, HolderParts, RecordEnds, Recorder};
pub use holder_process::{HOLDER_ARGUMENT, run_if_holder};
pub use holders::{HolderCommand, Holders};
pub use place::{LOCK_NAME, SOCKET_NAME};
