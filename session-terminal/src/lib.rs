//! The holder of a session's terminal: one reader, any number of clients, and the screen between
//! them.
//!
//! A terminal must always be read, or what writes to it stops. A *holder* is the one reader of a
//! session's main process. It keeps the screen and a bounded log, serves clients at a Unix socket
//! (`docs/protocol.md`), waits for none of them, and records the end. [`Holders`] starts holders
//! and attaches to them, for [`session_core::Manager`] or by itself.
//!
//! # A holder as a process of its own
//! It outlives the program that starts it, the window, and the login. The program names itself (or
//! another) and calls [`run_if_holder`] first in its `main`:
//!
//! ```no_run
//! use session_terminal::{HolderCommand, HolderParts, Holders, run_if_holder};
//! # fn backends() -> session_core::Backends { unimplemented!() }
//! # fn recorder() -> std::sync::Arc<dyn session_terminal::Recorder> { unimplemented!() }
//!
//! fn main() {
//!     run_if_holder(|_request| Ok(HolderParts::new(backends(), recorder())));
//!     let holders = Holders::by_command(HolderCommand::new("/usr/bin/this-program"));
//!     // … give `holders` to a manager.
//! }
//! ```
//!
//! # A holder in a long-lived program
//! A server or an editor may hold in its own runtime. Sessions of backends that do not survive
//! their holder end with the program:
//!
//! ```no_run
//! use session_terminal::{HolderParts, Holders};
//! # fn backends() -> session_core::Backends { unimplemented!() }
//! # fn recorder() -> std::sync::Arc<dyn session_terminal::Recorder> { unimplemented!() }
//!
//! let holders = Holders::in_process(HolderParts::new(backends(), recorder()));
//! ```
//!
//! # What a holder leaves on disk
//! ```text
//! sessions/<id>/run/terminal.sock   clients connect here; 0600
//! sessions/<id>/run/holder.lock     locked as long as the holder lives
//! sessions/<id>/log/terminal.log    raw output, and terminal.log.1 before it; see [`log`]
//! sessions/<id>/log/holder.log      what a holder process has to say about itself
//! ```
//!
//! Linux only so far: what is Linux's alone (finding processes, adopting orphans, reaching a socket
//! in a deep home) is in one module, `platform`.

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
mod platform;
mod scan;
mod screen;

pub use frame::{FRAME_HEADER_BYTES, FRAME_MAX_BYTES, Frame, PROTOCOL_VERSION};
pub use hold::{Ending, HolderParts, RecordEnds, Recorder};
pub use holder_process::{HOLDER_ARGUMENT, run_if_holder};
pub use holders::{HolderCommand, Holders};
pub use place::{LOCK_NAME, SOCKET_NAME};
