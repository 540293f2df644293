//! What the lines of a conversation's file tell, counted as they come.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Budget;
use crate::agent::value::{self, Path};
use crate::facts::AgentState;
use crate::profile::{Facts, Selector};

/// A line that is longer is passed over: the text of a picture has a few million bytes.
pub(super) const LONGEST_LINE: usize = 4 * 1024 * 1024;
/// How far apart lines of one message may be, in messages.
const REMEMBERED: usize = 64;

/// What was counted so far; can be put down and taken up again where the file has grown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    /// How much of the file is counted: whole lines only.
    pub(super) offset: u64,
    pub(super) messages: u64,
    pub(super) tool_calls: u64,
    pub(super) model: Option<String>,
    pub(super) activity: Option<i64>,
    pub(super) state: Option<AgentState>,
    /// When the line was written that says so; without a time in it, the activity until then.
    pub(super) state_since: Option<i64>,
    /// The last values of `once_per`, for messages and for calls.
    seen: [VecDeque<u64>; 2],
}

/// The profile's selectors, ready for use.
#[derive(Debug)]
pub(super) struct Reader {
    model: Vec<Ready>,
    messages: Vec<Ready>,
    tool_calls: Vec<Ready>,
    activity: Vec<Ready>,
    states: Vec<(AgentState, Ready)>,
}

#[derive(Debug)]
pub(super) struct Ready {
    conditions: Vec<(Path, String)>,
    unless: Vec<(Path, String)>,
    value: Option<Path>,
    once_per: Option<Path>,
}

impl Reader {
    pub(super) fn new(facts: &Facts) -> Self {
        let ready = |selectors: &[Selector]| selectors.iter().map(Ready::new).collect();
        Self {
            model: ready(&facts.model),
            messages: ready(&facts.messages),
            tool_calls: ready(&facts.tool_calls),
            activity: ready(&facts.activity),
            states: state(AgentState::Busy, &facts.busy)
                .chain(state(AgentState::Idle, &facts.idle))
                .chain(state(AgentState::Waiting, &facts.waiting))
                .collect(),
        }
    }

    /// Whether lines tell anything.
    pub(super) fn is_empty(&self) -> bool {
        self.model.is_empty()
            && self.messages.is_empty()
            && self.tool_calls.is_empty()
            && self.activity.is_empty()
            && self.states.is_empty()
    }

    /// Goes on from where `tally` ends. `true` if the end of the file was reached; a line that has no end yet counts
    /// at the next time. Never more than one line is in memory.
    pub(super) fn read(&self, file: &mut File, tally: &mut Tally, budget: &Budget) -> bool {
        if file.seek(SeekFrom::Start(tally.offset)).is_err() {
            return false;
        }
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut line = Vec::new();
        loop {
            if budget.is_spent() {
                return false;
            }
            line.clear();
            let Ok(length) = (&mut reader).take(LONGEST_LINE as u64).read_until(b'\n', &mut line)
            else {
                return false;
            };
            if length == 0 {
                return true;
            }
            if line.last() == Some(&b'\n') {
                tally.offset += length as u64;
                self.count(&line, tally);
                continue;
            }
            if length < LONGEST_LINE {
                return true;
            }
            match pass_over(&mut reader, budget) {
                Passed::Line(rest) => tally.offset += length as u64 + rest,
                Passed::End => return true,
                Passed::Stopped => return false,
            }
        }
    }

    fn count(&self, line: &[u8], tally: &mut Tally) {
        // No JSON, half of it, or too deep: nothing of ours. Deeper than 128 is an error of the parser's.
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        let [seen_messages, seen_calls] = &mut tally.seen;
        for (selectors, count, seen) in [
            (&self.messages, &mut tally.messages, seen_messages),
            (&self.tool_calls, &mut tally.tool_calls, seen_calls),
        ] {
            for selector in selectors {
                *count = count.saturating_add(selector.times(&line, seen));
            }
        }
        if let Some(model) = self.model.iter().find_map(|selector| selector.text(&line)) {
            tally.model = Some(model);
        }
        let moments = self.activity.iter().filter_map(|selector| selector.moment(&line));
        let moment = moments.max();
        tally.activity = moment.max(tally.activity);
        if let Some((state, _)) = self.states.iter().find(|(_, selector)| selector.fits(&line) > 0)
        {
            tally.state = Some(*state);
            tally.state_since = moment.or(tally.activity);
        }
    }
}

enum Passed {
    /// So many bytes, the end of the line among them.
    Line(u64),
    End,
    Stopped,
}

/// Reads to the end of a line that is too long, keeping nothing.
fn pass_over(reader: &mut impl std::io::BufRead, budget: &Budget) -> Passed {
    let mut passed = 0;
    loop {
        if budget.is_spent() {
            return Passed::Stopped;
        }
        let Ok(buffer) = reader.fill_buf() else { return Passed::Stopped };
        if buffer.is_empty() {
            return Passed::End;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(length);
        passed += length as u64;
        if end.is_some() {
            return Passed::Line(passed);
        }
    }
}

impl Ready {
    pub(super) fn new(selector: &Selector) -> Self {
        let wanted = selector.conditions.iter();
        let unless = selector.unless.iter();
        Self {
            conditions: wanted.map(|(path, wanted)| (Path::new(path), wanted.clone())).collect(),
            unless: unless
                .flat_map(|(path, of)| of.iter().map(|it| (Path::new(path), it.to_owned())))
                .collect(),
            value: selector.value.as_deref().map(Path::new),
            once_per: selector.once_per.as_deref().map(Path::new),
        }
    }

    /// How often the line is what is looked for.
    pub(super) fn fits(&self, line: &Value) -> u64 {
        if !line.is_object() {
            return 0;
        }
        let mut times = 1;
        for (path, wanted) in &self.conditions {
            let count = value::count(line, path, wanted);
            if count == 0 {
                return 0;
            }
            if path.is_many() {
                times = times.max(count);
            }
        }
        let excluded =
            self.unless.iter().any(|(path, unwanted)| value::count(line, path, unwanted) > 0);
        if excluded { 0 } else { times }
    }

    /// As [`fits`](Self::fits), but for what was seen a short while ago.
    fn times(&self, line: &Value, seen: &mut VecDeque<u64>) -> u64 {
        let times = self.fits(line);
        let Some(path) = self.once_per.as_ref().filter(|_| times > 0) else { return times };
        let Some(same) = value::first(line, path).and_then(value::text) else { return times };
        let digest = Sha256::digest(same.as_bytes());
        let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte));
        if seen.contains(&mark) {
            return 0;
        }
        seen.push_back(mark);
        if seen.len() > REMEMBERED {
            seen.pop_front();
        }
        times
    }

    fn text(&self, line: &Value) -> Option<String> {
        let value = value::first(line, self.value.as_ref()?)?;
        (self.fits(line) > 0).then(|| value::text(value)).flatten()
    }

    fn moment(&self, line: &Value) -> Option<i64> {
        let value = value::first(line, self.value.as_ref()?)?;
        (self.fits(line) > 0).then(|| moment(value)).flatten()
    }
}

fn state(
    state: AgentState,
    selectors: &[Selector],
) -> impl Iterator<Item = (AgentState, Ready)> + use<'_> {
    selectors.iter().map(move |selector| (state, Ready::new(selector)))
}

/// A moment as agents write it, in milliseconds since 1970.
fn moment(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => super::moment(text),
        _ => None,
    }
}
