//! The profiles that a program has.

use std::collections::BTreeMap;

use super::document::Document;
use crate::profile::Profile;
use crate::{Error, ErrorKind, Result};

/// Name and text of every profile in `session-core/profiles`, written by the build script.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// Profiles by name, registered by value: there is no global list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profiles {
    by_name: BTreeMap<String, Profile>,
    /// What is wrong with those that can't be used; they count before others of their name.
    broken: BTreeMap<String, Vec<String>>,
}

/// A profile's file, read by the program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileFile {
    /// The profile's name: that of the file, without `.toml`.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// What it is called in errors.
    pub origin: String,
}

impl ProfileFile {
    /// A file.
    pub fn new(
        name: impl Into<String>,
        text: impl Into<String>,
        origin: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), text: text.into(), origin: origin.into() }
    }
}

impl Profiles {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that come with this library.
    pub fn shipped() -> Self {
        SHIPPED.iter().fold(Self::new(), |profiles, (name, text)| {
            let profile = Profile::from_toml(name, text, name);
            profiles.with(profile.expect("a test reads every shipped profile"))
        })
    }

    /// Adds a profile, or replaces the one of its name.
    #[must_use]
    pub fn with(mut self, profile: Profile) -> Self {
        self.broken.remove(&profile.name);
        self.by_name.insert(profile.name.clone(), profile);
        self
    }

    /// Adds the profiles of `files`, or replaces those of their names. One that `extends` another
    /// changes that one of these files, or of those that are there; with its own name, the latter.
    ///
    /// A file that is not valid hinders nobody else: its name answers with what is wrong.
    #[must_use]
    pub fn with_files(mut self, files: &[ProfileFile]) -> Self {
        let mut reader = Reader { before: self.clone(), files, done: BTreeMap::new() };
        for file in files {
            match reader.read(file, &mut Vec::new()) {
                Ok(profile) => self = self.with(profile),
                Err(error) => self = self.with_broken(&file.name, &error),
            }
        }
        self
    }

    /// Remembers why there is no profile `name`.
    #[must_use]
    pub fn with_broken(mut self, name: &str, error: &Error) -> Self {
        let unmet = error.unmet();
        let problems = match unmet.is_empty() {
            true => vec![error.message().to_owned()],
            false => unmet.to_vec(),
        };
        self.broken.insert(name.to_owned(), problems);
        self
    }

    /// All that can be used, and those that come with this library where another of their name is
    /// broken; by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_name.values()
    }

    /// The names of all, the broken ones too, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let broken = self.broken.keys().filter(|name| !self.by_name.contains_key(*name));
        let mut names: Vec<_> = self.by_name.keys().chain(broken).map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Whether there is a profile `name` that can't be used; [`find`](Self::find) says why.
    pub fn is_broken(&self, name: &str) -> bool {
        self.broken.contains_key(name)
    }

    /// The profile `name`; `InvalidInput` with those that are known, or with what is wrong with it.
    pub fn find(&self, name: &str) -> Result<&Profile> {
        if let Some(problems) = self.broken.get(name) {
            return Err(Error::problems("profiles.find", problems.clone()));
        }
        self.by_name.get(name).ok_or_else(|| {
            let known: Vec<_> = self.by_name.keys().map(String::as_str).collect();
            let message =
                format!("no agent `{}`; known agents: {}", name.escape_debug(), known.join(", "));
            Error::new(ErrorKind::InvalidInput, "profiles.find", message)
        })
    }
}

/// Reads files that change each other.
struct Reader<'a> {
    before: Profiles,
    files: &'a [ProfileFile],
    done: BTreeMap<&'a str, Profile>,
}

impl<'a> Reader<'a> {
    /// Reads one, and before it the one that it changes; `waiting` are those that wait for it.
    fn read(&mut self, file: &'a ProfileFile, waiting: &mut Vec<&'a str>) -> Result<Profile> {
        if let Some(done) = self.done.get(file.name.as_str()) {
            return Ok(done.clone());
        }
        let document = Document::parse(&file.name, &file.text, &file.origin)?;
        let base = match document.extends() {
            None => None,
            Some(name) => Some(self.base(file, name, &document, waiting)?),
        };
        let profile = document.profile(base.as_ref())?;
        self.done.insert(&file.name, profile.clone());
        Ok(profile)
    }

    /// The profile that `file` changes.
    fn base(
        &mut self,
        file: &'a ProfileFile,
        name: &str,
        document: &Document<'_>,
        waiting: &mut Vec<&'a str>,
    ) -> Result<Profile> {
        let other = self.files.iter().find(|other| other.name == name && name != file.name);
        let Some(other) = other else {
            return self
                .before
                .find(name)
                .cloned()
                .map_err(|error| document.refuse("extends", error.message()));
        };
        if waiting.contains(&name) {
            return Err(document.refuse("extends", format!("`{name}` extends this one, in turn")));
        }
        waiting.push(&file.name);
        let base = self.read(other, waiting);
        waiting.pop();
        base.map_err(|error| {
            document.refuse("extends", format!("`{name}` is not valid: {}", error.message()))
        })
    }
}
