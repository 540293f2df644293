//! G13b, G14, G14b, G14c, G15: the registry against JSON files, jq and SQLite by hand.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use session_core::{
    Filter, ListItem, ProjectPlan, Registry as _, ResolvedSpec, SessionId, SessionList,
    SessionRecord, SqliteRegistry, Status, Strategy, Timestamp,
};

use crate::pairs::{Goals, pair, timed};

const MANY: usize = 100_000;
const FEW: usize = 200;
const PROCESSES: usize = 8;
const UPDATES: usize = 200;
/// Rows that the updates fall on, so that processes meet.
const TARGETS: usize = 100;
const WORKER: &str = "GOALS_REGISTRY_WORKER";

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if !goals.wants(&["G13b", "G14", "G14b", "G14c", "G15"]) {
        return;
    }
    let place = Utf8PathBuf::try_from(goals.place().join("registry")).expect("GOALS_DIR is UTF-8");
    fs::create_dir_all(&place).expect("the place is ours");
    if goals.wants(&["G13b"]) {
        list_few(goals, &place);
    }
    if !goals.wants(&["G14", "G14b", "G14c", "G15"]) {
        return;
    }
    let database = place.join("many.db");
    fill(&database, MANY);
    let file = place.join("many.json");
    one_file(&file);
    lookup(goals, &database, &file);
    filtered(goals, &database, &place);
    print_all(goals, &database, &file);
    updates(goals, &database, &place);
}

/// Does the part of a worker process, if this is one.
pub(crate) fn work_if_asked() -> bool {
    let Ok(task) = std::env::var(WORKER) else { return false };
    let (task, path) = task.split_once(':').expect("we made it so");
    match task {
        "print" => print(Utf8Path::new(path)),
        "raw" => update_raw(Path::new(path)),
        "ours" => update_ours(Utf8Path::new(path)),
        other => panic!("no task {other}"),
    }
    true
}

fn lookup(goals: &mut Goals, database: &Utf8Path, file: &Utf8Path) {
    if !goals.wants(&["G14"]) {
        return;
    }
    let name = format!("session-{}", MANY / 2);
    let theirs = || {
        timed(|| {
            let bytes = fs::read(file).expect("made above");
            let all: Vec<Metadata> = serde_json::from_slice(&bytes).expect("made above");
            all.into_iter().find(|session| session.session_name == name).expect("it is there")
        })
    };
    let ours = || {
        timed(|| {
            let registry = SqliteRegistry::open(database).expect("made above");
            wait(registry.find(&name.parse().expect("a name"))).expect("it is there")
        })
    };
    let title = "G14 lookup in 100k, against a serde load of one file";
    goals.add(&pair(title, 0.02, 9, theirs, ours));
}

fn filtered(goals: &mut Goals, database: &Utf8Path, place: &Utf8Path) {
    if !goals.wants(&["G14b"]) {
        return;
    }
    let directory = place.join("files");
    for n in 0..MANY {
        let session = directory.join(n.to_string());
        fs::create_dir_all(&session).expect("the place is ours");
        let json = serde_json::to_vec(&Metadata::number(n)).expect("plain data");
        fs::write(session.join("metadata.json"), json).expect("there is room");
    }
    let wanted = source(7);
    let theirs = || {
        timed(|| {
            let entries: Vec<_> = fs::read_dir(&directory).expect("made above").flatten().collect();
            let count = |part: &[fs::DirEntry]| {
                let read = |entry: &fs::DirEntry| fs::read(entry.path().join("metadata.json")).ok();
                let parse = |bytes: Vec<u8>| serde_json::from_slice::<Metadata>(&bytes).ok();
                let found = part.iter().filter_map(read).filter_map(parse);
                found.filter(|session| session.working_directory == wanted).count()
            };
            let (left, right) = entries.split_at(entries.len() / 2);
            thread::scope(|scope| {
                let other = scope.spawn(|| count(left));
                assert_eq!(count(right) + other.join().expect("no panic"), MANY / 1000);
            });
        })
    };
    let mut filter = Filter::default();
    filter.source = Some(wanted.clone().into());
    let ours = || {
        timed(|| {
            let registry = SqliteRegistry::open(database).expect("made above");
            assert_eq!(wait(registry.list(&filter)).expect("it lists").len(), MANY / 1000);
        })
    };
    let title = "G14b filtered list in 100k, against 100k files x2";
    goals.add(&pair(title, 0.01, 5, theirs, ours));
}

