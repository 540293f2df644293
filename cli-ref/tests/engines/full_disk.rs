//! No space where the engine keeps its things, or where the sessions are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use session_conformance::engines::{PrivateEngine, PrivateOptions};

use crate::engine::{Engine, with};
use crate::kills::start;
use crate::world::World;

crate::on_each_engine! {
    /// Issue 3: a full disk under the home is told as such, and nothing half-made is left.
    a_full_home_is_told;
}

/// Issue 3: the same where the engine keeps its containers.
#[test]
fn a_full_docker_is_told() {
    a_full_engine_is_told("docker", PrivateOptions::docker());
}

/// The same.
#[test]
fn a_full_podman_is_told() {
    a_full_engine_is_told("podman", PrivateOptions::podman());
}

fn a_full_engine_is_told(kind: &'static str, options: PrivateOptions) {
    let private = PrivateEngine::new(options.with_disk(64));
    let engine = private.as_ref().map_err(Clone::clone);
    with(engine.and_then(|private| Engine::at(kind, &private.address())), |engine| {
        let data = private.as_ref().expect("it has an address").data();
        let world = World::new(engine);
        let name = &world.name("full");
        let filler = fill(&data);
        let told = world.bad(&start(name), 74);
        assert!(told.contains("space"), "{told}");
        assert!(world.list()["sessions"].as_array().is_some_and(Vec::is_empty));
        fs::remove_file(filler).expect("the filler");
        world.assert_listed("with space again");
        world.start(name);
        world.good(&["remove", "--force", name]);
        world.assert_empty("at the end");
    });
}

fn a_full_home_is_told(engine: Engine) {
    let world = World::new(engine);
    let home = world.path("home");
    fs::create_dir(&home).expect("a home");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs"])
        .arg(&home)
        .output()
        .expect("there is a mount");
    if !mounted.status.success() {
        return with(Err("needs to mount a small file system".to_owned()), |_| {});
    }
    let _mount = Mount(home.clone());
    let name = &world.name("full");
    world.start(name);
    world.good(&["stop", "--time", "1", name]);

    let filler = fill(&home);
    let repository = world.repository();
    for arguments in [&start(&world.name("none"))[..], &["start", "--detach", name]] {
        let told = world.bad(arguments, 74);
        assert!(told.contains("space"), "{told}");
    }
    let sessions = world.assert_listed("while full");
    assert!(sessions.len() == 1 && sessions[0]["status"] == "stopped", "{sessions:#?}");
    fs::remove_file(filler).expect("the filler");

    world.start(name);
    assert_eq!(world.session(name)["status"], "running");
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
    assert_eq!(world.repository(), repository);
}

/// A mounted file system; not after this.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills a file system to its last byte.
fn fill(directory: &Path) -> PathBuf {
    use std::io::Write as _;
    let path = directory.join("filler");
    let mut file = fs::File::create(&path).expect("a file");
    for size in [1 << 20, 4096, 1] {
        let chunk = vec![0; size];
        while file.write_all(&chunk).is_ok() && file.sync_data().is_ok() {}
    }
    path
}
