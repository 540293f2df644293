//! The command on rootless Podman, run by the engine's own user (issue 3, "Proof"): tests of the other
//! engines that say nothing of an engine's powers.

#[path = "../common/commands.rs"]
mod commands;
#[path = "../engines/direct_access.rs"]
mod direct_access;
#[path = "../engines/elsewhere.rs"]
mod elsewhere;
#[path = "../engines/engine.rs"]
#[expect(dead_code, reason = "the tests of the other engines use all of it")]
mod engine;
#[path = "../engines/journey.rs"]
mod journey;
#[path = "../engines/kills.rs"]
mod kills;
#[path = "../engines/processes.rs"]
mod processes;
#[path = "../engines/proxy.rs"]
#[expect(dead_code, reason = "the tests of the other engines use all of it")]
mod proxy;
#[path = "../engines/world.rs"]
#[expect(dead_code, reason = "the tests of the other engines use all of it")]
mod world;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use session_conformance::engines;

use engine::Engine;

type Test = (&'static str, fn(Engine));

/// Lists the functions beside it, for this binary's own `main`.
macro_rules! on_each_engine {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        pub(crate) const TESTS: &[crate::Test] = &[$((stringify!($name), $name),)*];
    };
}
pub(crate) use on_each_engine;

fn main() -> ExitCode {
    let program = (world::PROGRAM, Path::new(env!("CARGO_BIN_EXE_sessctl")));
    engines::as_rootless_user_with(&[program]);
    let found = engines::podman_rootless().and_then(|address| Engine::at("podman", &address));
    let tests =
        [journey::TESTS, direct_access::TESTS, elsewhere::TESTS, kills::TESTS, processes::TESTS];
    let trial = |(name, test): &Test| {
        let test = *test;
        match found.clone() {
            Ok(engine) => Trial::test(*name, move || {
                test(engine);
                Ok(())
            }),
            Err(reason) => Trial::test(*name, || Ok(()))
                .with_kind(format!("skipped: {reason}"))
                .with_ignored_flag(true),
        }
    };
    let trials = tests.into_iter().flatten().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
