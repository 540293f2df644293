//! Workspaces on real directories and repositories.

mod branch;
mod copying;
mod faults;
mod fixture;
mod sources;
mod unsaved;
