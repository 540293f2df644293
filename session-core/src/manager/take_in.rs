//! Conversations that an agent takes in by a command of its own (`arguments.import`).

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Inner;
use crate::agent::carry::{self, Own, Source};
use crate::agent::{self, find_program};
use crate::catalog::blocking;
use crate::profile::{Profile, Template, Variables};
use crate::{Error, ErrorKind, ExecRequest, Process, Result, Session, SessionRecord, Signal};

const OPERATION: &str = "manager.take_in";
/// How long an agent may take for it: some need seconds for nothing at all.
const PATIENCE: Duration = Duration::from_secs(120);
/// So much of what it says is kept.
const MOST_SAID: u64 = 16 * 1024;
/// So much of that is told.
const MOST_TOLD: usize = 300;

impl Inner {
    /// Whether a session's agent has to take a conversation in before it starts.
    pub(super) fn awaits_conversation(record: &SessionRecord) -> bool {
        let origin = record.spec.agent_plan.as_ref().and_then(|plan| plan.origin.as_ref());
        origin.is_some_and(|origin| origin.import && !origin.taken_in)
    }

    /// Has a session's agent take in the conversation that it begins with; the session does not run yet.
    ///
    /// Agents do this again without harm, so one that was killed in the middle does it at the next start, as one does whose success
    /// could not be recorded. After a failure nothing is launched, and the next start tries again.
    pub(super) async fn take_in(
        &self,
        record: &SessionRecord,
        session: &dyn Session,
        environment: &BTreeMap<String, String>,
    ) -> Result<SessionRecord> {
        let Some((plan, profile, _)) = self.agent(record)? else { return Ok(record.clone()) };
        let Some(origin) = &plan.origin else { return Ok(record.clone()) };
        let mut argv = record.spec.command.clone();
        argv.extend(words(profile, &plan.state.inside.join(&origin.copy))?);
        let request = ExecRequest::new(argv).with_environment(environment.clone());
        let Process { stdout, stderr, control, .. } = session.exec(request).await?;
        let ended = async {
            let (out, err) = tokio::join!(said(Some(stdout)), said(stderr));
            control.wait().await.map(|exit| (exit.code, out + &err))
        };
        let ended = match tokio::time::timeout(PATIENCE, ended).await {
            Ok(ended) => Some(ended?),
            Err(_) => {
                control.signal(Signal::KILL).await?;
                None
            }
        };
        if let Some(reason) = failure(ended) {
            let name = &record.name;
            let message = format!(
                "{} could not take in the conversation that this session begins with: {reason}; put that right and start it again (`sessctl start {name}`), or remove it (`sessctl remove {name}`)",
                profile.title
            );
            return Err(Error::new(ErrorKind::Refused, OPERATION, message));
        }
        self.fetch_agent(record, session).await?;
        let done = self.catalog.update(&record.id, |record| {
            let plan = record.spec.agent_plan.as_mut();
            if let Some(origin) = plan.and_then(|plan| plan.origin.as_mut()) {
                origin.taken_in = true;
            }
        });
        done.await
    }

    /// Has the person's own agent take a conversation in, as one of `directory`; gives the database that it is in then,
    /// and whether all of it was there before. Of one whose beginning is there the rest is added.
    pub(super) async fn give_to_own(
        &self,
        profile: &Profile,
        source: &Source,
        directory: &Utf8Path,
    ) -> Result<(Utf8PathBuf, bool)> {
        let (own, host, of) = (profile.clone(), self.host.clone(), source.clone());
        let look = move || {
            let file = carry::own_file(&own, &host);
            Ok((carry::has_own(&own, &host, &of)?, file))
        };
        match blocking(look.clone()).await? {
            (Own::All, Some(file)) => return Ok((file, true)),
            (_, Some(_)) => {}
            (_, None) => {
                let message = format!(
                    "the profile of {} does not say where your own conversations are (`conversation.database.host`); give a path with --to",
                    profile.title
                );
                return Err(Error::new(ErrorKind::Unsupported, OPERATION, message));
            }
        }
        let (own, host, of) = (profile.clone(), self.host.clone(), source.clone());
        let (scratch, document, program) = blocking(move || {
            let scratch = tempfile::Builder::new()
                .prefix("sessctl-export-")
                .tempdir_in(&host.temporary_directory)
                .map_err(|error| Error::io(OPERATION, "can't make a temporary directory", error))?;
            let place = Utf8PathBuf::from_path_buf(scratch.path().join("conversation.json"));
            let place = place.map_err(|_| {
                Error::new(ErrorKind::Internal, OPERATION, "a path that is no text")
            })?;
            carry::export_to(&own, &of, &place)?;
            let name = own.program.as_deref().unwrap_or_default();
            let program = find_program(name, &host).ok_or_else(|| {
                let message = format!(
                    "there is no program `{name}` on this host to take the conversation in; install {}, or give a path with --to",
                    own.title
                );
                Error::new(ErrorKind::NotFound, OPERATION, message)
            })?;
            Ok((scratch, place, program))
        })
        .await?;
        let mut environment = self.host.environment.clone();
        agent::scrub(&mut environment, &self.profiles, Some(profile));
        // Where the person's own agent has its files.
        for variable in profile.places.values().filter_map(|place| place.variable.as_ref()) {
            if let Some(value) = self.host.environment.get(variable) {
                environment.insert(variable.clone(), value.clone());
            }
        }
        let ended = run(&program, &words(profile, &document)?, &environment, directory).await?;
        drop(scratch);
        let reason = match failure(ended) {
            None => match blocking(look).await? {
                (Own::All, Some(file)) => return Ok((file, false)),
                _ => "it said that nothing was wrong, but has it not".to_owned(),
            },
            Some(reason) => reason,
        };
        let message = format!(
            "your {} could not take the conversation in: {reason}; give a path with --to",
            profile.title
        );
        Err(Error::new(ErrorKind::Refused, OPERATION, message))
    }
}

