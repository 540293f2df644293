//! The contract's clauses on Docker (issue 3).

mod fixture;

use std::process::ExitCode;

use fixture::EngineFixture;

fn main() -> ExitCode {
    session_conformance::main(|| EngineFixture::new("SESSCTL_TEST_DOCKER"))
}
