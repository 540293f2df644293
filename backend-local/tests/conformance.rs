//! The contract's clauses on this backend (issue 2, section 6).

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use backend_local::LocalBackend;
use camino::{Utf8Path, Utf8PathBuf};
use session_conformance::{Fixture, Hooks};
use session_core::{Backend, Error, ErrorKind, Layout, ResolvedSpec, Result, SessionId};

fn main() -> ExitCode {
    session_conformance::main(LocalFixture::new)
}

/// A home and a directory, of their own for each clause.
struct LocalFixture {
    _place: tempfile::TempDir,
    layout: Layout,
    directory: Utf8PathBuf,
}

impl LocalFixture {
    fn new() -> Result<Self> {
        let place = tempfile::tempdir().map_err(failed)?;
        let path = Utf8PathBuf::from_path_buf(place.path().canonicalize().map_err(failed)?)
            .map_err(|path| {
                let message = format!("`{}` is not UTF-8", path.display());
                Error::new(ErrorKind::InvalidInput, "fixture.new", message)
            })?;
        let directory = path.join("directory");
        fs::create_dir(&directory).map_err(failed)?;
        Ok(Self { layout: Layout::new(path.join("home")), directory, _place: place })
    }

    fn local(&self, id: &SessionId) -> Utf8PathBuf {
        self.layout.session(id).join("local")
    }
}

#[async_trait]
impl Fixture for LocalFixture {
    async fn backend(&self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(LocalBackend::new(&self.layout)))
    }

    fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().with_half_made(3).with_vanish()
    }

    /// The steps of `create`: the directory, a temporary file in it, its renaming.
    async fn half_made(&self, id: &SessionId, _: &ResolvedSpec, stage: usize) -> Result<()> {
        let local = self.local(id);
        fs::create_dir_all(&local).map_err(failed)?;
        match stage {
            0 => Ok(()),
            1 => fs::write(local.join(".tmp1234"), "").map_err(failed),
            _ => fs::write(local.join(".tmp1234"), "{\"version\": 1, ").map_err(failed),
        }
    }

    async fn vanish(&self, id: &SessionId) -> Result<()> {
        fs::remove_dir_all(self.local(id)).map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("fixture.prepare", "can't prepare the fixture", error)
}
