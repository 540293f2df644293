//! What backends share whose sessions run on this host.
//!
//! Such a backend differs from another in what its programs are run through, and in what it
//! promises. All else is here: a directory for each session, programs on terminals and on pipes,
//! their ends known to every process, the end of whole process trees, and trees moved in and out.
//! `backend-local` runs programs by themselves; `examples/custom-backend` runs them in namespaces of
//! their own.
//!
//! - [`Places`] makes, lists and removes: what [`Backend`](session_core::Backend) asks for.
//! - [`Place`] is one session: what [`Session`](session_core::Session),
//!   [`Exec`](session_core::Exec) and [`Transfer`](session_core::Transfer) ask for.
//!
//! # The holder
//! The main process runs on a terminal that belongs to whoever called [`Place::start`]: the
//! *holder*. When the holder dies, the kernel hangs the terminal up and the session is
//! `lost: holder`. So capabilities can't promise `survives_holder`.
//!
//! # What `stop` finds
//! [`Place::stop`] works from any process. It ends the descendants of the main process, the members
//! of its terminal's process session, and every process of this user that carries the session's id in
//! its first environment ([`SESSION_VARIABLE`]), so that a double fork does not hide one. **Not
//! found** is a process which did all three before `stop` looked: was orphaned, left the process
//! session, and began with an environment that lacks the mark (`env -i setsid …` in the background of a
//! shell that has ended) or that the kernel does not show to other processes (`ssh-agent`, where the
//! user is not root).
//!
//! # On disk
//! ```text
//! sessions/<id>/<kind>/session.json  what it was made with; written last, so it marks a whole session
//! sessions/<id>/<kind>/main.json     the last main process: pid, start time, boot, holder
//! sessions/<id>/<kind>/exit.json     how that one ended
//! sessions/<id>/<kind>/main.lock     locked by the holder for as long as it holds
//! ```
//! No environment is written. All else under `sessions/<id>` is the caller's and left alone.
//!
//! Linux only so far: what is Linux's alone (finding processes through `/proc`, signalling exactly
//! one) is in one module, `platform`.

mod child;
mod exec;
mod main_process;
mod places;
mod probe;
mod program;
mod pty;
mod session;
mod state;
mod status;
mod streams;
mod transfer;
pub(crate) mod tree;

pub use places::Places;
pub use state::Place;

/// The variable that marks every process of a session with its id.
pub const SESSION_VARIABLE: &str = "SESSCTL_SESSION_ID";
/// The variable that marks the main process and what it started, one value for each start.
pub const RUN_VARIABLE: &str = "SESSCTL_RUN_ID";
