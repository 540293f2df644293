//! Linux.

/// The processes of this machine by their numbers, each with the program it was started as and its first argument.
pub(crate) fn first_words() -> Vec<(u32, Vec<Vec<u8>>)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            Some((id, command.split(|byte| *byte == 0).take(2).map(<[u8]>::to_vec).collect()))
        })
        .collect()
}
