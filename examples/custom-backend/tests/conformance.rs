//! The contract's clauses on the backend of the example (issue 2, sections 6 and 7).

use std::fs;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use backend_local::LocalBackend;
use camino::{Utf8Path, Utf8PathBuf};
use custom_backend::NiceBackend;
use session_conformance::{Fixture, Hooks};
use session_core::{Backend, Error, ErrorKind, Layout, ResolvedSpec, Result, SessionId};

fn main() -> ExitCode {
    session_conformance::main(NiceFixture::new)
}

struct NiceFixture {
    _place: tempfile::TempDir,
    layout: Layout,
    directory: Utf8PathBuf,
}

impl NiceFixture {
    fn new() -> Result<Self> {
        let place = tempfile::tempdir().map_err(failed)?;
        let path = place.path().canonicalize().map_err(failed)?;
        let path = Utf8PathBuf::from_path_buf(path)
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "fixture.new", "not UTF-8"))?;
        let directory = path.join("directory");
        fs::create_dir(&directory).map_err(failed)?;
        Ok(Self { layout: Layout::new(path.join("home")), directory, _place: place })
    }
}

#[async_trait]
impl Fixture for NiceFixture {
    async fn backend(&self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(NiceBackend::over(Arc::new(LocalBackend::new(&self.layout)))?))
    }

    fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().with_half_made(1).with_vanish()
    }

    async fn half_made(&self, id: &SessionId, _: &ResolvedSpec, _: usize) -> Result<()> {
        fs::create_dir_all(self.layout.session(id).join("local")).map_err(failed)
    }

    async fn vanish(&self, id: &SessionId) -> Result<()> {
        fs::remove_dir_all(self.layout.session(id).join("local")).map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    Error::io("fixture.prepare", "can't prepare the fixture", error)
}
