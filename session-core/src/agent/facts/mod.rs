//! What an agent did, read from what it wrote: bounded in time and memory, whatever is there.

mod database;
mod head;
mod kept;
mod lines;
mod size;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

pub(crate) use database::{Copy as DatabaseCopy, MOST_TEXT, Place as DatabasePlace, conversations};
pub(crate) use head::{Heads, has_table, workspace as begun_in};
pub(crate) use size::{of as disk_use, of_open as disk_use_of};

use self::kept::Kept;
use self::lines::Reader;
use super::beneath::Beneath;
use super::conversation::{self, Found};
use super::live::{self, Processes};
use super::plan::AgentPlan;
use crate::facts::{AgentFacts, AgentState};
use crate::profile::Profile;
use crate::{HostView, Timestamp};

/// More conversations than one session has; the latest count.
const MOST_CONVERSATIONS: usize = 2_000;

/// Names that are looked at for them: a session that is full of files must not hold a list up.
const MOST_NAMES: usize = 20_000;
/// A file's time is that of the clock's last tick, which comes a hundred times a second or more often (`time(7)`).
const FILE_TICK: Duration = Duration::from_millis(10);

/// How long something may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    until: Instant,
}

impl Budget {
    /// From now on.
    pub(crate) fn of(patience: Duration) -> Self {
        Self { until: Instant::now() + patience }
    }

    /// This one, but from now on no longer than `patience`.
    pub(crate) fn at_most(self, patience: Duration) -> Self {
        Self { until: self.until.min(Instant::now() + patience) }
    }

    pub(crate) fn is_spent(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// One session, as its agent's facts are read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) plan: &'a AgentPlan,
    pub(crate) profile: &'a Profile,
    pub(crate) host: &'a HostView,
    /// The session's directory: what was counted is kept there, to go on from.
    pub(crate) directory: &'a Utf8Path,
    /// The conversation it was last known to have.
    pub(crate) noted: Option<&'a str>,
    /// Its main process runs.
    pub(crate) running: bool,
    /// When that was last started.
    pub(crate) started: Option<Timestamp>,
}

impl Reading<'_> {
    /// Reads everything but the size on disk. Blocks, hardly longer than `budget`.
    pub(crate) fn facts(&self, budget: &Budget) -> AgentFacts {
        let Self { plan, profile, host, .. } = self;
        let mut facts = AgentFacts::default();
        let mut kept = Kept::load(self.directory, &profile.facts);
        let since = match &profile.conversation.database {
            Some(database) => {
                self.read_database(database, &mut kept, &mut facts, budget);
                facts.last_activity
            }
            None => self.read_lines(&mut kept, &mut facts, budget),
        };
        if self.running {
            if facts.state.is_some() && since.is_some() && since < self.started {
                // What was under way when an earlier process ended is nobody's work any more.
                facts.state = Some(AgentState::Idle);
            }
            let which = match plan.state.host == plan.state.inside {
                true => Processes::Running,
                false => Processes::Any,
            };
            let live = live::read(plan, profile, host, which);
            if let Some(process) = live.into_iter().find(|process| process.conversation.is_some()) {
                facts.state = process.state.or(facts.state);
                facts.conversation = process.conversation.or(facts.conversation);
            }
        } else {
            facts.state = None;
        }
        kept.save(self.directory);
        facts
    }

    /// The conversation that a process of the session has open now, if it says so.
    pub(crate) fn open(&self) -> Option<String> {
        let on_host = self.plan.state.host == self.plan.state.inside;
        let which = if on_host { Processes::Running } else { Processes::Any };
        let live = live::read(self.plan, self.profile, self.host, which);
        let live = live.into_iter().find_map(|process| process.conversation);
        live.or_else(|| {
            let note = conversation::opened(self.plan, self.profile).into_iter().next()?;
            let modified = Timestamp::from(note.modified + FILE_TICK);
            // Of an earlier run: it may have begun another.
            (self.started <= Some(modified)).then_some(note.id)
        })
    }

