//! Conversations that are directories, and agents that take a conversation in themselves: robots that are shell scripts.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::containers::on_each_engine;
use crate::place::{Place, finish, until};

/// Keeps each conversation in a directory, with a mark of the process that has it open, which it leaves behind.
const KEEPER: &str = r#"
title = "Keeper"
program = "sh"

[arguments]
always = ["-c", '''
id=$1; shift
here=$KEEPER_HOME/talks/$id
for mark in "$here"/busy.*; do [ ! -e "$mark" ] || { echo keeper-in-use; exit 9; }; done
mkdir -p "$here/notes"
for word; do printf '{"id":"%s","said":"%s"}\n' "$id" "$word" >> "$here/lines.jsonl"; done
echo kept > "$here/notes/one.txt"
ln -sf /etc/passwd "$here/link"
mkfifo "$here/pipe" 2>/dev/null
echo $$ > "$here/busy.$$"
trap 'exit 0' TERM HUP
grep -o '"said":"[^"]*"' "$here/lines.jsonl"
echo robot-ready
while :; do sleep 600 & wait $!; done
''', "keeper"]
new = ["${CONVERSATION_ID}"]
resume = ["${CONVERSATION_ID}"]
prompt = ["${PROMPT}"]

[environment.set]
KEEPER_HOME = "${STATE}"

[conversation]
id = "ours"
file = "talks/${CONVERSATION_ID}"
import = "talks/${CONVERSATION_ID}"
transcript = "lines.jsonl"
own_id = "id"
marks = ["busy.*"]

[facts]
messages = [{ where = { said = "*" } }]

[[resources]]
name = "talks"
kind = "directory"
source = "${HOME}/.keeper/talks"
target = "talks"
policy = "private"
"#;

/// Takes a conversation in by a command of its own, and writes down where it did.
const TAKER: &str = r#"
title = "Taker"
program = "sh"

[arguments]
always = ["-c", '''
id=$1; shift
mkdir -p "$TAKER_HOME/talks"
talk=$TAKER_HOME/talks/$id.jsonl
for word; do printf '{"said":"%s"}\n' "$word" >> "$talk"; done
grep -o '"said":"[^"]*"' "$talk"
echo robot-ready
trap 'exit 0' TERM HUP
while :; do sleep 600 & wait $!; done
''', "taker"]
new = ["${CONVERSATION_ID}"]
resume = ["${CONVERSATION_ID}"]
import = ["-c", '''
if [ -n "$TAKER_FAILS" ]; then printf '\033[1mno room\033[0m\n' >&2; exit 3; fi
mkdir -p "$TAKER_HOME/talks"
cp "$1" "$TAKER_HOME/talks/"
pwd >> "$TAKER_HOME/taken"
''', "taker", "${FROM}"]
prompt = ["${PROMPT}"]

[environment]
pass = ["TAKER_FAILS"]

[environment.set]
TAKER_HOME = "${STATE}"

[conversation]
id = "ours"
file = "talks/${CONVERSATION_ID}.jsonl"
"#;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn inspected(place: &Place, name: &str) -> Value {
    json(&place.good(&["inspect", name]))
}

/// Waits until the robot in a session is ready; gives what it remembers.
fn remembered(place: &Place, name: &str) -> Vec<String> {
    until("the robot's answer", || place.good(&["logs", name]).contains("robot-ready"));
    let logs = place.good(&["logs", name]);
    let said = logs.lines().filter_map(|line| line.trim().strip_prefix("\"said\":"));
    said.map(|word| word.trim_matches('"').to_owned()).collect()
}

