//! Whole sessions of real agents, by the command at a terminal.

use std::path::PathBuf;
use std::time::Duration;

use crate::on_each;
use crate::screen::Screen;
use crate::tree::Tree;
use crate::world::{HOME, KEY, World, until};

const DETACH: &str = "\x1c";
/// Takes away what is typed.
const ERASE: &str = "\x15";

/// Between two keys of somebody who types fast.
const BETWEEN_KEYS: Duration = Duration::from_millis(30);
/// Before Enter, of somebody who looks at what they typed: Gemini CLI sends what it had understood, not what it shows.
const BEFORE_ENTER: Duration = Duration::from_millis(200);
/// How long a person looks at a screen that does not show what they typed, before they type it again.
const LOOKING: Duration = Duration::from_secs(5);

/// Starts a session of the world's agent, or enters one, and waits until it takes input.
pub(crate) fn enter(world: &World, arguments: &[&str]) -> Screen {
    let screen = Screen::sized(world, arguments, 40, 120);
    wait_until_ready(world, &screen);
    screen
}

/// Waits until the agent takes input.
pub(crate) fn wait_until_ready(world: &World, screen: &Screen) {
    screen.wait_for(world.agent.ready);
}

/// Starts a session named `name`.
pub(crate) fn start(world: &World, name: &str, more: &[&str]) -> Screen {
    enter(world, &[&["start", name, "-a", world.agent.name], more].concat())
}

/// Says something to the agent and waits for the answer. The words are none that were said before: that they
/// stand on the screen means that they were typed.
pub(crate) fn ask(screen: &Screen, words: &str, answer: &str) -> String {
    // As fast as fingers at most. Of what came all at once, Codex showed nothing in about one of sixty times; a program that
    // only echoes lost none of 120, so it is not lost on the way there.
    // And who sees that letters were lost on the way types anew: Gemini CLI loses some while it loads a conversation.
    for _ in 0..3 {
        for letter in words.chars() {
            screen.type_in(letter.encode_utf8(&mut [0; 4]));
            std::thread::sleep(BETWEEN_KEYS);
        }
        if screen.wait_at_most(LOOKING, |screen| screen.contains(words)).is_ok() {
            break;
        }
        screen.type_in(ERASE);
    }
    screen.wait_for(words);
    std::thread::sleep(BEFORE_ENTER);
    screen.type_in("\r");
    screen.wait_for(answer)
}

/// Waits until an answer is in the agent's files: what it shows it may lose for a moment if it is killed.
pub(crate) fn await_written(world: &World, name: &str, answer: &str) {
    let state = world.directory(name).join("state");
    until("the answer is written", || {
        let mut found = Vec::new();
        files_with(&state, answer.as_bytes(), &mut found);
        !found.is_empty()
    });
}

pub(crate) fn leave(screen: Screen) {
    screen.type_in(DETACH);
    assert_eq!(screen.end(), 0);
}

