//! Whole copies, mounts, nothing at all, and the rules about names and places.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};

use session_core::{ErrorKind, Event, Progress, ProjectPlan, Strategy, Workspaces as _};

use crate::fixture::{Fixture, git, names, run, status};

/// S0.1, S0.5: everything comes along, `.git` and ignored files included; no branch is made.
#[test]
fn the_whole_directory() {
    let fixture = Fixture::repository();
    fixture.write("ignored/file", "x");
    fixture.write("a.txt", "changed");
    fs::write(fixture.source.join(".git/hooks/mine"), "x").expect("hook");
    let record = fixture.made(Strategy::Copy);
    assert_eq!(status(&record.path), " M a.txt\n");
    assert!(
        record.path.join("ignored/file").exists() && record.path.join(".git/hooks/mine").exists()
    );
    assert_eq!(record.branch.as_deref(), Some("main"));
    // S0.7: what happens in the session does not reach the source.
    fs::remove_dir_all(&record.path).expect("rm -rf");
    assert_eq!(status(&fixture.source), " M a.txt\n");
}

/// S0.6, S0.F1, S0.E4: `--exclude`, `.sessctlignore` and `.dockerignore`, each with its own meaning.
#[test]
fn patterns_leave_files_out() {
    let fixture = Fixture::repository();
    for path in [
        "build/x",
        "deep/build/x",
        "deep/keep.tmp",
        "x.tmp",
        "docs/a.md",
        "docs/keep.md",
        "docs/sub/b.md",
        "notes/n",
    ] {
        fixture.write(path, "x");
    }
    fixture.git(&["branch", "build"]);
    fixture.write(".sessctlignore", "notes\n");
    fixture.write(".dockerignore", "# images\n/build\n.git\ndocs\n!docs/keep.md\n*.tmp\n");
    let mut plan = fixture.plan(Strategy::Copy);
    plan.exclude = vec!["dir/".to_owned()];
    let path = fixture.provision(&plan).expect("provision").path;
    assert_eq!(
        names(&path),
        [".dockerignore", ".gitignore", ".sessctlignore", "a.txt", "deep", "docs"],
        "a .dockerignore pattern is about the top only, unlike git's"
    );
    assert_eq!(names(&path.join("deep")), ["build", "keep.tmp"]);
    assert_eq!(names(&path.join("docs")), ["keep.md"]);
    assert!(path.join(".git/refs/heads/build").exists(), "patterns don't reach into `.git`");
    fs::remove_dir_all(&path).expect("rm");
    plan.exclude = vec![".git".to_owned()];
    let record = fixture.provision(&plan).expect("provision");
    assert!(!record.path.join(".git").exists());
    plan.exclude = vec!["[z-a]".to_owned()];
    let error = fixture.provision(&plan).expect_err("no pattern");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("[z-a]"), "{error}");
}

/// A directory without git is copied; attributes, holes and long content are kept.
#[test]
fn a_plain_directory() {
    let fixture = Fixture::plain();
    let mut sparse = fs::File::create(fixture.source.join("sparse")).expect("create");
    sparse.seek(SeekFrom::Start(64 << 20)).expect("seek");
    sparse.write_all(b"end").expect("write");
    sparse.set_len(65 << 20).expect("length");
    let long: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    fs::write(fixture.source.join("long"), &long).expect("write");
    let marked = rustix::fs::setxattr(
        fixture.source.join("long").as_std_path(),
        "user.mark",
        b"x",
        rustix::fs::XattrFlags::empty(),
    );
    let record = fixture.made(Strategy::Copy);
    assert_eq!(fs::read(record.path.join("long")).expect("long"), long);
    let copy = fs::metadata(record.path.join("sparse")).expect("sparse");
    assert_eq!(copy.len(), 65 << 20);
    assert!(copy.blocks() * 512 < 1 << 20, "the hole was filled");
    assert_eq!(fs::read(record.path.join("sparse")).expect("sparse")[(64 << 20)..][..3], *b"end");
    if marked.is_ok() {
        let mut value = [0; 8];
        let got =
            rustix::fs::getxattr(record.path.join("long").as_std_path(), "user.mark", &mut value);
        assert_eq!(got.map(|length| value[..length].to_vec()), Ok(b"x".to_vec()));
    } else {
        eprintln!("SKIPPED: no user attributes on this file system");
    }
    assert_eq!(fixture.unsaved(&record).unknown.as_deref(), Some("no repository to compare with"));
}

/// S2: a mount makes nothing; `none` is an empty directory.
#[test]
fn mount_and_none() {
    let fixture = Fixture::repository();
    let record = fixture.made(Strategy::Mount);
    assert_eq!(record.path, fixture.source);
    assert!(fixture.root_is_empty());
    assert!(fixture.unsaved(&record).is_empty());
    let record = fixture.made(Strategy::None);
    assert!(names(&record.path).is_empty());
    assert!(fixture.unsaved(&record).is_empty());
    fs::write(record.path.join("made.txt"), "x").expect("write");
    assert_eq!(fixture.unsaved(&record).files, ["made.txt"]);
}

