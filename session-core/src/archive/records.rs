//! Extended headers, by their lengths.
//!
//! A pax record says how long it is, and its value may have line ends in it: engines write so each
//! name that is not ASCII or too long for a header. The `tar` crate parts records at line ends, and
//! of one that it does not understand takes the header's own name, which is another. So names are
//! handed on to it as GNU's long names, which end where their entry does, with the two other records
//! that mean something here.

use std::io::{self, Read};

use tar::{Archive, Builder, EntryType, GnuExtSparseHeader, Header};

const BLOCK: usize = 512;
/// Longer than any names that a system makes; an extended header is held in memory.
const MOST: u64 = 1 << 20;

/// The archive in `source`, extended headers understood.
pub(super) fn archive<R: Read>(source: R) -> Archive<Records<R>> {
    Archive::new(Records::new(source))
}

/// A stream of an archive without pax names. What is no archive goes through, for its reader to
/// refuse.
pub(super) struct Records<R> {
    source: R,
    /// What is to be read next, from `at` on.
    ready: Vec<u8>,
    at: usize,
    next: Next,
    /// What an extended header says of the entry after it.
    extended: Option<Extended>,
}

/// What comes after what is ready.
#[derive(Debug, Clone, Copy)]
enum Next {
    Header,
    /// More of a sparse file's map, and then this much content.
    Map(u64),
    Content(u64),
    /// Nothing that is looked at.
    Rest,
}

#[derive(Debug, Clone, Copy)]
struct Extended {
    size: Option<u64>,
}

impl<R: Read> Records<R> {
    fn new(source: R) -> Self {
        Self { source, ready: Vec::new(), at: 0, next: Next::Header, extended: None }
    }

    /// Reads the next header and decides what it means.
    fn header(&mut self) -> io::Result<()> {
        let block = self.block()?;
        let whole: Option<&[u8; BLOCK]> = block.as_slice().try_into().ok();
        let header = whole.filter(|block| block.iter().any(|byte| *byte != 0));
        let Some(header) = header.map(|block| Header::from_byte_slice(block)) else {
            // The archive's mark, or its end.
            return self.rest(block);
        };
        let (kind, Ok(size), true) = (header.entry_type(), header.entry_size(), is_whole(header))
        else {
            return self.rest(block);
        };
        // As the reader behind this one sees it.
        let is_known = header.as_gnu().is_some() || header.as_ustar().is_some();
        if is_known && kind.is_pax_local_extensions() {
            let content = self.content(size)?;
            return self.extend(&content);
        }
        if is_known && (kind.is_gnu_longname() || kind.is_gnu_longlink()) {
            self.next = content(size);
        } else {
            let said = self.extended.take().and_then(|extended| extended.size);
            let size = said.filter(|_| !kind.is_pax_global_extensions()).unwrap_or(size);
            let has_map =
                kind.is_gnu_sparse() && header.as_gnu().is_some_and(|it| it.is_extended());
            self.next = if has_map { Next::Map(size) } else { content(size) };
        }
        self.give(block);
        Ok(())
    }

    /// Puts what is understood of an extended header in its place.
    fn extend(&mut self, content: &[u8]) -> io::Result<()> {
        if self.extended.is_some() {
            return Err(broken("two extended headers of one entry"));
        }
        let records = Known::read(content)?;
        self.extended = Some(Extended { size: records.size()? });
        self.next = Next::Header;
        let written = records.written()?;
        self.give(written);
        Ok(())
    }

    fn map(&mut self, size: u64) -> io::Result<()> {
        let block = self.block()?;
        let mut map = GnuExtSparseHeader::new();
        let whole = block.len() == BLOCK;
        if whole {
            map.as_mut_bytes().copy_from_slice(&block);
        }
        self.next = match (whole, map.is_extended()) {
            (false, _) => Next::Rest,
            (true, true) => Next::Map(size),
            (true, false) => content(size),
        };
        self.give(block);
        Ok(())
    }

