//! Images: those that are missing, and those that are built.

use std::process::{Command, Stdio};

use session_conformance::engines;

use super::on_each_engine;
use crate::place::{Done, Place, finish};
use crate::screen::Screen;

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

/// Runs the command as for somebody who configured no image.
fn without_image(place: &Place, words: &[&str]) -> Done {
    let mut command = place.command(words);
    finish(command.env("SESSCTL_IMAGE", "").stdin(Stdio::null()).output())
}

on_each_engine! {
    /// S0.E2: without a terminal there is no question; the error has the command.
    fn a_missing_image(place: Place) {
        let name = &place.name("none");
        let complaint = place.bad(&["start", name, "-d", "--image", "no-such/image:1"], 66);
        assert!(complaint.contains("pull no-such/image:1"), "{complaint}");
        assert!(complaint.contains("--backend local"), "{complaint}");
        let complaint = place.bad(&["start", name, "-d", "--image", "sessctl-opencode"], 66);
        assert!(complaint.contains("`sessctl image build opencode --backend"), "{complaint}");
        // Everything else that is wrong is told before anybody is asked about an image.
        let words = ["start", name, "-d", "--image", "no-such/image:1", "--memory", "1m", "--network", "host"];
        let complaint = place.bad(&words, 64);
        assert!(complaint.contains("--memory") && complaint.contains("--network"), "{complaint}");
        assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(0));
    }

    /// S2.E6: at a terminal there is a question, and a no makes nothing.
    fn a_missing_image_is_asked_about(place: Place) {
        let name = &place.name("asked");
        let screen = Screen::sized(&place, &["start", name, "--image", "sessctl-claude"], 24, 200);
        screen.wait_for("image sessctl-claude is not built. Build now? [Y/n]");
        screen.type_in("n\r");
        screen.wait_for("sessctl image build claude --backend");
        assert_eq!(screen.end(), 66);
        assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(0));
    }

    /// S2.9: in a container, neither what this host has counts nor who is logged in on it only; agents whose image is not built yet say so.
    fn the_menu_in_containers(place: Place) {
        let name = &place.name("menu");
        let ready = [("ANTHROPIC_API_KEY", "sk-none"), ("SESSCTL_IMAGE", "")];
        let screen = Screen::with(&place, &["start", name, "--empty"], &ready, 30, 100);
        let shown = screen.wait_for("Enter for Claude Code:");
        for part in [
            "*  1  Claude Code (ready; its image is not here yet)",
            "Codex (nobody is logged in)",
            "Aider (ready, if the image has it)",
            "a plain shell (ready)",
        ] {
            assert!(shown.contains(part), "no {part} in:\n{shown}");
        }
        screen.type_in("\n");
        screen.wait_for("image sessctl-claude:latest is not built. Build now? [Y/n]");
        screen.type_in("n\r");
        assert_eq!(screen.end(), 66);

        // Nobody is logged in to any, so it is the shell.
        let screen = Screen::with(&place, &["start", name, "--empty"], &[("SESSCTL_IMAGE", "")], 30, 100);
        screen.wait_for("Enter for a plain shell:");
        screen.kill();
        // What is in an image of one's own is not known.
        let screen = Screen::with(&place, &["start", name, "--empty"], &ready[..1], 30, 100);
        let shown = screen.wait_for("Enter for a plain shell:");
        assert!(shown.contains("Claude Code (ready, if the image has it)"), "{shown}");
        screen.kill();
        assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(0));
    }

    /// S0.29, S0.33, S2.4, S2.E6: the image of the shell is built, on a base of one's own or by a
    /// yes at the question, and sessions are made of it.
    fn the_image_of_the_shell(place: Place) {
        let built = place.good(&["image", "build", "--base", engines::TOOLS_IMAGE]);
        assert_eq!(built, "sessctl-shell:latest\n");
        let listed: serde_json::Value =
            serde_json::from_str(&place.good(&["image", "list", "--json"])).expect("JSON");
        let images = listed["images"].as_array().expect("a list");
        let shell = images.iter().find(|image| image["name"] == "sessctl-shell:latest");
        assert_eq!(shell.expect("it was built")["agent"], "shell", "{listed:#}");
        assert!(place.good(&["image", "ls"]).contains("sessctl-shell:latest"));

        let name = &place.name("shell");
        let done = without_image(&place, &["start", name, "-d"]);
        assert_eq!((done.code, done.out), (0, format!("{name}\n")), "{}", done.err);
        let record: serde_json::Value =
            serde_json::from_str(&place.good(&["inspect", name])).expect("JSON");
        assert_eq!(record["record"]["spec"]["container"]["image"], "sessctl-shell:latest");
        assert_eq!(place.good(&["exec", name, "--", "pwd"]), "/workspace/project\n");
    }

    /// A build that fails says so, with the engine's last words.
    fn a_build_that_fails(place: Place) {
        let complaint = place.bad(&["image", "build", "--base", engines::BUSYBOX_IMAGE], 71);
        assert!(complaint.contains("the base has no bash"), "{complaint}");
        let complaint = place.bad(&["image", "build", "no-such-agent"], 64);
        assert!(complaint.contains("shell, claude, codex, copilot, gemini, opencode"), "{complaint}");
        let complaint = place.bad(&["image", "build", "--backend", "local"], 64);
        assert!(complaint.contains("docker, podman"), "{complaint}");
    }

    /// Issue 3: with nothing configured it is the first engine that answers.
    fn the_first_engine_that_answers(place: Place) {
        let name = &place.name("first");
        let mut command = place.command(&["start", name, "-d", "--", "sleep", "600"]);
        let done = finish(command.env("SESSCTL_BACKEND", "").stdin(Stdio::null()).output());
        assert_eq!(done.code, 0, "{done:#?}");
        let kind = place.environment().into_iter().find(|(key, _)| *key == "SESSCTL_BACKEND");
        assert_eq!(place.session(name)["backend"], kind.expect("it is set").1);
    }
}