fn print_all(goals: &mut Goals, database: &Utf8Path, file: &Utf8Path) {
    if !goals.wants(&["G14c"]) {
        return;
    }
    let theirs = || timed(|| finish(quiet(Command::new("jq").arg(".").arg(file))));
    let ours = || timed(|| finish(quiet(&mut worker("print", database))));
    goals.add(&pair("G14c print 100k as JSON, against jq of 32 MB", 0.40, 5, theirs, ours));
}

fn updates(goals: &mut Goals, database: &Utf8Path, place: &Utf8Path) {
    if !goals.wants(&["G15"]) {
        return;
    }
    let raw = place.join("raw.db");
    fill_raw(raw.as_std_path());
    let together = |task: &str, path: &Utf8Path| {
        timed(|| {
            let start = |_| worker(task, path).stdout(Stdio::null()).spawn().expect("we run");
            let workers: Vec<_> = (0..PROCESSES).map(start).collect();
            for mut worker in workers {
                assert!(worker.wait().expect("it is ours").success());
            }
        })
    };
    let mut done = 0;
    let ours = || {
        let taken = together("ours", database);
        done += (PROCESSES * UPDATES) as u64;
        let registry = SqliteRegistry::open(database).expect("made above");
        let count = |n| {
            let name = format!("session-{n}").parse().expect("a name");
            wait(registry.find(&name)).expect("it is there").record.message_count.unwrap_or(0)
        };
        assert_eq!((0..TARGETS).map(count).sum::<u64>(), done, "no update is lost");
        taken
    };
    let title = "G15 8 processes x 200 updates, against raw SQLite";
    goals.add(&pair(title, 2.0, 7, || together("raw", &raw), ours));
}

fn list_few(goals: &mut Goals, place: &Utf8Path) {
    let database = place.join("few.db");
    fill(&database, FEW);
    let directory = place.join("few");
    for n in 0..FEW {
        let session = directory.join(n.to_string());
        fs::create_dir_all(&session).expect("the place is ours");
        let json = serde_json::to_vec(&Metadata::number(n)).expect("plain data");
        fs::write(session.join("metadata.json"), json).expect("there is room");
    }
    let script = format!("for d in {directory}/*; do jq -c . $d/metadata.json; done");
    let theirs = || timed(|| finish(quiet(Command::new("sh").arg("-c").arg(&script))));
    let ours = || timed(|| finish(quiet(&mut worker("print", &database))));
    goals.add(&pair("G13b list 200, against jq for each", 0.002, 5, theirs, ours));
}

/// What the comparable tool keeps of a session, some 330 bytes of JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    session_id: String,
    session_name: String,
    user_id: String,
    ssh_client: String,
    working_directory: String,
    start_time: String,
    end_time: Option<String>,
    status: String,
    model: String,
    last_activity: String,
    message_count: u64,
    tool_call_count: u64,
    mcp_servers: Vec<String>,
}

impl Metadata {
    fn number(n: usize) -> Self {
        Self {
            session_id: SessionId::new().to_string(),
            session_name: format!("session-{n}"),
            user_id: "me".to_owned(),
            ssh_client: "10.0.0.1".to_owned(),
            working_directory: source(n),
            start_time: moment(n).to_string(),
            end_time: None,
            status: "active".to_owned(),
            model: "model".to_owned(),
            last_activity: moment(n).to_string(),
            message_count: 0,
            tool_call_count: 0,
            mcp_servers: Vec::new(),
        }
    }
}

fn source(n: usize) -> String {
    format!("/home/me/projects/project-{}", n % 1000)
}

fn moment(n: usize) -> Timestamp {
    Timestamp::from_milliseconds(1_700_000_000_000 + n as i64 * 1000)
}

