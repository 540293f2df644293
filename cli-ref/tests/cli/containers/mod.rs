//! Sessions in containers, by the real program over the real engines of `.ci/engines`.

mod connected;
mod images;
mod life;
mod trouble;

use session_conformance::engines;

use crate::place::{Engine, Place, skip};

/// One test for each engine, which a machine without it skips, visibly.
macro_rules! on_each_engine {
    ($($(#[$doc:meta])* fn $name:ident($place:ident: Place) $body:block)*) => {
        $(fn $name($place: crate::place::Place) $body)*

        mod docker {
            $($(#[$doc])* #[test] fn $name() {
                if let Some(place) = crate::containers::place("docker") { super::$name(place); }
            })*
        }

        mod podman {
            $($(#[$doc])* #[test] fn $name() {
                if let Some(place) = crate::containers::place("podman") { super::$name(place); }
            })*
        }
    };
}
pub(crate) use on_each_engine;

/// A place with a repository and the engine of `kind`; `None` where there is none, which is said.
pub(crate) fn place(kind: &'static str) -> Option<Place> {
    let address = match kind {
        "docker" => engines::docker(),
        _ => engines::podman(),
    };
    match address {
        Ok(address) => Some(Place::with_repository().on(Engine { kind, address })),
        Err(reason) => {
            skip(&format!("{kind}: {reason}"));
            None
        }
    }
}
