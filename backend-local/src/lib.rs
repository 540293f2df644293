//! Sessions in directories of the host.
//!
//! A [`LocalBackend`] runs a session's processes on the host, in the session's own working
//! directory, under the user's own account.
//!
//! # What it protects from
//! Its isolation is [`Directory`](session_core::Isolation::Directory): a private copy of the
//! project protects the user's own copy from *accidents*. It does not protect from an agent: a
//! process in such a session can read and write whatever the user can.
//!
//! # The holder
//! The main process runs on a terminal that belongs to whoever called
//! [`Session::start`](session_core::Session::start): the *holder*. When the holder dies, the
//! kernel hangs the terminal up and the session is `lost: holder`; therefore the holder should
//! be a process that does nothing else. There are two ways to have one, and `session-terminal`
//! has the code for both:
//!
//! - *By command*: the program starts itself (or any program that calls the holder's one function
//!   first in its `main`) with a hidden argument, in a process session of its own. That process
//!   opens the session by its id, starts the main process, and serves clients at a socket. This
//!   is what survives a closed window; `sessctl` does it so.
//! - *In process*: a program that lives long (a server, an editor) runs the holder as a task of
//!   its own runtime. The sessions then end with the program.
//!
//! Whichever it is, a process that becomes a holder must not keep the variables
//! `SESSCTL_SESSION_ID` and `SESSCTL_RUN_ID` of a session that it was started from: [`stop`] finds
//! processes by them, and a holder that carries another session's mark ends with that session.
//!
//! # What `stop` finds, and what is on disk
//! [`host`] says both; the kind is `local`. Its parts are public for other backends of this host.
//!
//! [`stop`]: session_core::Session::stop

mod backend;
pub mod host;
mod platform;
mod session;

pub use backend::LocalBackend;
pub use host::{RUN_VARIABLE, SESSION_VARIABLE};
