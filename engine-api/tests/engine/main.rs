//! Engines that are only played, and real ones where the tests' engines run.

#![expect(clippy::disallowed_methods, reason = "a test is the program")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what is skipped is said aloud")]

mod fake;
mod greeting;
mod images;
mod real;
mod remote;

use engine_api::{Endpoint, EngineKind};

/// One of the tests' engines.
#[derive(Debug, Clone)]
struct Real {
    kind: EngineKind,
    rootless: bool,
    endpoint: Endpoint,
}

/// Those of the tests' engines that run (`.ci/engines`).
fn real_engines() -> Vec<Real> {
    let all = [
        (EngineKind::Docker, false, "SESSCTL_TEST_DOCKER"),
        (EngineKind::Podman, false, "SESSCTL_TEST_PODMAN"),
        (EngineKind::Podman, true, "SESSCTL_TEST_PODMAN_ROOTLESS"),
    ];
    let mut found = Vec::new();
    for (kind, rootless, variable) in all {
        let address = std::env::var(variable).unwrap_or_default();
        match Endpoint::parse(&address) {
            Some(endpoint) => found.push(Real { kind, rootless, endpoint }),
            None => eprintln!("SKIPPED: {variable} names no engine ({address:?})"),
        }
    }
    found
}
