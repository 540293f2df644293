//! Holders as processes and in this process, with a small backend of their own.
//!
//! The test program is its own holder: its `main` begins as the crate's docs say.

mod backend;
mod clients;
mod ends;
mod interactive;
mod place;
mod process;

use libtest_mimic::{Arguments, Trial};

fn main() {
    session_terminal::run_if_holder(|request| Ok(backend::parts(&request.home)));
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(clients::trials());
    trials.extend(ends::trials());
    trials.extend(interactive::trials());
    trials.extend(process::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test that runs on a runtime of its own.
fn trial<F>(name: &str, test: fn() -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(test());
        runtime.shutdown_background();
        Ok(())
    })
}
