//! The contract's clauses on Podman with workspaces that are uploaded into a volume (issue 3).

mod fixture;

use std::process::ExitCode;

use fixture::fixture;
use session_conformance::engines;

fn main() -> ExitCode {
    session_conformance::main(|| Ok(fixture(engines::podman())?.with_upload()))
}
