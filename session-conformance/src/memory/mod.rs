//! A strict backend without processes and without a disk.

mod backend;
mod failing;
mod fixture;
mod process;
mod program;
mod session;
mod tree;
mod world;

pub use backend::MemoryBackend;
pub use failing::Operation;
pub use fixture::MemoryFixture;
pub use program::memory_program;
pub use world::MemoryWorld;
