//! From rows to entries, of long lists by two threads.

use std::sync::mpsc::{TrySendError, sync_channel};
use std::thread;

use rusqlite::types::ValueRef;
use rusqlite::{Row, Rows};

use super::rows::{Columns, parse};
use super::{DamagedEntry, Entry};

type Parsed = Result<Entry, DamagedEntry>;

/// Rows that are handed over at once. A list that is no longer than this is read by one thread.
const CHUNK: usize = 1000;
/// Chunks that wait for the other thread; with more, who fetches the rows parses one itself.
const WAITING: usize = 2;

/// Columns that have left SQLite.
struct Owned {
    id: Option<String>,
    name: Option<String>,
    revision: i64,
    record: Option<Vec<u8>>,
    problem: Option<String>,
}

impl Owned {
    fn new(row: &Row<'_>) -> rusqlite::Result<Self> {
        let columns = Columns::of(row)?;
        let record = match columns.record {
            ValueRef::Text(json) | ValueRef::Blob(json) => Some(json.to_vec()),
            _ => None,
        };
        Ok(Self {
            id: columns.id.map(str::to_owned),
            name: columns.name.map(str::to_owned),
            revision: columns.revision,
            record,
            problem: columns.problem.map(str::to_owned),
        })
    }

    fn parse(&self) -> Parsed {
        parse(&Columns {
            id: self.id.as_deref(),
            name: self.name.as_deref(),
            revision: self.revision,
            record: self.record.as_deref().map_or(ValueRef::Null, ValueRef::Blob),
            problem: self.problem.as_deref(),
        })
    }
}

/// Reads all rows, in their order.
pub(super) fn all(mut rows: Rows<'_>) -> rusqlite::Result<Vec<Parsed>> {
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(parse(&Columns::of(row)?));
        if entries.len() == CHUNK {
            return rest(entries, rows);
        }
    }
    Ok(entries)
}

/// Fetches on this thread and parses on both, which is what a long list mostly costs.
fn rest(mut entries: Vec<Parsed>, mut rows: Rows<'_>) -> rusqlite::Result<Vec<Parsed>> {
    let parse_all = |chunk: Vec<Owned>| chunk.iter().map(Owned::parse).collect::<Vec<_>>();
    let mut chunks = thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<(usize, Vec<Owned>)>(WAITING);
        let other = scope.spawn(move || {
            receiver.into_iter().map(|(at, chunk)| (at, parse_all(chunk))).collect::<Vec<_>>()
        });
        let mut own = Vec::new();
        for at in 0.. {
            let mut chunk = Vec::with_capacity(CHUNK);
            while chunk.len() < CHUNK
                && let Some(row) = rows.next()?
            {
                chunk.push(Owned::new(row)?);
            }
            let is_last = chunk.len() < CHUNK;
            if let Err(TrySendError::Full((at, chunk)) | TrySendError::Disconnected((at, chunk))) =
                sender.try_send((at, chunk))
            {
                own.push((at, parse_all(chunk)));
            }
            if is_last {
                break;
            }
        }
        drop(sender);
        own.extend(other.join().expect("parsing does not panic"));
        Ok::<_, rusqlite::Error>(own)
    })?;
    chunks.sort_unstable_by_key(|(at, _)| *at);
    entries.extend(chunks.into_iter().flat_map(|(_, chunk)| chunk));
    Ok(entries)
}
