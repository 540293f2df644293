//! Transcripts of real agents, damaged ones, and any bytes at all.

use std::io::Write as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use proptest::prelude::*;

use super::kept::Kept;
use super::lines::{LONGEST_LINE, Reader, Tally};
use super::{Budget, Heads, database};
use crate::facts::AgentState;
use crate::profile::{Database, DatabaseFacts, Facts, Profile, Profiles};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/transcripts");

fn budget() -> Budget {
    Budget::of(Duration::from_secs(600))
}

fn shipped(name: &str) -> Profile {
    Profiles::shipped().find(name).expect("it is shipped").clone()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FIXTURES}/{name}")).expect("it is there")
}

fn read(facts: &Facts, bytes: &[u8]) -> Tally {
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    file.write_all(bytes).expect("it is writable");
    let mut tally = Tally::default();
    assert!(Reader::new(facts).read(&mut file, &mut tally, &budget()), "its end is reached");
    tally
}

/// S4.17: what two versions of one agent wrote is counted alike.
#[test]
fn transcripts_of_two_versions() {
    let facts = shipped("claude").facts;
    for (version, model) in [("2.1.197", "claude-opus-4-8"), ("2.1.329", "claude-opus-5-5")] {
        let tally = read(&facts, &fixture(&format!("claude-{version}.jsonl")));
        assert_eq!(tally.messages, 7, "{version}: three prompts, four answers");
        assert_eq!(tally.tool_calls, 1, "{version}");
        assert_eq!(tally.model.as_deref(), Some(model));
        let moment = crate::Timestamp::from_milliseconds(tally.activity.expect("there is one"));
        assert!(moment.to_string().starts_with("2026-11-21T18:06:"), "{version}: {moment}");
    }
}

/// What an agent's own commands (`/context`, `/model`, `/clear`) and shell lines leave is no message; a command that is a prompt of the person's
/// is one.
#[test]
fn commands_are_no_messages() {
    let facts = shipped("claude").facts;
    for version in ["2.1.197", "2.1.329"] {
        let tally = read(&facts, &fixture(&format!("claude-{version}-commands.jsonl")));
        assert_eq!(tally.messages, 8, "{version}: four prompts, four answers");
    }
}

#[test]
fn a_rollout() {
    let tally = read(&shipped("codex").facts, &fixture("codex-0.169.0.jsonl"));
    assert_eq!((tally.messages, tally.tool_calls), (6, 1));
    assert_eq!(tally.model.as_deref(), Some("mock-model"));
    assert_eq!(tally.state, Some(AgentState::Idle));
}

#[test]
fn a_chat() {
    let profile = shipped("gemini");
    let bytes = fixture("gemini-0.61.0.jsonl");
    let tally = read(&profile.facts, &bytes);
    assert_eq!((tally.messages, tally.tool_calls), (3, 1), "a prompt, a call, an answer");
    assert_eq!(tally.model.as_deref(), Some("gemini-2.5-flash"));
    let moment = crate::Timestamp::from_milliseconds(tally.activity.expect("there is one"));
    assert_eq!(moment.to_string(), "2026-11-29T13:43:03.194Z");
    // The file is there before anybody has said anything, and has only the beginning of the id in its name.
    let id = |bytes: &[u8]| head(&profile, bytes);
    assert_eq!(id(&bytes).as_deref(), Some("3dd92265-189d-4c50-b86e-dee018b531ae"));
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(id(&lines[..2].concat()), None);
    assert!(id(&lines[..3].concat()).is_some());
}

fn head(profile: &Profile, bytes: &[u8]) -> Option<String> {
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    file.write_all(bytes).expect("it is writable");
    std::io::Seek::rewind(&mut file).expect("a file");
    Heads::of(&profile.conversation).expect("it looks into files").id(file, "named")
}