on_each! {
    /// S4.T4, S0.9, S2.11: a conversation goes on after leaving, after the client's death, and after the agent's end.
    fn a_conversation_goes_on(world: World) {
        let name = &world.name("talk");
        let screen = start(&world, name, &[]);
        ask(&screen, "remember PLUM-7", "noted");
        leave(screen);
        assert_eq!(world.session(name)["status"], "running");

        let screen = Screen::sized(&world, &["attach", name], 40, 120);
        screen.wait_for("remember PLUM-7");
        ask(&screen, "SAY pear", "said pear");
        screen.kill();
        let screen = enter(&world, &["attach", name]);
        ask(&screen, "SAY fig", "said fig");
        leave(screen);
        world.good(&["stop", name]);
        assert_eq!(world.session(name)["status"], "stopped");

        let screen = enter(&world, &["attach", name]);
        let answer = "recalled 3: remember PLUM-7 | SAY pear | SAY fig";
        ask(&screen, "RECALL once", answer);
        leave(screen);
        await_written(&world, name, "recalled 3");
        world.good(&["stop", "--time", "0", name]);
        let screen = enter(&world, &["start", name]);
        ask(&screen, "RECALL twice", "recalled 4: remember PLUM-7");
        leave(screen);
    }

    /// S4.T2, S4.T3: two sessions know nothing of each other, and one that ends leaves the other alone.
    fn two_sessions_are_two(world: World) {
        let (one, two) = (&world.name("one"), &world.name("two"));
        let first = start(&world, one, &[]);
        let second = start(&world, two, &[]);
        ask(&first, "remember PLUM-7", "noted");
        ask(&second, "remember QUINCE-8", "noted");
        ask(&first, "RECALL once", "recalled 1: remember PLUM-7");
        await_written(&world, one, "recalled 1");
        world.good(&["stop", "--time", "0", one]);
        first.end();
        ask(&second, "RECALL", "recalled 1: remember QUINCE-8");
        leave(second);
        let first = enter(&world, &["attach", one]);
        ask(&first, "RECALL twice", "recalled 2: remember PLUM-7");
        leave(first);
        assert_ne!(world.directory(one), world.directory(two));
    }

    /// S4.T5: what the person shares is there in both; a skill that is made later is, too.
    fn a_skill_is_shared(world: World) {
        let (one, two) = (&world.name("one"), &world.name("two"));
        for name in [one, two] {
            let screen = start(&world, name, &[]);
            ask(&screen, "SYSTEM ZZ", "ZZSKILL");
            leave(screen);
        }
        let skill = "---\nname: pear\ndescription: ZZLATER of pears\n---\nEat them.\n";
        world.write(&format!("user/{}/skills/pear/SKILL.md", world.agent.directory), skill);
        for name in [one, two] {
            world.good(&["stop", "--time", "0", name]);
            let screen = enter(&world, &["attach", name]);
            ask(&screen, "SYSTEM ZZL", "told 1: ZZLATER");
            leave(screen);
        }
    }

    /// S4 "State and sharing": the person's instructions come once by default, and nothing of theirs where that is
    /// asked for, though the workspace lies below their home.
    fn nothing_leaks_in(world: World) {
        let name = &world.name("shared");
        let screen = start(&world, name, &[]);
        ask(&screen, "SYSTEM ZZ", "ZZHOME");
        leave(screen);
        let [home, skill, leak] = most_told(&world, ["ZZHOME", "ZZSKILL", "ZZLEAK"]);
        assert!(home == 1 && skill > 0 && leak == 0, "{home} {skill} {leak}");

        let name = &world.name("bare");
        let screen = start(&world, name, &[&["--preset", "bare"], world.agent.bare].concat());
        ask(&screen, "SYSTEM ZZ", "told 0:");
        leave(screen);
    }

    /// S4 "Facts about a session": what the agent wrote is counted, while it runs and afterwards.
    fn facts_are_read(world: World) {
        let name = &world.name("facts");
        let facts = || {
            let document = world.good(&["inspect", name]);
            let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
            document["agent"].clone()
        };
        let screen = start(&world, name, &["--unattended"]);
        ask(&screen, "SAY plum", "said plum");
        ask(&screen, world.agent.tool, "result ");
        let counted = |facts: &serde_json::Value| {
            // Two prompts; and an answer each, where the call is one of its own.
            let messages = facts["message_count"].as_u64().unwrap_or(0);
            (4..=5).contains(&messages) && facts["tool_call_count"] == 1
        };
        let mut seen = serde_json::Value::Null;
        until("the facts are there", || {
            seen = facts();
            counted(&seen)
        });
        assert!(seen["model"].is_string() && seen["conversation"].is_string(), "{seen:#}");
        leave(screen);
        world.good(&["stop", name]);
        let later = facts();
        assert!(counted(&later), "{later:#}");
        assert_eq!(later["conversation"], seen["conversation"]);
    }

    /// S0.1: a first prompt, at the screen and without one.
    fn a_prompt_comes_along(world: World) {
        let name = &world.name("told");
        let told = ["start", name, "-a", world.agent.name, "--prompt", "SAY plum"];
        if world.agent.takes_prompt {
            let screen = Screen::sized(&world, &told, 40, 120);
            screen.wait_for("said plum");
            ask(&screen, "RECALL", "recalled 1: SAY plum");
            leave(screen);
        } else {
            let refused = world.run(&[&told[..], &["-d"]].concat());
            assert!(refused.code != 0 && refused.err.contains("takes no first prompt"), "{refused:#?}");
        }
        let name = &world.name("once");
        let once = ["start", name, "-d", "-a", world.agent.name, "--headless", "--prompt", "SAY fig"];
        world.good(&once);
        until("it answered and ended", || world.session(name)["status"] == "stopped");
        assert_eq!(world.session(name)["exit_code"], 0);
        assert!(world.good(&["logs", name]).contains("said fig"));
    }

    /// S0.7, S4.T2: nothing outside of the session changes, neither in the person's files nor in the project.
    fn nothing_is_written_outside(world: World) {
        let name = &world.name("tidy");
        let before = Tree::of(&world.path(""));
        let screen = start(&world, name, &[]);
        ask(&screen, "remember PLUM-7", "noted");
        leave(screen);
        world.good(&["stop", name]);
        until("no process is left", || world.processes().is_empty());
        assert_eq!(written_outside(&world, &before), Vec::<String>::new());
        world.good(&["remove", "--force", name]);
        until("nothing is left for a while", || {
            // An empty directory is in nobody's way.
            let is_empty = |path: &std::path::Path| std::fs::read_dir(path).is_ok_and(|mut found| found.next().is_none());
            std::fs::read_dir(world.path("tmp")).expect("there").flatten().all(|found| is_empty(&found.path()))
        });
    }

    /// S4 "State and sharing": the key reaches the model and is written nowhere, not by a tool of the agent either.
    fn the_key_is_written_nowhere(world: World) {
        let name = &world.name("secret");
        let screen = start(&world, name, &["--unattended"]);
        if world.agent.tool.is_empty() {
            ask(&screen, "SAY plum", "said plum");
        } else {
            ask(&screen, world.agent.tool, "result ");
            // Codex asks for a title by the same words, too.
            let results = world.model.conversations().into_iter().filter_map(|it| it.result);
            let results: Vec<_> = results.collect();
            assert!(results.iter().any(|result| result.contains("tool-42")), "{results:?}");
        }
        leave(screen);
        let sent = world.model.requests();
        let sent = |header| sent.iter().any(|it| it.header(header).contains(KEY));
        assert!(sent("x-api-key") || sent("authorization") || sent("x-goog-api-key"));
        for shown in [&["inspect", name][..], &["list", "--json"], &["logs", name]] {
            assert!(!world.good(shown).contains(KEY), "{shown:?}");
        }
        let mut found = Vec::new();
        files_with(&world.path(HOME), KEY.as_bytes(), &mut found);
        assert_eq!(found, Vec::<std::path::PathBuf>::new());
    }
}

