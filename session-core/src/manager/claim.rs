//! Each conversation is open in one place only (S1.15).

use camino::Utf8PathBuf;
use sha2::{Digest as _, Sha256};

use super::Inner;
use crate::agent::{self, AgentPlan};
use crate::catalog::blocking;
use crate::lock::FileLock;
use crate::{Error, ErrorKind, Phase, Result, SessionRecord};

/// Keeps all others from starting with a conversation, until dropped.
#[derive(Debug)]
pub(super) struct Claim {
    lock: Option<FileLock>,
    path: Utf8PathBuf,
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While it is still held, so that who waits for it sees that.
        let _ = std::fs::remove_file(&self.path);
        self.lock.take();
    }
}

impl Inner {
    /// Sees to it that no other session of this home, and no process of the person's own, has the conversation open;
    /// `None` where its files are the session's alone.
    ///
    /// Held until the session runs: whoever wants the same waits, and then sees it.
    pub(super) async fn claim_conversation(
        &self,
        record: &SessionRecord,
        conversation: &str,
    ) -> Result<Option<Claim>> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(None) };
        let profile = self.profiles.find(&plan.profile)?;
        if !plan.shares_conversations(profile) {
            return Ok(None);
        }
        let digest = Sha256::digest(format!("{}\0{conversation}", plan.profile));
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = self.layout().locks().join(format!("conversation-{digest}.lock"));
        let lock = FileLock::take(&path, self.patience)
            .await
            .map_err(|error| error.with_session(record.name.as_str()))?;
        let claim = Claim { lock: Some(lock), path };
        for other in self.records().await? {
            if self.holds(&other, record, plan, conversation).await {
                let name = &other.name;
                let message = format!(
                    "its conversation is open in session `{name}`, and two would lose each other's turns: attach to that one (`sessctl attach {name}`), stop it (`sessctl stop {name}`), or begin another session with a copy (`sessctl start --resume-from {name}`)"
                );
                return Err(Error::new(ErrorKind::Refused, "manager.start", message)
                    .with_session(record.name.as_str()));
            }
        }
        let (copy, host) = (profile.clone(), self.host.clone());
        let own = blocking(move || Ok(agent::processes_of_person(&copy, &host))).await?;
        let has_it =
            |process: &&agent::Process| process.conversation.as_deref() == Some(conversation);
        if let Some(process) = own.iter().find(has_it) {
            let title = &profile.title;
            let id = process.id.map(|id| format!(" (process {id})")).unwrap_or_default();
            let message = format!(
                "its conversation is open in {title} outside of sessions{id}, and two would lose each other's turns: leave it there first"
            );
            return Err(Error::new(ErrorKind::Refused, "manager.start", message)
                .with_session(record.name.as_str()));
        }
        Ok(Some(claim))
    }

    /// Whether another session runs with the conversation.
    async fn holds(
        &self,
        other: &SessionRecord,
        record: &SessionRecord,
        plan: &AgentPlan,
        conversation: &str,
    ) -> bool {
        let Some(theirs) = &other.spec.agent_plan else { return false };
        let same = theirs.profile == plan.profile && other.phase == Phase::Ready;
        if other.id == record.id || !same {
            return false;
        }
        let Ok(profile) = self.profiles.find(&theirs.profile) else { return false };
        if !theirs.shares_conversations(profile) {
            return false;
        }
        let held = self.terminals.is_held(self.layout().home(), &other.id).await.unwrap_or(false);
        let running = held
            || self
                .answer(&other.spec.backend, self.look(other))
                .await
                .is_ok_and(|status| status.is_running());
        // What its agent says counts before what it was started with.
        running
            && match self.open_conversation(other).await {
                Some(open) => open == conversation,
                None => other
                    .conversation
                    .as_ref()
                    .or(theirs.conversation.as_ref())
                    .is_some_and(|noted| noted == conversation),
            }
    }
}
