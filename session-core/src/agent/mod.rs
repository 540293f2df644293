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

pub use login::Login;
pub(crate) use login::find as find_login;
pub use plan::{AgentOptions, AgentPlan, MountPlan, Origin, Seen};
pub(crate) use environment::{add as add_environment, scrub};
pub(crate) use conversation::{Found as FoundConversation, latest as latest_conversation, root as root_of};
pub(crate) use facts::{Budget, Reading, disk_use};
pub(crate) use launch::argv;
pub(crate) use live::of_person as processes_of_person;
pub(crate) use pattern::is_id;
pub(crate) use plan::{Request, resolve};
pub(crate) use state::prepare;
