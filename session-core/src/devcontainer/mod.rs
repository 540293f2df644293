//! What an agent keeps on the host, as mounts of a project's dev container (`docs/devcontainer.md`).
//!
//! Nothing here knows an agent: what is mounted comes from its profile. The edits are text to text, and keep every byte
//! that they do not mean. Needs no sessions and no manager; everything here blocks.
//!
//! ```no_run
//! use session_core::HostView;
//! use session_core::devcontainer::{DevContainerFile, Form, Sharing};
//! use session_core::profile::Profiles;
//!
//! # fn share(profiles: &Profiles, host: &HostView) -> session_core::Result<()> {
//! let file = DevContainerFile::find("/home/me/web".into())?;
//! let plan = file.plan(profiles.find("robot")?, host, &Sharing::default())?;
//! let applied = file.apply(&plan, Form::Strings)?;
//! assert!(applied.changed && file.path().ends_with("devcontainer.json"));
//! # Ok(())
//! # }
//! ```

mod document;
mod edit;
mod file;
mod mount;
mod plan;
#[cfg(test)]
mod tests;
mod write;

pub use file::DevContainerFile;
pub use mount::{Form, Mount};
pub use plan::{LeftOut, Plan, Sharing};
pub use write::{Applied, Removed};

const OPERATION: &str = "devcontainer.edit";