/// Half a line, one that is too long or no JSON, an id that looks like an option, and what comes late: no conversation, and
/// what is good behind bad lines still is one.
#[test]
fn heads_of_damaged_files() {
    let text = "title = \"x\"\n[conversation]\nid = \"agent\"\nfile = \"*\"\ninside = \"a.id\"\nbegun = [{ where = { said = \"*\" } }]\n";
    let profile = Profile::from_toml("robot", text, "robot.toml").expect("it is valid");
    let said = "{\"said\":1}\n";
    let id = "{\"a\":{\"id\":\"one\"}}\n";
    let long = format!("{}\n", "x".repeat(LONGEST_LINE + 7));
    let cases = [
        (format!("{id}{said}"), Some("one")),
        (format!("{said}{id}"), Some("one")),
        (format!("[\n\n{long}{said}{id}"), Some("one")),
        (id.to_owned(), None),
        (said.to_owned(), None),
        (format!("{id}{}", said.trim_end()), None),
        (format!("{{\"a\":{{\"id\":\"--option\"}}}}\n{said}"), None),
        (format!("{id}{}{said}", "\n".repeat(1000)), None),
        (String::new(), None),
    ];
    for (text, expected) in cases {
        let shown: String = text.chars().take(60).collect();
        assert_eq!(head(&profile, text.as_bytes()).as_deref(), expected, "{shown}");
    }
}

#[test]
fn events() {
    let tally = read(&shipped("copilot").facts, &fixture("copilot-1.0.102.jsonl"));
    assert_eq!((tally.messages, tally.tool_calls), (5, 1), "two prompts, three answers");
    assert_eq!(tally.model.as_deref(), Some("mock-model"));
    assert_eq!(tally.state, Some(AgentState::Idle));
    assert!(tally.activity.is_some());
}

fn small() -> Facts {
    let text = r#"
        title = "Robot"
        [facts]
        model = [{ where = { t = "a" }, value = "m" }]
        messages = [{ where = { t = "a" }, unless = { hidden = "true" }, once_per = "id" }, { where = { t = "u" } }]
        tool_calls = [{ where = { t = "a", "c[].k" = "tool" } }]
        activity = [{ value = "at" }]
        busy = [{ where = { t = "u" } }]
        idle = [{ where = { t = "end" } }]
    "#;
    Profile::from_toml("robot", text, "robot.toml").expect("it is valid").facts
}

#[test]
fn lines_are_counted_by_their_selectors() {
    let text = concat!(
        "{\"t\":\"u\",\"at\":\"2026-01-01T00:00:00Z\"}\n",
        "{\"t\":\"a\",\"id\":1,\"m\":\"one\",\"c\":[{\"k\":\"tool\"},{\"k\":\"text\"},{\"k\":\"tool\"}]}\n",
        "{\"t\":\"a\",\"id\":1,\"m\":\"two\",\"at\":5}\n",
        "{\"t\":\"a\",\"id\":2,\"hidden\":true}\n",
        "[1]\nnull\n\"u\"\n{\n\n\u{0}\n{\"t\":[\"u\"]}\n",
    );
    let tally = read(&small(), text.as_bytes());
    assert_eq!((tally.messages, tally.tool_calls), (2, 2));
    assert_eq!(tally.model.as_deref(), Some("two"));
    assert_eq!(tally.activity, Some(1_767_225_600_000), "the latest, not the last");
    assert_eq!(tally.state, Some(AgentState::Busy));
    assert_eq!(tally.offset, text.len() as u64);
}

