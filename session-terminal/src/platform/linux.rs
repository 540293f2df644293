//! Linux.

mod files;
mod processes;

pub(crate) use files::{SocketPath, open_again};
pub(crate) use processes::{adopt_orphans, end_with_parent, processes, this_program};
