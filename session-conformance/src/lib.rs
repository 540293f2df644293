//! The contract of a session backend as named clauses, a strict in-memory backend, and mutants.
//!
//! - [`main`] runs every clause on a backend, as ordinary tests; what the author supplies is a
//!   [`Fixture`]. [`registry_main`] does the same for a registry. `docs/backend-authors.md` says how.
//! - [`MemoryBackend`] is for the tests of programs that embed sessions: no processes, no disk,
//!   strict, and it fails on request.
//! - [`engines`] says where the engines of this repository's tests are.
//! - [`Mutant`] and [`RegistryMutant`] break one thing each: they show that the clauses catch it.
//!
//! A clause runs in a place of its own, within a bound ([`Fixture::bound`]), and what it made is
//! destroyed after it. Nothing here reads the environment except [`main`] (`SESSION_CONFORMANCE`),
//! [`engines`], the command line of a test ([`main`], [`registry_main`]), and the default of
//! [`Fixture::host_variable`].

mod case;
mod clause;
mod clauses;
#[cfg(unix)]
mod deaf_ear;
#[cfg(unix)]
mod engine_fixture;
#[cfg(unix)]
pub mod engines;
mod fixture;
mod home;
mod late_ear;
mod memory;
mod mutants;
mod platform;
mod registry;
mod registry_clauses;
mod runner;
mod stand_in;
mod step;
mod strict_registry;

use case::Case;
pub use clause::{Clause, Failure};
pub use clauses::CLAUSES;
#[cfg(unix)]
pub use engine_fixture::EngineFixture;
pub use fixture::{Fixture, Hooks};
pub use home::HomeFixture;
pub use memory::{MemoryBackend, MemoryFixture, MemoryWorld, Operation, memory_program};
pub use mutants::Mutant;
pub use registry::{RegistryClause, RegistryFixture, check_registry, registry_main};
pub use registry_clauses::REGISTRY_CLAUSES;
pub use runner::{check, main};
pub use step::{Step, script};
pub use strict_registry::{MemoryRegistryFixture, RegistryMutant, StrictRegistryFixture};
