//! G7 ready sessions, G9 the same on Podman, G11 exec, G12 stop, G13 lists, G16–G18 terminals, G20
//! several at once: sessions in containers against the engine's own command.
//!
//! The engines are those of the tests (`.ci/engines`); both sides speak to the same one, over the
//! same socket, with the same image. The pipeline of the seed is what its script does: `run -d`,
//! `cp`, `exec … git worktree add`.

use std::path::Path;
use std::time::Duration;

use crate::engines::{Engine, IMAGE};
use crate::pairs::{Goals, pair, timed};
use crate::terminal::{FLOOD_BYTES, flood_text};
use crate::trees::{self, Size};

const IDLE: &str = "exec sleep 3600";
/// As many sessions as a list is measured over.
const MANY: usize = 1000;

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if goals.wants(&["G7b", "G7c", "G7d", "G11", "G12", "G20", "G16d", "G17d", "G18d", "G13d"])
        && let Some(docker) = Engine::find(goals, "docker")
    {
        for (id, size, pairs, goal, name) in [
            ("G7b", Size::Large, 3, 0.12, "G7b ready, 80k files, against run + cp + worktree"),
            ("G7c", Size::Medium, 7, 0.20, "G7c ready, 5k files, against run + cp + worktree"),
            ("G7c", Size::Small, 15, 0.70, "G7c ready, small, against run + cp + worktree"),
        ] {
            if goals.wants(&[id]) {
                ready(goals, &docker, size, pairs, goal, name);
            }
        }
        bare(goals, &docker);
        exec(goals, &docker);
        stop(goals, &docker);
        at_once(goals, &docker);
        attach(goals, &docker);
        throughput(goals, &docker);
        echo(goals, &docker);
        list(goals, &docker, "G13d", 0.05, "G13 list 1000 sessions, against docker ps -a");
    }
    if goals.wants(&["G9", "G13p"])
        && let Some(podman) = Engine::find(goals, "podman")
    {
        if goals.wants(&["G9"]) {
            let name = "G9 ready on Podman, 80k files, against run + cp";
            ready(goals, &podman, Size::Large, 3, 0.07, name);
        }
        list(goals, &podman, "G13p", 0.01, "G13 list 1000 sessions, against podman ps -a");
    }
}

/// Until a first process has run in it, with a full private copy of the tree.
fn ready(goals: &mut Goals, engine: &Engine, size: Size, pairs: usize, goal: f64, name: &str) {
    let source = trees::shared(goals, size);
    let from = format!("{}/.", source.display());
    let seed = || {
        let name = engine.name("seed");
        let taken = timed(|| {
            // Podman makes no working directory that an image lacks.
            let idle = "mkdir -p /workspace; exec tail -f /dev/null";
            engine.theirs(&["run", "-d", "--name", &name, IMAGE, "sh", "-c", idle]);
            engine.theirs(&["cp", &from, &format!("{name}:/workspace")]);
            if engine.kind == "docker" {
                let git =
                    "cd /workspace && git -c safe.directory='*' worktree add -q -b b /work HEAD";
                engine.theirs(&["exec", &name, "sh", "-c", git]);
            }
            engine.theirs(&["exec", &name, "true"]);
        });
        engine.theirs(&["rm", "-f", &name]);
        taken
    };
    let ours = || {
        let name = engine.name("ours");
        let taken = timed(|| {
            engine.start(&source, &name, IDLE);
            engine.ours(&source, &["exec", &name, "--", "true"]);
        });
        engine.remove(&name);
        taken
    };
    goals.add(&pair(name, goal, pairs, seed, ours));
}

/// Against no isolation of files at all: the source is bound into the container.
fn bare(goals: &mut Goals, engine: &Engine) {
    if !goals.wants(&["G7d"]) {
        return;
    }
    let source = trees::shared(goals, Size::Small);
    let bind = format!("{}:/workspace", source.display());
    let theirs = || {
        let name = engine.name("bare");
        let taken = timed(|| {
            engine.theirs(&["run", "-d", "--name", &name, "-v", &bind, IMAGE, "sleep", "3600"]);
            engine.theirs(&["exec", &name, "true"]);
        });
        engine.theirs(&["rm", "-f", &name]);
        taken
    };
    let ours = || {
        let name = engine.name("ours");
        let taken = timed(|| {
            engine.start(&source, &name, IDLE);
            engine.ours(&source, &["exec", &name, "--", "true"]);
        });
        engine.remove(&name);
        taken
    };
    goals.add(&pair("G7d ready, small, against run -v + exec", 0.95, 21, theirs, ours));
}

