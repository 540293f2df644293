//! What agents did, read from what they wrote (S1.F4, S4.17, S4.35).

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::{Inner, Manager};
use crate::agent::{self, Budget, Reading};
use crate::catalog::blocking;
use crate::{
    AgentFacts, Analytics, ErrorKind, Filter, ListItem, Result, SessionAnalytics, SessionId,
    SessionList, SessionRecord, StatusWord, Timestamp, Usage,
};

/// How long the facts of one session may take.
const ONE: Duration = Duration::from_secs(10);
/// How long those of a whole list may take; what is not read by then is told of as incomplete, and is gone on with by
/// the next list.
const LIST: Duration = Duration::from_secs(5);
/// How much of that one session may take: it must not be at the cost of the others.
const OF_LIST: Duration = Duration::from_millis(500);
/// How long a start or a stop waits for them.
const ASIDE: Duration = Duration::from_secs(1);
/// Sessions that are looked at at the same time.
const AT_ONCE: usize = 8;

impl Manager {
    /// Reads what a session's agent wrote down of itself, without running it; of a session without a profile only the
    /// size on disk.
    ///
    /// What the agent wrote may be anything, so nothing in it is an error, and no more than some seconds are spent
    /// ([`AgentFacts::incomplete`]). What was counted is kept in the session's directory.
    pub async fn facts(&self, id: &SessionId) -> Result<AgentFacts> {
        let record = self.inner.catalog.read(id).await?;
        let running = self.inner.terminals.is_held(self.layout().home(), id).await?;
        Ok(self.inner.facts(&record, running, Budget::of(ONE), true).await)
    }

    /// As [`list`](Self::list), with what each session's agent did and what it uses now ([`ListItem::facts`],
    /// [`ListItem::usage`]); what is not known of one session is a notice.
    pub async fn list_with_facts(&self, filter: &Filter) -> Result<SessionList> {
        let mut list = self.list(filter).await?;
        let used = self.used(&list.sessions).await;
        self.add_facts(&mut list.sessions).await;
        for (item, usage) in list.sessions.iter_mut().zip(used) {
            match usage {
                Ok(usage) => item.usage = usage,
                Err(reason) => list.notices.push(reason),
            }
        }
        Ok(list)
    }

    /// All sessions with what they use and what their agents did, and sums of that.
    pub async fn analytics(&self, filter: &Filter) -> Result<Analytics> {
        let list = self.list_with_facts(filter).await?;
        let sessions = list.sessions.into_iter().filter_map(|item| {
            Some(SessionAnalytics {
                id: item.id?,
                name: item.name,
                agent: item.agent?,
                backend: item.backend?,
                status: item.status,
                created_at: item.created_at?,
                usage: item.usage,
                facts: item.facts.unwrap_or_default(),
            })
        });
        Ok(Analytics::new(Timestamp::now(), sessions.collect(), list.notices))
    }

    /// What the sessions that run use now.
    async fn used(&self, items: &[ListItem]) -> Vec<Result<Option<Usage>, String>> {
        let used = stream::iter(items).map(|item| async move {
            let running = item.status == StatusWord::Running;
            let (Some(id), Some(kind), true) = (item.id, &item.backend, running) else {
                return Ok(None);
            };
            match self.inner.answer(kind, self.stats(&id)).await {
                Ok(stats) => Ok(Some(stats.usage)),
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
                Err(error) => {
                    Err(format!("what `{}` uses is not known: {}", item.name, error.message()))
                }
            }
        });
        used.buffered(AT_ONCE).collect().await
    }

    /// Counts first, for they are quick; then sizes, as far as the time goes.
    async fn add_facts(&self, items: &mut [ListItem]) {
        let budget = Budget::of(LIST);
        let read = stream::iter(items.iter()).map(|item| async move {
            let record = self.inner.catalog.read(&item.id?).await.ok()?;
            let running = item.status == StatusWord::Running;
            Some(self.inner.facts(&record, running, budget.at_most(OF_LIST), false).await)
        });
        let read: Vec<_> = read.buffered(AT_ONCE).collect().await;
        for (item, facts) in items.iter_mut().zip(read) {
            item.facts = facts;
        }
        let sizes = stream::iter(items.iter()).map(|item| async move {
            Some(self.inner.disk_use(&item.id?, budget.at_most(OF_LIST)).await)
        });
        let sizes: Vec<_> = sizes.buffered(AT_ONCE).collect().await;
        for (item, size) in items.iter_mut().zip(sizes) {
            if let (Some(facts), Some((bytes, whole))) = (&mut item.facts, size) {
                facts.disk_bytes = Some(bytes);
                facts.incomplete |= !whole;
            }
        }
    }
}

