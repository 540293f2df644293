//! Names of projects, and copies of what somebody writes to.

use std::io::{Read as _, Seek as _, Write as _};

use camino::Utf8Path;

use super::key::project_key;
use super::lines::whole_lines;
use super::{Form, Source, export_to};
use crate::ErrorKind;
use crate::agent::conversation::Found;
use crate::profile::Profile;

/// S1.14: as an agent (2.1.329) called the directories of projects at these paths.
#[test]
fn projects_are_called_as_the_agent_calls_them() {
    let (x, y) = ("x".repeat(120), "y".repeat(110));
    let long = format!("/tmp/transfer-k/{x}/{y}");
    let other =
        format!("/tmp/transfer-k/é-{}{}/{}", "ü".repeat(95), "z".repeat(20), "q".repeat(90));
    let dashes = "-".repeat(98);
    for (path, expected) in [
        ("/tmp/transfer-k/.hidden dir/x_y", "-tmp-transfer-k--hidden-dir-x-y".to_owned()),
        ("/tmp/transfer-k/e😀z", "-tmp-transfer-k-e--z".to_owned()),
        (&long, format!("-tmp-transfer-k-{x}-{}-bdrccw", "y".repeat(63))),
        (&other, format!("-tmp-transfer-k{dashes}{}-{}-hkrtpy", "z".repeat(20), "q".repeat(66))),
    ] {
        assert_eq!(project_key(path), expected, "{path}");
    }
    assert_eq!(project_key(""), "");
}

#[test]
fn copies_end_with_a_whole_line() {
    let long = "x".repeat(200_000);
    for (text, expected) in [
        ("", ""),
        ("{}\n{\"a\":1}\n", "{}\n{\"a\":1}\n"),
        ("{}\n{\"a\":", "{}\n"),
        ("{}\n{\"a\":1}", "{}\n{\"a\":1}\n"),
        ("{\"a", ""),
        ("{}", "{}\n"),
        (&format!("{{}}\n{long}"), "{}\n"),
        (&format!("\"{long}\"\n\"{long}"), &format!("\"{long}\"\n")),
    ] {
        let mut from = tempfile::tempfile().expect("a temporary file can be made");
        let mut to = tempfile::tempfile().expect("a temporary file can be made");
        from.write_all(text.as_bytes()).expect("it is writable");
        whole_lines(&mut from, &mut to).expect("it can be copied");
        to.rewind().expect("a file");
        let mut copy = String::new();
        to.read_to_string(&mut copy).expect("text");
        assert_eq!(copy, expected, "{:?}", text.chars().take(20).collect::<String>());
    }
}

const DIRECTORIES: &str = r#"
title = "Keeper"
program = "keeper"
[conversation]
id = "ours"
file = "talks/${CONVERSATION_ID}"
transcript = "lines.jsonl"
marks = ["busy.*"]
"#;

/// A directory is copied without what could lead out of it or keep us busy, and with a whole last line; what is too large, or is no
/// conversation, leaves nothing.
#[test]
fn directories_are_copied_with_care() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let place = Utf8Path::from_path(place.path()).expect("UTF-8");
    let profile = Profile::from_toml("keeper", DIRECTORIES, "keeper.toml").expect("it is valid");
    let talk = place.join("talks/one");
    let put = |path: &str, text: &str| {
        let path = talk.join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
        std::fs::write(path, text).expect("writable");
    };
    put("lines.jsonl", "{}\n{\"half");
    put("notes/a/b.txt", "kept, {\"half");
    put("busy.7", "7");
    put("notes/busy.7", "no mark");
    let link = |to: &str, at: &str| {
        std::os::unix::fs::symlink(to, talk.join(at)).expect("writable");
    };
    link("/etc", "etc");
    link("../../secret", "notes/secret");
    let pipe = talk.join("pipe");
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, pipe.as_std_path(), fifo, mode, 0)
        .expect("it can be made");
    let found = Found {
        id: "one".to_owned(),
        file: talk.clone(),
        modified: std::time::SystemTime::UNIX_EPOCH,
    };
    let root = Some(place.join("talks"));
    let source = Source { found, form: Form::Directory, session: None, root };
    let out = place.join("out");
    export_to(&profile, &source, &out).expect("it can be copied");
    let names = |path: &Utf8Path| {
        let entries = path.read_dir_utf8().expect("a directory").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&out), ["lines.jsonl", "notes"]);
    assert_eq!(names(&out.join("notes")), ["a", "busy.7"]);
    let read = |path: &str| std::fs::read_to_string(out.join(path)).expect("it is there");
    assert_eq!(
        (read("lines.jsonl").as_str(), read("notes/a/b.txt").as_str()),
        ("{}\n", "kept, {\"half")
    );

    let refused = |kind: ErrorKind| {
        let other = place.join("other");
        let error = export_to(&profile, &source, &other).expect_err("it can't be copied");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!other.exists());
    };
    let hole = std::fs::File::create(talk.join("hole")).expect("writable");
    hole.set_len(1 << 40).expect("a file can have holes");
    refused(ErrorKind::Refused);
    std::fs::remove_file(talk.join("hole")).expect("it is there");
    let deep = (0..40).map(|_| "d").collect::<Vec<_>>().join("/");
    std::fs::create_dir_all(talk.join(&deep)).expect("writable");
    refused(ErrorKind::Refused);
    std::fs::remove_dir_all(talk.join("d")).expect("it is there");
    std::fs::remove_file(talk.join("lines.jsonl")).expect("it is there");
    link("/etc/passwd", "lines.jsonl");
    refused(ErrorKind::NotFound);
    std::fs::rename(&talk, place.join("secret")).expect("it is there");
    std::os::unix::fs::symlink(place.join("secret"), &talk).expect("writable");
    refused(ErrorKind::Refused);
}