    /// Gives when the state was written down, if there is one.
    fn read_lines(
        &self,
        kept: &mut Kept,
        facts: &mut AgentFacts,
        budget: &Budget,
    ) -> Option<Timestamp> {
        let Self { plan, profile, host, .. } = self;
        let pattern = profile.conversation.file.as_ref()?;
        let mut since = None;
        let in_directory = |file: Utf8PathBuf| match &profile.conversation.transcript {
            Some(transcript) => file.join(transcript),
            None => file,
        };
        let mut all = conversation::all(plan, profile, host, MOST_NAMES);
        let current = conversation::latest_of(&all, plan, profile, host, self.noted);
        if plan.shares_conversations(profile) {
            // Those of others are not this session's.
            let open = current.as_ref().map(|current| current.id.as_str());
            let ours = [self.noted, plan.conversation.as_deref(), open];
            let opened = conversation::opened(plan, profile);
            all.retain(|found| {
                ours.contains(&Some(found.id.as_str()))
                    || opened.iter().any(|note| note.id == found.id)
            });
        }
        facts.conversations = Some(all.len() as u64);
        facts.incomplete = all.len() > MOST_CONVERSATIONS;
        all.truncate(MOST_CONVERSATIONS);
        let reader = Reader::new(&profile.facts);
        let root = conversation::root(plan, profile, host, pattern).ok();
        let beneath = root.as_ref().and_then(|root| Beneath::open(&root.directory).ok());
        if let (false, Some(root), Some(beneath)) = (reader.is_empty(), root, beneath) {
            let (mut messages, mut tool_calls) = (0_u64, 0_u64);
            let mut read = BTreeSet::new();
            for found in &all {
                let file = in_directory(found.file.clone());
                let Some(path) = file.strip_prefix(&root.directory).ok() else { continue };
                let Some(mut file) = beneath.file(path.as_str()) else { continue };
                let (tally, whole) = kept.tally(&mut file, path.as_str(), &reader, budget);
                read.insert(path.to_string());
                messages = messages.saturating_add(tally.messages);
                tool_calls = tool_calls.saturating_add(tally.tool_calls);
                let moment = tally.activity.map(Timestamp::from_milliseconds);
                facts.last_activity = facts.last_activity.max(moment);
                // The latest comes first.
                facts.model = facts.model.take().or_else(|| tally.model.clone());
                if current.as_ref().is_some_and(|current| current.file == found.file) {
                    facts.state = tally.state;
                    since = tally.state_since.map(Timestamp::from_milliseconds);
                    facts.model = tally.model.clone().or(facts.model.take());
                }
                facts.incomplete |= !whole;
            }
            kept.retain(|path| read.contains(path));
            facts.message_count = (!profile.facts.messages.is_empty()).then_some(messages);
            facts.tool_call_count = (!profile.facts.tool_calls.is_empty()).then_some(tool_calls);
        }
        if profile.facts.activity.is_empty() {
            facts.last_activity = all.first().map(|found| found.modified.into());
        }
        if let Some(Found { id, file, .. }) = current {
            (facts.conversation, facts.transcript) = (Some(id), Some(in_directory(file)));
        }
        since
    }

    fn read_database(
        &self,
        database: &crate::profile::Database,
        kept: &mut Kept,
        facts: &mut AgentFacts,
        budget: &Budget,
    ) {
        let state = &self.plan.state.host;
        let scratch = state.parent().unwrap_or(state);
        let place = database::Place { directory: state, file: &database.file, scratch };
        let queries = self.profile.facts.database.as_ref();
        let Some(stamp) = database::stamp(&place) else { return };
        let answers = match kept.answers(&stamp) {
            Some(answers) => answers,
            None => {
                let Some(answers) = database::ask(&place, database, queries, budget) else {
                    facts.incomplete = true;
                    return;
                };
                kept.keep_answers(stamp, answers.clone());
                answers
            }
        };
        facts.conversations = Some(answers.conversations.len() as u64);
        facts.conversation = answers.conversations.first().map(|(id, _)| id.clone());
        facts.transcript = Some(state.join(&database.file));
        (facts.model, facts.state) = (answers.model, answers.state);
        (facts.message_count, facts.tool_call_count) = (answers.messages, answers.tool_calls);
        let latest = answers.conversations.first().map(|(_, at)| *at);
        facts.last_activity = answers.activity.or(latest).map(Timestamp::from_milliseconds);
    }
}

/// Whether an agent's conversations are files of lines of JSON: its profile looks for something in them.
pub(crate) fn are_lines(profile: &Profile) -> bool {
    profile.conversation.database.is_none() && !Reader::new(&profile.facts).is_empty()
}

/// A moment as text, in milliseconds since 1970.
fn moment(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_milliseconds)
}

#[cfg(test)]
mod tests;
