//! Conversations between sessions and the person's own agent (S1.1 to S1.4).

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inner, Manager};
use crate::agent;
use crate::agent::carry::{self, Form, Source};
use crate::catalog::blocking;
use crate::profile::{Choice, Profile, Template};
use crate::{
    Error, ErrorKind, Filter, Result, SessionId, SessionName, SessionRecord, SessionSpec, Timestamp,
};

/// A conversation of a session's, or of the person's own agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ConversationEntry {
    /// Its id, as its agent has it.
    pub id: String,
    /// The profile's name.
    pub agent: String,
    /// The session that has it; absent for the person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionName>,
    /// Its file or directory on the host, or the database that it is in.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// When it was last written to.
    pub modified: Timestamp,
}

/// Where a conversation goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportTo {
    /// To the conversations of the person's own agent, as one of this project; of the session's first project if
    /// absent.
    Host(Option<Utf8PathBuf>),
    /// To a file that is not there yet, or a directory where a conversation is one. Of one in a database it is the document
    /// that its agent takes in.
    Path(Utf8PathBuf),
}

/// A conversation that was copied out of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Exported {
    /// Its id.
    pub conversation: String,
    /// The copy, or the database that it is in now.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// The directory that the person's own agent goes on with it in; absent where that had it already, and keeps where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub directory: Option<Utf8PathBuf>,
    /// The program and arguments that go on with it there; empty where the profile does not tell.
    pub command: Vec<String>,
}

impl Manager {
    /// Has the next start of a session begin a new conversation, instead of going on with the last one; which stays where it is, as
    /// do all others. Idempotent. Once the new one is written down, later starts go on with that.
    ///
    /// `Refused` while the session runs, `Unsupported` where it has no agent with conversations.
    pub async fn begin_conversation(&self, id: &SessionId) -> Result<SessionRecord> {
        let id = *id;
        self.drive(|inner| async move {
            let _lock = inner.lock(&id).await?;
            inner.begin_conversation(&id).await
        })
        .await
    }

    /// The conversations of a session, or of all sessions and of the person's own agents; the latest first. Only reads;
    /// what can't be read is left out.
    pub async fn conversations(&self, of: Option<&SessionId>) -> Result<Vec<ConversationEntry>> {
        let inner = &self.inner;
        let records = match of {
            Some(id) => vec![inner.catalog.read(id).await?],
            None => inner.records().await?,
        };
        let names: BTreeMap<_, _> =
            records.iter().map(|record| (record.id, record.name.clone())).collect();
        let mut found = Vec::new();
        for record in &records {
            let Some((agent, sources)) = inner.conversations_of(record).await else { continue };
            found.extend(sources.into_iter().map(|source| (agent.clone(), source)));
        }
        if of.is_none() {
            for profile in self.profiles().iter() {
                let (profile, host) = (profile.clone(), inner.host.clone());
                let agent = profile.name.clone();
                let own = blocking(move || Ok(carry::own(&profile, &host))).await?;
                found.extend(own.into_iter().map(|source| (agent.clone(), source)));
            }
        }
        let mut seen = BTreeSet::new();
        // Of one that is shared, the session's entry comes first.
        found.retain(|(_, source)| {
            seen.insert((source.found.file.clone(), source.found.id.clone()))
        });
        found.sort_by_key(|(_, source)| std::cmp::Reverse(source.found.modified));
        let entries = found.into_iter().map(|(agent, source)| ConversationEntry {
            id: source.found.id,
            agent,
            session: source.session.and_then(|id| names.get(&id).cloned()),
            file: source.found.file,
            modified: source.found.modified.into(),
        });
        Ok(entries.collect())
    }

    /// The agent of a conversation that a session can begin with ([`AgentOptions::resume_from`](crate::AgentOptions));
    /// `None` for a path, which does not tell. For front ends that ask which agent it shall be.
    pub async fn agent_of_conversation(&self, word: &str) -> Result<Option<String>> {
        if is_path(word) {
            return Ok(None);
        }
        let mut spec = SessionSpec::new();
        spec.agent_options.resume_from = Some(word.to_owned());
        self.inner.origin(&mut spec).await?;
        Ok(spec.agent)
    }