impl Inner {
    /// The facts of one session; whatever goes wrong, fewer of them.
    async fn facts(
        &self,
        record: &SessionRecord,
        running: bool,
        budget: Budget,
        with_size: bool,
    ) -> AgentFacts {
        let profile = record.spec.agent_plan.as_ref().map(|plan| self.profiles.find(&plan.profile));
        // First, for what an agent wrote may take all the time there is.
        let size = match with_size {
            true => Some(self.disk_use(&record.id, budget).await),
            false => None,
        };
        let mut facts = match (&record.spec.agent_plan, profile) {
            (Some(plan), Some(Ok(profile))) => {
                let (plan, profile, host) = (plan.clone(), profile.clone(), self.host.clone());
                let directory = self.layout().session(&record.id);
                let (noted, started) = (record.conversation.clone(), record.started_at);
                let read = blocking(move || {
                    let reading = Reading {
                        plan: &plan,
                        profile: &profile,
                        host: &host,
                        directory: &directory,
                        noted: noted.as_deref(),
                        running,
                        started,
                    };
                    Ok(reading.facts(&budget))
                });
                read.await.unwrap_or_default()
            }
            _ => AgentFacts::default(),
        };
        if let Some((bytes, whole)) = size {
            facts.disk_bytes = Some(bytes);
            facts.incomplete |= !whole;
        }
        facts
    }

    async fn disk_use(&self, id: &SessionId, budget: Budget) -> (u64, bool) {
        let directory = self.layout().session(id);
        blocking(move || Ok(agent::disk_use(&directory, &budget))).await.unwrap_or((0, false))
    }

    /// Writes into the record what the agent did so far, for those who have only that. `open` is the conversation that
    /// the agent said it has open.
    pub(super) async fn note_facts(&self, record: &SessionRecord, open: Option<String>) {
        if record.spec.agent_plan.is_none() {
            return;
        }
        let facts = self.facts(record, false, Budget::of(ASIDE), false).await;
        let noted = self.catalog.update(&record.id, |record| {
            record.model = facts.model.or(record.model.take());
            // A count that is not finished tells less than an older one.
            if !facts.incomplete {
                record.message_count = facts.message_count.or(record.message_count);
                record.tool_call_count = facts.tool_call_count.or(record.tool_call_count);
            }
            record.last_activity = record.last_activity.max(facts.last_activity);
            record.conversation = open.or(facts.conversation).or(record.conversation.take());
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, session = %record.name, "what its agent did is not recorded");
        }
    }

    /// Records the conversation that a running session's agent says it has open: it may have gone on to another.
    pub(super) async fn note_open_conversation(&self, record: &SessionRecord) {
        let Some(open) = self.open_conversation(record).await else { return };
        if record.conversation.as_ref() == Some(&open) {
            return;
        }
        let noted = self.catalog.update(&record.id, |record| record.conversation = Some(open));
        if let Err(error) = noted.await {
            tracing::warn!(%error, session = %record.name, "its conversation is not recorded");
        }
    }

    /// The conversation that a running session's agent says it has open.
    pub(super) async fn open_conversation(&self, record: &SessionRecord) -> Option<String> {
        let plan = record.spec.agent_plan.clone()?;
        let profile = self.profiles.find(&plan.profile).ok()?.clone();
        let (host, directory) = (self.host.clone(), self.layout().session(&record.id));
        let read = blocking(move || {
            let reading = Reading {
                plan: &plan,
                profile: &profile,
                host: &host,
                directory: &directory,
                noted: None,
                running: true,
                started: None,
            };
            Ok(reading.open())
        });
        read.await.ok().flatten()
    }
}