/// A line that is cut in the middle counts when it is whole; one that is too long, too deep or no text never does,
/// and takes no other one with it.
#[test]
fn damaged_lines_are_passed_over() {
    let good = b"{\"t\":\"u\"}\n";
    let cut = [&good[..], b"{\"t\":\"u\""].concat();
    let tally = read(&small(), &cut);
    assert_eq!((tally.messages, tally.offset), (1, good.len() as u64));

    let long = [&b"{\"t\":\"u\",\"x\":\""[..], &vec![b'x'; LONGEST_LINE], b"\"}\n"].concat();
    let deep = [&b"{\"t\":\"u\",\"x\":"[..], &vec![b'['; 500_000], b"\n"].concat();
    let binary = b"{\"t\":\"u\",\"x\":\"\xff\xfe\"}\n".to_vec();
    let exact = [&b"{\"t\":\"u\",\"x\":\""[..], &vec![b'x'; LONGEST_LINE - 17], b"\"}\n"].concat();
    assert_eq!(exact.len(), LONGEST_LINE);
    for bad in [&long, &deep, &binary] {
        let tally = read(&small(), &[&good[..], bad, good].concat());
        assert_eq!(tally.messages, 2, "{:?}…", &bad[..20]);
    }
    assert_eq!(read(&small(), &exact).messages, 1);
    let endless = [&good[..], &vec![b'x'; LONGEST_LINE * 3]].concat();
    assert_eq!(read(&small(), &endless).messages, 1);
}

/// No time is left: what there is so far, and it is told of as not all.
#[test]
fn a_spent_budget_reads_nothing() {
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    file.write_all(b"{\"t\":\"u\"}\n").expect("it is writable");
    let mut tally = Tally::default();
    assert!(!Reader::new(&small()).read(&mut file, &mut tally, &Budget::of(Duration::ZERO)));
    assert_eq!(tally, Tally::default());
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory can be made"))
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).expect("temporary paths are UTF-8")
    }
}

/// A list of many sessions reads what is new only, and what was written anew is read anew.
#[test]
fn counts_are_gone_on_with() {
    let place = Place::new();
    let facts = small();
    let reader = Reader::new(&facts);
    let path = place.path().join("talk.jsonl");
    let count = |budget: &Budget| {
        let mut kept = Kept::load(place.path(), &facts);
        let mut file = std::fs::File::open(&path).expect("it is there");
        let (tally, whole) = kept.tally(&mut file, "talk.jsonl", &reader, budget);
        kept.save(place.path());
        (tally.messages, whole)
    };
    let append = |text: &str| {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("it is writable");
    };
    append("{\"t\":\"u\"}\n{\"t\":");
    assert_eq!(count(&budget()), (1, true));
    let spent = Budget::of(Duration::ZERO);
    assert_eq!(count(&spent), (1, true), "nothing has changed, so nothing is read");
    append("\"u\"}\n");
    assert_eq!(count(&spent), (1, false));
    assert_eq!(count(&budget()), (2, true));
    // The same length, and something else.
    std::fs::write(&path, "{\"t\":\"v\"}\n{\"t\":\"u\"}\n").expect("it is writable");
    assert_eq!(count(&budget()).0, 1);
    // What was kept is no document of ours.
    std::fs::write(place.path().join("facts.json"), "[[[").expect("it is writable");
    assert_eq!(count(&budget()), (1, true));
    assert!(std::fs::metadata(place.path().join("facts.json")).is_ok_and(|found| found.len() > 10));
}

fn database() -> (Database, DatabaseFacts) {
    let profile = shipped("opencode");
    let facts = profile.facts.database.expect("it has them");
    (profile.conversation.database.expect("it has one"), facts)
}

fn talks(place: &Place) -> Utf8PathBuf {
    std::fs::create_dir_all(place.path().join("state/data/opencode")).expect("writable");
    place.path().join("state/data/opencode/opencode.db")
}