    /// Copies the conversation that a session goes on with; the session keeps it. What is already there and is
    /// something else is never replaced: `AlreadyExists`; what is there and has gone on stays as it is.
    ///
    /// To the person's own agent it is taken in by that agent's own command where the profile has one (`arguments.import`),
    /// with the person's environment, in the project's directory; that ends when this is dropped.
    pub async fn export_conversation(&self, id: &SessionId, to: &ExportTo) -> Result<Exported> {
        let inner = &self.inner;
        let record = inner.catalog.read(id).await?;
        let name = record.name.as_str();
        let (source, profile) =
            inner.current(&record).await.map_err(|error| error.with_session(name))?;
        let (host, to) = (inner.host.clone(), to.clone());
        let project = match &to {
            ExportTo::Host(Some(project)) => host.working_directory.join(project),
            _ => record.sources().next().cloned().unwrap_or_else(|| host.working_directory.clone()),
        };
        if matches!(to, ExportTo::Host(_)) && !project.is_dir() {
            let message = format!(
                "`{project}` is no directory; give that of the project (--project), or a path (--to)"
            );
            return Err(
                Error::new(ErrorKind::NotFound, "manager.export", message).with_session(name)
            );
        }
        let directory = project.canonicalize_utf8().unwrap_or(project);
        let by_command = matches!(to, ExportTo::Host(_))
            && matches!(source.form, Form::Rows { .. })
            && !profile.arguments.import.is_empty();
        let (taken_in, known) = match by_command {
            true => {
                let taken = inner.give_to_own(&profile, &source, &directory).await;
                let (file, known) = taken.map_err(|error| error.with_session(name))?;
                (Some(file), known)
            }
            false => (None, false),
        };
        let done = blocking(move || {
            let conversation = source.found.id.clone();
            let file = match (&to, taken_in) {
                (_, Some(file)) => file,
                (ExportTo::Host(_), None) => carry::export(&profile, &host, &source, &directory)?,
                (ExportTo::Path(path), None) => {
                    let path = host.working_directory.join(path);
                    carry::export_to(&profile, &source, &path)?;
                    path
                }
            };
            let on_host = matches!(to, ExportTo::Host(_));
            let command = goes_on(&profile, &conversation, &file, on_host);
            let directory = (on_host && !known).then_some(directory);
            Ok(Exported { conversation, file, directory, command })
        });
        done.await.map_err(|error| error.with_session(name))
    }
}

/// Neither names nor ids look like that.
fn is_path(word: &str) -> bool {
    word.contains('/') || word.ends_with(".jsonl") || word.ends_with(".json")
}

/// What the person types to go on with a conversation outside of sessions.
fn goes_on(profile: &Profile, conversation: &str, file: &Utf8Path, on_host: bool) -> Vec<String> {
    let Some(program) = &profile.program else { return Vec::new() };
    let new = uuid::Uuid::new_v4().to_string();
    let arguments = &profile.arguments;
    let (words, id) = match on_host {
        true => (&arguments.resume, conversation),
        false if arguments.fork.is_empty() => (&arguments.import, conversation),
        false => (&arguments.fork, new.as_str()),
    };
    let variables =
        crate::profile::Variables::new().with("CONVERSATION_ID", id).with("FROM", file.as_str());
    let render = |word: &String| Template::parse(word)?.render(&variables);
    let words: Result<Vec<_>> = words.iter().map(render).collect();
    match words {
        Ok(words) if !words.is_empty() => std::iter::once(program.clone()).chain(words).collect(),
        _ => Vec::new(),
    }
}