    /// The content of an extended header, without what fills up its last block.
    fn content(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MOST {
            return Err(broken("an extended header of more than 1 MiB"));
        }
        let mut content = Vec::new();
        self.source.by_ref().take(padded(size)).read_to_end(&mut content)?;
        if (content.len() as u64) < padded(size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // At most a mebibyte, see above.
        content.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(content)
    }

    /// The next block, or what there is of it.
    fn block(&mut self) -> io::Result<Vec<u8>> {
        let mut block = Vec::with_capacity(BLOCK);
        self.source.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        Ok(block)
    }

    fn rest(&mut self, block: Vec<u8>) -> io::Result<()> {
        self.next = Next::Rest;
        self.give(block);
        Ok(())
    }

    fn give(&mut self, bytes: Vec<u8>) {
        (self.ready, self.at) = (bytes, 0);
    }
}

impl<R: Read> Read for Records<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if self.at < self.ready.len() {
                let count = buf.len().min(self.ready.len() - self.at);
                buf[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
                self.at += count;
                return Ok(count);
            }
            match self.next {
                Next::Header => self.header()?,
                Next::Map(size) => self.map(size)?,
                Next::Content(0) => self.next = Next::Header,
                Next::Content(left) => {
                    let most = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
                    let count = self.source.read(&mut buf[..most])?;
                    self.next = Next::Content(left - count as u64);
                    return Ok(count);
                }
                Next::Rest => return self.source.read(buf),
            }
        }
    }
}

/// The records that mean something here; of two of one key, the last.
#[derive(Debug, Default)]
struct Known<'c> {
    path: Option<&'c [u8]>,
    link: Option<&'c [u8]>,
    size: Option<&'c [u8]>,
    time: Option<&'c [u8]>,
}

impl<'c> Known<'c> {
    fn read(mut content: &'c [u8]) -> io::Result<Self> {
        let mut known = Self::default();
        while !content.is_empty() {
            let (key, value, rest) =
                record(content).ok_or_else(|| broken("a record that is none"))?;
            content = rest;
            // An empty value says that the header's own holds.
            let value = Some(value).filter(|value| !value.is_empty());
            match key {
                b"path" => known.path = value,
                b"linkpath" => known.link = value,
                b"size" => known.size = value,
                b"mtime" => known.time = value,
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(broken("a sparse file of pax, which is not read here"));
                }
                _ => {}
            }
        }
        Ok(known)
    }

    fn size(&self) -> io::Result<Option<u64>> {
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
        let size =
            self.size.map(|digits| number(digits).ok_or_else(|| broken("a size that is none")));
        size.transpose()
    }

    /// The same in a form that the reader understands.
    fn written(&self) -> io::Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        let names = [(EntryType::GNULongName, self.path), (EntryType::GNULongLink, self.link)];
        for (kind, name) in names {
            let Some(name) = name else { continue };
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(name.len() as u64 + 1);
            header.set_cksum();
            // The zero at its end is not the name's.
            builder.append(&header, name.chain(&[0][..]))?;
        }
        // A time with a line end in it is none.
        let time = self.time.filter(|time| !time.contains(&b'\n'));
        let others = [("size", self.size), ("mtime", time)];
        let others = others.into_iter().filter_map(|(key, value)| Some((key, value?)));
        builder.append_pax_extensions(others)?;
        // Not `into_inner`, which writes the mark.
        Ok(std::mem::take(builder.get_mut()))
    }
}

/// Whether its checksum is right.
fn is_whole(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    // Its own eight bytes count as blanks.
    let sum = sum(&bytes[..148]) + sum(&bytes[156..]) + 8 * u32::from(b' ');
    header.cksum().is_ok_and(|said| said == sum)
}

/// One record, `LENGTH KEY=VALUE` and a line end, its key, its value, and what follows it.
fn record(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = content.iter().position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(&content[..blank]).ok()?;
    // A number of Rust's may have a sign.
    let length: usize =
        digits.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()))?;
    let text = content.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|byte| *byte == b'=').filter(|equals| *equals > 0)?;
    Some((&text[..equals], &text[equals + 1..], &content[length..]))
}

fn content(size: u64) -> Next {
    Next::Content(padded(size))
}

fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX)
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
