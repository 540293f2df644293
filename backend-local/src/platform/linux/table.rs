//! The kernel's table of processes.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};

use crate::host::tree::Row;

/// All processes that we may see; none where there is no `/proc`.
pub(crate) fn rows() -> Vec<Row> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| row(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// What the system says about `pid`; `None` if there is no such process.
pub(crate) fn row(pid: i32) -> Option<Row> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (comm) state ppid pgrp session …`; the name may hold spaces and parentheses.
fn parse(stat: &[u8]) -> Option<Row> {
    const KTHREADD: i32 = 2;
    let text = String::from_utf8_lossy(stat);
    let (head, tail) = text.rsplit_once(')')?;
    let (pid, name) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let id = |index: usize| fields.get(index)?.parse::<i32>().ok();
    let signed = |index: usize| fields.get(index)?.parse::<i64>().ok()?.try_into().ok();
    let state = *fields.first()?.as_bytes().first()?;
    let ticks = number(11)? + number(12)? + signed(13).unwrap_or(0) + signed(14).unwrap_or(0);
    let threads = number(17)?;
    let pages: u64 = signed(21).unwrap_or(0);
    let parent = id(1)?;
    Some(Row {
        pid: pid.trim().parse().ok()?,
        name: name.to_owned(),
        parent,
        group: id(2)?,
        session: id(3)?,
        start: number(19)?,
        cpu_milliseconds: ticks * 1000 / clock_ticks_per_second().max(1),
        memory_bytes: pages * page_size() as u64,
        // A process whose first thread has ended shows as a zombie too.
        is_alive: !matches!(state, b'Z' | b'X' | b'x') || threads > 1,
        is_of_the_kernel: parent == KTHREADD && pages == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b) (c) S 7 8 9 0 -1 4194560 1 2 3 4 10 20 30 -1 20 0 3 0 555 1 17 0";
        let row = parse(line).unwrap();
        assert_eq!((row.pid, row.parent, row.group, row.session), (42, 7, 8, 9));
        let cpu = 60 * 1000 / clock_ticks_per_second();
        let memory = 17 * page_size() as u64;
        assert_eq!((row.cpu_milliseconds, row.memory_bytes, row.start), (cpu, memory, 555));
        assert_eq!(row.name, "a) b) (c");
        assert!(row.is_alive && !row.is_of_the_kernel);
    }

    #[test]
    fn a_zombie_lives_while_it_has_other_threads() {
        let line = |threads: u32| {
            format!("42 (a) Z 7 8 9 0 -1 4194560 1 2 3 4 10 20 0 0 20 0 {threads} 0 555 1 17 0")
        };
        assert!(!parse(line(1).as_bytes()).unwrap().is_alive);
        assert!(parse(line(2).as_bytes()).unwrap().is_alive);
    }

    #[test]
    fn no_text_breaks_the_parser() {
        for text in ["", ")", "()", "1 (x) S", "x (y) S 1 2 3", "1 (x)  "] {
            assert!(parse(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
