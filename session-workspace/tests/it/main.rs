//! Workspaces on real directories and repositories.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod branch;
mod copying;
mod faults;
mod fixture;
mod identity;
mod sources;
mod unsaved;
