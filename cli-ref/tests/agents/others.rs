//! Agents that the other tests are not run with everywhere: they take their time, or work in another way.

use crate::agent::{COPILOT, OPENCODE};
use crate::{sessions, world};

/// Tests of sessions with one agent on one backend.
macro_rules! on {
    ($module:ident: $agent:ident $kind:literal $($name:ident)*) => {
        mod $module {
            $(#[test] fn $name() {
                super::world::with(&super::$agent, $kind, super::sessions::$name);
            })*
        }
    };
}

on!(copilot_on_local: COPILOT "local"
    a_conversation_goes_on two_sessions_are_two a_skill_is_shared nothing_leaks_in facts_are_read
    a_prompt_comes_along nothing_is_written_outside the_key_is_written_nowhere);

on!(copilot_on_docker: COPILOT "docker"
    a_conversation_goes_on two_sessions_are_two a_skill_is_shared);

on!(opencode_on_local: OPENCODE "local"
    a_conversation_goes_on two_sessions_are_two a_skill_is_shared nothing_leaks_in facts_are_read
    a_prompt_comes_along nothing_is_written_outside the_key_is_written_nowhere);

on!(opencode_on_docker: OPENCODE "docker"
    a_conversation_goes_on two_sessions_are_two a_skill_is_shared);
