//! Conversations of an agent that is a shell script: read, carried, taken out, on the host and in containers.

use serde_json::Value;

use crate::containers::on_each_engine;
use crate::place::{Place, until};
use crate::screen::Screen;

/// Writes down what it is told, as agents do, and stays.
const ROBOT: &str = r#"
title = "Robot"
program = "sh"

[arguments]
always = ["-c", '''
mode=$1; shift
if [ "$mode" = fork ]; then from=$1; shift; fi
id=$1; shift
here=$ROBOT_HOME/talks/$(pwd | sed 's/[^A-Za-z0-9]/-/g')
mkdir -p "$here" "$ROBOT_HOME/live"
talk=$(ls "$ROBOT_HOME"/talks/*/"$id.jsonl" 2>/dev/null || echo "$here/$id.jsonl")
if [ "$mode" = fork ]; then cat "$from" > "$talk"; fi
for word; do printf '{"who":"me","said":"%s","at":"2026-01-01T00:00:00Z"}\n' "$word" >> "$talk"; done
printf '{"who":"robot","model":"r2","did":["dig"],"at":"2026-01-01T00:00:01Z"}\n' >> "$talk"
printf '{"pid":%s,"talk":"%s","doing":"resting"}' $$ "$id" > "$ROBOT_HOME/live/$$.json"
trap 'rm -f "$ROBOT_HOME/live/$$.json"; exit 0' TERM HUP
grep -o '"said":"[^"]*"' "$talk"
echo robot-ready
while :; do sleep 600 & wait $!; done
''', "robot"]
new = ["new", "${CONVERSATION_ID}"]
resume = ["resume", "${CONVERSATION_ID}"]
fork = ["fork", "${FROM}", "${CONVERSATION_ID}"]
prompt = ["${PROMPT}"]

[places.config]
default = "${HOME}/.robot"

[environment.set]
ROBOT_HOME = "${STATE}"

[conversation]
id = "ours"
file = "talks/*/${CONVERSATION_ID}.jsonl"
import = "talks/${PROJECT_KEY}/${CONVERSATION_ID}.jsonl"

[facts]
model = [{ where = { who = "robot" }, value = "model" }]
messages = [{ where = { who = "robot" } }, { where = { who = "me" } }]
tool_calls = [{ where = { "did[]" = "*" } }]
activity = [{ value = "at" }]

[facts.live]
file = "live/*.json"
host = "${CONFIG}/live/*.json"
process = "pid"
conversation = "talk"
status = "doing"
idle = ["resting"]

[[resources]]
name = "talks"
kind = "directory"
source = "${CONFIG}/talks"
target = "talks"
policy = "private"
presets = { shared = "shared-rw" }
"#;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn inspected(place: &Place, name: &str) -> Value {
    json(&place.good(&["inspect", name]))
}

/// Waits until the robot in a session has written its part; gives what it remembers.
fn remembered(place: &Place, name: &str) -> Vec<String> {
    until("the robot's answer", || place.good(&["logs", name]).contains("robot-ready"));
    let logs = place.good(&["logs", name]);
    let said = logs.lines().filter_map(|line| line.trim().strip_prefix("\"said\":"));
    said.map(|word| word.trim_matches('"').to_owned()).collect()
}

