//! Images that are built, on engines of the test's own and without a registry.

use session_conformance::engines::{PrivateEngine, PrivateOptions, TOOLS_IMAGE};

use crate::engine::{Engine, request_with, with};
use crate::screen::Screen;
use crate::world::World;

/// S2.E6: a yes at the question builds the image, what it is built on first, and goes on.
#[test]
fn docker_builds_after_a_yes() {
    on_private("docker", PrivateOptions::docker());
}

/// The same.
#[test]
fn podman_builds_after_a_yes() {
    on_private("podman", PrivateOptions::podman());
}

/// Stands for npm: what it installs is a program that says its name.
const NPM: &str = "mkdir -p /usr/local/bin\n\
    cat >/usr/local/bin/npm <<'END'\n\
    #!/bin/sh\n\
    [ \"$1\" = install ] || exit 0\n\
    case \"$*\" in *@anthropic-ai/claude-code@latest) it=claude;; *@openai/codex@latest) it=codex;; \
    *opencode-ai@latest) it=opencode;; *) exit 1;; esac\n\
    echo \"installing $it\"\n\
    printf '#!/bin/sh\\n[ \"$1\" = --version ] && exit\\necho running-%s; read line\\n' $it >/usr/local/bin/$it\n\
    chmod +x /usr/local/bin/$it\n\
    END\n\
    chmod +x /usr/local/bin/npm";

fn on_private(kind: &'static str, options: PrivateOptions) {
    // It outlives what the test makes in it.
    let private = PrivateEngine::new(options.with_image("tools"));
    let engine = private.as_ref().map_err(Clone::clone);
    with(engine.and_then(|private| Engine::at(kind, &private.address())), builds_after_a_yes);
}

fn builds_after_a_yes(engine: Engine) {
    // The base of the shell's image, so that no registry is asked for it.
    commit(&engine, NPM, "debian", "stable-slim");
    let world = World::new(engine);
    let name = &world.name("asked");
    let screen = Screen::sized(
        &world,
        &["start", name, "--network", "none", "--image", "sessctl-claude", "--", "claude"],
        40,
        160,
    );
    screen.wait_for("image sessctl-claude is not built. Build now? [Y/n]");
    screen.type_in("yes\r");
    screen.wait_for("running-claude");
    screen.type_in("\r");
    assert_eq!(screen.end(), 0);
    let images: serde_json::Value =
        serde_json::from_str(&world.good(&["image", "list", "--json"])).expect("JSON");
    let agents = |agents: &mut Vec<String>| {
        let images = images["images"].as_array().expect("a list");
        agents.extend(images.iter().map(|image| format!("{} {}", image["name"], image["agent"])));
        agents.sort();
    };
    let mut listed = Vec::new();
    agents(&mut listed);
    let expected = [r#""sessctl-claude:latest" "claude""#, r#""sessctl-shell:latest" "shell""#];
    assert_eq!(listed, expected);
    world.good(&["remove", "--force", name]);

    for agent in ["codex", "opencode"] {
        assert_eq!(world.good(&["image", "build", agent]), format!("sessctl-{agent}:latest\n"));
        // By itself it runs its agent, too.
        let name = &world.name(agent);
        let image = format!("sessctl-{agent}");
        let start = [
            "start",
            name,
            "--detach",
            "--network",
            "none",
            "--image",
            &image,
            "--",
            "sessctl-agent",
        ];
        world.good(&start);
        crate::world::until("it speaks", || {
            world.good(&["logs", name]).contains(&format!("running-{agent}"))
        });
        world.good(&["remove", "--force", name]);
    }
    world.assert_empty("at the end");
}

/// Makes an image of what a script makes of the tools' image.
fn commit(engine: &Engine, script: &str, repository: &str, tag: &str) {
    let ask = |method: &str, path: &str, body: &str| {
        let answer = request_with(&engine.socket, method, path, body);
        let (status, text) = answer.expect("the engine answers");
        assert!(status < 300, "{method} {path}: {status} {text}");
        text
    };
    let body = serde_json::json!({
        "Image": TOOLS_IMAGE,
        "Cmd": ["/bin/sh", "-ec", script],
        "HostConfig": { "NetworkMode": "none" },
    });
    let made = ask("POST", "/containers/create", &body.to_string());
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    let id = made["Id"].as_str().expect("an id");
    ask("POST", &format!("/containers/{id}/start"), "");
    let ended = ask("POST", &format!("/containers/{id}/wait"), "");
    assert!(ended.contains("\"StatusCode\":0"), "{ended}");
    ask("POST", &format!("/commit?container={id}&repo={repository}&tag={tag}"), "{}");
    ask("DELETE", &format!("/containers/{id}?force=true&v=true"), "");
}
