//! Freeing what a session's agent makes anew (S1.21, S4.37).

use std::time::Duration;

use super::{Inner, Manager};
use crate::agent::{self, AgentPlan, Budget, Disposable};
use crate::catalog::blocking;
use crate::profile::Profile;
use crate::{Error, ErrorKind, Phase, Result, SessionId, SessionRecord};

const OPERATION: &str = "manager.clean";
/// How long sizes may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Manager {
    /// What of a session's agent [`clean`](Self::clean) would remove: what its profile says is disposable, where
    /// that is the session's alone, and its short-lived files on the host. Only reads; nothing for a session without a profile.
    ///
    /// `Refused` while the session runs, and `Unsupported` for an uploaded one, whose files are in the engine.
    pub async fn disposable(&self, id: &SessionId) -> Result<Vec<Disposable>> {
        let record = self.inner.catalog.read(id).await?;
        self.inner.is_at_rest(&record).await?;
        let Some((plan, profile)) = self.inner.cleanable(&record)? else { return Ok(Vec::new()) };
        blocking(move || Ok(agent::find_disposable(&plan, &profile, &Budget::of(PATIENCE)))).await
    }

    /// Removes what [`disposable`](Self::disposable) tells, and gives what was there; with a line in the audit log.
    ///
    /// Never a conversation, a login or anything shared, and nothing outside of the session's own directories: links go, what they
    /// lead to stays. Refuses what [`disposable`](Self::disposable) does. Idempotent; what can't be removed ends it with an error, and the
    /// rest stays for the next time.
    pub async fn clean(&self, id: &SessionId) -> Result<Vec<Disposable>> {
        let id = *id;
        self.drive(|inner| async move {
            let _lock = inner.lock(&id).await?;
            let record = inner.read(&id).await?;
            inner.is_at_rest(&record).await?;
            let Some((plan, profile)) = inner.cleanable(&record)? else { return Ok(Vec::new()) };
            let removed =
                blocking(move || agent::remove_disposable(&plan, &profile, &Budget::of(PATIENCE)))
                    .await
                    .map_err(|error| error.with_session(record.name.as_str()));
            inner.audit("clean", &record, &removed).await;
            removed
        })
        .await
    }
}

impl Inner {
    /// The plan and the profile of a session whose agent's files are on this host.
    fn cleanable(&self, record: &SessionRecord) -> Result<Option<(AgentPlan, Profile)>> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(None) };
        if record.spec.container.upload {
            let message = "its agent's files are in the engine, where they can't be cleaned; remove the session when it is done";
            return Err(Error::new(ErrorKind::Unsupported, OPERATION, message)
                .with_session(record.name.as_str()));
        }
        let profile = self.profiles.find(&plan.profile)?;
        Ok(Some((plan.clone(), profile.clone())))
    }

    /// Nothing of it runs, and nobody makes or removes it.
    async fn is_at_rest(&self, record: &SessionRecord) -> Result<()> {
        let refuse = |message: String| {
            Err(Error::new(ErrorKind::Refused, OPERATION, message)
                .with_session(record.name.as_str()))
        };
        if record.phase != Phase::Ready {
            return refuse("it is half made or half removed; go on with that first".to_owned());
        }
        if let Some(session) = self.open(record).await?
            && session.status().await?.is_running()
        {
            let name = &record.name;
            return refuse(format!("it is running; stop it first (`sessctl stop {name}`)"));
        }
        Ok(())
    }
}
