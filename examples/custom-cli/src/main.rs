//! A `sessctl` of one's own: the whole command, with a third party's backend in it.
//!
//! ```sh
//! custom-cli start --backend nice -- make test
//! ```

use std::process::ExitCode;
use std::sync::Arc;

use backend_local::LocalBackend;
use custom_backend::{KIND, NiceBackend};
use session_core::{Backend, Layout, Result};

fn main() -> ExitCode {
    cli_ref::App::new().with_backend(KIND, nice).main()
}

/// The backend of `examples/custom-backend`, over host directories in a home of its own.
fn nice(layout: &Layout) -> Result<Arc<dyn Backend>> {
    let inner = LocalBackend::new(&Layout::new(layout.home().join(KIND)));
    Ok(Arc::new(NiceBackend::over(Arc::new(inner))?))
}
