//! A home with a project beside it, removed with the value.

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{HostView, Layout, SessionSpec};

/// What the project's one file says.
pub(crate) const TEXT: &str = "the user's work\n";

pub(crate) struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Memory where there is some: thousands of syncs tell nothing here and take long on a disk.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let place = Self { directory: directory.expect("a temporary directory can be made") };
        std::fs::create_dir(place.project()).expect("the directory is empty");
        std::fs::write(place.project().join("file"), TEXT).expect("the project is writable");
        place
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).expect("temporary paths are UTF-8")
    }

    pub(crate) fn project(&self) -> Utf8PathBuf {
        self.path().join("project")
    }

    /// Not made yet.
    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.path().join("home"))
    }
}

/// What a program would tell of a person who is in `project`.
pub(crate) fn host(project: &Utf8Path, backend: &str) -> HostView {
    HostView::new(project, "tester")
        .with_default_backend(backend)
        .with_ssh_client(Some("192.0.2.1 5000 22".to_owned()))
}

pub(crate) fn named(name: &str) -> SessionSpec {
    SessionSpec::new().with_name(name.parse().expect("tests use good names"))
}

/// The names in a directory, sorted; none if it is missing.
pub(crate) fn entries(directory: &Utf8Path) -> Vec<String> {
    let entries = directory.read_dir_utf8().into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_owned()).collect();
    names.sort();
    names
}

/// Everything that a session which is gone must not leave behind.
pub(crate) fn assert_nothing_left(layout: &Layout) {
    for directory in ["sessions", "locks", "active"] {
        let left = entries(&layout.home().join(directory));
        assert!(left.is_empty(), "left in {directory}: {left:?}");
    }
}