fn exec(goals: &mut Goals, engine: &Engine) {
    if !goals.wants(&["G11"]) {
        return;
    }
    let source = trees::shared(goals, Size::Small);
    let name = engine.name("exec");
    engine.start(&source, &name, IDLE);
    let container = format!("sessctl-{name}");
    let theirs = || timed(|| engine.theirs(&["exec", &container, "true"]));
    let ours = || timed(|| engine.ours(&source, &["exec", &name, "--", "true"]));
    goals.add(&pair("G11 exec, against docker exec", 0.70, 31, theirs, ours));
    engine.remove(&name);
}

fn stop(goals: &mut Goals, engine: &Engine) {
    if !goals.wants(&["G12"]) {
        return;
    }
    let source = trees::shared(goals, Size::Small);
    let theirs = || {
        let name = engine.name("seed");
        engine.theirs(&["run", "-d", "--name", &name, IMAGE, "tail", "-f", "/dev/null"]);
        let taken = timed(|| engine.theirs(&["stop", &name]));
        engine.theirs(&["rm", "-f", &name]);
        taken
    };
    let ours = || {
        let name = engine.name("ours");
        engine.start(&source, &name, IDLE);
        let taken = timed(|| engine.ours(&source, &["stop", &name]));
        engine.remove(&name);
        taken
    };
    goals.add(&pair("G12 stop, against docker stop of the seed's", 0.02, 3, theirs, ours));
}

/// Eight sessions, ours at the same time.
fn at_once(goals: &mut Goals, engine: &Engine) {
    const SESSIONS: usize = 8;
    if !goals.wants(&["G20"]) {
        return;
    }
    let source = trees::shared(goals, Size::Small);
    let names = |word: &str| (0..SESSIONS).map(|_| engine.name(word)).collect::<Vec<_>>();
    let theirs = || {
        let names = names("seed");
        let taken = timed(|| {
            for name in &names {
                engine.theirs(&["run", "-d", "--name", name, IMAGE, "sleep", "3600"]);
            }
        });
        names.iter().for_each(|name| drop(engine.theirs(&["rm", "-f", name])));
        taken
    };
    let ours = || {
        let names = names("ours");
        let children = |name: &String| engine.start_in_background(&source, name, IDLE);
        let taken = timed(|| {
            let started: Vec<_> = names.iter().map(children).collect();
            for mut child in started {
                assert!(child.wait().expect("it was started").success());
            }
        });
        names.iter().for_each(|name| engine.remove(name));
        taken
    };
    goals.add(&pair("G20 eight at once, against eight docker run -d", 0.70, 5, theirs, ours));
}

/// Until the session answers a line that was typed.
fn attach(goals: &mut Goals, engine: &Engine) {
    if !goals.wants(&["G16d"]) {
        return;
    }
    let pair_of = Pair::start(goals, engine, "while read line; do echo got-$line; done");
    let script = "read line; echo got-$line";
    let answered = |mut client: crate::terminal::Client| {
        client.types("a\n");
        client.sees("got-a");
    };
    let ours = || timed(|| answered(engine.our_client(&pair_of.ours)));
    let theirs = || timed(|| answered(engine.their_client(&["attach", &pair_of.theirs])));
    goals.add(&pair("G16 attach until it answers, against docker attach", 0.4, 21, theirs, ours));
    let theirs = || {
        let exec = ["exec", "-it", &pair_of.theirs, "sh", "-c", script];
        timed(|| answered(engine.their_client(&exec)))
    };
    goals.add(&pair("G16 the same, against docker exec -it", 0.15, 21, theirs, ours));
}

