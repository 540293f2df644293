//! The contract's clauses on Docker (issue 3).

mod fixture;

use std::process::ExitCode;

use fixture::fixture;
use session_conformance::engines;

fn main() -> ExitCode {
    session_conformance::main(|| fixture(engines::docker()))
}
