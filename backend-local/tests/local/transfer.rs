//! Trees in and out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use camino::Utf8Path;
use futures_util::{StreamExt, stream};
use session_core::{ByteStream, ErrorKind};

use crate::support::{Home, bounded};

pub(crate) fn stream_of(bytes: Vec<u8>, chunk: usize) -> ByteStream {
    let chunks: Vec<_> =
        bytes.chunks(chunk.max(1)).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Box::pin(stream::iter(chunks))
}

async fn collect(mut stream: ByteStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = bounded(stream.next()).await {
        all.extend_from_slice(&chunk.unwrap());
    }
    all
}

/// One line for each thing below `path`: its name, mode, time, content or target.
fn describe(path: &Path, base: &Path, lines: &mut Vec<String>) {
    let found = fs::symlink_metadata(path).unwrap();
    let name = path.strip_prefix(base).unwrap().as_os_str().as_bytes().escape_ascii();
    let content = if found.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if found.is_file() {
        fs::read(path).unwrap().escape_ascii().to_string()
    } else {
        String::new()
    };
    let mode = if found.is_symlink() { 0 } else { found.mode() & 0o777 };
    lines.push(format!("{name} {mode:o} {}.{} {content}", found.mtime(), found.mtime_nsec()));
    if found.is_dir() {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        names.iter().for_each(|child| describe(child, base, lines));
    }
}

fn described(path: &Utf8Path) -> Vec<String> {
    let mut lines = Vec::new();
    describe(path.as_std_path(), path.as_std_path(), &mut lines);
    lines
}

fn make_tree(root: &Utf8Path) {
    fs::create_dir_all(root.join("deep/er/est")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("deep/secret"), [0, 1, 2, 255]).unwrap();
    fs::set_permissions(root.join("deep/secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(root.join("zero"), "").unwrap();
    let long = "long-name-".repeat(20);
    fs::write(root.join("deep/er/est").join(&long), "long").unwrap();
    fs::write(root.as_std_path().join(OsStr::from_bytes(b"caf\xe9 \xff")), "latin").unwrap();
    symlink("run.sh", root.join("link")).unwrap();
    symlink("../../zero", root.join("deep/er/up")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink(OsStr::from_bytes(b"caf\xe9 \xff"), root.join("to-latin")).unwrap();
    symlink(format!("deep/er/est/{long}"), root.join("to-long")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    fs::File::options().write(true).open(root.join("run.sh")).unwrap().set_modified(old).unwrap();
    fs::set_permissions(root.join("deep/er"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::File::open(root.join("deep")).unwrap().set_modified(old).unwrap();
}

#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    make_tree(&workspace.join("tree"));
    let archive = collect(session.get("tree".into()).await.unwrap()).await;
    for (dest, chunk) in [("copy", 1 << 20), ("deep/copy", 700)] {
        session.put(dest.into(), stream_of(archive.clone(), chunk)).await.unwrap();
        let (was, is) =
            (described(&workspace.join("tree")), described(&workspace.join(dest).join("tree")));
        assert_eq!(was, is);
        assert!(was.len() > 14);
    }
    // Once more over what is there: links and read-only files are replaced.
    session.put("copy".into(), stream_of(archive.clone(), 4096)).await.unwrap();
    assert_eq!(described(&workspace.join("tree")), described(&workspace.join("copy/tree")));
    // Equal trees give equal streams.
    assert!(archive == collect(session.get("copy/tree".into()).await.unwrap()).await);
}

/// Root may write anywhere, so that is no proof for those who may not.
#[test]
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn a_tree_comes_back_for_who_is_not_root() {
    let place = tempfile::tempdir().unwrap();
    if fs::metadata(place.path()).unwrap().uid() != 0 {
        eprintln!("SKIPPED: the test above has shown it, as this is not root");
        return;
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = place.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let status = std::process::Command::new(&program)
        .args(["transfer::a_tree_comes_back_as_it_was", "--exact"])
        .env("TMPDIR", place.path())
        .current_dir(place.path())
        .uid(65534)
        .gid(65534)
        .status()
        .unwrap();
    assert!(status.success());
}

/// The reference reader agrees on what is in the stream.
#[tokio::test]
async fn names_begin_with_the_last_component() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    fs::create_dir_all(workspace.join("a/b")).unwrap();
    fs::write(workspace.join("a/b/file"), "x").unwrap();
    symlink("b", workspace.join("a/link")).unwrap();
    let names = async |src: String| {
        let archive = collect(session.get(Utf8Path::new(&src)).await.unwrap()).await;
        let mut archive = tar::Archive::new(&archive[..]);
        let entries = archive.entries().unwrap();
        let name = |entry: std::io::Result<tar::Entry<'_, _>>| {
            entry.unwrap().path().unwrap().to_str().unwrap().trim_end_matches('/').to_owned()
        };
        entries.map(name).collect::<Vec<_>>()
    };
    assert_eq!(names("a/b".into()).await, ["b", "b/file"]);
    assert_eq!(names("a/b/".into()).await, ["b", "b/file"]);
    assert_eq!(names("a/b/file".into()).await, ["file"]);
    assert_eq!(names(workspace.join("a").to_string()).await, ["a", "a/b", "a/b/file", "a/link"]);
    assert_eq!(names("a/b/..".into()).await[0], "a");
    assert_eq!(names(".".into()).await[0], "workspace");
    assert_eq!(names(String::new()).await[0], "workspace");
    assert_eq!(names("a/link".into()).await, ["link"]);
}

#[tokio::test]
async fn sockets_and_fifos_are_left_out() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    fs::create_dir(workspace.join("d")).unwrap();
    fs::write(workspace.join("d/file"), "x").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(workspace.join("d/socket")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(workspace.join("d/fifo")).status();
    assert!(made.unwrap().success());
    let archive = collect(session.get("d".into()).await.unwrap()).await;
    session.put("copy".into(), stream_of(archive, 512)).await.unwrap();
    let names: Vec<_> = fs::read_dir(workspace.join("copy/d")).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let home = Home::new();
    let session = home.session().await;
    let error = session.get("absent".into()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    fs::write(home.workspace(&*session).join("file"), "").unwrap();
    for dest in ["file", "file/below"] {
        let error = session.put(dest.into(), stream_of(vec![0; 1024], 512)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    fs::remove_dir_all(home.workspace(&*session)).unwrap();
    let error = session.put("x".into(), stream_of(vec![0; 1024], 512)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
}

/// A reader that goes away ends the packing; a big tree does not have to fit in memory.
#[tokio::test]
async fn a_reader_may_stop_reading() {
    let home = Home::new();
    let session = home.session().await;
    let file = fs::File::create(home.workspace(&*session).join("big")).unwrap();
    file.set_len(1 << 34).unwrap();
    let mut stream = session.get("big".into()).await.unwrap();
    assert!(bounded(stream.next()).await.unwrap().unwrap().len() >= 512);
    drop(stream);
}
