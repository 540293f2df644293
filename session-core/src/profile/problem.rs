//! What is wrong with a profile, and where.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The way from the top of the profile.
    pub(super) path: Vec<Step>,
    /// What is wrong there, and what to do.
    pub(super) reason: String,
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into a list of tables that have names: where it stands, and its name.
    Item(usize, String),
}

impl Problem {
    /// A problem at `path`, a way of keys with dots between them.
    pub(super) fn new(path: &str, reason: impl Into<String>) -> Self {
        let path = path.split('.').map(|key| Step::Key(key.to_owned())).collect();
        Self { path, reason: reason.into() }
    }

    /// Goes on to an item of a list.
    pub(super) fn at(list: &str, index: usize, name: &str, key: &str, reason: String) -> Self {
        let item = Step::Item(index, name.to_owned());
        let mut path = vec![Step::Key(list.to_owned()), item];
        path.extend((!key.is_empty()).then(|| Step::Key(key.to_owned())));
        Self { path, reason }
    }

    /// A problem with `key` of the table at `path`; the key may have dots of its own.
    pub(super) fn of_key(path: &str, key: &str, reason: impl Into<String>) -> Self {
        let mut problem = Self::new(path, reason);
        problem.path.push(Step::Key(key.to_owned()));
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        for (index, step) in self.path.iter().enumerate() {
            let (Step::Key(word) | Step::Item(_, word)) = step;
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{}", word.escape_debug())?;
        }
        write!(f, "`: {}", self.reason)
    }
}

/// The word of `known` that is most like `word`.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let likeness = |known: &str| strsim::jaro_winkler(&plain(known), &plain(word));
    let nearest = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|found| likeness(found) > 0.7)
}
