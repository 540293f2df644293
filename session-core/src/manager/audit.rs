//! One line in the audit log for each operation (S4.41).

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use serde::Serialize;

use super::Inner;
use crate::catalog::blocking;
use crate::{Error, ErrorKind, Result, SessionId, SessionRecord, Timestamp};

#[derive(Serialize)]
struct Line {
    time: Timestamp,
    operation: &'static str,
    session: SessionId,
    name: String,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_client: Option<String>,
    outcome: String,
}

#[derive(Serialize)]
struct UpdateLine {
    time: Timestamp,
    operation: &'static str,
    agent: String,
    from: Option<String>,
    to: String,
    user: String,
    outcome: String,
}

impl Inner {
    /// Writes a line; a log that can't be written does not undo what was done.
    pub(super) async fn audit<T: Sync>(
        &self,
        operation: &'static str,
        record: &SessionRecord,
        outcome: &Result<T>,
    ) {
        self.audit_line(Line {
            time: Timestamp::now(),
            operation,
            session: record.id,
            name: record.name.to_string(),
            user: self.host.user.clone(),
            ssh_client: self.host.ssh_client.clone(),
            outcome: in_words(outcome),
        })
        .await;
    }

    /// As [`audit`](Self::audit), of an agent's program.
    pub(super) async fn audit_update(
        &self,
        agent: &str,
        from: Option<&str>,
        to: &str,
        outcome: &Result<()>,
    ) {
        self.audit_line(UpdateLine {
            time: Timestamp::now(),
            operation: "update",
            agent: agent.to_owned(),
            from: from.map(str::to_owned),
            to: to.to_owned(),
            user: self.host.user.clone(),
            outcome: in_words(outcome),
        })
        .await;
    }

    async fn audit_line(&self, line: impl Serialize + Send + 'static) {
        let path = self.layout().audit();
        let written = blocking(move || {
            let failed =
                |error| Error::io("audit.write", format!("can't append to `{path}`"), error);
            let mut json = serde_json::to_vec(&line).map_err(|error| {
                Error::new(ErrorKind::Internal, "audit.write", "no JSON").with_source(error)
            })?;
            json.push(b'\n');
            let mut options = std::fs::OpenOptions::new();
            let mut file =
                options.append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
            file.write_all(&json).map_err(failed)
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "the audit log could not be written");
        }
    }
}

fn in_words<T>(outcome: &Result<T>) -> String {
    match outcome {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{:?}: {}", error.kind(), error.message()),
    }
}
