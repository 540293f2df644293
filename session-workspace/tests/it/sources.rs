//! What real repositories hold, one by one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use session_core::{ErrorKind, Strategy, Uncommitted, Workspaces as _};

use crate::fixture::{Fixture, age, git, run, stale, status};

/// A linked work tree is a source like any other; its copy has nothing to do with it any more.
#[test]
fn linked_worktrees() {
    let mut fixture = Fixture::repository();
    fixture.git(&["worktree", "add", "-q", "-b", "linked", "../linked"]);
    let main = std::mem::replace(&mut fixture.source, fixture.base.join("linked"));
    fixture.write("a.txt", "changed in the linked one");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let before = crate::fixture::snapshot(&main);
        let record = fixture.made(strategy);
        assert_eq!(before, crate::fixture::snapshot(&main), "the main work tree was touched");
        assert_eq!(record.base_branch.as_deref(), Some("linked"));
        assert_eq!(status(&record.path), " M a.txt\n");
        assert!(record.path.join(".git").is_dir());
        git(&record.path, &["commit", "-qam", "work"]);
        git(&record.path, &["fsck"]);
    }
    assert_eq!(git(&main, &["branch", "--list"]).lines().count(), 2);
}

/// A linked work tree inside the source is left out and told of; the main copy has no entry for it.
#[test]
fn linked_worktrees_inside() {
    let fixture = Fixture::repository();
    fixture.git(&["worktree", "add", "-q", "-b", "linked", "trees/linked"]);
    let record = fixture.made(Strategy::Branch);
    assert!(!record.path.join("trees/linked").exists());
    assert!(
        record.skipped[0].starts_with("trees/linked: is a linked work tree"),
        "{:?}",
        record.skipped
    );
    let record = fixture.made(Strategy::Copy);
    assert!(record.path.join("trees/linked/a.txt").exists());
    assert!(!record.path.join("trees/linked/.git").exists());
    assert!(!record.path.join(".git/worktrees").exists());
    assert_eq!(record.skipped.len(), 1);
}

/// Submodules, absorbed or not, come along with repositories of their own.
#[test]
fn submodules() {
    let fixture = Fixture::repository();
    let module = fixture.base.join("module");
    fs::create_dir(&module).expect("mkdir");
    git(&module, &["init", "-q"]);
    fs::write(module.join("m.txt"), "module").expect("write");
    git(&module, &["add", "-A"]);
    git(&module, &["commit", "-qm", "module"]);
    fixture.git(&["submodule", "add", "-q", module.as_str(), "lib/absorbed"]);
    git(&fixture.source, &["clone", "-q", module.as_str(), "lib/plain"]);
    fixture.git(&["add", "lib/plain"]);
    fixture.git(&["commit", "-qm", "submodules"]);
    fixture.write("lib/absorbed/m.txt", "changed");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let path = fixture.made(strategy).path;
        assert_eq!(status(&fixture.source), status(&path));
        for name in ["lib/absorbed", "lib/plain"] {
            git(path.join(name), &["fsck"]);
            assert_eq!(
                git(path.join(name), &["rev-parse", "HEAD"]),
                git(&module, &["rev-parse", "HEAD"])
            );
            let top = git(path.join(name), &["rev-parse", "--show-toplevel"]);
            assert_eq!(top.trim(), path.join(name), "the copy's submodule is its own");
        }
    }
    let mut plan = fixture.plan(Strategy::Branch);
    plan.uncommitted = Uncommitted::LeaveOut;
    let path = fixture.provision(&plan).expect("provision").path;
    assert_eq!(status(&path), "");
    assert_eq!(fs::read_to_string(path.join("lib/absorbed/m.txt")).expect("m"), "module");
    assert!(fixture.unsaved(&fixture.provision(&plan).expect("again")).is_empty());
}