/// S4.17: conversations in a database; also while its agent writes it, and what it has not moved out of its log yet.
#[test]
fn a_database_tells() {
    let place = Place::new();
    let (database, facts) = database();
    let writer = rusqlite::Connection::open(talks(&place)).expect("it can be made");
    writer.pragma_update(None, "journal_mode", "wal").expect("it can have a log");
    let text = String::from_utf8(fixture("opencode-1.18.33.sql")).expect("text");
    writer.execute_batch(&text).expect("it is SQL");
    let state = place.path().join("state");
    let copied = database::Place { directory: &state, file: &database.file, scratch: place.path() };
    let ask = || database::ask(&copied, &database, Some(&facts), &budget());
    let answers = ask().expect("it can be read");
    assert_eq!((answers.messages, answers.tool_calls), (Some(5), Some(1)));
    assert_eq!(answers.model.as_deref(), Some("mock-model"));
    assert_eq!(answers.conversations.len(), 1);
    assert_eq!(answers.activity, Some(1_795_284_463_516), "{answers:?}");
    assert_eq!(answers.state, Some(AgentState::Idle));
    // Locked by its agent, which is not disturbed.
    writer.execute_batch("BEGIN EXCLUSIVE; DELETE FROM part").expect("it is ours");
    assert_eq!(ask().expect("it can be read").tool_calls, Some(1));
    writer.execute_batch("COMMIT").expect("nobody holds it");
    assert_eq!(ask().expect("it can be read").tool_calls, Some(0));
    let left: Vec<_> =
        state.parent().expect("it has one").read_dir_utf8().expect("it is there").collect();
    assert_eq!(left.len(), 1, "no copy is left");
}

/// The document that the shipped profile makes of a conversation is the one that its agent makes.
#[test]
fn a_document_is_as_its_agent_makes_it() {
    let place = Place::new();
    let (database, _) = database();
    let writer = rusqlite::Connection::open(talks(&place)).expect("it can be made");
    let text = String::from_utf8(fixture("opencode-1.18.33-talk.sql")).expect("text");
    writer.execute_batch(&text).expect("it is SQL");
    let state = place.path().join("state");
    let copied = database::Place { directory: &state, file: &database.file, scratch: place.path() };
    let copy = database::Copy::make(&copied, &budget()).expect("it can be read");
    let id = "ses_dd89590faffexlLb7abJWrYYQF";
    let query = database.document.as_ref().expect("it has one");
    let made = copy.document(query, id).expect("it can be asked").expect("it is there");
    let mut made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    let mut exported: serde_json::Value =
        serde_json::from_slice(&fixture("opencode-1.18.33-talk.json")).expect("JSON");
    // A number is 0 in one and 0.0 in the other.
    for document in [&mut made, &mut exported] {
        assert_eq!(document["info"]["cost"].take().as_f64(), Some(0.0));
    }
    assert_eq!(made, exported);
    let messages = copy.messages(database.messages.as_ref().expect("it has one"), id);
    let expected = ["msg_2276a6f7a001zCrOXgK1untyEt", "msg_2276a7ae3001Djkw83TDO8ySNG"];
    assert_eq!(messages.expect("it can be asked"), expected);
    assert!(copy.document(query, "nobody").expect("it can be asked").is_none());
    // A text that is no JSON fails the query, not the process.
    writer.execute("UPDATE part SET data = '{'", []).expect("writable");
    let copy = database::Copy::make(&copied, &budget()).expect("it can be read");
    assert!(copy.document(query, id).is_err());
}

