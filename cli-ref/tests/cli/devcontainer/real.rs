//! The same file, read and run by the dev container command (`.ci/devcontainer` installs it).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{AGENT, place, text, write};
use crate::place::{Done, Place, finish, skip};

/// The command, or why there is none.
fn program() -> Result<PathBuf, String> {
    const NAME: &str = "SESSCTL_TEST_DEVCONTAINER";
    let missing = format!("{NAME}_MISSING");
    if let Some(program) = std::env::var_os(NAME).filter(|program| program != "none") {
        return Ok(program.into());
    }
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let file = test.ancestors().map(|above| above.join("devcontainer.env")).find(|it| it.is_file());
    let lines = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let value = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('\'').to_owned())
    };
    value(NAME).map(PathBuf::from).ok_or_else(|| {
        let reason = std::env::var(&missing).ok().or_else(|| value(&missing));
        reason.unwrap_or_else(|| format!("{NAME} isn't set; to install it: bash .ci/devcontainer"))
    })
}

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
            "source={home}/.claude/skills,target=/home/vscode/.claude/skills,type=bind,readonly"
        );
        assert!(mounts.contains(&json!(skills)), "{mounts:#?}");
        let (source, target) =
            (format!("{home}/.claude/projects"), "/home/vscode/.claude/projects");
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
        let configuration = json!({ "image": image, "remoteUser": "root", "updateRemoteUserUID": false });
        write(&place, &configuration.to_string());
        place.good(&["devcontainer", "apply", "-a", AGENT, "--form", form]);
        let _containers = Containers { address: &address, project: place.path("project") };
        let up = run(&place, &program, &["up"], Some(&address));
        assert_eq!(up.code, 0, "{up:#?}");
        let inside = |script: &str| {
            let mut command = Command::new(&program);
            command.args(["exec", "--workspace-folder"]).arg(place.path("project"));
            command.args(["sh", "-c", script]).stdin(Stdio::null());
            command.env("DOCKER_HOST", &address).env("HOME", place.path("user"));
            finish(command.output())
        };
        let seen = inside("cat /root/.claude/skills/tidy/SKILL.md");
        assert_eq!((seen.code, seen.out.trim()), (0, "{}"), "{seen:#?}");
        let refused = inside("touch /root/.claude/skills/new");
        assert_ne!(refused.code, 0, "{form}: {refused:#?}");
        assert!(!place.path("user/.claude/skills/new").exists());
        let written = inside("echo yes > /root/.claude/projects/new");
        assert_eq!(written.code, 0, "{written:#?}");
        assert_eq!(place.read("user/.claude/projects/new"), "yes\n");
        let login = inside("ls -A /root/.claude; test ! -e /root/.claude/.credentials.json");
        assert_eq!(login.code, 0, "{login:#?}");
    }
}

/// Removes what the command made for a project.
struct Containers<'a> {
    address: &'a str,
    project: PathBuf,
}

impl Drop for Containers<'_> {
    fn drop(&mut self) {
        let docker = |words: &[&str]| {
            Command::new("docker").args(["--host", self.address]).args(words).output()
        };
        let label = format!("label=devcontainer.local_folder={}", self.project.display());
        let Ok(found) = docker(&["ps", "-aq", "--filter", &label]) else { return };
        for id in String::from_utf8_lossy(&found.stdout).lines() {
            let _ = docker(&["rm", "-f", id]);
        }
    }
}