/// A submodule is a source, too.
#[test]
fn a_submodule_as_the_source() {
    let mut fixture = Fixture::repository();
    let module = fixture.base.join("module");
    git(&fixture.base, &["clone", "-q", fixture.source.as_str(), module.as_str()]);
    fixture.git(&["submodule", "add", "-q", module.as_str(), "sub"]);
    fixture.source.push("sub");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let path = fixture.made(strategy).path;
        assert_eq!(status(&path), "");
        assert_eq!(git(&path, &["rev-parse", "--show-toplevel"]).trim(), path);
    }
}

/// A repository in the repository comes along whole, uncommitted work included.
#[test]
fn nested_repositories() {
    let fixture = Fixture::repository();
    fs::create_dir(fixture.source.join("inner")).expect("mkdir");
    git(fixture.source.join("inner"), &["init", "-q"]);
    fixture.write("inner/i.txt", "inner");
    git(fixture.source.join("inner"), &["add", "-A"]);
    git(fixture.source.join("inner"), &["commit", "-qm", "inner"]);
    fixture.write("inner/i.txt", "changed");
    fixture.write("junk/.git/not-a-repository", "x");
    fixture.write("junk/file", "kept");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let record = fixture.made(strategy);
        assert_eq!(status(record.path.join("inner")), " M i.txt\n");
        assert_eq!(git(record.path.join("inner"), &["log", "--format=%s"]), "inner\n");
        assert!(record.path.join("junk/file").exists());
        assert!(fixture.unsaved(&record).is_empty(), "{:?}", fixture.unsaved(&record));
        git(record.path.join("inner"), &["commit", "-qam", "by the agent"]);
        assert_eq!(fixture.unsaved(&record).commits, 1, "lost in {strategy:?}");
    }
}

/// Shallow and partial clones stay what they are.
#[test]
fn shallow_and_partial_clones() {
    for args in [["--depth=1", "--no-single-branch"], ["--filter=blob:none", "--no-checkout"]] {
        let fixture = Fixture::repository();
        fixture.write("a.txt", "second");
        fixture.commit("second");
        fixture.git(&["config", "uploadpack.allowFilter", "true"]);
        let url = format!("file://{}", fixture.source);
        let clone = fixture.base.join("clone");
        git(&fixture.base, &["clone", "-q", args[0], args[1], &url, clone.as_str()]);
        git(&clone, &["checkout", "-q", "main"]);
        let mut fixture = fixture;
        fixture.source = clone;
        fixture.write("a.txt", "changed");
        let record = fixture.made(Strategy::Branch);
        assert_eq!(status(&record.path), " M a.txt\n");
        assert_eq!(
            git(&record.path, &["log", "--format=%s"]),
            fixture.git(&["log", "--format=%s"])
        );
        assert!(fixture.unsaved(&record).is_empty(), "{:?}", fixture.unsaved(&record));
        let mut plan = fixture.plan(Strategy::Branch);
        plan.uncommitted = Uncommitted::LeaveOut;
        let path = fixture.provision(&plan).expect("clean").path;
        assert_eq!(status(&path), "");
        git(&path, &["log", "-p", "main"]);
    }
}

/// S0.E5: without a branch, and without a commit.
#[test]
fn detached_and_unborn_head() {
    let fixture = Fixture::repository();
    fixture.git(&["checkout", "-q", "--detach"]);
    let record = fixture.made(Strategy::Branch);
    assert_eq!(record.base_branch, None);
    assert_eq!(record.base_commit.as_deref(), Some(fixture.git(&["rev-parse", "HEAD"]).trim()));
    assert_eq!(git(&record.path, &["branch", "--show-current"]), "session/one\n");

    let fixture = Fixture::plain();
    fixture.git(&["init", "-q"]);
    fixture.write("staged.txt", "x");
    fixture.git(&["add", "staged.txt"]);
    fixture.write("new.txt", "y");
    for uncommitted in [Uncommitted::Carry, Uncommitted::LeaveOut] {
        let mut plan = fixture.plan(Strategy::Branch);
        plan.uncommitted = uncommitted;
        let record = fixture.provision(&plan).expect("unborn");
        assert_eq!(record.base_commit, None);
        assert_eq!(git(&record.path, &["branch", "--show-current"]), "session/one\n");
        if uncommitted == Uncommitted::Carry {
            assert_eq!(status(&record.path), "A  staged.txt\n?? new.txt\n");
        }
        assert!(fixture.unsaved(&record).is_empty(), "{:?}", fixture.unsaved(&record));
    }
}

