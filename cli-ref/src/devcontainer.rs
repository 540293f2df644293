//! What an agent keeps on the host, as mounts of a project's dev container.
//!
//! Nothing here knows an agent: what is mounted comes from its profile. The edits are text to text.

mod document;
mod edit;
mod mount;
mod place;
mod shares;
#[cfg(test)]
mod tests;

pub(crate) use edit::{apply, is_compose, owners, remove, targets, user};
pub(crate) use mount::{Form, Mount};
pub(crate) use place::Place;
pub(crate) use shares::{Asked, Shares, home_of, shares};

const OPERATION: &str = "devcontainer.edit";
