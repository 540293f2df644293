//! Private copies of the user's projects: copying, git repositories of their own, and what must be kept.
//!
//! [`HostWorkspaces`] implements [`session_core::Workspaces`] on the host's file system:
//!
//! - [`Strategy::Branch`](session_core::Strategy::Branch) makes a git repository with an object store of
//!   its own, on a new branch. The user's uncommitted work comes along as it was.
//! - [`Strategy::Copy`](session_core::Strategy::Copy) copies the whole directory, `.git` included, minus
//!   what is excluded.
//!
//! A source is only ever read. No git program runs, and no configuration or hook of a copy is obeyed:
//! what an agent wrote into its repository is looked at byte by byte. The file `docs/design/0002-workspace-copies.md` says why.
//!
//! Blocking work runs on tokio's blocking threads; the futures may be dropped, the work goes on to its
//! end. To stop it, cancel its [`Progress`](session_core::Progress).

mod carried;
mod config;
mod copy;
mod facts;
mod file;
mod head_index;
mod host;
mod identity;
mod index;
mod layout;
mod pattern;
mod plan;
mod platform;
mod pool;
mod refs;
mod repository;
mod rules;
mod staging;
mod store;
mod tree;
mod unsaved;
mod whole;

pub use host::HostWorkspaces;
