//! The contract's clauses on the backend of the example (issue 2, sections 6 and 7).

use std::process::ExitCode;
use std::sync::Arc;

use custom_backend::{BwrapBackend, KIND};
use session_conformance::HomeFixture;

fn main() -> ExitCode {
    session_conformance::main(|| {
        HomeFixture::new(KIND, |layout| Arc::new(BwrapBackend::new(layout)))
    })
}