fn throughput(goals: &mut Goals, engine: &Engine) {
    if !goals.wants(&["G17d"]) {
        return;
    }
    let script = "stty -echo; cd /workspace/work 2>/dev/null || cd /workspace; \
                  while read line; do cat flood.txt; echo the-$line-end; done";
    let pair_of = Pair::start(goals, engine, script);
    let mut turn = 0;
    let mut flow = |client: &mut crate::terminal::Client| {
        turn += 1;
        let mark = format!("the-{turn}-end");
        timed(|| {
            client.types(&format!("{turn}\n"));
            let bytes = client.sees(&mark);
            assert!(bytes >= FLOOD_BYTES, "{bytes} bytes of {FLOOD_BYTES}");
        })
    };
    let flow = std::cell::RefCell::new(&mut flow);
    let mut ours = engine.our_client(&pair_of.ours);
    let exec = ["exec", "-it", &pair_of.theirs, "sh", "-c", script];
    for (name, goal, arguments) in [
        ("G17 200 MB, against docker exec -it", 0.9, &exec[..]),
        ("G17 200 MB, against docker attach", 0.65, &["attach", &pair_of.theirs][..]),
    ] {
        let mut theirs = engine.their_client(arguments);
        let row =
            pair(name, goal, 3, || flow.borrow_mut()(&mut theirs), || flow.borrow_mut()(&mut ours));
        goals.add(&row);
    }
}

fn echo(goals: &mut Goals, engine: &Engine) {
    if !goals.wants(&["G18d"]) {
        return;
    }
    let script = "stty raw -echo; echo ready; exec cat";
    let pair_of = Pair::start(goals, engine, script);
    let exec = ["exec", "-it", &pair_of.theirs, "sh", "-c", script];
    let (mut theirs, mut ours) = (engine.their_client(&exec), engine.our_client(&pair_of.ours));
    for client in [&mut theirs, &mut ours] {
        client.sees("ready");
        client.settle();
    }
    let row = pair(
        "G18 echo of a key, median, against docker exec -it",
        0.75,
        9,
        || theirs.echo_median(),
        || ours.echo_median(),
    );
    goals.add(&row);
}

/// A thousand sessions that were made and not started.
fn list(goals: &mut Goals, engine: &Engine, id: &str, goal: f64, name: &str) {
    if !goals.wants(&[id]) {
        return;
    }
    let source = goals.place().join("empty");
    std::fs::create_dir_all(&source).expect("the place is ours");
    let names: Vec<String> = (0..MANY).map(|_| engine.name("list")).collect();
    for some in names.chunks(8) {
        let started: Vec<_> =
            some.iter().map(|name| engine.start_in_background(&source, name, "exit 0")).collect();
        for mut child in started {
            assert!(child.wait().expect("it was started").success());
        }
    }
    let theirs = || timed(|| engine.theirs(&["ps", "-a", "--filter", "label=sessctl.id"]));
    let ours = || timed(|| engine.ours(&source, &["list"]));
    goals.add(&pair(name, goal, 11, theirs, ours));
    names.iter().for_each(|name| engine.remove(name));
}

/// The same script in a container of the engine's own command and in a session.
struct Pair<'a> {
    engine: &'a Engine,
    theirs: String,
    ours: String,
}

impl<'a> Pair<'a> {
    fn start(goals: &Goals, engine: &'a Engine, script: &str) -> Self {
        let source = goals.place().join("terminals");
        std::fs::create_dir_all(&source).expect("the place is ours");
        if !source.join("flood.txt").exists() {
            std::fs::write(source.join("flood.txt"), flood_text()).expect("the place has room");
        }
        let (theirs, ours) = (engine.name("theirs"), engine.name("ours"));
        let bind = format!("{}:/workspace", Path::new(&source).display());
        let run = ["run", "-d", "-it", "--name", &theirs, "-v", &bind, IMAGE, "sh", "-c", script];
        engine.theirs(&run);
        engine.start(&source, &ours, script);
        std::thread::sleep(Duration::from_millis(300));
        Self { engine, theirs, ours }
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        self.engine.theirs(&["rm", "-f", &self.theirs]);
        self.engine.remove(&self.ours);
    }
}
