//! Images: those that are missing, and those that are built.

use std::process::{Command, Stdio};

use super::on_each_engine;
use crate::place::{Place, finish};

/// Runs the engine's own command.
pub(super) fn engine(place: &Place, words: &[&str]) -> String {
    let environment = place.environment();
    let value =
        |key| environment.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
    let kind = value("SESSCTL_BACKEND").expect("a backend");
    let mut command = match kind.as_str() {
        "docker" => {
            let mut command = Command::new("docker");
            command.arg("--host").arg(value("SESSCTL_DOCKER_SOCKET").expect("a socket"));
            command
        }
        _ => {
            let mut command = Command::new("podman");
            command.args(["--remote", "--url"]);
            command.arg(value("SESSCTL_PODMAN_SOCKET").expect("a socket"));
            command
        }
    };
    let done = finish(command.args(words).stdin(Stdio::null()).output());
    assert_eq!(done.code, 0, "{kind} {words:?}: {done:#?}");
    done.out
}

on_each_engine! {
    /// S0.E2, S0.33: without a terminal there is no question; the error has the command.
    fn a_missing_image(place: Place) {
        let name = &place.name("none");
        let complaint = place.bad(&["start", name, "-d", "--image", "no-such/image:1"], 66);
        assert!(complaint.contains("no-such/image:1"), "{complaint}");
        assert!(complaint.contains("pull no-such/image:1"), "{complaint}");
        assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(0));
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
    }
}
