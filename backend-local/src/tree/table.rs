//! One look at the kernel's table of processes.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::Signal;

use super::ProcessKey;

/// What one line of `/proc/<pid>/stat` says.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// Processor time of it and of the children it has waited for, in clock ticks.
    pub(crate) ticks: u64,
    /// Resident memory in pages.
    pub(crate) pages: u64,
    state: u8,
    threads: u64,
    start: u64,
}

impl Row {
    pub(crate) fn key(&self) -> ProcessKey {
        ProcessKey { pid: self.pid, start: self.start }
    }

    /// Whether it still runs. A process whose first thread has ended shows as a zombie too.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x') || self.threads > 1
    }

    /// Whether it is a thread of the kernel: these have no environment.
    pub(crate) fn is_of_the_kernel(&self) -> bool {
        const KTHREADD: i32 = 2;
        self.parent == KTHREADD && self.pages == 0
    }

    /// `pid (comm) state ppid pgrp session …`; the name may hold spaces and parentheses.
    fn parse(stat: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(stat);
        let (head, tail) = text.rsplit_once(')')?;
        let (pid, name) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let id = |index: usize| fields.get(index)?.parse::<i32>().ok();
        let signed = |index: usize| fields.get(index)?.parse::<i64>().ok()?.try_into().ok();
        Some(Self {
            pid: pid.trim().parse().ok()?,
            name: name.to_owned(),
            state: *fields.first()?.as_bytes().first()?,
            parent: id(1)?,
            group: id(2)?,
            session: id(3)?,
            ticks: number(11)? + number(12)? + signed(13).unwrap_or(0) + signed(14).unwrap_or(0),
            threads: number(17)?,
            start: number(19)?,
            pages: signed(21).unwrap_or(0),
        })
    }
}

/// All processes that we may see.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    by_parent: BTreeMap<i32, Vec<usize>>,
}

impl Table {
    pub(crate) fn read() -> Self {
        let mut table = Self { rows: Vec::new(), by_parent: BTreeMap::new() };
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.parse::<i32>().ok());
            if let Some(row) = pid.and_then(row) {
                table.by_parent.entry(row.parent).or_default().push(table.rows.len());
                table.rows.push(row);
            }
        }
        table
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn children(&self, parent: i32) -> impl Iterator<Item = &Row> {
        self.by_parent.get(&parent).into_iter().flatten().filter_map(|index| self.rows.get(*index))
    }

    /// The children of `root`, theirs, and so on; without `root`.
    pub(crate) fn descendants(&self, root: i32) -> Vec<&Row> {
        let mut found = Vec::new();
        let mut unvisited = vec![root];
        while let Some(parent) = unvisited.pop() {
            for child in self.children(parent) {
                found.push(child);
                unvisited.push(child.pid);
            }
        }
        found
    }
}

/// What the kernel says about `pid`.
pub(crate) fn row(pid: i32) -> Option<Row> {
    Row::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether the process ignores `signal`.
pub(crate) fn ignores(pid: i32, signal: Signal) -> bool {
    let bit = 1_u64 << (signal.as_raw() - 1);
    ignored(&format!("/proc/{pid}/status")).is_some_and(|mask| mask & bit != 0)
}

/// The mask of signals that the process behind this `status` file ignores.
pub(crate) fn ignored(path: &str) -> Option<u64> {
    let status = fs::read(path).ok()?;
    let line =
        status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"SigIgn:"))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b) (c) S 7 8 9 0 -1 4194560 1 2 3 4 10 20 30 -1 20 0 3 0 555 1 17 0";
        let row = Row::parse(line).unwrap();
        assert_eq!((row.pid, row.parent, row.group, row.session), (42, 7, 8, 9));
        assert_eq!((row.ticks, row.threads, row.start, row.pages), (60, 3, 555, 17));
        assert_eq!(row.name, "a) b) (c");
        assert!(row.is_alive());
    }

    #[test]
    fn no_text_breaks_the_parser() {
        for text in ["", ")", "()", "1 (x) S", "x (y) S 1 2 3", "1 (x)  "] {
            assert!(Row::parse(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