/// Borrowed objects are brought in; the copy does not need the lender.
#[test]
fn alternates() {
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let mut fixture = Fixture::repository();
        git(&fixture.base, &["clone", "-q", "--shared", fixture.source.as_str(), "borrower"]);
        let lender = std::mem::replace(&mut fixture.source, fixture.base.join("borrower"));
        let path = fixture.made(strategy).path;
        assert!(!path.join(".git/objects/info/alternates").exists());
        fs::remove_dir_all(lender).expect("rm");
        git(&path, &["fsck", "--full"]);
        assert_eq!(status(&path), "");
    }
}

/// Large files behind a filter: pointers and real content both come as they are, and stay clean.
#[test]
fn lfs_pointers() {
    let fixture = Fixture::repository();
    fixture.write(".gitattributes", "*.bin filter=lfs -text\n");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n";
    fixture.write("big.bin", pointer);
    fixture.commit("pointer");
    age(&fixture);
    let record = fixture.made(Strategy::Branch);
    assert_eq!(fs::read_to_string(record.path.join("big.bin")).expect("pointer"), pointer);
    // The real content, as `git lfs` would have put it: the index knows it, so the copy's must, too.
    fixture.git(&[
        "config",
        "filter.lfs.clean",
        &format!("printf '{}'", pointer.replace('\n', "\\n")),
    ]);
    fixture.write("big.bin", "the real content");
    age(&fixture);
    fixture.git(&["add", "big.bin"]);
    assert_eq!(status(&fixture.source), "");
    let record = fixture.made(Strategy::Branch);
    assert_eq!(
        fs::read_to_string(record.path.join("big.bin")).expect("content"),
        "the real content"
    );
    assert!(fixture.unsaved(&record).is_empty());
}

/// A sparse checkout stays sparse, with a sparse index or without.
#[test]
fn sparse_checkouts() {
    for index in ["--no-sparse-index", "--sparse-index"] {
        let fixture = Fixture::repository();
        fixture.write("left-out/deep/file", "x");
        fixture.commit("more");
        fixture.git(&["sparse-checkout", "set", "--cone", index, "dir"]);
        age(&fixture);
        for uncommitted in [Uncommitted::Carry, Uncommitted::LeaveOut] {
            let mut plan = fixture.plan(Strategy::Branch);
            plan.uncommitted = uncommitted;
            let record = fixture.provision(&plan).expect("sparse");
            assert!(!record.path.join("left-out").exists());
            assert_eq!(status(&record.path), "");
            assert!(stale(&record.path).is_empty());
            assert_eq!(git(&record.path, &["sparse-checkout", "list"]), "dir\n");
            assert!(fixture.unsaved(&record).is_empty(), "{:?}", fixture.unsaved(&record));
        }
        let path = fixture.made(Strategy::Copy).path;
        assert_eq!(status(&path), "");
    }
}

/// Names that differ in case, are not UTF-8, or hold control characters.
#[test]
fn odd_names() {
    let fixture = Fixture::repository();
    fixture.write("Readme", "upper");
    fixture.write("README", "higher");
    let odd = OsStr::from_bytes(b"caf\xe9 \x1b[31m\n.txt");
    fs::write(fixture.source.as_std_path().join(odd), "odd").expect("write");
    fixture.git(&["add", "-A"]);
    fixture.git(&["commit", "-qm", "odd"]);
    let other = OsStr::from_bytes(b"untracked \xff");
    fs::write(fixture.source.as_std_path().join(other), "odd").expect("write");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        let record = fixture.made(strategy);
        let path = record.path.as_std_path();
        assert_eq!(fs::read(path.join(odd)).expect("odd"), b"odd");
        assert_eq!(fs::read(path.join(other)).expect("odd"), b"odd");
        assert_eq!(fs::read(path.join("Readme")).expect("upper"), b"upper");
        assert_eq!(fs::read(path.join("README")).expect("higher"), b"higher");
        assert_eq!(status(&fixture.source), status(path));
        fs::write(path.join(odd), "changed!").expect("write");
        let work = fixture.unsaved(&record);
        assert_eq!(work.files.len(), 1);
        assert!(!work.files[0].contains(['\u{1b}', '\n']), "{:?}", work.files);
    }
}

