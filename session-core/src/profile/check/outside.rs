//! What is said of what an agent touches outside of its sessions.

use std::collections::BTreeSet;

use super::super::problem::Problem;
use super::Checker;
use super::templates::Scope;
use super::words::is_word;

impl Checker<'_> {
    pub(super) fn outside(&mut self) {
        let mut seen = BTreeSet::new();
        for (index, outside) in self.profile.outside.iter().enumerate() {
            let mut wrong: Vec<(&str, String)> = Vec::new();
            if !is_word(&outside.name, '-') {
                wrong
                    .push(("name", "is called by lowercase letters, digits and dashes".to_owned()));
            }
            if !seen.insert(&outside.name) {
                wrong.push(("name", "is there twice; each has a name of its own".to_owned()));
            }
            let reasons = self.absolute(&outside.path, Scope::Host);
            wrong.extend(reasons.into_iter().map(|reason| ("path", reason)));
            if outside.what.trim().is_empty() || outside.what.contains(char::is_control) {
                wrong.push(("what", "say what stands there, in one line".to_owned()));
            }
            for (key, reason) in wrong {
                self.problems.push(Problem::at("outside", index, &outside.name, key, reason));
            }
        }
    }
}
