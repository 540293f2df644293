//! The contract's clauses on rootless Podman, as its own user (issue 3).

mod fixture;

use std::process::ExitCode;

use fixture::fixture;
use session_conformance::engines;

fn main() -> ExitCode {
    engines::as_rootless_user();
    session_conformance::main(|| fixture(engines::podman_rootless()))
}
