//! The contract of a session backend as named clauses, a strict in-memory backend, and mutants.

mod case;
mod clause;
mod clauses;
mod fixture;
mod memory;
mod mutants;
mod registry;
mod registry_clauses;
mod runner;
mod step;
mod strict_registry;

use case::Case;
pub use clause::{Clause, Failure};
pub use clauses::CLAUSES;
pub use fixture::{Fixture, Hooks};
pub use memory::{MemoryBackend, MemoryFixture, MemoryWorld, Operation, memory_program};
pub use mutants::Mutant;
pub use registry::{RegistryClause, RegistryFixture, check_registry, registry_main};
pub use registry_clauses::REGISTRY_CLAUSES;
pub use runner::{check, main};
pub use step::{Step, script};
pub use strict_registry::{MemoryRegistryFixture, RegistryMutant, StrictRegistryFixture};
