//! An agent in a session: what a profile comes to there.

mod beneath;
mod content;
mod conversation;
mod environment;
mod launch;
mod login;
mod plan;
mod state;

pub(crate) use conversation::latest as latest_conversation;
pub(crate) use environment::{add as add_environment, scrub};
pub(crate) use launch::argv;
pub use login::Login;
pub(crate) use login::find as find_login;
pub use plan::{AgentOptions, AgentPlan, MountPlan, Seen};
pub(crate) use plan::{Placement, Request, resolve};
pub(crate) use state::prepare;
