//! A repository of its own on a branch of its own, from ordinary repositories.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use session_core::{ErrorKind, Strategy, Uncommitted};

use crate::fixture::{Fixture, age, git, names, stale, status};

/// S0.1: the user's uncommitted state comes along exactly as it was: staged, unstaged, deleted, untracked, intent-to-add.
#[test]
fn uncommitted_work_comes_along_as_it_was() {
    let fixture = Fixture::repository();
    for name in ["staged.txt", "both.txt", "gone.txt", "gone-staged.txt", "mode.sh", "old-name.txt"]
    {
        fixture.write(name, name);
    }
    fixture.commit("more");
    fixture.write("staged.txt", "staged");
    fixture.write("both.txt", "staged");
    fixture.git(&["add", "staged.txt", "both.txt"]);
    fixture.write("both.txt", "and changed");
    fs::remove_file(fixture.source.join("gone.txt")).expect("rm");
    fixture.git(&["rm", "-q", "gone-staged.txt"]);
    fixture.git(&["mv", "old-name.txt", "new-name.txt"]);
    fs::set_permissions(fixture.source.join("mode.sh"), fs::Permissions::from_mode(0o755))
        .expect("chmod");
    fixture.write("untracked/file.txt", "new");
    fixture.write("noise.log", "ignored");
    fixture.write("ignored/file", "ignored");
    fixture.write("intent.txt", "later");
    fixture.git(&["add", "-N", "intent.txt"]);
    let record = fixture.made(Strategy::Branch);
    let path = &record.path;
    assert_eq!(status(&fixture.source), status(path));
    assert_eq!(fixture.git(&["diff"]), git(path, &["diff"]));
    assert_eq!(fixture.git(&["diff", "--cached"]), git(path, &["diff", "--cached"]));
    assert!(!path.join("noise.log").exists() && !path.join("ignored").exists());
    assert_eq!(git(path, &["branch", "--show-current"]), "session/one\n");
    assert_eq!(record.branch.as_deref(), Some("session/one"));
    assert_eq!(record.base_branch.as_deref(), Some("main"));
    assert_eq!(record.base_commit.as_deref(), Some(fixture.git(&["rev-parse", "HEAD"]).trim()));
    git(path, &["fsck", "--strict"]);
}

/// `--clean` leaves uncommitted work out, `--include` brings chosen ignored files.
#[test]
fn a_clean_copy_is_head_and_what_was_asked_for() {
    let fixture = Fixture::repository();
    fixture.write("kept.txt", "kept");
    fixture.commit("more");
    age(&fixture);
    fixture.write("a.txt", "changed");
    fixture.write("dir/b.txt", "staged");
    fixture.git(&["add", "dir/b.txt"]);
    fixture.write("new.txt", "untracked");
    fixture.write("added.txt", "staged");
    fixture.git(&["add", "added.txt"]);
    fixture.git(&["rm", "-q", "--cached", "kept.txt"]);
    fixture.write(".env", "secret");
    fixture.write("ignored/modules/file", "wanted");
    fixture.write("ignored/other", "not wanted");
    fs::write(fixture.source.join(".git/info/exclude"), ".env\n").expect("write");
    let mut plan = fixture.plan(Strategy::Branch);
    plan.uncommitted = Uncommitted::LeaveOut;
    plan.include = vec![".env".to_owned(), "ignored/modules".to_owned()];
    let path = fixture.provision(&plan).expect("provision").path;
    assert_eq!(status(&path), "");
    assert_eq!(fs::read_to_string(path.join("a.txt")).expect("a"), "one\n");
    assert_eq!(fs::read_to_string(path.join("dir/b.txt")).expect("b"), "two\n");
    assert_eq!(fs::read_to_string(path.join(".env")).expect("env"), "secret");
    assert_eq!(names(&path), [".env", ".gitignore", "a.txt", "dir", "ignored", "kept.txt"]);
    assert_eq!(names(&path.join("ignored")), ["modules"]);
    assert!(stale(&path).is_empty());
}

/// The index fits the copied files: git trusts it and reads no file again.
#[test]
fn the_index_is_fresh() {
    for version in ["2", "3", "4"] {
        let fixture = Fixture::repository();
        for number in 0..50 {
            fixture.write(&format!("many/{number}/file-with-a-longer-name.txt"), "content");
        }
        fixture.commit("many");
        fixture.git(&["update-index", "--index-version", version]);
        age(&fixture);
        for strategy in [Strategy::Branch, Strategy::Copy] {
            let path = fixture.made(strategy).path;
            // diff-files compares stat data only with the index; a file that does not fit is listed.
            assert!(stale(&path).is_empty(), "version {version}: {:?}", stale(&path));
            assert_eq!(status(&path), "");
            fs::write(path.join("a.txt"), "eno\n").expect("write");
            assert_eq!(status(&path), " M a.txt\n", "a change of the same size is seen");
        }
    }
}

