//! One clause of a contract: its name, what it needs, and the code that checks it.

use std::error::Error as StdError;
use std::fmt;

use futures_util::future::BoxFuture;
use session_core::Capabilities;

use crate::{Case, Hooks};

/// One sentence of the contract of a backend, as code.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Clause {
    /// Its name, which is also a bullet of a trait's `# Contract` list.
    pub name: &'static str,
    pub(crate) need: Need,
    pub(crate) run: for<'a> fn(&'a Case) -> BoxFuture<'a, Verdict>,
}

impl Clause {
    /// Why this clause says nothing about such a backend in such a place; `None` if it does.
    pub fn inapplicable(&self, capabilities: &Capabilities, hooks: &Hooks) -> Option<String> {
        let unless = |there: bool, what: &str| (!there).then(|| what.to_owned());
        match self.need {
            Need::Nothing | Need::Engine => None,
            Need::HostProcesses => unless(capabilities.host_processes, "no host_processes"),
            Need::HalfMade => unless(hooks.half_made_stages > 0, "fixture has no half_made"),
            Need::Vanish => unless(hooks.vanish, "fixture has no vanish"),
            Need::Unanswered => unless(hooks.unanswered, "fixture loses no answers"),
            Need::Processes => unless(hooks.processes, "fixture sees no processes"),
        }
    }

    /// Whether it can be checked without the backend's engine.
    pub fn needs_engine(&self) -> bool {
        !matches!(self.need, Need::Nothing)
    }
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clause").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What must be there for a clause to say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Not even an engine.
    Nothing,
    /// A backend that can make sessions.
    Engine,
    /// The capability `host_processes`.
    HostProcesses,
    /// The hook `half_made`.
    HalfMade,
    /// The hook `vanish`.
    Vanish,
    /// The hook `unanswered`.
    Unanswered,
    /// The hook `processes_with`.
    Processes,
}

/// What a check gives.
pub(crate) type Verdict<T = ()> = std::result::Result<T, Failure>;

/// Why a clause is not kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: StdError> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = format!("an operation failed that should not: {error}");
        let mut next = error.source();
        while let Some(cause) = next {
            text.push_str(&format!(": {cause}"));
            next = cause.source();
        }
        Self(text)
    }
}

/// Fails the clause unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::clause::Failure::new(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// Lists clauses in order, each named as the function that checks it.
macro_rules! clauses {
    ($($module:ident::$name:ident $need:ident,)*) => {
        &[$($crate::Clause {
            name: stringify!($name),
            need: $crate::clause::Need::$need,
            run: |case| Box::pin($module::$name(case)),
        },)*]
    };
}
pub(crate) use clauses;
