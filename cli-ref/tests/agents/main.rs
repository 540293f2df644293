//! Real agents as clients of a model server that these tests bring (issue 4, "Proof").
//!
//! `.ci/agents` installs the agents, `.ci/images` puts them into images. A test whose agent or engine isn't there says so and
//! passes.

mod agent;
mod backend;
mod by_hand;
mod cleaning;
#[path = "../common/commands.rs"]
mod commands;
mod credentials;
#[path = "../cli/devcontainer/command.rs"]
mod dev_container_command;
mod dev_containers;
mod installed;
mod model;
mod more;
mod others;
#[path = "../cli/screen.rs"]
#[expect(dead_code, reason = "the tests without an agent use all of it")]
mod screen;
mod servers;
mod sessions;
mod tree;
mod ways_in;
mod world;

use std::path::Path;

use serde_json::{Value, json};

/// What a screen is in.
mod place {
    pub(crate) use crate::world::World as Place;
}

/// Makes of each `fn name(world: World)` one test for each agent on each backend.
macro_rules! on_each {
    ($($(#[$doc:meta])* fn $name:ident($world:ident: World) $body:block)*) => {
        $(pub(crate) fn $name($world: crate::world::World) $body)*

        mod claude_on_local { crate::on_each!(@ CLAUDE "local" $($(#[$doc])* $name)*); }
        mod claude_on_docker { crate::on_each!(@ CLAUDE "docker" $($(#[$doc])* $name)*); }
        mod codex_on_local { crate::on_each!(@ CODEX "local" $($(#[$doc])* $name)*); }
        mod codex_on_docker { crate::on_each!(@ CODEX "docker" $($(#[$doc])* $name)*); }
        mod gemini_on_local { crate::on_each!(@ GEMINI "local" $($(#[$doc])* $name)*); }
        mod aider_on_local { crate::on_each!(@ AIDER "local" $($(#[$doc])* $name)*); }
    };
    (@ $agent:ident $kind:literal $($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])* #[test] fn $name() {
            crate::world::with_each(&crate::agent::$agent, $kind, stringify!($name), super::$name);
        })*
    };
}
pub(crate) use on_each;

/// The configuration of a Codex whose model is the server at `url`, and which trusts `project`.
fn codex_config(url: &str, project: &Path) -> String {
    format!(
        r#"model = "test"
model_provider = "test"
check_for_update_on_startup = false

[model_providers.test]
name = "test"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"

[features]
daemon_auto_start = false

[projects."{}"]
trust_level = "trusted"
"#,
        project.display()
    )
}

/// The configuration of an opencode whose model is the server at `url`, and whose key stands in its environment.
fn opencode_config(url: &str) -> Value {
    json!({
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": false,
        "share": "disabled",
        "model": "test/test",
        "small_model": "test/test",
        "provider": {"test": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "test",
            "options": {"baseURL": format!("{url}/v1"), "apiKey": "{env:OPENCODE_API_KEY}"},
            "models": {"test": {"name": "test"}},
        }},
    })
}
