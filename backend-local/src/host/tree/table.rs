//! One look at the system's table of processes.

use std::collections::BTreeMap;

use super::ProcessKey;
use crate::platform;

/// What the system shows of one process.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// See [`ProcessKey::start`].
    pub(crate) start: u64,
    /// Processor time of it and of the children it has waited for.
    pub(crate) cpu_milliseconds: u64,
    /// Resident memory.
    pub(crate) memory_bytes: u64,
    /// Whether it still runs: it has not ended, waited for or not.
    pub(crate) is_alive: bool,
    /// Whether it is a thread of the kernel: these have no environment.
    pub(crate) is_of_the_kernel: bool,
}

impl Row {
    pub(crate) fn key(&self) -> ProcessKey {
        ProcessKey { pid: self.pid, start: self.start }
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
        let rows = platform::rows();
        let mut by_parent: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            by_parent.entry(row.parent).or_default().push(index);
        }
        Self { rows, by_parent }
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
