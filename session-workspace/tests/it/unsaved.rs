//! Work that exists nowhere else, and repositories that lie about it.

use std::fs;
use std::os::unix::fs::symlink;

use session_core::{ProjectRecord, Strategy};

use crate::fixture::{Fixture, git};

fn worked() -> (Fixture, ProjectRecord) {
    let fixture = Fixture::repository();
    fixture.write("mine.txt", "not committed by the user");
    fixture.write("a.txt", "changed by the user");
    fixture.git(&["add", "a.txt"]);
    let record = fixture.made(Strategy::Branch);
    assert!(
        fixture.unsaved(&record).is_empty(),
        "what the source has is saved: {:?}",
        fixture.unsaved(&record)
    );
    (fixture, record)
}

/// S0.13: changed, staged, deleted and untracked files count, commits and stashes, too; ignored files do not.
#[test]
fn work_is_found() {
    let (fixture, record) = worked();
    let path = &record.path;
    fs::write(path.join("noise.log"), "x").expect("write");
    fs::create_dir(path.join("ignored")).expect("mkdir");
    fs::write(path.join("ignored/x"), "x").expect("write");
    assert!(fixture.unsaved(&record).is_empty());
    fs::write(path.join("mine.txt"), "changed by the agent").expect("write");
    fs::write(path.join("new.txt"), "x").expect("write");
    fs::write(path.join("staged.txt"), "x").expect("write");
    git(path, &["add", "staged.txt"]);
    fs::remove_file(path.join("staged.txt")).expect("rm");
    fs::remove_file(path.join("dir/b.txt")).expect("rm");
    assert_eq!(fixture.unsaved(&record).files, ["dir/b.txt", "mine.txt", "new.txt", "staged.txt"]);
    git(path, &["add", "-A"]);
    git(path, &["commit", "-qm", "work"]);
    let work = fixture.unsaved(&record);
    assert_eq!((work.files.len(), work.commits, work.stashes), (0, 1, 0), "{work:?}");
    fs::write(path.join("new.txt"), "y").expect("write");
    git(path, &["stash"]);
    git(path, &["checkout", "-q", "--detach"]);
    git(path, &["commit", "-q", "--allow-empty", "-m", "detached"]);
    git(path, &["tag", "-a", "mark", "-m", "mark"]);
    git(path, &["gc", "-q"]);
    let work = fixture.unsaved(&record);
    assert_eq!((work.files.len(), work.commits, work.stashes), (0, 3, 1), "{work:?}");
    fixture.git(&[
        "fetch",
        "-q",
        path.as_str(),
        "refs/heads/*:refs/kept/*",
        "refs/tags/mark",
        "refs/stash",
    ]);
    assert_eq!(fixture.unsaved(&record).commits, 0, "the source has them now");
    fs::remove_dir_all(path).expect("rm");
    assert!(fixture.unsaved(&record).is_empty(), "what is gone can't be lost");
}

/// A file that git was told not to look at counts all the same.
#[test]
fn flags_hide_nothing() {
    let (fixture, record) = worked();
    git(&record.path, &["update-index", "--assume-unchanged", "dir/b.txt"]);
    fs::write(record.path.join("dir/b.txt"), "hidden").expect("write");
    assert_eq!(fixture.unsaved(&record).files, ["dir/b.txt"]);
    git(&record.path, &["update-index", "--no-assume-unchanged", "dir/b.txt"]);
    git(&record.path, &["update-index", "--skip-worktree", "dir/b.txt"]);
    assert_eq!(fixture.unsaved(&record).files, ["dir/b.txt"]);
    fs::write(record.path.join(".git/info/exclude"), "*\n").expect("write");
    fs::write(record.path.join("new.txt"), "x").expect("write");
    fs::create_dir(record.path.join("deep")).expect("mkdir");
    fs::write(record.path.join("deep/.gitignore"), "*\n").expect("write");
    assert_eq!(fixture.unsaved(&record).files, ["deep/.gitignore", "dir/b.txt", "new.txt"]);
}

/// Configuration in the copy is not obeyed: neither another work tree nor programs nor ignore files.
#[test]
fn configuration_is_not_obeyed() {
    let (fixture, record) = worked();
    let path = &record.path;
    let mark = fixture.base.join("ran");
    let program = format!("touch {mark}");
    for (key, value) in [
        ("core.fsmonitor", program.as_str()),
        ("core.excludesFile", "/dev/stdin"),
        ("core.worktree", fixture.base.as_str()),
        ("filter.x.clean", &program),
        ("diff.external", &program),
        ("core.hooksPath", "/nowhere"),
        ("include.path", "/dev/zero"),
    ] {
        git(path, &["config", "--file", path.join(".git/config").as_str(), key, value]);
    }
    fs::write(path.join(".gitattributes"), "* filter=x\n").expect("write");
    fs::write(path.join("dir/b.txt"), "changed").expect("write");
    let work = fixture.unsaved(&record);
    assert_eq!(work.files, [".gitattributes", "dir/b.txt"]);
    assert_eq!(work.unknown, None);
    assert!(!mark.exists());
}

