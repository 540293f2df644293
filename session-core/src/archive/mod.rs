//! Trees as tar streams: the one reader of them, and the writer.
//!
//! A stream comes from a session, so it is hostile. Every backend reads it here and nowhere else
//! (`docs/design/0006-one-archive-reader.md`), so that what is refused is refused everywhere: names that are absolute or have `..` in them, devices and fifos,
//! what would be made through a link or in the place of a directory, hard links to anything but a
//! plain file of the same place, and, unless [`Links::Any`] is said, links that lead out.
//!
//! Kept are permissions (not set-user-id and the like), modification times to the nanosecond, links
//! and empty directories; not owners and not extended attributes. Nothing is held in memory but the
//! names of what was made. What came before a refused entry stays: whoever wants all or nothing
//! unpacks beside the place and renames.

mod directories;
mod entry;
mod find;
mod names;
mod pack;
mod records;
mod rename;
mod screen;
mod stream;
mod unpack;
mod write;

#[cfg(test)]
mod tests;

pub use directories::Directories;
pub use entry::Links;
pub use find::{find, first_file};
pub use pack::Pack;
pub use rename::Rename;
pub use screen::{Screen, Screened, There};
pub use unpack::{unpack, unpack_blocking};
