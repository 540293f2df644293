//! The clauses on the memory registry (issue 2, section 6).

use session_conformance::MemoryRegistryFixture;

fn main() -> std::process::ExitCode {
    session_conformance::registry_main(|| Ok(MemoryRegistryFixture::new()))
}
