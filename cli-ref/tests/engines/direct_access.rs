//! What docs/containers.md promises, and that a workspace is the same wherever it is.

use std::process::{Command, Stdio};

use crate::engine::Engine;
use crate::world::{Done, World, finish};

crate::on_each_engine! {
    /// S0.28
    the_commands_of_the_page_work;
    /// Issue 3: same tree, same modes, same result.
    a_workspace_is_the_same_everywhere;
}

const PAGE: &str = include_str!("../../../docs/containers.md");

/// The commands of the page, in its order.
fn commands() -> Vec<&'static str> {
    let blocks = PAGE.split("```sh\n").skip(1);
    let inside = blocks.filter_map(|block| block.split("```").next());
    inside.flat_map(str::lines).collect()
}

fn by_hand(world: &World, line: &str) -> Done {
    let address = format!("unix://{}", world.engine.socket.display());
    let line = match line.strip_prefix("docker ") {
        Some(rest) if world.engine.kind == "podman" => {
            format!("podman --remote --url {address} {rest}")
        }
        _ => line.to_owned(),
    };
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(world.path("user")).stdin(Stdio::null());
    finish(command.env("DOCKER_HOST", &address).env("HOME", world.path("user")).output())
}

#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn the_commands_of_the_page_work(engine: Engine) {
    if finish(Command::new("sh").args(["-c", &format!("command -v {}", engine.kind)]).output()).code
        != 0
    {
        eprintln!("SKIPPED: there is no command `{}`", engine.kind);
        return;
    }
    let world = World::new(engine);
    let name = world.name("auth");
    world.start(&name);
    let (mut printed, commands) = (String::new(), commands());
    for line in &commands {
        let line = line.replace("sessctl-auth", &format!("sessctl-{name}"));
        let line = line.replace("sessctl.name=auth", &format!("sessctl.name={name}"));
        let done = by_hand(&world, &line);
        assert_eq!(done.code, 0, "{line}: {done:#?}");
        printed += &done.out;
    }
    assert!(commands.len() > 8, "the page's commands were not found");
    let id = world.session(&name)["id"].as_str().expect("an id").to_owned();
    for expected in [&id, &format!("sessctl-{name} Up"), "at /workspace\n", "/workspace/project\n"]
    {
        assert!(printed.contains(expected), "no `{expected}` in {printed}");
    }
    let read = world.good(&["exec", &name, "--", "cat", "by-hand.txt", "again.txt"]);
    assert_eq!(read, "hello\nhello\n");
    world.good(&["stop", "--time", "0", &name]);
    let stay = world.bad(&["remove", &name], 79);
    assert!(stay.contains("by-hand.txt") || stay.contains("again.txt"), "{stay}");
    world.good(&["remove", "--force", &name]);
}

/// One line for each thing: permissions, name, content or where it leads.
const TREE: &str = "find . ! -path './.git/*' -exec stat -c '%a %n' {} + | sort && \
    find . -type f ! -path './.git/*' -exec sh -c 'echo \"$(sha256sum <\"$1\") $1\"' _ {} ';' | sort && \
    find . -type l -exec readlink {} ';' | sort";

fn a_workspace_is_the_same_everywhere(engine: Engine) {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let world = World::new(engine);
    let project = world.path("project");
    std::fs::create_dir(project.join("private")).expect("it can be made");
    for (name, mode) in
        [("run.sh", 0o755), ("private/key", 0o600), ("fixed", 0o444), ("odd \u{e9}", 0o640)]
    {
        std::fs::write(project.join(name), name).expect("it can be written");
        std::fs::set_permissions(project.join(name), std::fs::Permissions::from_mode(mode))
            .expect("ours");
    }
    for (target, name) in
        [("run.sh", "link"), ("/etc/hostname", "absolute"), ("nowhere", "dangling")]
    {
        symlink(target, project.join(name)).expect("it can be made");
    }
    let kind = world.engine.kind;
    let sees = |options: &[&str]| {
        let name = world.name("tree");
        let start = ["start", "--detach", &name];
        let start = [&start[..], options, &["--", "sleep", "1000"]].concat();
        world.good(&start);
        let tree = world.good(&["exec", &name, "--", "sh", "-c", TREE]);
        world.good(&["stop", "--time", "0", &name]);
        world.good(&["remove", "--force", &name]);
        tree
    };
    let local = sees(&["--backend", "local"]);
    assert!(local.contains("755 ./run.sh") && local.contains("600 ./private/key"), "{local}");
    assert_eq!(local, sees(&["--backend", kind, "--network", "none"]));
    assert_eq!(local, sees(&["--backend", kind, "--network", "none", "--upload"]));
    world.assert_empty("after all of them");
}