/// S0.7, S0.1, S1.19, S4.9: nothing is shared: no alternates, no hard links, no hooks, no worktree entry; the remote is kept for pushing.
#[test]
fn the_repository_is_its_own() {
    let fixture = Fixture::repository();
    git(&fixture.base, &["init", "-q", "--bare", "upstream.git"]);
    fixture.git(&["remote", "add", "origin", "../upstream.git"]);
    fixture.git(&["push", "-q", "-u", "origin", "main"]);
    fixture.git(&["config", "core.fsmonitor", "/bin/false"]);
    fixture.git(&["config", "core.hooksPath", "/nowhere"]);
    fixture.git(&["config", "user.email", "me@example.com"]);
    fixture.git(&["config", "alias.x", "!touch /tmp/never"]);
    fixture.git(&["tag", "-a", "v1", "-m", "tag"]);
    fixture.write("a.txt", "stashed");
    fixture.git(&["stash"]);
    fs::write(fixture.source.join(".git/hooks/pre-commit"), "#!/bin/sh\nexit 1\n").expect("hook");
    fixture.git(&["gc", "-q"]);
    fixture.write("later.txt", "loose objects too");
    fixture.commit("second");
    let path = fixture.made(Strategy::Branch).path;
    let config = fs::read_to_string(path.join(".git/config")).expect("config");
    for word in ["fsmonitor", "hooksPath", "alias"] {
        assert!(!config.to_lowercase().contains(&word.to_lowercase()), "{config}");
    }
    assert!(config.contains("me@example.com"));
    assert!(!path.join(".git/hooks").exists());
    assert!(!path.join(".git/objects/info/alternates").exists());
    assert_eq!(git(&path, &["stash", "list"]), "");
    for (file, _) in crate::fixture::snapshot(path.join(".git")) {
        let stat = fs::symlink_metadata(&file).expect("stat");
        assert!(!stat.is_file() || stat.nlink() == 1, "{} is a hard link", file.display());
    }
    assert_eq!(git(&path, &["rev-parse", "v1^{}"]), fixture.git(&["rev-parse", "v1^{}"]));
    fs::rename(&fixture.source, fixture.base.join("away")).expect("mv");
    git(&path, &["fsck", "--full"]);
    fs::write(path.join("a.txt"), "by the agent").expect("write");
    git(&path, &["commit", "-qam", "work"]);
    git(&path, &["push", "-q", "origin", "session/one"]);
    git(fixture.base.join("upstream.git"), &["rev-parse", "session/one"]);
}

/// S0.4: bad and taken branch names are refused before anything is made.
#[test]
fn branch_names_are_checked_first() {
    let fixture = Fixture::repository();
    fixture.git(&["branch", "taken"]);
    fixture.git(&["branch", "deep/er"]);
    for (name, kind) in [
        ("", ErrorKind::InvalidInput),
        ("-x", ErrorKind::InvalidInput),
        ("a..b", ErrorKind::InvalidInput),
        ("a b", ErrorKind::InvalidInput),
        ("a/", ErrorKind::InvalidInput),
        ("/a", ErrorKind::InvalidInput),
        ("x.lock", ErrorKind::InvalidInput),
        ("HEAD", ErrorKind::InvalidInput),
        ("a\u{1b}[2J", ErrorKind::InvalidInput),
        ("taken", ErrorKind::AlreadyExists),
        ("main", ErrorKind::AlreadyExists),
        ("taken/below", ErrorKind::AlreadyExists),
        ("deep", ErrorKind::AlreadyExists),
    ] {
        let plan = fixture.plan(Strategy::Branch).with_branch(name);
        let error = fixture.provision(&plan).expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(!error.message().contains('\u{1b}'), "{name}");
        assert!(fixture.root_is_empty(), "{name}");
    }
    fixture
        .provision(&fixture.plan(Strategy::Branch).with_branch("feature/auth/x"))
        .expect("slashes");
}

/// Times, modes, links and empty directories are kept; sockets and fifos are told of.
#[test]
fn files_keep_what_they_are() {
    let fixture = Fixture::repository();
    let source = &fixture.source;
    fixture.write("run.sh", "#!/bin/sh\n");
    fixture.write("read-only/file", "fixed");
    fs::set_permissions(source.join("run.sh"), fs::Permissions::from_mode(0o775)).expect("chmod");
    fs::set_permissions(source.join("read-only/file"), fs::Permissions::from_mode(0o444))
        .expect("chmod");
    fs::set_permissions(source.join("read-only"), fs::Permissions::from_mode(0o555))
        .expect("chmod");
    symlink("/etc/passwd", source.join("absolute")).expect("ln");
    symlink("../../outside", source.join("up")).expect("ln");
    symlink("dir", source.join("to-dir")).expect("ln");
    fs::create_dir_all(source.join("empty/er")).expect("mkdir");
    let _socket = std::os::unix::net::UnixListener::bind(source.join("socket")).expect("socket");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        source.join("fifo").as_std_path(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("fifo");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let record = fixture.made(strategy);
        let path = &record.path;
        assert_eq!(record.skipped, ["fifo: is a fifo", "socket: is a socket"]);
        for file in
            ["a.txt", "run.sh", "read-only/file", "read-only", "dir", "empty/er", "absolute"]
        {
            let (old, new) = (
                source.join(file).symlink_metadata().expect(file),
                path.join(file).symlink_metadata().expect(file),
            );
            assert_eq!(
                (old.mode(), old.mtime(), old.mtime_nsec()),
                (new.mode(), new.mtime(), new.mtime_nsec()),
                "{file}"
            );
        }
        for link in ["absolute", "up", "to-dir"] {
            assert_eq!(
                source.join(link).read_link_utf8().expect(link),
                path.join(link).read_link_utf8().expect(link)
            );
        }
    }
}