/// A tracked directory that was replaced by a link out of the tree is not followed.
#[test]
fn links_are_never_followed() {
    let fixture = Fixture::repository();
    let outside = fixture.base.join("outside");
    fs::create_dir(&outside).expect("mkdir");
    fs::write(outside.join("b.txt"), "secret").expect("write");
    fs::remove_dir_all(fixture.source.join("dir")).expect("rm");
    symlink(&outside, fixture.source.join("dir")).expect("ln");
    let path = fixture.made(Strategy::Branch).path;
    assert_eq!(path.join("dir").read_link_utf8().expect("a link"), outside);
    assert_eq!(status(&fixture.source), status(&path));
}

/// A merge with conflicts can be ended in the copy.
#[test]
fn conflicts_come_along() {
    let fixture = Fixture::repository();
    fixture.git(&["checkout", "-qb", "other"]);
    fixture.write("a.txt", "theirs\n");
    fixture.commit("theirs");
    fixture.git(&["checkout", "-q", "main"]);
    fixture.write("a.txt", "ours\n");
    fixture.commit("ours");
    let merge = std::process::Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "merge", "other"])
        .current_dir(&fixture.source)
        .output();
    assert!(!merge.expect("git").status.success());
    let path = fixture.made(Strategy::Branch).path;
    assert_eq!(status(&path), "UU a.txt\n");
    fs::write(path.join("a.txt"), "both\n").expect("write");
    git(&path, &["commit", "-qam", "merged"]);
    assert_eq!(git(&path, &["rev-list", "--parents", "-1", "HEAD"]).split(' ').count(), 3);
}

/// S0.E5: what can't be a repository of its own says so, with the way out, and a plain copy works.
#[test]
fn formats_that_are_not_supported() {
    for (args, word) in
        [(["--object-format=sha256"], "sha256"), (["--ref-format=reftable"], "reftable")]
    {
        let fixture = Fixture::plain();
        fixture.git(&["init", "-q", args[0]]);
        fixture.write("a.txt", "x");
        fixture.commit("first");
        let error = fixture.provision(&fixture.plan(Strategy::Branch)).expect_err(word);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.message().contains(word) && error.message().contains("--no-worktree"),
            "{error}"
        );
        assert!(fixture.root_is_empty());
        let path = fixture.made(Strategy::Copy).path;
        assert_eq!(status(&path), "");
    }
    let fixture = Fixture::repository();
    fixture.git(&["update-index", "--split-index"]);
    let error = fixture.provision(&fixture.plan(Strategy::Branch)).expect_err("split");
    assert!(error.message().contains("--no-split-index"), "{error}");
    assert_eq!(status(fixture.made(Strategy::Copy).path), "");
}

/// What is told of a directory before anything is made.
#[test]
fn surveys() {
    let fixture = Fixture::repository();
    let facts = run(fixture.host.survey(&fixture.source)).expect("survey");
    assert!(facts.git);
    assert_eq!(facts.branch.as_deref(), Some("main"));
    let facts = run(fixture.host.survey(&fixture.source.join("dir"))).expect("survey");
    assert!(!facts.git);
    assert_eq!(facts.inside.as_ref(), Some(&fixture.source));
    let mut plan = fixture.plan(Strategy::Branch);
    plan.source.push("dir");
    let error = fixture.provision(&plan).expect_err("a directory inside");
    assert!(error.message().contains(fixture.source.as_str()), "{error}");
    symlink(&fixture.source, fixture.base.join("link")).expect("ln");
    assert_eq!(
        run(fixture.host.survey(&fixture.base.join("link"))).expect("survey").path,
        fixture.source
    );
}
