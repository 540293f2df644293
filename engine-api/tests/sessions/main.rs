//! Sessions on the tests' Docker and rootful Podman: what no clause of the contract says, because
//! it is about containers (issue 3, "Proof").

#![expect(clippy::print_stderr, reason = "what is skipped is said aloud")]

mod bench;
mod ends;
mod images;
mod limits;
mod safety;
mod whose;

use std::process::ExitCode;

use engine_api::EngineKind;
use session_conformance::engines;

fn main() -> ExitCode {
    bench::run(&[
        ("docker", EngineKind::Docker, engines::docker()),
        ("podman", EngineKind::Podman, engines::podman()),
    ])
}
