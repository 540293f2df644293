//! One test with each of the agents, and on the backend, that the others are not run with.

use crate::sessions::a_conversation_goes_on;
use crate::world::{CLAUDE, CLAUDE_OLD, COPILOT, OPENCODE, with};

#[test]
fn claude_on_podman() {
    with(&CLAUDE, "podman", a_conversation_goes_on);
}

#[test]
fn an_older_claude() {
    with(&CLAUDE_OLD, "local", a_conversation_goes_on);
}

#[test]
fn copilot() {
    with(&COPILOT, "local", a_conversation_goes_on);
}

#[test]
fn opencode() {
    with(&OPENCODE, "local", a_conversation_goes_on);
}
