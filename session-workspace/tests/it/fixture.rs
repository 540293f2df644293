//! Directories and repositories to work on, and what can be said about them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Progress, ProjectPlan, ProjectRecord, Result, Strategy, UnsavedWork, Workspaces as _,
};
use session_workspace::HostWorkspaces;

/// A source, a root for sessions, and the type under test.
pub(crate) struct Fixture {
    _dir: tempfile::TempDir,
    pub(crate) base: Utf8PathBuf,
    pub(crate) source: Utf8PathBuf,
    pub(crate) root: Utf8PathBuf,
    pub(crate) host: HostWorkspaces,
}

impl Fixture {
    /// An empty source directory.
    pub(crate) fn plain() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base =
            Utf8PathBuf::from_path_buf(dir.path().canonicalize().expect("exists")).expect("UTF-8");
        let (source, root) = (base.join("source"), base.join("root"));
        fs::create_dir(&source).expect("mkdir");
        fs::create_dir(&root).expect("mkdir");
        Self { _dir: dir, base, source, root, host: HostWorkspaces::new().with_threads(3) }
    }

    /// A repository with one commit of `a.txt`, `dir/b.txt` and a `.gitignore` for `*.log` and `ignored/`.
    pub(crate) fn repository() -> Self {
        let this = Self::plain();
        this.git(&["init", "-q"]);
        this.write("a.txt", "one\n");
        this.write("dir/b.txt", "two\n");
        this.write(".gitignore", "*.log\nignored/\n");
        this.commit("first");
        this
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.source.join(path);
        fs::create_dir_all(path.parent().expect("below")).expect("mkdir");
        fs::write(path, content).expect("write");
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message]);
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.source, args)
    }

    pub(crate) fn plan(&self, strategy: Strategy) -> ProjectPlan {
        let plan = ProjectPlan::new("project", &self.source, strategy);
        if strategy == Strategy::Branch { plan.with_branch("session/one") } else { plan }
    }

    pub(crate) fn provision(&self, plan: &ProjectPlan) -> Result<ProjectRecord> {
        run(self.host.provision(plan, &self.root, &Progress::default()))
    }

    /// Provisions by `strategy`, sure that it goes well and the source stays as it was.
    pub(crate) fn made(&self, strategy: Strategy) -> ProjectRecord {
        let _ = fs::remove_dir_all(self.root.join("project"));
        let before = snapshot(&self.source);
        let record = self.provision(&self.plan(strategy)).expect("provision");
        assert_eq!(before, snapshot(&self.source), "the source was touched");
        record
    }

    pub(crate) fn unsaved(&self, record: &ProjectRecord) -> UnsavedWork {
        run(self.host.unsaved(record)).expect("unsaved answers")
    }

    /// Whether nothing is left in the root.
    pub(crate) fn root_is_empty(&self) -> bool {
        fs::read_dir(&self.root).expect("root").next().is_none()
    }
}

/// Runs a future to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Runs git, apart from the configuration of whoever runs the tests, and returns what it printed.
pub(crate) fn git(dir: impl AsRef<Path>, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false", "-C"])
        .arg(dir.as_ref())
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .expect("git is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `git status` as a program reads it.
pub(crate) fn status(dir: impl AsRef<Path>) -> String {
    git(dir, &["status", "--porcelain=v1", "-uall"])
}

/// How many tracked files git reads again to know the status: those whose index entry does not fit.
pub(crate) fn stale(dir: impl AsRef<Path>) -> Vec<String> {
    let listed = git(dir.as_ref(), &["diff-files", "--name-only"]);
    listed.lines().map(str::to_owned).collect()
}

/// Everything about a tree but access times: names, kinds, modes, owners, times, content.
pub(crate) fn snapshot(dir: impl AsRef<Path>) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![dir.as_ref().to_owned()];
    while let Some(path) = left.pop() {
        let stat = fs::symlink_metadata(&path).expect("exists");
        let content = if stat.is_dir() {
            left.extend(
                fs::read_dir(&path).expect("readable").map(|entry| entry.expect("entry").path()),
            );
            Vec::new()
        } else if stat.is_file() {
            fs::read(&path).expect("readable")
        } else if stat.is_symlink() {
            fs::read_link(&path).expect("link").as_os_str().as_bytes().to_vec()
        } else {
            Vec::new()
        };
        let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
        let what = (stat.ino(), stat.mode(), stat.uid(), stat.gid(), stat.nlink(), stat.len());
        all.insert(path, format!("{what:?} {times:?} {content:?}"));
    }
    all
}

/// The names in a directory, sorted, `.git` left out.
pub(crate) fn names(dir: &Utf8Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("readable");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| name != ".git");
    names.sort();
    names
}

/// Makes all files of a tree two minutes older, so that no index entry is from the index's own second.
pub(crate) fn age(fixture: &Fixture) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(120);
    for path in fixture.git(&["ls-files", "-z"]).split('\0').filter(|path| !path.is_empty()) {
        let path = fixture.source.join(path);
        if path.symlink_metadata().is_ok_and(|found| found.is_file()) {
            fs::File::open(path).expect("readable").set_modified(then).expect("times");
        }
    }
    git(&fixture.source, &["update-index", "-q", "--refresh"]);
}
