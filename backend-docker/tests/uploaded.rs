//! The contract's clauses on Docker with workspaces that are uploaded into a volume (issue 3).

mod fixture;

use std::process::ExitCode;

use fixture::fixture;
use session_conformance::engines;

fn main() -> ExitCode {
    session_conformance::main(|| Ok(fixture(engines::docker())?.with_upload()))
}