fn whole_life(place: &Place) {
    place.write("user/.config/sessctl/agents/robot.toml", ROBOT);
    let (one, two, three) = (&place.name("one"), &place.name("two"), &place.name("three"));
    place.good(&["start", one, "-d", "-a", "robot", "--prompt", "hello"]);
    assert_eq!(remembered(place, one), ["hello"]);

    let seen = inspected(place, one);
    let agent = &seen["agent"];
    assert_eq!(
        (&agent["message_count"], &agent["tool_call_count"]),
        (&2.into(), &1.into()),
        "{agent}"
    );
    assert_eq!((&agent["model"], &agent["state"]), (&"r2".into(), &"idle".into()), "{agent}");
    assert!(seen["usage"]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{seen}");
    let id = agent["conversation"].as_str().expect("it has one").to_owned();
    let transcript = agent["transcript"].as_str().expect("it has one").to_owned();
    let wide = place.good(&["list", "--wide"]);
    assert!(wide.contains("running, idle") && wide.contains("  r2  "), "{wide}");

    // S1.3: from a session that runs; the source stays as it is.
    let before = std::fs::read(&transcript).expect("it is there");
    place.good(&["start", two, "-d", "--resume-from", one, "--prompt", "again"]);
    assert_eq!(remembered(place, two), ["hello", "again"]);
    assert_eq!(std::fs::read(&transcript).expect("it is there"), before);
    assert_ne!(inspected(place, two)["agent"]["conversation"], id.as_str());

    // S4.17: the record has it when it has stopped; S4.T4: and the same is gone on with.
    place.good(&["stop", one]);
    let record = &inspected(place, one)["record"];
    assert_eq!((&record["message_count"], &record["model"]), (&2.into(), &"r2".into()), "{record}");
    place.good(&["start", one, "-d"]);
    until("its answer", || inspected(place, one)["agent"]["message_count"] == 3);
    assert_eq!(inspected(place, one)["agent"]["conversation"], id.as_str());
    place.good(&["stop", one]);

    // S1.2: out to the person's own agent; S1.1: and back in by its id.
    let exported = json(&place.good(&["conversations", "export", one, "--json"]));
    let file = exported["file"].as_str().expect("a path").to_owned();
    let theirs = place.path("user/.robot/talks").canonicalize().expect("it is there");
    assert!(
        file.contains("/.robot/talks/-") && file.ends_with(&format!("-project/{id}.jsonl")),
        "{file}"
    );
    assert_eq!(std::fs::read_dir(theirs).expect("it is there").count(), 1);
    std::fs::remove_file(transcript).expect("it is there");
    place.good(&["start", three, "-d", "--empty", "--resume-from", &id]);
    assert_eq!(remembered(place, three), ["hello"]);

    let listed = json(&place.good(&["conversations", "list", "--json"]));
    assert_eq!(listed.as_array().map(Vec::len), Some(3), "{listed:#}");
    let shown = place.good(&["conversations", "list"]);
    assert!(shown.contains("(yours)") && shown.contains(two.as_str()), "{shown}");
    let analytics = json(&place.good(&["stats", "--json"]));
    let total = &analytics["total"];
    assert_eq!((&total["sessions"], &total["running"]), (&3.into(), &2.into()), "{total}");
    assert_eq!(analytics["by_model"]["r2"]["sessions"], 2, "{analytics:#}");
    let shown = place.good(&["stats"]);
    assert!(shown.contains("2 of 3 running"), "{shown}");
    let error = place.bad(&["start", "four", "-d", "--resume-from", "nothing"], 66);
    assert!(error.contains("sessctl conversations list"), "{error}");
}

/// S1.1 to S1.3, S1.F4, S4.17, S4.T4 on the host.
#[test]
fn on_the_host() {
    whole_life(&Place::with_repository());
}

/// S1.15: with conversations shared, the second session is refused and told of the first one.
#[test]
fn one_is_open_once() {
    let place = Place::with_repository();
    let without = ROBOT.replace("fork = [\"fork\", \"${FROM}\", \"${CONVERSATION_ID}\"]\n", "");
    place.write("user/.config/sessctl/agents/robot.toml", &without);
    place.good(&["start", "one", "-d", "-a", "robot", "--preset", "shared", "--prompt", "hello"]);
    remembered(&place, "one");
    let second = ["start", "two", "-d", "--preset", "shared", "--resume-from", "one"];
    let error = place.bad(&second, 79);
    assert!(
        error.contains("open in session `one`") && error.contains("sessctl stop one"),
        "{error}"
    );
    place.good(&["stop", "one"]);
    place.good(&["start", "two", "-d"]);
    assert_eq!(remembered(&place, "two"), ["hello"]);
}

/// What an agent wrote reaches no terminal as it is.
/// An agent that does not know its conversation any more: said, with what to type, and then another one begins.
#[test]
fn one_that_is_refused_is_no_dead_end() {
    let place = Place::with_repository();
    let forgets =
        "if [ \"$mode\" = resume ]; then echo \"No conversation $1\"; exit 1; fi\nid=$1; shift";
    let robot = ROBOT.replacen("id=$1; shift", forgets, 1);
    assert_ne!(robot, ROBOT);
    place.write("user/.config/sessctl/agents/robot.toml", &robot);
    place.good(&["start", "one", "-d", "-a", "robot", "--prompt", "hello"]);
    assert_eq!(remembered(&place, "one"), ["hello"]);
    let first = inspected(&place, "one")["agent"]["conversation"].clone();
    assert!(
        place.bad(&["start", "one", "-d", "--new-conversation"], 79).contains("sessctl stop one")
    );
    place.good(&["stop", "one"]);

    let screen = Screen::sized(&place, &["attach", "one"], 24, 200);
    let shown = screen.wait_for("`sessctl start one --new-conversation` begins another");
    assert!(
        shown.contains("No conversation") && shown.contains("one ended with code 1"),
        "{shown}"
    );
    assert_eq!(screen.end(), 1);
    place.good(&["start", "one", "-d", "--new-conversation"]);
    until("the robot goes on", || inspected(&place, "one")["agent"]["state"] == "idle");
    let second = inspected(&place, "one")["agent"]["conversation"].clone();
    assert!(second.is_string() && second != first, "{first} {second}");
    let known = place.good(&["conversations", "list"]);
    for id in [&first, &second] {
        assert!(known.contains(id.as_str().expect("an id")), "{known}");
    }
}

#[test]
fn names_are_shown_plainly() {
    let place = Place::with_repository();
    let robot = ROBOT.replace("\"model\":\"r2\"", "\"model\":\"\\\\u001b[31mr2\"");
    place.write("user/.config/sessctl/agents/robot.toml", &robot);
    place.good(&["start", "one", "-d", "-a", "robot", "--prompt", "hello"]);
    remembered(&place, "one");
    for words in [&["list", "--wide"][..], &["stats"], &["conversations", "list"]] {
        let shown = place.good(words);
        assert!(!shown.contains("\u{1b}[31m"), "{shown:?}");
    }
    assert!(place.good(&["list", "--wide"]).contains("\\u{1b}[31mr2"));
}

on_each_engine! {
    /// S1.1 to S1.4, S1.10, S4.T4 in containers, between them and the host.
    fn in_containers(place: Place) {
        whole_life(&place);
    }
}
