//! A `sessctl` of one's own: the whole command, with a third party's backend in it.
//!
//! ```sh
//! custom-cli start --backend bwrap -- make test
//! ```

use std::process::ExitCode;
use std::sync::Arc;

use custom_backend::{BwrapBackend, KIND};

fn main() -> ExitCode {
    cli_ref::App::new().with_backend(KIND, |layout| Ok(Arc::new(BwrapBackend::new(layout)))).main()
}
