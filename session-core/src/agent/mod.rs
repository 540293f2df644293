//! An agent in a session: what a profile comes to there.

mod beneath;
pub(crate) mod carry;
mod content;
mod conversation;
mod environment;
mod facts;
mod launch;
mod live;
mod login;
mod pattern;
mod plan;
mod state;
mod value;

pub(crate) use conversation::latest as latest_conversation;
pub(crate) use environment::{add as add_environment, scrub};
pub(crate) use facts::{Budget, Reading, disk_use};
pub(crate) use launch::argv;
pub(crate) use live::{Process, of_person as processes_of_person};
pub use login::Login;
pub(crate) use login::find as find_login;
pub(crate) use pattern::is_id;
pub use plan::{AgentOptions, AgentPlan, MountPlan, Origin, Seen};
pub(crate) use plan::{Placement, Request, resolve};
pub(crate) use state::prepare;
