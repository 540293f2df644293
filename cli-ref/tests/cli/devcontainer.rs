//! An agent's files in dev containers, with the real command that makes those.

mod command;
mod file;
mod real;

use std::path::Path;

use crate::place::Place;

/// An agent that has something of each kind.
pub(crate) const AGENT: &str = "helper";

const PROFILE: &str = r#"
title = "Helper"
program = "helper"

[places.config]
variable = "HELPER_HOME"
default = "${HOME}/.helper"

[credentials]
host = "${CONFIG}"
files = ["login.json"]

[[resources]]
name = "skills"
kind = "directory"
source = "${CONFIG}/skills"
target = "skills"
policy = "shared-ro"

[[resources]]
name = "commands"
kind = "directory"
source = "${CONFIG}/commands"
target = "commands"
policy = "shared-ro"

[[resources]]
name = "settings"
kind = "file"
source = "${CONFIG}/settings.json"
target = "settings.json"
policy = "shared-ro"

[[resources]]
name = "memory"
kind = "file"
source = "${CONFIG}/HELPER.md"
target = "HELPER.md"
policy = "shared-ro"

[[resources]]
name = "welcome"
kind = "file"
source = "${HOME}/.helper.json"
target = ".helper.json"
policy = "seed-once"

[[resources]]
name = "talks"
kind = "directory"
source = "${CONFIG}/talks"
target = "talks"
policy = "private"
presets = { shared = "shared-rw" }

[[resources]]
name = "history"
kind = "file"
source = "${CONFIG}/history.jsonl"
target = "history.jsonl"
policy = "private"
presets = { shared = "shared-rw" }

[[resources]]
name = "login"
kind = "file"
source = "${CONFIG}/login.json"
target = "login.json"
policy = "private"

[[resources]]
name = "everything"
kind = "directory"
source = "${CONFIG}"
target = "all"
policy = "private"
"#;

/// A place whose user has such an agent.
fn place() -> Place {
    let place = Place::new();
    place.write(&format!("user/.config/sessctl/agents/{AGENT}.toml"), PROFILE);
    for file in ["skills/tidy/SKILL.md", "talks/1.jsonl", "settings.json"] {
        place.write(&format!("user/.helper/{file}"), "{}\n");
    }
    place.write("user/.helper/login.json", "SECRET");
    place.write("user/.helper.json", "SECRET");
    place
}

fn write(place: &Place, text: &str) {
    place.write("project/.devcontainer/devcontainer.json", text);
}

fn text(place: &Place) -> String {
    place.read("project/.devcontainer/devcontainer.json")
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).expect("a directory").next().is_none()
}