impl Inner {
    /// Under the session's lock.
    async fn begin_conversation(&self, id: &SessionId) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.begin_conversation";
        let Some(record) = self.settle(id).await? else {
            let message = "no such session; `sessctl list` shows what there is";
            return Err(
                Error::new(ErrorKind::NotFound, OPERATION, message).with_session(id.to_string())
            );
        };
        let name = record.name.as_str();
        let refuse =
            |kind, message: String| Err(Error::new(kind, OPERATION, message).with_session(name));
        let choice = match &record.spec.agent_plan {
            Some(plan) => self.profiles.find(&plan.profile)?.conversation.id,
            None => Choice::None,
        };
        if choice == Choice::None {
            let message = "it has no agent whose conversations are known; start it as it is";
            return refuse(ErrorKind::Unsupported, message.to_owned());
        }
        let session = self.open(&record).await?;
        let running = match &session {
            Some(session) => session.status().await?.is_running(),
            None => false,
        };
        if running {
            let message = format!("it is running; stop it first (`sessctl stop {name}`)");
            return refuse(ErrorKind::Refused, message);
        }
        let changed = self.catalog.update(id, |record| {
            record.conversation = None;
            if let Some(plan) = &mut record.spec.agent_plan {
                plan.begins_anew = true;
                // Agents refuse to begin one of an id that they know.
                if choice == Choice::Ours {
                    plan.conversation = Some(uuid::Uuid::new_v4().to_string());
                }
            }
        });
        changed.await
    }

    /// The conversation that a new session is asked to begin with. Says which agent that is where the spec does not.
    pub(super) async fn origin(&self, spec: &mut SessionSpec) -> Result<Option<Source>> {
        const OPERATION: &str = "manager.resume_from";
        let Some(word) = spec.agent_options.resume_from.clone() else { return Ok(None) };
        let refuse = |kind, message: String| Err(Error::new(kind, OPERATION, message));
        if is_path(&word) {
            let Some(agent) = &spec.agent else {
                let message = format!(
                    "whose conversation `{}` is can't be seen; say which agent (--agent)",
                    word.escape_debug()
                );
                return refuse(ErrorKind::InvalidInput, message);
            };
            let profile = self.profiles.find(agent)?.clone();
            let path = self.host.working_directory.join(&word);
            return blocking(move || carry::of_path(&profile, &path)).await.map(Some);
        }
        match self.catalog.find(&word).await {
            Ok(record) => {
                let (source, profile) = self.current(&record).await?;
                let agent = spec.agent.get_or_insert_with(|| profile.name.clone());
                if *agent != profile.name {
                    let message = format!(
                        "session `{}` is one of {}, and its conversation can't go on with `{}`; leave --agent out",
                        record.name,
                        profile.title,
                        agent.escape_debug()
                    );
                    return refuse(ErrorKind::InvalidInput, message);
                }
                return Ok(Some(source));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let found = match agent::is_id(&word) {
            true => self.by_id(&word, spec.agent.as_deref()).await?,
            false => None,
        };
        let Some((agent, source)) = found else {
            let message = format!(
                "no session and no conversation `{}`; `sessctl conversations list` shows what there is",
                word.escape_debug()
            );
            return refuse(ErrorKind::NotFound, message);
        };
        spec.agent.get_or_insert(agent);
        Ok(Some(source))
    }

    /// The conversation of this id that was written to last, wherever it is.
    async fn by_id(&self, id: &str, agent: Option<&str>) -> Result<Option<(String, Source)>> {
        let mut found = Vec::new();
        for profile in self.profiles.iter() {
            if agent.is_some_and(|agent| agent != profile.name) {
                continue;
            }
            let (copy, host) = (profile.clone(), self.host.clone());
            let own = blocking(move || Ok(carry::own(&copy, &host))).await?;
            found.extend(own.into_iter().map(|source| (profile.name.clone(), source)));
        }
        for record in self.records().await? {
            let Some((of, sources)) = self.conversations_of(&record).await else { continue };
            if agent.is_none_or(|agent| agent == of) {
                found.extend(sources.into_iter().map(|source| (of.clone(), source)));
            }
        }
        let of_id = found.into_iter().filter(|(_, source)| source.found.id == id);
        Ok(of_id.max_by_key(|(_, source)| source.found.modified))
    }

    /// The conversation that a session has open, or goes on with.
    async fn current(&self, record: &SessionRecord) -> Result<(Source, Profile)> {
        const OPERATION: &str = "manager.conversation";
        let none = |message: String| {
            Error::new(ErrorKind::NotFound, OPERATION, message).with_session(record.name.as_str())
        };
        let Some(plan) = &record.spec.agent_plan else {
            return Err(none("it runs no agent that has conversations".to_owned()));
        };
        let profile = self.profiles.find(&plan.profile)?.clone();
        if record.spec.container.upload
            && let Some(session) = self.open(record).await?
        {
            let _lock = self.lock(&record.id).await?;
            self.fetch_agent(record, &*session).await?;
        }
        let open = self.open_conversation(record).await;
        let (plan, host, id) = (plan.clone(), self.host.clone(), record.id);
        let noted = record.conversation.clone();
        let of = profile.clone();
        let found = blocking(move || {
            let all = carry::of_session(id, &plan, &of, &host);
            let live = open.and_then(|open| all.iter().find(|source| source.found.id == open));
            if let Some(source) = live {
                return Ok(Some(source.clone()));
            }
            let latest = agent::latest_conversation(&plan, &of, &host, noted.as_deref());
            Ok(latest.and_then(|latest| all.into_iter().find(|source| source.found == latest)))
        });
        match found.await? {
            Some(source) => Ok((source, profile)),
            None => Err(none("its agent has written no conversation yet".to_owned())),
        }
    }

    /// All conversations of a session, with its profile's name; of a directory that is shared, the session's own only.
    async fn conversations_of(&self, record: &SessionRecord) -> Option<(String, Vec<Source>)> {
        let plan = record.spec.agent_plan.clone()?;
        let profile = self.profiles.find(&plan.profile).ok()?.clone();
        let (host, id, noted) = (self.host.clone(), record.id, record.conversation.clone());
        let agent = plan.profile.clone();
        let found = blocking(move || {
            let mut all = carry::of_session(id, &plan, &profile, &host);
            if plan.shares_conversations(&profile) {
                let ours = [noted.as_deref(), plan.conversation.as_deref()];
                let opened = agent::opened_conversations(&plan, &profile);
                all.retain(|source| {
                    let id = &source.found.id;
                    ours.contains(&Some(id.as_str())) || opened.iter().any(|note| note.id == *id)
                });
            }
            Ok(all)
        });
        Some((agent, found.await.ok()?))
    }

    /// All records that can be read.
    pub(super) async fn records(&self) -> Result<Vec<SessionRecord>> {
        let (entries, _) = self.catalog.list(&Filter::default()).await?;
        Ok(entries.into_iter().flatten().map(|entry| entry.record).collect())
    }
}
