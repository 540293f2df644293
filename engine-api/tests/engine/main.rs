//! Engines that are only played, and real ones where the tests' engines run.

#![expect(clippy::disallowed_methods, reason = "a test is the program")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what is skipped is said aloud")]

mod fake;
mod greeting;
mod images;
mod real;
mod remote;

use engine_api::{Endpoint, EngineKind};
use session_conformance::engines;

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
        (EngineKind::Docker, false, engines::docker()),
        (EngineKind::Podman, false, engines::podman()),
        (EngineKind::Podman, true, engines::podman_rootless()),
    ];
    let mut found = Vec::new();
    for (kind, rootless, address) in all {
        match address {
            Ok(address) => {
                let endpoint = Endpoint::parse(&address).expect("an address");
                found.push(Real { kind, rootless, endpoint });
            }
            Err(reason) => engines::skip(&reason),
        }
    }
    found
}
