//! The same file, read and run by the dev container command (`.ci/devcontainer` installs it).

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::command::{Containers, program};
use super::{AGENT, place, text, write};
use crate::place::{Done, Place, finish, skip};

fn run(place: &Place, program: &Path, words: &[&str], docker: Option<&str>) -> Done {
    let mut command = Command::new(program);
    command.args(words).arg("--workspace-folder").arg(place.path("project"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", place.path("user")).stdin(Stdio::null());
    command.envs(docker.map(|address| ("DOCKER_HOST", address)));
    finish(command.output())
}

/// S1.7, S1.8, S1.9: what is written is what the command reads, with comments all around.
#[test]
fn is_read_as_it_is_meant() {
    let program = match program() {
        Ok(program) => program,
        Err(reason) => return skip(&reason),
    };
    // `read-configuration` asks the engine's command whether there is a container already.
    let original = "// a\n{\n  \"image\": \"x\", // b\n  \"mounts\": [\n    \"source=v,target=/v,type=volume\" // c\n  ]\n}\n";
    for form in ["strings", "objects"] {
        let place = place();
        write(&place, original);
        place.good(&["devcontainer", "apply", "-a", AGENT, "--form", form]);
        let done = run(&place, &program, &["read-configuration", "--docker-path", "true"], None);
        assert_eq!(done.code, 0, "{done:#?}");
        let read: Value = serde_json::from_str(&done.out).expect("JSON");
        let mounts = read["configuration"]["mounts"].as_array().expect("a list");
        assert_eq!(mounts[0], json!("source=v,target=/v,type=volume"));
        let home = place.path("user");
        let home = home.to_str().expect("UTF-8");
        let skills = format!(
            "source={home}/.helper/skills,target=/home/vscode/.helper/skills,type=bind,readonly"
        );
        assert!(mounts.contains(&json!(skills)), "{mounts:#?}");
        let (source, target) = (format!("{home}/.helper/talks"), "/home/vscode/.helper/talks");
        let talks = match form {
            "strings" => json!(format!("source={source},target={target},type=bind")),
            _ => json!({ "source": source, "target": target, "type": "bind" }),
        };
        assert!(mounts.contains(&talks), "{mounts:#?}");
        place.good(&["devcontainer", "apply", "--disable"]);
        assert_eq!(text(&place), original);
        let done = run(&place, &program, &["read-configuration", "--docker-path", "true"], None);
        let read: Value = serde_json::from_str(&done.out).expect("JSON");
        assert_eq!(read["configuration"]["mounts"].as_array().map(Vec::len), Some(1));
    }
}

/// S1.5, S1.16: in a container of the real command, conversations are the host's and skills can't be changed, in either form.
#[test]
fn is_mounted_as_it_is_meant() {
    let program = match program() {
        Ok(program) => program,
        Err(reason) => return skip(&reason),
    };
    let address = match session_conformance::engines::docker() {
        Ok(address) => address,
        Err(reason) => return skip(&reason),
    };
    for form in ["strings", "objects"] {
        let place = place();
        let image = session_conformance::engines::TOOLS_IMAGE;
        let mut configuration = configuration(image, "root");
        let folder = "${localWorkspaceFolder}";
        configuration["workspaceFolder"] = folder.into();
        configuration["workspaceMount"] =
            format!("source={folder},target={folder},type=bind").into();
        write(&place, &configuration.to_string());
        place.good(&["devcontainer", "apply", "-a", AGENT, "--form", form]);
        let _containers = Containers::of(&address, place.path("project"));
        let up = run(&place, &program, &["up"], Some(&address));
        assert_eq!(up.code, 0, "{up:#?}");
        let inside = |script: &str| inside(&place, &program, &address, script);
        let here = inside("pwd -P");
        let project = place.path("project").canonicalize().expect("a project");
        assert_eq!(here.out.trim(), project.to_str().expect("UTF-8"), "the same path");
        let seen = inside("cat /root/.helper/skills/tidy/SKILL.md");
        assert_eq!((seen.code, seen.out.trim()), (0, "{}"), "{seen:#?}");
        let refused = inside("touch /root/.helper/skills/new");
        assert_ne!(refused.code, 0, "{form}: {refused:#?}");
        assert!(!place.path("user/.helper/skills/new").exists());
        let written = inside("echo yes > /root/.helper/talks/new");
        assert_eq!(written.code, 0, "{written:#?}");
        assert_eq!(place.read("user/.helper/talks/new"), "yes\n");
        let login = inside("ls -A /root/.helper; test ! -e /root/.helper/login.json");
        assert_eq!(login.code, 0, "{login:#?}");
    }
}

/// S1.E2: what lies between the home and what is mounted is root's until somebody changes that, as `apply` says.
#[test]
fn what_lies_above_is_roots() {
    let program = match program() {
        Ok(program) => program,
        Err(reason) => return skip(&reason),
    };
    let address = match session_conformance::engines::docker() {
        Ok(address) => address,
        Err(reason) => return skip(&reason),
    };
    let place = place();
    let image = format!("sessctl-test-{}", place.name("image").to_lowercase());
    let _image = Image::with_user(&address, &image);
    write(&place, &configuration(&image, "vscode").to_string());
    place.good(&["devcontainer", "apply", "-a", AGENT]);
    let _containers = Containers::of(&address, place.path("project"));
    let up = run(&place, &program, &["up"], Some(&address));
    assert_eq!(up.code, 0, "{up:#?}");
    let write = "id -un; touch ~/.helper/new";
    let refused = inside(&place, &program, &address, write);
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert_eq!(refused.out.trim(), "vscode");
    let label = format!("label=devcontainer.local_folder={}", place.path("project").display());
    let container = docker(&address, &["ps", "-q", "--filter", &label]);
    docker(&address, &["exec", container.trim(), "chown", "vscode", "/home/vscode/.helper"]);
    let done = inside(&place, &program, &address, write);
    assert_eq!(done.code, 0, "{done:#?}");
}

fn configuration(image: &str, user: &str) -> Value {
    json!({ "image": image, "remoteUser": user, "updateRemoteUserUID": false })
}

fn inside(place: &Place, program: &Path, address: &str, script: &str) -> Done {
    let mut command = Command::new(program);
    command.args(["exec", "--workspace-folder"]).arg(place.path("project"));
    command.args(["sh", "-c", script]).stdin(Stdio::null());
    command.env("DOCKER_HOST", address).env("HOME", place.path("user"));
    finish(command.output())
}

fn docker(address: &str, words: &[&str]) -> String {
    let done = finish(Command::new("docker").args(["--host", address]).args(words).output());
    assert_eq!(done.code, 0, "docker {words:?}: {done:#?}");
    done.out
}

/// The image of the tests with a user `vscode` in it; removed when dropped.
struct Image<'a> {
    address: &'a str,
    name: &'a str,
}

impl<'a> Image<'a> {
    fn with_user(address: &'a str, name: &'a str) -> Self {
        let made = Self { address, name };
        let script = "echo vscode:x:1234:1234::/home/vscode:/bin/sh >> /etc/passwd && \
                      mkdir -p /home/vscode && chown 1234:1234 /home/vscode";
        let tools = session_conformance::engines::TOOLS_IMAGE;
        docker(address, &["run", "--name", name, tools, "sh", "-c", script]);
        docker(address, &["commit", name, name]);
        made
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        for words in [["rm", "-f", self.name], ["rmi", "-f", self.name]] {
            let _ = Command::new("docker").args(["--host", self.address]).args(words).output();
        }
    }
}