/// The arguments by which an agent takes in what is in a file.
fn words(profile: &Profile, file: &Utf8Path) -> Result<Vec<String>> {
    let variables = Variables::new().with("FROM", file.as_str());
    let words = profile.arguments.import.iter();
    words.map(|word| Template::parse(word)?.render(&variables)).collect()
}

/// Runs a program of this host to its end: its code and what it said; `None` if it took too long. What it started ends with it.
async fn run(
    program: &Utf8Path,
    words: &[String],
    environment: &BTreeMap<String, String>,
    directory: &Utf8Path,
) -> Result<Option<(i32, String)>> {
    let failed = |error| Error::io(OPERATION, format!("can't run `{program}`"), error);
    let mut child = tokio::process::Command::new(program)
        .args(words)
        .env_clear()
        .envs(environment)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (out, err, status) = tokio::join!(said(out), said(err), child.wait());
        status.map(|status| (status.code().unwrap_or(-1), out + &err))
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    ended.ok().transpose().map_err(failed)
}

/// What a process writes; read to its end, so that it never waits for us.
async fn said(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut text = Vec::new();
    let _ = (&mut stream).take(MOST_SAID).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// Why it failed, if it did, without anything that a terminal would obey.
fn failure(ended: Option<(i32, String)>) -> Option<String> {
    let (code, text) = match ended {
        None => return Some(format!("it was not done in {} seconds", PATIENCE.as_secs())),
        Some((0, _)) => return None,
        Some(ended) => ended,
    };
    let text = plain(&text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let begin = words.char_indices().rev().nth(MOST_TOLD - 1).map_or(0, |(at, _)| at);
    let told = match &words[begin..] {
        "" => "it said nothing".to_owned(),
        words => format!("it said `{words}`"),
    };
    Some(format!("it ended with code {code}, and {told}"))
}

/// A text without colours and whatever else a terminal obeys.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' && letters.next_if_eq(&'[').is_some() {
            // Up to the letter that ends it.
            while letters.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            letters.next();
        } else if !letter.is_control() || letter.is_whitespace() {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{MOST_TOLD, failure};

    /// What an agent says of its failure is told without anything that a terminal would obey, and not at any length.
    #[test]
    fn failures_are_told_plainly() {
        let told = |code, text: &str| failure(Some((code, text.to_owned())));
        assert_eq!(told(0, "Error"), None);
        let error = "\u{1b}[91m\u{1b}[1mError: \u{1b}[0mno\u{7}thing\n\n  of it \u{1b}]0;x\u{1b}";
        let expected = "it ended with code 1, and it said `Error: nothing of it ]0;x`";
        assert_eq!(told(1, error).as_deref(), Some(expected));
        assert_eq!(told(3, " \n").as_deref(), Some("it ended with code 3, and it said nothing"));
        let long = told(1, &format!("{} end", "é".repeat(1000))).expect("it failed");
        assert!(long.ends_with("é end`") && long.chars().count() < MOST_TOLD + 50, "{long}");
        assert!(failure(None).is_some_and(|reason| reason.contains("120 seconds")));
    }
}
