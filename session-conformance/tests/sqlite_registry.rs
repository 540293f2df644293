//! The clauses on the SQLite registry (issue 2, section 6).

use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use session_conformance::RegistryFixture;
use session_core::{Error, ErrorKind, Registry, Result, SessionId, SqliteRegistry};

fn main() -> std::process::ExitCode {
    session_conformance::registry_main(Place::new)
}

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Result<Self> {
        let made = tempfile::tempdir();
        let directory = made.map_err(|error| Error::io("test.place", "can't make it", error))?;
        Ok(Self { directory })
    }

    fn path(&self) -> Result<Utf8PathBuf> {
        let path = self.directory.path().join("registry.db");
        Utf8PathBuf::try_from(path).map_err(failed)
    }
}

#[async_trait]
impl RegistryFixture for Place {
    async fn registry(&self) -> Result<Arc<dyn Registry>> {
        Ok(Arc::new(SqliteRegistry::open(self.path()?)?))
    }

    fn can_write(&self) -> bool {
        true
    }

    async fn write(&self, id: &SessionId, document: &[u8]) -> Result<()> {
        let connection = rusqlite::Connection::open(self.path()?).map_err(failed)?;
        // A text that may be no UTF-8, as only a damaged file has it.
        let write = "UPDATE sessions SET record = CAST(?1 AS TEXT) WHERE id = ?2";
        connection.execute(write, (document, id.to_string())).map(drop).map_err(failed)
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "test.place", "the fixture failed").with_source(error)
}