/// Names, paths and places that can't be are refused, and nothing is made.
#[test]
fn bad_input() {
    let fixture = Fixture::repository();
    let long = "x".repeat(300);
    for name in ["", ".", "..", "a/b", "../x", "a\nb", ".x.partial", &long] {
        let error = fixture
            .provision(&ProjectPlan::new(name, &fixture.source, Strategy::Copy))
            .expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
    }
    for (path, kind) in [
        (fixture.base.join("missing"), ErrorKind::NotFound),
        (fixture.source.join("a.txt"), ErrorKind::InvalidInput),
        (fixture.source.join("a.txt/x"), ErrorKind::InvalidInput),
        ("relative".into(), ErrorKind::InvalidInput),
    ] {
        let error = fixture
            .provision(&ProjectPlan::new("p", &path, Strategy::Copy))
            .expect_err(path.as_str());
        assert_eq!(error.kind(), kind, "{path}: {error}");
        assert_eq!(run(fixture.host.survey(&path)).expect_err("survey").kind(), kind);
    }
    assert!(fixture.root_is_empty());
}

/// The place of all sessions is no source, and is left out of one that it lies in.
#[test]
fn the_home_is_never_copied() {
    let mut fixture = Fixture::repository();
    let home = fixture.source.join("deep/home");
    fs::create_dir_all(home.join("sessions/x/workspace")).expect("mkdir");
    fs::write(home.join("secret"), "x").expect("write");
    fixture.host = fixture.host.clone().with_forbidden(&home);
    fixture.root = home.join("sessions/x/workspace");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let record = fixture.provision(&fixture.plan(strategy)).expect("provision");
        assert!(record.path.join("a.txt").exists());
        assert!(!record.path.join("deep/home").exists());
    }
    let error = fixture.provision(&fixture.plan(Strategy::Mount)).expect_err("a mount of it");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let mut plan = fixture.plan(Strategy::Copy);
    for inside in [home.clone(), home.join("sessions")] {
        plan.source = inside;
        assert_eq!(fixture.provision(&plan).expect_err("inside").kind(), ErrorKind::InvalidInput);
    }
}

/// A cancelled copy leaves nothing, whenever the cancellation comes; progress is told.
#[test]
fn cancelling_leaves_nothing() {
    let fixture = Fixture::repository();
    for number in 0..300 {
        fixture.write(&format!("many/{}/{number}", number % 7), "content");
    }
    let last = Arc::new(Mutex::new((0, 0)));
    let seen = Arc::clone(&last);
    let progress = Progress::new(move |event| {
        if let Event::Copied { files, bytes, .. } = event {
            *seen.lock().expect("no panic") = (files, bytes);
        }
    });
    run(fixture.host.provision(&fixture.plan(Strategy::Copy), &fixture.root, &progress))
        .expect("provision");
    assert!(last.lock().expect("no panic").0 > 300);
    fs::remove_dir_all(fixture.root.join("project")).expect("rm");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let before = Progress::default();
        before.cancel();
        let error = run(fixture.host.provision(&fixture.plan(strategy), &fixture.root, &before))
            .expect_err("before");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(fixture.root_is_empty());
        // At the first event: everything is copied then, and only the end is missing.
        let line = Arc::new(Mutex::new(None::<Progress>));
        let own = Arc::clone(&line);
        let late = Progress::new(move |_| {
            if let Some(progress) = own.lock().expect("no panic").as_ref() {
                progress.cancel();
            }
        });
        *line.lock().expect("no panic") = Some(late.clone());
        let error = run(fixture.host.provision(&fixture.plan(strategy), &fixture.root, &late))
            .expect_err("late");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(fixture.root_is_empty());
    }
}

/// What a killed run left is replaced; what somebody worked in is not.
#[test]
fn leftovers_are_replaced_work_is_not() {
    let fixture = Fixture::repository();
    for strategy in [Strategy::Branch, Strategy::Copy, Strategy::None] {
        let partial = fixture.root.join(".project.partial/half");
        fs::create_dir_all(&partial).expect("mkdir");
        fs::write(partial.join("made"), "x").expect("write");
        fixture.provision(&fixture.plan(strategy)).expect("over a leftover");
        assert_eq!(names(&fixture.root), ["project"]);
        let record = fixture.provision(&fixture.plan(strategy)).expect("over its own result");
        fs::write(record.path.join("work.txt"), "by the agent").expect("write");
        let error = fixture.provision(&fixture.plan(strategy)).expect_err("over work");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(record.path.join("work.txt").exists());
        fs::remove_dir_all(&record.path).expect("rm");
    }
}

/// Git and readers of their own find all refs of a copy: what stands in `packed-refs` is refs and nothing that only git understands.
#[test]
fn refs_are_read_by_git_and_by_others() {
    let fixture = Fixture::repository();
    fixture.git(&["branch", "zebra"]);
    fixture.git(&["-c", "user.name=t", "-c", "user.email=t@t", "tag", "-a", "-m", "one", "v1"]);
    fixture.git(&["pack-refs", "--all"]);
    let path = fixture.made(Strategy::Branch).path;
    let packed = fs::read_to_string(path.join(".git/packed-refs")).expect("packed refs");
    assert!(packed.lines().all(|line| !line.starts_with('#')), "{packed}");
    let told = git(&path, &["for-each-ref", "--format=%(refname) %(*objecttype)"]);
    for line in ["refs/heads/zebra ", "refs/tags/v1 commit"] {
        assert!(told.lines().any(|told| told == line), "no `{line}` in {told}");
    }
}
