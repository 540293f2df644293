//! The command on real engines, and what happens when something dies in the middle (issue 3, "Proof").
//!
//! The same tests run on Docker and on Podman. A test whose engine isn't there says so and passes.

mod building;
mod by_hand;
mod clients;
#[path = "../common/commands.rs"]
mod commands;
mod direct_access;
mod elsewhere;
mod engine;
mod errors;
mod full_disk;
mod journey;
mod kills;
mod load;
mod processes;
mod proxy;
mod races;
mod restarts;
#[path = "../cli/screen.rs"]
#[expect(dead_code, reason = "the tests without an engine use all of it")]
mod screen;
mod world;

/// What a screen is in.
mod place {
    pub(crate) use crate::world::World as Place;
}

/// Makes of each `fn name(engine: Engine)` beside it one test on each engine.
macro_rules! on_each_engine {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        mod docker {
            $($(#[$doc])* #[test] fn $name() { crate::engine::with(crate::engine::Engine::docker(), super::$name); })*
        }
        mod podman {
            $($(#[$doc])* #[test] fn $name() { crate::engine::with(crate::engine::Engine::podman(), super::$name); })*
        }
    };
}
pub(crate) use on_each_engine;
