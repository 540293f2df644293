//! A conversation of a real agent in a container of the real dev container command.

use std::process::{Command, Stdio};

use serde_json::json;
use session_conformance::engines;

use crate::agent::CLAUDE;
use crate::dev_container_command::{Containers, program};
use crate::installed::skip;
use crate::world::{Done, World, finish, with};

const ID: &str = "6f1f6f8e-7c0d-4f3a-9d54-2f6f0d1c7a02";

/// S1.1, S1.2, S1.6, S1.10: begun on the host, gone on with in the container with the host's skills, and back with both.
#[test]
fn a_conversation_goes_there_and_back() {
    let program = match program() {
        Ok(program) => program,
        Err(reason) => return skip(&reason),
    };
    with(&CLAUDE, "docker", |world| {
        let address = engines::docker().expect("the world is in it");
        let _containers = Containers::of(&address, world.path("project"));
        let agent = world.path("bin").join(world.agent.name);
        let here = |words: &[&str]| done(&world, Command::new(&agent), words);
        let there = |words: &[&str]| {
            let mut command = Command::new(&program);
            command.env("DOCKER_HOST", &address).arg(words[0]);
            command.arg("--workspace-folder").arg(world.path("project"));
            done(&world, command, &words[1..])
        };

        let said = here(&["--session-id", ID, "-p", "remember HOSTWORD"]);
        assert_eq!(said.out.trim(), "noted", "{said:#?}");
        let handed_over = |name: &str| format!("${{localEnv:{name}}}");
        let configuration = json!({
            "image": world.image(),
            "remoteUser": "root",
            "updateRemoteUserUID": false,
            "remoteEnv": {
                "ANTHROPIC_BASE_URL": handed_over("ANTHROPIC_BASE_URL"),
                "ANTHROPIC_API_KEY": handed_over("ANTHROPIC_API_KEY"),
            },
        });
        world.write("project/.devcontainer/devcontainer.json", &configuration.to_string());
        world.good(&["devcontainer", "apply", "-a", world.agent.name]);
        let up = there(&["up"]);
        assert_eq!(up.code, 0, "{up:#?}");

        let recalled = there(&["exec", "claude", "--resume", ID, "-p", "BOXWORD\nRECALL"]);
        assert!(recalled.out.contains("remember HOSTWORD"), "{recalled:#?}");
        let told = there(&["exec", "claude", "-p", "SYSTEM ZZ"]);
        for word in ["ZZSKILL", "ZZHOME"] {
            assert!(told.out.contains(word), "{word}: {told:#?}");
        }

        let recalled = here(&["--resume", ID, "-p", "RECALL"]);
        for word in ["HOSTWORD", "BOXWORD"] {
            assert!(recalled.out.contains(word), "{word}: {recalled:#?}");
        }
    });
}

/// Runs a command as the person, in the project.
fn done(world: &World, mut command: Command, words: &[&str]) -> Done {
    command.args(words).current_dir(world.path("project")).stdin(Stdio::null());
    let engine = command.get_envs().find(|(name, _)| *name == "DOCKER_HOST");
    let engine = engine.and_then(|(_, value)| Some(value?.to_owned()));
    command.env_clear().envs(world.environment()).envs(engine.map(|it| ("DOCKER_HOST", it)));
    finish(command.output())
}
