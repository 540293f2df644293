//! An agent in a session: what a profile comes to there.

mod aside;
mod beneath;
pub(crate) mod carry;
mod comments;
mod content;
mod conversation;
mod disposable;
mod environment;
mod facts;
mod hidden;
mod launch;
mod live;
mod login;
mod login_setting;
pub(crate) mod mcp;
mod overrides;
mod pattern;
mod person;
mod plan;
mod readiness;
mod state;
mod value;

pub(crate) use aside::{Aside, check_program, find_program};
#[cfg(test)]
pub(crate) use conversation::Found as FoundConversation;
pub(crate) use conversation::{
    forget_marks, is_blocked as is_conversation_blocked, latest as latest_conversation,
    opened as opened_conversations,
};
pub use disposable::Disposable;
pub(crate) use disposable::{find as find_disposable, remove as remove_disposable};
pub(crate) use environment::{add as add_environment, scrub};
pub(crate) use facts::{Budget, Reading, disk_use};
pub(crate) use launch::{Occasion, argv};
pub(crate) use live::{Process, of_person as processes_of_person};
pub use login::Login;
pub(crate) use login::{
    DEFAULT as DEFAULT_LOGIN, check_name as check_login_name, digests as login_digests,
    find as find_login,
};
pub(crate) use overrides::{
    FILE as OVERRIDES_FILE, arguments as override_arguments, keep as keep_settings,
    set as set_overrides,
};
pub(crate) use pattern::is_id;
pub use plan::{AgentOptions, AgentPlan, Origin, Seen};
pub(crate) use plan::{CONTAINER_FILES, Placement, Request, resolve};
pub use readiness::Readiness;
pub(crate) use readiness::look as look_at_readiness;
pub(crate) use state::prepare;
