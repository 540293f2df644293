//! The command on real engines, and what happens when something dies in the middle (issue 3, "Proof").
//!
//! The same tests run on Docker and on Podman. A test whose engine isn't there says so and passes.

mod by_hand;
mod engine;
mod errors;
mod kills;
mod proxy;
mod world;

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