/// Waits until a robot that was started again is ready. The log has both times.
fn until_it_is_there_again(place: &Place, name: &str) {
    let mut logs = String::new();
    until("its second answer", || {
        logs = place.good(&["logs", name]);
        logs.matches("robot-ready").count() == 2 || logs.contains("in-use")
    });
    assert_eq!(logs.matches("\"said\":\"hello\"").count(), 2, "{logs}");
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn a_directory_moves(place: &Place) {
    place.write("user/.config/sessctl/agents/keeper.toml", KEEPER);
    let [one, two, three] = &["one", "two", "three"].map(|name| place.name(name));
    place.good(&["start", one, "-d", "-a", "keeper", "--prompt", "hello"]);
    assert_eq!(remembered(place, one), ["hello"]);
    let agent = &inspected(place, one)["agent"];
    assert_eq!(agent["message_count"], 1, "{agent}");
    let id = agent["conversation"].as_str().expect("it has one").to_owned();
    let transcript = agent["transcript"].as_str().expect("it has one").to_owned();
    assert!(transcript.ends_with(&format!("{id}/lines.jsonl")), "{transcript}");
    let own = ["lines.jsonl", "notes"];

    // From one that runs: all of it but what is no file, and the mark of the process that has it open.
    place.good(&["start", two, "-d", "--resume-from", one, "--prompt", "again"]);
    assert_eq!(remembered(place, two), ["hello", "again"]);
    let copy = inspected(place, two)["agent"]["transcript"].as_str().expect("a path").to_owned();
    let copy = Path::new(&copy).parent().expect("a directory").to_owned();
    assert_eq!(std::fs::read_to_string(copy.join("notes/one.txt")).expect("it is there"), "kept\n");
    assert_eq!(std::fs::read_to_string(&transcript).expect("it is there").lines().count(), 1);
    // What a process that is gone left is in nobody's way.
    place.good(&["stop", "--time", "0", one]);
    place.good(&["start", one, "-d"]);
    until_it_is_there_again(place, one);
    place.good(&["stop", one]);

    // To the person's own; what went on there stays, and another one is not replaced.
    let exported = json(&place.good(&["conversations", "export", one, "--json"]));
    let theirs = place.path("user/.keeper/talks").join(&id);
    assert!(exported["file"].as_str().expect("a path").ends_with(&format!(".keeper/talks/{id}")));
    assert_eq!(names(&theirs), own);
    let lines = theirs.join("lines.jsonl");
    let text = std::fs::read_to_string(&lines).expect("it is there");
    let longer = format!("{text}{{\"id\":\"{id}\",\"said\":\"there\"}}\n");
    std::fs::write(&lines, &longer).expect("writable");
    place.good(&["conversations", "export", one]);
    assert_eq!(std::fs::read_to_string(&lines).expect("it is there"), longer);
    std::fs::write(&lines, "{}\n").expect("writable");
    let error = place.bad(&["conversations", "export", one], 73);
    assert!(error.contains("another conversation"), "{error}");
    assert_eq!(names(theirs.parent().expect("it has one")), [id.as_str()], "nothing half done");
    std::fs::write(&lines, &longer).expect("writable");
    let listed = json(&place.good(&["conversations", "list", "--json"]));
    let of: Vec<_> = listed.as_array().expect("a list").iter().map(|it| &it["session"]).collect();
    assert_eq!(of.len(), 3, "{listed:#}");
    assert!(of.contains(&&Value::Null), "{listed:#}");

    // To a path and from it, whatever it is called.
    let out = place.path("out");
    let words = out.to_str().expect("UTF-8");
    place.good(&["conversations", "export", one, "--to", words]);
    assert_eq!(names(&out), own);
    place.bad(&["conversations", "export", one, "--to", words], 73);
    let begin = ["start", three, "-d", "--empty", "-a", "keeper", "--resume-from", words];
    place.good(&begin);
    assert_eq!(remembered(place, three), ["hello"]);
    assert_eq!(inspected(place, three)["agent"]["conversation"], id.as_str());
    std::fs::write(out.join("lines.jsonl"), "{\"id\":\"../../x\"}\n").expect("writable");
    let error = place.bad(&["start", "four", "-d", "-a", "keeper", "--resume-from", words], 64);
    assert!(error.contains("no id of its own"), "{error}");
    let file = out.join("notes/one.txt");
    let file = file.to_str().expect("UTF-8");
    let error = place.bad(&["start", "four", "-d", "-a", "keeper", "--resume-from", file], 64);
    assert!(error.contains("is no directory"), "{error}");
}

fn an_agent_takes_it_in(place: &Place) {
    place.write("user/.config/sessctl/agents/taker.toml", TAKER);
    let (one, two) = (&place.name("one"), &place.name("two"));
    place.good(&["start", one, "-d", "-a", "taker", "--prompt", "hello"]);
    assert_eq!(remembered(place, one), ["hello"]);

    // A failure says what to do, and the session is there to be started again.
    let mut command = place.command(&["start", two, "-d", "--resume-from", one]);
    let failed = finish(command.env("TAKER_FAILS", "1").stdin(Stdio::null()).output());
    assert_eq!(failed.code, 79, "{failed:#?}");
    for part in ["`no room`", "code 3", &format!("sessctl start {two}")] {
        assert!(failed.err.contains(part), "no {part} in {failed:#?}");
    }
    assert_eq!(place.session(two)["status"], "stopped");
    place.good(&["start", two, "-d"]);
    assert_eq!(remembered(place, two), ["hello"]);

    // In the session's own directory, and once.
    let taken = || {
        let document = inspected(place, two);
        let state = document["record"]["spec"]["agent_plan"]["state"]["host"].as_str();
        let file = Path::new(state.expect("a path")).join("taken");
        std::fs::read_to_string(file).expect("it took it in")
    };
    let where_it_is = inspected(place, two)["record"]["spec"]["agent_plan"]["workspace"].clone();
    assert_eq!(taken().lines().collect::<Vec<_>>(), [where_it_is.as_str().expect("a path")]);
    place.good(&["stop", two]);
    place.good(&["start", two, "-d"]);
    until_it_is_there_again(place, two);
    assert_eq!(taken().lines().count(), 1);
}

/// S1.1 to S1.3 on the host, of conversations that are directories.
#[test]
fn directories_on_the_host() {
    a_directory_moves(&Place::with_repository());
}

/// S1.1, S1.3 on the host, of agents that take a conversation in by a command.
#[test]
fn taken_in_on_the_host() {
    an_agent_takes_it_in(&Place::with_repository());
}

on_each_engine! {
    /// S1.1 to S1.3 in containers, of conversations that are directories.
    fn directories_in_containers(place: Place) {
        a_directory_moves(&place);
    }

    /// S1.1, S1.3 in containers, of agents that take a conversation in by a command: in one that does not run yet.
    fn taken_in_in_containers(place: Place) {
        an_agent_takes_it_in(&place);
    }
}
