//! The labels on everything that is made in an engine.

use std::collections::{BTreeMap, HashMap};

use session_core::{Layout, ResolvedSpec, SessionId, Strategy, Timestamp};
use sha2::{Digest as _, Sha256};

/// Which session it belongs to.
pub(crate) const ID: &str = "sessctl.id";
/// Which home's: two homes that share an engine do not see each other's sessions.
pub(crate) const HOME: &str = "sessctl.home";
/// The version of this set of labels.
pub(crate) const VERSION: &str = "sessctl.version";
/// What [`VERSION`] says now.
const PRESENT_VERSION: &str = "1";
/// The keys of an earlier tool, which scripts of its users look for (S0.3, S0.26, S0.27).
const EARLIER: &str = "claude-session.";

/// A session's labels. Written once, at the creation: engines can't change them.
#[derive(Debug, Clone)]
pub(crate) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// What a session made of `spec` carries, and its volumes too.
    pub(crate) fn new(
        layout: &Layout,
        id: &SessionId,
        spec: &ResolvedSpec,
        now: Timestamp,
    ) -> Self {
        let mut labels = spec.backend_labels();
        let mut set = |key: String, value: String| labels.insert(key, value);
        set(ID.to_owned(), id.to_string());
        set(HOME.to_owned(), home(layout));
        set(VERSION.to_owned(), PRESENT_VERSION.to_owned());
        let mut earlier = |key: &str, value: String| set(format!("{EARLIER}{key}"), value);
        earlier("created", now.to_string());
        earlier("parent-container", String::new());
        if let Some(project) = spec.projects.first() {
            earlier("source-dir", project.source.to_string());
            earlier("is-git", (project.strategy == Strategy::Branch).to_string());
            if let Some(branch) = &project.branch {
                earlier("branch", branch.clone());
            }
        }
        Self(labels)
    }

    /// As the engine takes them.
    pub(crate) fn to_map(&self) -> HashMap<String, String> {
        self.0.clone().into_iter().collect()
    }

    /// As they are remembered.
    pub(crate) fn into_inner(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// A word for the home that tells nothing of where it is.
pub(crate) fn home(layout: &Layout) -> String {
    let digest = Sha256::digest(layout.home().as_str());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The id that an engine's object belongs to.
pub(crate) fn id(labels: &HashMap<String, String>) -> Option<SessionId> {
    labels.get(ID)?.parse().ok()
}

/// What `list` shows of an engine's labels: ours, without those the engine or the image added.
pub(crate) fn shown(labels: &HashMap<String, String>) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The filter for all that belongs to a home, or to one session of it.
pub(crate) fn filter(layout: &Layout, id: Option<&SessionId>) -> HashMap<String, Vec<String>> {
    let mut wanted = vec![format!("{HOME}={}", home(layout))];
    wanted.extend(id.map(|id| format!("{ID}={id}")));
    HashMap::from([("label".to_owned(), wanted)])
}

#[cfg(test)]
mod tests {
    use session_core::{LABEL_NAME, LABEL_SPEC_HASH, SessionLabels};

    use super::*;

    /// S0.3, S0.26, S0.27
    #[test]
    fn all_that_is_promised_is_there() {
        let mut spec = ResolvedSpec::new(
            "auth".parse().expect("a name"),
            "docker",
            vec!["claude".to_owned()],
            "/home/me/.sessctl/x",
        );
        let plan = session_core::ProjectPlan::new("p", "/home/me/p", Strategy::Branch);
        spec.projects.push(plan.with_branch("session/auth"));
        let id = SessionId::new();
        let now = Timestamp::from_milliseconds(0);
        let labels = Labels::new(&Layout::new("/home/me/.sessctl"), &id, &spec, now).into_inner();
        let expected = [
            (ID, id.to_string()),
            (LABEL_NAME, "auth".to_owned()),
            (LABEL_SPEC_HASH, spec.hash()),
            (VERSION, "1".to_owned()),
            ("claude-session.created", "1970-01-01T00:00:00Z".to_owned()),
            ("claude-session.source-dir", "/home/me/p".to_owned()),
            ("claude-session.is-git", "true".to_owned()),
            ("claude-session.branch", "session/auth".to_owned()),
            ("claude-session.parent-container", String::new()),
        ];
        for (key, value) in expected {
            assert_eq!(labels.get(key), Some(&value), "{key}");
        }
        // `docs/schemas/labels.json` says the same.
        let json = serde_json::to_value(&labels).expect("plain data");
        let read = serde_json::from_value::<SessionLabels>(json).expect("as the schema says");
        assert_eq!((read.id, read.version.as_str()), (id, "1"));
        assert!(!labels[HOME].contains('/'), "it tells where the home is");
    }
}
