//! `sessctl`: isolated, persistent sessions for coding agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli_ref::App::new().main()
}