/// What changed in the person's home and in the project since `before`, but for what the agent's profile says: what all its
/// sessions share, and what it writes whatever it is told.
pub(crate) fn written_outside(world: &World, before: &Tree) -> Vec<String> {
    let shown = world.good(&["agents", "show", world.agent.name, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let list = |list: &serde_json::Value| list.as_array().expect("a list").clone();
    let resources = list(&shown["profile"]["resources"]);
    let shared = |name: &serde_json::Value| {
        resources.iter().any(|it| it["name"] == *name && it["policy"] == "shared-rw")
    };
    let paths = list(&shown["paths"]).into_iter();
    let shared = paths.filter(|path| shared(&path[0])).map(|path| path[1].clone());
    let outside = list(&shown["outside"]).into_iter().filter(|it| it["access"] == "write");
    let allowed = shared.chain(outside.map(|it| it["path"].clone()));
    let allowed = allowed.map(|path| PathBuf::from(path.as_str().expect("a path")));
    let allowed: Vec<_> = allowed.chain([world.path(HOME)]).collect();

    let mut changes = before.changes(&Tree::of(&world.path("")));
    changes.retain(|change| {
        let path = world.path(change.split_once(": ").expect("`new: path`").1);
        let watched = ["user", "project"].iter().any(|top| path.starts_with(world.path(top)));
        // The directories above are made for what lies below.
        let is_allowed = |allowed: &PathBuf| {
            path.starts_with(allowed) || (path.is_dir() && allowed.starts_with(&path))
        };
        watched && !allowed.iter().any(is_allowed)
    });
    changes
}

/// How often at most each word was told to the model, of all that it was asked about words.
pub(crate) fn most_told<const N: usize>(world: &World, words: [&str; N]) -> [usize; N] {
    // An agent asks more than once, and does not tell all each time.
    let asked = world.model.conversations();
    let asked = asked.iter().filter(|it| it.said.last().is_some_and(|it| it.contains("SYSTEM ZZ")));
    let asked: Vec<_> = asked.collect();
    words.map(|word| asked.iter().map(|it| it.system.matches(word).count()).max().unwrap_or(0))
}

/// The files below that have the words in them.
pub(crate) fn files_with(
    directory: &std::path::Path,
    words: &[u8],
    found: &mut Vec<std::path::PathBuf>,
) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_with(&entry.path(), words, found),
            Ok(kind) if kind.is_file() => {
                let text = std::fs::read(entry.path()).unwrap_or_default();
                if memchr::memmem::find(&text, words).is_some() {
                    found.push(entry.path());
                }
            }
            _ => {}
        }
    }
}
