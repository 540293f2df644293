//! The same on the tests' rootless Podman, as its own user.

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
    engines::as_rootless_user();
    bench::run(&[("rootless", EngineKind::Podman, engines::podman_rootless())])
}
