//! What `doctor` asks of an engine.

mod checks;
mod explanations;
#[cfg(test)]
mod tests;

use session_core::{Check, Error, ErrorKind, ProbeReport};

pub use explanations::explanations;

use crate::engine::{IDENTIFY, VERSION, peer};
use crate::failure::start;
use crate::{Endpoint, Engine, EngineKind};

/// Looks whether sessions can be made with a `kind` at one of `endpoints`, and what limits them.
///
/// Changes nothing. Each check has a code of [`explanations`]; one that can't be made from here
/// (the disk of another host) is left out.
pub async fn probe(kind: EngineKind, endpoints: &[Endpoint]) -> ProbeReport {
    let engine = match Engine::connect_first(endpoints, kind).await {
        Ok(engine) => engine,
        Err(error) => return unreachable(kind, endpoints, &error),
    };
    let identity = engine.identity();
    let title = format!("{} {}", kind.title(), identity.version);
    let powers = if identity.rootless { "rootless" } else { "with root's powers" };
    let (major, minor) = kind.oldest();
    let mut list = vec![
        Check::passed(code(kind, "answers"), format!("{title} answers at {}", engine.endpoint())),
        Check::passed(code(kind, "version"), format!("{title} ({major}.{minor} is needed)")),
    ];
    match engine.facts().await {
        Ok(facts) => list.extend(checks::of_facts(kind, engine.endpoint(), facts).await),
        Err(error) => list.push(failed(code(kind, "info"), &error)),
    }
    ProbeReport::new(kind.word(), format!("{title}, {powers}"), list)
}

/// The code of a check: `docker-answers`.
fn code(kind: EngineKind, word: &str) -> String {
    format!("{}-{word}", kind.word())
}

fn unreachable(kind: EngineKind, endpoints: &[Endpoint], error: &Error) -> ProbeReport {
    let word = match (error.operation(), error.kind()) {
        (IDENTIFY, _) => "identity",
        (VERSION, _) => "version",
        (_, ErrorKind::PermissionDenied) => "permission",
        _ => "answers",
    };
    let mut list = vec![failed(code(kind, word), error)];
    if word == "answers" {
        let local = endpoints.iter().filter(|endpoint| endpoint.sees_host_paths());
        let local: Vec<String> = local.map(ToString::to_string).collect();
        if !local.is_empty() {
            list.insert(0, checks::installed(kind));
        }
        if local.len() > 1 {
            let first = &endpoints[0];
            let message = format!("nothing answers at {}", local.join(", "));
            list.push(Check::failed(code(kind, "socket"), message, start(&peer(first, kind))));
        }
    }
    ProbeReport::new(kind.word(), "not reached", list)
}

/// A failed check whose remedy is the part of the error's words that says what to do.
fn failed(code: String, error: &Error) -> Check {
    let (found, remedy) = match error.message().split_once("; ") {
        Some(parts) => parts,
        None => (error.message(), "see the message"),
    };
    Check::failed(code, found, remedy)
}
