//! What is stored and shown: records, the registry, names, schemas.

mod exit_codes;
mod names;
mod open_registry;
mod records;
mod registry;
mod registry_damage;
mod registry_processes;
mod round_trip;
mod schemas;
mod small_disk;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    ProjectPlan, ProjectRecord, ResolvedSpec, SessionId, SessionRecord, Strategy, Timestamp,
};

/// A directory that is removed with the value.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory can be made") }
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).expect("temporary paths are UTF-8")
    }

    fn join(&self, name: &str) -> Utf8PathBuf {
        self.path().join(name)
    }
}

/// A record with one project from `source`, made at `moment` (milliseconds).
fn record(name: &str, backend: &str, source: &str, moment: i64) -> SessionRecord {
    let id = SessionId::new();
    let plan = ProjectPlan::new("project", source, Strategy::Branch).with_branch("session/x");
    let name = name.parse().expect("tests use good names");
    let directory = format!("/home/sessions/{id}");
    let mut spec = ResolvedSpec::new(name, backend, vec!["sh".to_owned()], directory);
    spec.projects.push(plan.clone());
    let mut record = SessionRecord::new(
        id,
        spec,
        "me",
        Timestamp::from_milliseconds(1_700_000_000_000 + moment),
    );
    let mut project = ProjectRecord::new(&plan, format!("/home/sessions/{id}/workspace/project"));
    project.branch = plan.branch;
    record.projects.push(project);
    record
}

/// Waits for `future` on a runtime of its own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("no limit is reached");
    runtime.block_on(future)
}
