//! Reading a profile's file.

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::problem::{Problem, Step};
use super::{merge, shape};
use crate::profile::Profile;
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "profile.parse";

impl Profile {
    /// Reads the profile `name` from the text of its file, and [checks](Self::check) it; `origin` is
    /// what the file is called in an error.
    ///
    /// `InvalidInput` names file, line and reason of everything that is wrong ([`Error::unmet`]). A
    /// profile that extends another is read by [`Profiles::with_files`](super::Profiles::with_files).
    pub fn from_toml(name: &str, text: &str, origin: &str) -> Result<Self> {
        let document = Document::parse(name, text, origin)?;
        match document.extends() {
            None => document.profile(None),
            Some(base) => Err(document.refuse(
                "extends",
                format!(
                    "it extends `{}`, and nothing is known of other profiles here",
                    base.escape_debug()
                ),
            )),
        }
    }

    /// The text of a file that says the same, without what says nothing.
    pub fn to_toml(&self) -> Result<String> {
        let mut table = self.to_table()?;
        shorten(&mut table);
        toml::to_string(&table).map_err(|error| {
            let message = format!("the profile `{}` can't be written: {error}", self.name);
            Error::new(ErrorKind::Internal, "profile.write", message)
        })
    }

    fn to_table(&self) -> Result<Table> {
        Table::try_from(self).map_err(|error| {
            let message = format!("the profile `{}` can't be written: {error}", self.name);
            Error::new(ErrorKind::Internal, "profile.write", message)
        })
    }
}

/// Takes out what is the same as if it were not said.
fn shorten(table: &mut Table) {
    // What is set in files is theirs to the last empty list.
    let ours = |key: &str| !matches!(key, "content" | "entry");
    table.iter_mut().filter(|(key, _)| ours(key)).for_each(|(_, value)| match value {
        Value::Table(table) => shorten(table),
        Value::Array(items) => items.iter_mut().for_each(|item| {
            if let Value::Table(table) = item {
                shorten(table);
            }
        }),
        _ => {}
    });
    table.retain(|_, value| match value {
        Value::Table(table) => !table.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Boolean(set) => *set,
        _ => true,
    });
}

/// A profile's file, read but not yet understood.
#[derive(Debug)]
pub(super) struct Document<'a> {
    name: &'a str,
    text: &'a str,
    origin: &'a str,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Reads the text as TOML.
    pub(super) fn parse(name: &'a str, text: &'a str, origin: &'a str) -> Result<Self> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { name, text, origin, table }),
            Err(error) => Err(Error::problems(OPERATION, vec![invalid(origin, text, &error)])),
        }
    }

    /// The profile that it changes.
    pub(super) fn extends(&self) -> Option<&str> {
        match find(self.table.get_ref(), "extends")?.get_ref() {
            DeValue::String(base) => Some(base),
            _ => None,
        }
    }

    /// The error of something that is wrong at the top.
    pub(super) fn refuse(&self, key: &str, reason: impl Into<String>) -> Error {
        Error::problems(OPERATION, vec![self.told(&Problem::new(key, reason), false)])
    }

    /// Understands it, over `base` if it extends one.
    pub(super) fn profile(&self, base: Option<&Profile>) -> Result<Profile> {
        let misfits = shape::misfits(&super::schema(), self.table.get_ref());
        if !misfits.is_empty() {
            let told = misfits.into_iter().map(|misfit| {
                format!("`{}`, line {}: {}", self.origin, self.line(misfit.offset), misfit.reason)
            });
            return Err(Error::problems(OPERATION, told.collect()));
        }
        let mut profile = match base {
            None => toml::from_str(self.text).map_err(|error| {
                Error::problems(OPERATION, vec![invalid(self.origin, self.text, &error)])
            })?,
            Some(base) => self.over(base)?,
        };
        self.name.clone_into(&mut profile.name);
        let problems = profile.problems();
        if problems.is_empty() {
            return Ok(profile);
        }
        let told = problems.iter().map(|problem| self.told(problem, base.is_some()));
        Err(Error::problems(OPERATION, told.collect()))
    }

    /// What it says, over what `base` says.
    fn over(&self, base: &Profile) -> Result<Profile> {
        let base = base.to_table()?;
        let own: Table = toml::from_str(self.text).map_err(|error| {
            Error::problems(OPERATION, vec![invalid(self.origin, self.text, &error)])
        })?;
        merge::merged(base, own).try_into::<Profile>().map_err(|error| {
            let reason = error.message().replace('\n', ", ");
            let told = format!("`{}`: {}", self.origin, reason.escape_debug());
            Error::problems(OPERATION, vec![told])
        })
    }

    /// A problem with file and line.
    fn told(&self, problem: &Problem, extends: bool) -> String {
        match self.offset(&problem.path, extends) {
            Some(offset) => format!("`{}`, line {}: {problem}", self.origin, self.line(offset)),
            None => format!("`{}`: {problem}", self.origin),
        }
    }

    /// Where in the text the way leads, or as far on it as there is something; `None` if nothing is.
    fn offset(&self, path: &[Step], extends: bool) -> Option<usize> {
        let mut here: Option<&Spanned<DeValue<'_>>> = None;
        let mut offset = None;
        for step in path {
            let next = match (step, here.map(Spanned::get_ref)) {
                (Step::Key(key), None) => find(self.table.get_ref(), key),
                (Step::Key(key), Some(DeValue::Table(table))) => find(table, key),
                (Step::Item(index, name), Some(DeValue::Array(items))) => match extends {
                    true => items.iter().find(|item| is_named(item, name)),
                    false => items.get(*index),
                },
                _ => None,
            };
            // A list of the profile that is extended has its items elsewhere.
            let Some(next) = next else {
                return offset.filter(|_| !extends || matches!(step, Step::Key(_)));
            };
            offset = Some(next.span().start);
            here = Some(next);
        }
        offset
    }

    fn line(&self, offset: usize) -> usize {
        line(self.text, offset)
    }
}

fn find<'t, 'a>(table: &'t DeTable<'a>, key: &str) -> Option<&'t Spanned<DeValue<'a>>> {
    table.iter().find_map(|(name, value)| (name.get_ref() == key).then_some(value))
}

fn is_named(item: &Spanned<DeValue<'_>>, name: &str) -> bool {
    let DeValue::Table(table) = item.get_ref() else { return false };
    matches!(find(table, "name").map(Spanned::get_ref), Some(DeValue::String(own)) if own == name)
}

/// Says where it is wrong, without the line itself, which may hold anything.
fn invalid(origin: &str, text: &str, error: &toml::de::Error) -> String {
    let place = error.span().map(|span| format!(", line {}", line(text, span.start)));
    let reason = error.message().replace('\n', ", ");
    format!("`{origin}`{} is not valid: {}", place.unwrap_or_default(), reason.escape_debug())
}

/// The number of the line that has the byte at `offset`.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}
