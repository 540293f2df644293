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
//! # What `stop` finds
//! [`stop`] works from any process. It ends the descendants of the main process, the members of its
//! terminal's process session, and every process of this user that carries the session's id in its
//! first environment, so that a double fork does not hide one. **Not found** is a process which did
//! all three before `stop` looked: was orphaned, left the process session, and began with an
//! environment that lacks the mark (`env -i setsid …` in the background of a shell that has ended) or
//! that the kernel does not show to other processes (`ssh-agent`, where the user is not root).
//!
//! # On disk
//! ```text
//! sessions/<id>/local/session.json  what it was made with; written last, so it marks a whole session
//! sessions/<id>/local/main.json     the last main process: pid, start time, boot, holder
//! sessions/<id>/local/exit.json     how that one ended
//! sessions/<id>/local/main.lock     locked by the holder for as long as it holds
//! ```
//! No environment is written. All else under `sessions/<id>` is the caller's and left alone.
//!
//! Linux only so far: what is Linux's alone (finding processes through `/proc`, signalling exactly
//! one) is in one module, `platform`.
//!
//! [`stop`]: session_core::Session::stop

mod backend;
mod child;
mod exec;
mod main_process;
mod platform;
mod probe;
mod program;
mod pty;
mod session;
mod state;
mod status;
mod streams;
mod transfer;
mod tree;

pub use backend::LocalBackend;

/// The variable that marks every process of a session with its id.
pub const SESSION_VARIABLE: &str = "SESSCTL_SESSION_ID";
/// The variable that marks the main process and what it started, one value for each start.
pub const RUN_VARIABLE: &str = "SESSCTL_RUN_ID";
