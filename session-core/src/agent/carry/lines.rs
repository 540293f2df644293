//! Files of lines that somebody may be writing to.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};

use crate::{Error, Result};

/// Copies a file that somebody may be writing to: what follows its last line's end only if it is a whole document.
pub(super) fn whole_lines(from: &mut File, to: &mut File) -> std::io::Result<()> {
    let length = from.metadata()?.len();
    let mut end = length;
    let mut buffer = vec![0; 64 * 1024];
    // Backwards to the last line's end.
    let last = loop {
        let start = end.saturating_sub(buffer.len() as u64);
        let part = &mut buffer[..usize::try_from(end - start).unwrap_or_default()];
        from.seek(SeekFrom::Start(start))?;
        from.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            break start + at as u64 + 1;
        }
        if start == 0 {
            break 0;
        }
        end = start;
    };
    let is_document = last < length && {
        from.seek(SeekFrom::Start(last))?;
        let rest = BufReader::new(std::io::Read::by_ref(from).take(length - last));
        serde_json::from_reader::<_, serde::de::IgnoredAny>(rest).is_ok()
    };
    from.seek(SeekFrom::Start(0))?;
    let end = if is_document { length } else { last };
    std::io::copy(&mut std::io::Read::by_ref(from).take(end), to)?;
    if is_document {
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// Whether one file, all of it, is what the other one begins with.
pub(super) fn is_beginning(of_copy: &File, there: &File) -> Result<bool> {
    let length = of_copy.metadata().map(|found| found.len()).unwrap_or(u64::MAX);
    let mut ours = BufReader::new(of_copy);
    let mut theirs = BufReader::new(there.take(length));
    loop {
        let failed = |error| Error::io("agent.carry", "can't compare two conversations", error);
        let (a, b) = (ours.fill_buf().map_err(failed)?, theirs.fill_buf().map_err(failed)?);
        let common = a.len().min(b.len());
        if a.is_empty() || common == 0 {
            return Ok(a.is_empty() && b.is_empty());
        }
        if a[..common] != b[..common] {
            return Ok(false);
        }
        ours.consume(common);
        theirs.consume(common);
    }
}
