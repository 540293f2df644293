//! An agent's files in dev containers, with the real command that makes those.

mod file;
mod real;

use std::path::Path;

use crate::place::Place;

/// A profile that every test here has: the one of these that shares most.
pub(crate) const AGENT: &str = "claude";

/// A place whose user has something of each kind.
fn place() -> Place {
    let place = Place::new();
    for file in [
        "user/.claude/skills/tidy/SKILL.md",
        "user/.claude/agents/reviewer.md",
        "user/.claude/projects/-home-me-code/1.jsonl",
        "user/.claude/settings.json",
    ] {
        place.write(file, "{}\n");
    }
    place.write("user/.claude/.credentials.json", "SECRET");
    place.write("user/.claude.json", "SECRET");
    place.write("user/.claude/mcp.json", "SECRET");
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
