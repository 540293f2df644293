//! The clauses on the memory backend (issue 2, section 6).

use session_conformance::MemoryFixture;

fn main() -> std::process::ExitCode {
    session_conformance::main(MemoryFixture::new)
}
