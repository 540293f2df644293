//! Real agents as clients of a model server that these tests bring (issue 4, "Proof").
//!
//! `.ci/agents` installs them. A test whose agent or engine isn't there says so and passes.

mod by_hand;
mod installed;
mod model;

use std::path::Path;

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
