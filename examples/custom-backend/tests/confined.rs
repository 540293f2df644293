//! What this backend adds to running programs by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use custom_backend::BwrapBackend;
use session_core::{
    Backend, ExecRequest, Exit, Launch, Layout, ProcessControl, ResolvedSpec, Session, SessionId,
    Signal,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bounds every wait; nothing here takes that long.
const BOUND: Duration = Duration::from_secs(30);

type Failed = Box<dyn std::error::Error>;

/// Issue 2, section 7: the example is run, not only built.
#[tokio::test]
async fn programs_are_confined() -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let (backend, session, own) = session(place.path()).await?;

    run(&*session, "echo kept > here").await?;
    assert_eq!(std::fs::read_to_string(own.join("here"))?, "kept\n");
    let beside = own.with_file_name("beside");
    run(&*session, &format!("mkdir -p {beside}; echo lost > {beside}/file")).await?;
    assert!(!beside.exists(), "the host's `/tmp` was written to");
    let refused = run(&*session, "echo lost > /usr/sessctl-test || echo no").await?;
    assert_eq!(refused, "no\n", "the host's `/usr` was written to");
    let seen: usize = run(&*session, "ls /proc | grep -c '^[0-9]'").await?.trim().parse()?;
    assert!(seen < 10, "{seen} processes are seen inside");

    backend.destroy(session.id()).await?;
    Ok(())
}

/// `bwrap` stays above the program and has its terminal: what is typed must not end it.
#[tokio::test]
async fn the_program_hears_of_keys_and_signals() -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let (backend, session, _) = session(place.path()).await?;
    let script = "trap 'echo caught' INT; trap 'exit 4' TERM; echo up; while :; do read x; done";
    for by_key in [true, false] {
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        let mut main = session.start(&Launch::new(words).with_environment(path())).await?;
        let mut seen = Vec::new();
        until(&mut main.output, &mut seen, "up").await?;
        match by_key {
            true => main.input.write_all(b"\x03").await?,
            false => main.control.signal(Signal::INTERRUPT).await?,
        }
        until(&mut main.output, &mut seen, "caught").await?;
        main.control.signal(Signal::TERMINATE).await?;
        assert_eq!(ended(&main.control).await?.code, 4);
    }
    backend.destroy(session.id()).await?;
    Ok(())
}

async fn session(
    place: &std::path::Path,
) -> Result<(BwrapBackend, Arc<dyn Session>, Utf8PathBuf), Failed> {
    let place = place.canonicalize()?;
    let place = Utf8Path::from_path(&place).ok_or("the temporary directory is not UTF-8")?;
    let own = place.join("own");
    std::fs::create_dir(&own)?;
    let backend = BwrapBackend::new(&Layout::new(place.join("home")));
    let report = backend.probe().await?;
    assert!(report.is_usable(), "{report:?}");
    let command = vec!["sh".to_owned()];
    let mut spec = ResolvedSpec::new("example".parse()?, backend.kind(), command, place);
    spec.working_directory.clone_from(&own);
    let session = backend.create(&SessionId::new(), &spec).await?;
    Ok((backend, session, own))
}

fn path() -> BTreeMap<String, String> {
    BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
}

async fn run(session: &dyn Session, script: &str) -> Result<String, Failed> {
    let words = ["sh", "-c", script].map(str::to_owned).to_vec();
    let mut process = session.exec(ExecRequest::new(words).with_environment(path())).await?;
    let mut text = String::new();
    process.stdout.read_to_string(&mut text).await?;
    Ok(text)
}

async fn until(
    output: &mut session_core::Output,
    seen: &mut Vec<u8>,
    word: &str,
) -> Result<(), Failed> {
    while !String::from_utf8_lossy(seen).contains(word) {
        let mut buffer = [0; 256];
        match tokio::time::timeout(BOUND, output.read(&mut buffer)).await?? {
            0 => return Err(format!("it ended without `{word}`").into()),
            read => seen.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(())
}

async fn ended(control: &Arc<dyn ProcessControl>) -> Result<Exit, Failed> {
    Ok(tokio::time::timeout(BOUND, control.wait()).await??)
}

/// Issue 2, section 7: a complete backend with its conformance run, in at most 150 lines.
#[test]
fn it_is_short() {
    let files = [include_str!("../src/lib.rs"), include_str!("conformance.rs")];
    let lines: usize = files.iter().map(|file| file.lines().count()).sum();
    assert!(lines <= 150, "it has {lines} lines");
}