/// No database, a link to another one, a query that takes for ever: no facts, and no harm.
#[test]
fn a_hostile_database_tells_nothing() {
    let place = Place::new();
    let (mut database, facts) = database();
    let path = talks(&place);
    let state = place.path().join("state");
    let ask = |database: &Database, budget: &Budget| {
        let copied =
            database::Place { directory: &state, file: &database.file, scratch: place.path() };
        database::ask(&copied, database, Some(&facts), budget)
    };
    assert_eq!(ask(&database, &budget()), None);
    std::fs::write(&path, b"SQLite format 3\0 and nothing else").expect("writable");
    let answers = ask(&database, &budget()).unwrap_or_default();
    assert_eq!((answers.messages, answers.conversations.len()), (None, 0));

    let other = place.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).expect("it can be made");
    connection
        .execute_batch(
            "CREATE TABLE session(id, time_updated, parent_id); INSERT INTO session VALUES('secret', 1, NULL), ('--option', 2, NULL);
             CREATE TABLE message(data); CREATE VIEW part AS SELECT 1 AS data",
        )
        .expect("it is SQL");
    drop(connection);
    std::fs::remove_file(&path).expect("it is there");
    std::os::unix::fs::symlink(&other, &path).expect("writable");
    assert_eq!(ask(&database, &budget()), None, "a link is not followed");
    std::fs::remove_file(&path).expect("it is there");
    std::fs::copy(&other, &path).expect("writable");
    let answers = ask(&database, &budget()).expect("it can be read");
    assert_eq!(answers.conversations, [("secret".to_owned(), 1)], "no option is an id");
    assert_eq!(answers.tool_calls, None, "a view is not run");

    database.conversations = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i FROM n WHERE i < 0".to_owned();
    let short = Budget::of(Duration::from_millis(50));
    assert_eq!(ask(&database, &short).map(|answers| answers.conversations), Some(Vec::new()));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path().join("pipe").as_std_path(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a pipe can be made");
    std::fs::rename(place.path().join("pipe"), &path).expect("writable");
    assert_eq!(ask(&database, &budget()), None, "a pipe is not waited for");
}

/// What stands in lines of the agents, and some of what does not.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"{\"t\":\"u\",\"at\":\"2026-01-01T00:00:00Z\"}".to_vec()),
        (0..5_u8).prop_map(|id| format!(
            "{{\"t\":\"a\",\"id\":{id},\"m\":\"m{id}\",\"c\":[{{\"k\":\"tool\"}}]}}"
        )
        .into_bytes()),
        Just(b"{\"t\":\"end\"}".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        "\\PC{0,30}".prop_map(String::into_bytes),
    ]
}

proptest! {
    /// Any bytes: nothing fails, and what was read once is not counted less later, in however many steps.
    #[test]
    fn prefixes_never_count_more(lines in proptest::collection::vec(line(), 0..30), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let whole = lines.join(&b'\n');
        let facts = small();
        let all = read(&facts, &whole);
        for cut in &cuts {
            let prefix = read(&facts, &whole[..cut.index(whole.len() + 1)]);
            prop_assert!(prefix.messages <= all.messages && prefix.tool_calls <= all.tool_calls);
            prop_assert!(prefix.activity <= all.activity && prefix.offset <= all.offset);
        }
        // The same by steps.
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        ends.sort_unstable();
        ends.push(whole.len());
        let mut file = tempfile::tempfile().expect("a temporary file can be made");
        let (mut tally, mut written) = (Tally::default(), 0);
        for end in ends {
            use std::io::Seek as _;
            file.seek(std::io::SeekFrom::End(0)).expect("a file");
            file.write_all(&whole[written..end]).expect("it is writable");
            written = end;
            prop_assert!(Reader::new(&facts).read(&mut file, &mut tally, &budget()));
            let json = serde_json::to_vec(&tally).expect("plain data");
            tally = serde_json::from_slice(&json).expect("it was written by us");
        }
        prop_assert_eq!(tally, all);
    }

    #[test]
    fn any_head_is_read_or_none(lines in proptest::collection::vec(line(), 0..30)) {
        let mut profile = shipped("gemini");
        profile.conversation.inside = Some("m".to_owned());
        if let Some(id) = head(&profile, &lines.join(&b'\n')) {
            prop_assert!(crate::agent::pattern::is_id(&id));
        }
    }

    /// S4.17: the same with a real transcript that is cut anywhere, and with bytes of it changed.
    #[test]
    fn a_damaged_transcript_never_fails(cut in any::<prop::sample::Index>(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20)) {
        let facts = shipped("claude").facts;
        let mut bytes = fixture("claude-2.1.329.jsonl");
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(read(&facts, &bytes).messages <= 7);
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        read(&facts, &bytes);
    }
}