fn one_file(path: &Utf8Path) {
    let all: Vec<_> = (0..MANY).map(Metadata::number).collect();
    fs::write(path, serde_json::to_vec(&all).expect("plain data")).expect("there is room");
}

fn record(n: usize) -> SessionRecord {
    let id = SessionId::new();
    let name = format!("session-{n}").parse().expect("a name");
    let directory = format!("/home/me/.local/share/sessctl/sessions/{id}");
    let command = vec!["claude".to_owned()];
    let mut spec = ResolvedSpec::new(name, "local", command, directory);
    let plan = ProjectPlan::new("project", source(n), Strategy::Branch);
    spec.projects.push(plan.with_branch(format!("session/session-{n}")));
    SessionRecord::new(id, spec, "me", moment(n))
}

fn fill(path: &Utf8Path, count: usize) {
    let registry = SqliteRegistry::open(path).expect("the place is ours");
    let left = wait(registry.adopt((0..count).map(|n| Ok(record(n))).collect()));
    assert!(left.expect("there is room").is_empty());
}

fn raw(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("the place is ours");
    connection.busy_timeout(Duration::from_secs(10)).expect("no limit");
    connection.pragma_update(None, "journal_mode", "WAL").expect("it has WAL");
    connection.pragma_update(None, "synchronous", "NORMAL").expect("it has that");
    connection
}

fn fill_raw(path: &Path) {
    let mut connection = raw(path);
    let table = "CREATE TABLE sessions (name TEXT PRIMARY KEY, messages INTEGER, json TEXT)";
    let transaction = connection.transaction().expect("nobody else is there");
    transaction.execute(table, []).expect("it is new");
    for n in 0..MANY {
        let json = serde_json::to_string(&Metadata::number(n)).expect("plain data");
        transaction
            .prepare_cached("INSERT INTO sessions VALUES (?1, 0, ?2)")
            .and_then(|mut insert| insert.execute((format!("session-{n}"), json)))
            .expect("there is room");
    }
    transaction.commit().expect("there is room");
}

fn update_raw(path: &Path) {
    let connection = raw(path);
    let json = serde_json::to_string(&Metadata::number(0)).expect("plain data");
    let update = "UPDATE sessions SET messages = messages + 1, json = ?2 WHERE name = ?1";
    let mut update = connection.prepare(update).expect("the table is there");
    for target in targets() {
        update.execute((format!("session-{target}"), &json)).expect("it waits for the others");
    }
}

fn update_ours(path: &Utf8Path) {
    let registry = SqliteRegistry::open(path).expect("made above");
    let runtime = runtime();
    for target in targets() {
        let name = format!("session-{target}").parse().expect("a name");
        loop {
            let mut entry = runtime.block_on(registry.find(&name)).expect("it is there");
            entry.record.message_count = Some(entry.record.message_count.unwrap_or(0) + 1);
            match runtime.block_on(registry.update(&entry.record, entry.revision)) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), session_core::ErrorKind::Busy, "{error}"),
            }
        }
    }
}

/// The rows that one process updates, in an order of its own.
fn targets() -> impl Iterator<Item = usize> {
    let start = std::process::id() as usize;
    (0..UPDATES).map(move |n| (start * 31 + n * 37) % TARGETS)
}

fn print(path: &Utf8Path) {
    let registry = SqliteRegistry::open(path).expect("made above");
    let entries = wait(registry.list(&Filter::default())).expect("it lists");
    let status = Ok(Status::Stopped { exit: None });
    let item = |entry: session_core::Entry| ListItem::new(&entry.record, &status);
    let items = entries.into_iter().flatten().map(item).collect();
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    serde_json::to_writer(&mut output, &SessionList::new(items, Vec::new())).expect("it is read");
    output.flush().expect("it is read");
}

fn worker(task: &str, path: &Utf8Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("we run"));
    command.env(WORKER, format!("{task}:{path}"));
    command
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::null())
}

fn finish(command: &mut Command) {
    assert!(command.status().expect("is installed").success());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("no limit is reached")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}
