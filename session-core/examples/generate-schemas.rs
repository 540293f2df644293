//! Writes `<directory>/<name>.json` for each public document.
//!
//! ```sh
//! cargo run -p session-core --example generate-schemas -- docs/schemas
//! ```

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("say which directory to write to"))?;
    fs::create_dir_all(&directory)?;
    for (name, schema) in session_core::schemas() {
        fs::write(directory.join(format!("{name}.json")), format!("{schema:#}\n"))?;
    }
    Ok(())
}
