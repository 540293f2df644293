//! Names of projects, and copies of what somebody writes to.

use std::io::{Read as _, Seek as _, Write as _};

use super::{project_key, whole_lines};

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
