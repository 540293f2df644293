//! An agent in a session: what a profile comes to there.

mod aside;
mod beneath;
mod comments;
mod content;
mod conversation;
mod environment;
mod launch;
mod login;
pub(crate) mod mcp;
mod overrides;
mod plan;
mod readiness;
mod state;

pub(crate) use aside::{Aside, find_program};
pub(crate) use conversation::latest as latest_conversation;
pub(crate) use environment::{add as add_environment, scrub};
pub(crate) use launch::argv;
pub use login::Login;
pub(crate) use login::{
    DEFAULT as DEFAULT_LOGIN, check_name as check_login_name, find as find_login,
};
pub(crate) use overrides::{
    arguments as override_arguments, keep as keep_settings, set as set_overrides,
};
pub use plan::{AgentOptions, AgentPlan, MountPlan, Seen};
pub(crate) use plan::{CONTAINER_FILES, Placement, Request, resolve};
pub use readiness::Readiness;
pub(crate) use readiness::look as look_at_readiness;
pub(crate) use state::prepare;