/// Lessons 38-42: whatever looks off in a repository makes the answer unknown, and never hangs.
#[test]
fn tricks_are_unknown() {
    type Trick = fn(&Fixture, &camino::Utf8Path);
    let tricks: &[(&str, Trick)] = &[
        ("commondir", |fixture, git| {
            fs::write(git.join("commondir"), fixture.source.join(".git").as_str()).expect("write")
        }),
        ("alternates", |fixture, git| {
            fs::write(
                git.join("objects/info/alternates"),
                fixture.source.join(".git/objects").as_str(),
            )
            .expect("write");
        }),
        ("git is a file", |fixture, git| {
            fs::remove_dir_all(git).expect("rm");
            fs::write(git, format!("gitdir: {}", fixture.source.join(".git"))).expect("write");
        }),
        ("git is a link", |fixture, git| {
            fs::remove_dir_all(git).expect("rm");
            symlink(fixture.source.join(".git"), git).expect("ln");
        }),
        ("git is gone", |_, git| fs::remove_dir_all(git).expect("rm")),
        ("objects are a link", |fixture, git| {
            fs::remove_dir_all(git.join("objects")).expect("rm");
            symlink(fixture.source.join(".git/objects"), git.join("objects")).expect("ln");
        }),
        ("refs are a link", |fixture, git| {
            fs::remove_dir_all(git.join("refs")).expect("rm");
            symlink(fixture.source.join(".git/refs"), git.join("refs")).expect("ln");
        }),
        ("HEAD is a fifo", |_, git| {
            fs::remove_file(git.join("HEAD")).expect("rm");
            fifo(&git.join("HEAD"));
        }),
        ("a ref is a fifo", |_, git| fifo(&git.join("refs/heads/x"))),
        ("the index is a fifo", |_, git| {
            fs::remove_file(git.join("index")).expect("rm");
            fifo(&git.join("index"));
        }),
        ("the index is cut off", |_, git| {
            let content = fs::read(git.join("index")).expect("index");
            fs::write(git.join("index"), &content[..content.len() / 2]).expect("write");
        }),
        ("HEAD names nothing", |_, git| fs::write(git.join("HEAD"), "nonsense").expect("write")),
        ("a ref names a missing object", |_, git| {
            fs::write(git.join("refs/heads/x"), "1".repeat(40)).expect("write");
        }),
        ("a linked work tree", |_, git| {
            crate::fixture::git(
                git.parent().expect("work"),
                &["worktree", "add", "-q", "ignored/tree"],
            );
        }),
        ("a nested repository elsewhere", |fixture, git| {
            let inner = git.with_file_name("inner");
            fs::create_dir(&inner).expect("mkdir");
            fs::write(inner.join(".git"), format!("gitdir: {}", fixture.source.join(".git")))
                .expect("write");
        }),
    ];
    for (name, trick) in tricks {
        let (fixture, record) = worked();
        trick(&fixture, &record.path.join(".git"));
        let work = fixture.unsaved(&record);
        assert!(work.unknown.is_some(), "{name}: {work:?}");
        assert!(!work.is_empty());
    }
    let (fixture, record) = worked();
    fs::remove_dir_all(&fixture.source).expect("rm");
    assert!(fixture.unsaved(&record).unknown.is_some(), "the source is gone");
    let (fixture, record) = worked();
    fs::remove_dir_all(&record.path).expect("rm");
    symlink(&fixture.source, &record.path).expect("ln");
    assert!(fixture.unsaved(&record).unknown.is_some(), "the project is a link");
}

/// Repositories in the repository are looked into, also those that the agent made.
#[test]
fn nested_work_is_found() {
    let (fixture, record) = worked();
    let inner = record.path.join("inner");
    fs::create_dir(&inner).expect("mkdir");
    git(&inner, &["init", "-q"]);
    fs::write(inner.join("i.txt"), "x").expect("write");
    git(&inner, &["add", "-A"]);
    git(&inner, &["commit", "-qm", "inner"]);
    assert_eq!(fixture.unsaved(&record).commits, 1);
    fs::write(inner.join("more.txt"), "x").expect("write");
    assert!(fixture.unsaved(&record).files.contains(&"inner/more.txt".to_owned()));
}

/// A whole copy of a repository is compared with it in the same way.
#[test]
fn whole_copies_are_compared() {
    let fixture = Fixture::repository();
    fixture.write("mine.txt", "x");
    let record = fixture.made(Strategy::Copy);
    assert!(fixture.unsaved(&record).is_empty(), "{:?}", fixture.unsaved(&record));
    fs::write(record.path.join("mine.txt"), "y").expect("write");
    git(&record.path, &["commit", "-q", "--allow-empty", "-m", "x"]);
    let work = fixture.unsaved(&record);
    assert_eq!((work.files, work.commits), (vec!["mine.txt".to_owned()], 1));
}

fn fifo(path: &camino::Utf8Path) {
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, path.as_std_path(), kind, mode, 0).expect("fifo");
}
