use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::super::{Links, unpack_blocking};
use super::{Records, record};
use crate::ErrorKind;

/// One entry as engines write it: what a plain header can't say stands before it in records, and
/// the header has something else.
fn entry(kind: EntryType, records: &[(&[u8], &[u8])], content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !records.is_empty() {
        let text: Vec<u8> = records.iter().flat_map(|(key, value)| written(key, value)).collect();
        bytes.extend(block(EntryType::XHeader, "PaxHeaders.0/other", &text));
    }
    bytes.extend(block(kind, "other", content));
    bytes
}

fn block(kind: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A record whose length counts its own digits.
fn written(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..).find(|length| rest + length.to_string().len() == *length);
    [length.expect("there is one").to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

fn unpacked(bytes: &[u8]) -> Result<tempfile::TempDir, crate::Error> {
    let place = tempfile::tempdir().expect("a directory");
    let directory = fs::File::open(place.path()).expect("it is there");
    unpack_blocking(directory.into(), bytes, Links::Inside).map(|()| place)
}

/// A reader that gives as much as it likes.
struct Pieces<'b>(&'b [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(buf.len()).min(self.0.len());
        buf[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn through(bytes: &[u8], piece: usize) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    Records::new(Pieces(bytes, piece)).read_to_end(&mut read).map(|_| read)
}

/// Any name that a file may have.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'\n'), Just(b' '), Just(b'='), 1..=255_u8];
    let byte = byte.prop_filter("no separator", |byte| *byte != b'/');
    vec(byte, 1..=200).prop_filter("a name", |name| name != b"." && name != b"..")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_name_comes_back(name in name(), target in name(), content in vec(any::<u8>(), 0..1500)) {
        let file = entry(EntryType::Regular, &[(b"mtime", b"1.5"), (b"path", &name)], &content);
        let link_name = [&b"link/"[..], &name].concat();
        let link = [(&b"path"[..], &link_name[..]), (b"linkpath", &target)];
        let all = [file, entry(EntryType::Symlink, &link, b""), block(EntryType::Regular, "last", b"x")];
        let place = unpacked(&all.concat()).expect("it is understood");
        let path = |name: &[u8]| place.path().join(Path::new(OsStr::from_bytes(name)));
        prop_assert_eq!(fs::read(path(&name)).expect("it is there"), content);
        let read = fs::read_link(path(&link_name)).expect("it is there");
        prop_assert_eq!(read.as_os_str().as_bytes(), &target[..]);
        prop_assert!(path(b"last").exists());
    }

    #[test]
    fn every_record_is_read_back(key in "[a-z.]{1,20}", value in vec(any::<u8>(), 0..2000), rest in vec(any::<u8>(), 0..20)) {
        let bytes = [written(key.as_bytes(), &value), rest.clone()].concat();
        prop_assert_eq!(record(&bytes), Some((key.as_bytes(), &value[..], &rest[..])));
    }

    #[test]
    fn it_does_not_matter_how_it_is_read(name in name(), content in vec(any::<u8>(), 0..1500), piece in 1..700_usize) {
        let all = [
            entry(EntryType::Regular, &[(b"path", &name)], &content),
            block(EntryType::Regular, "last", b"x"),
            vec![0; 1024],
        ];
        let all = all.concat();
        prop_assert_eq!(through(&all, piece).expect("whole"), through(&all, usize::MAX).expect("whole"));
    }

    #[test]
    fn what_has_no_records_is_not_touched(content in vec(any::<u8>(), 0..3000), after in vec(any::<u8>(), 0..2000)) {
        let mut all = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        let name = "n/".repeat(150) + "name";
        all.append_data(&mut header, name, content.as_slice()).expect("it is in memory");
        let all = [all.into_inner().expect("it is in memory"), after].concat();
        prop_assert_eq!(through(&all, usize::MAX).expect("whole"), all);
    }

    #[test]
    fn nothing_that_is_sent_panics(records in vec(any::<u8>(), 0..600), at in 0..2048_usize, byte in any::<u8>()) {
        let mut all = block(EntryType::XHeader, "x", &records);
        all.extend(block(EntryType::Regular, "name", b"content"));
        let at = at % all.len();
        all[at] = byte;
        // Well or badly.
        let _ = unpacked(&all);
    }
}

#[test]
fn the_last_of_two_records_counts_and_an_empty_one_does_not() {
    let records: [(&[u8], &[u8]); 4] = [
        (b"path", b"first"),
        (b"SCHILY.xattr.x", b"a\nb"),
        (b"path", b"gr\xc3\xb6\n"),
        (b"linkpath", b""),
    ];
    let place = unpacked(&entry(EntryType::Regular, &records, b"x")).expect("it is understood");
    assert!(place.path().join("gr\u{f6}\n").exists() && !place.path().join("first").exists());
    let place = unpacked(&entry(EntryType::Regular, &[(b"path", b"")], b"x")).expect("it is well");
    assert!(place.path().join("other").exists());
}

/// The size of what is too large for a header's eleven digits.
#[test]
fn a_size_is_in_a_record() {
    let mut file = entry(EntryType::Regular, &[(b"size", b"600")], b"");
    file.resize(file.len() + 1024, b'c');
    let all = [file, block(EntryType::Regular, "last", b"x")].concat();
    let place = unpacked(&all).expect("it is understood");
    assert_eq!(fs::read(place.path().join("other")).expect("it is there"), [b'c'; 600]);
    assert!(place.path().join("last").exists());
}

#[test]
fn what_is_no_record_is_refused() {
    let refused = |bytes: &[u8]| unpacked(bytes).expect_err("it is broken").kind();
    let last = block(EntryType::Regular, "last", b"x");
    for text in
        ["3 a", "99 path=x\n", "8 path=x\n", "+9 path=x\n", "5 =x\n", "x", "11 size=ten\n", "\n"]
    {
        let all = [block(EntryType::XHeader, "x", text.as_bytes()), last.clone()].concat();
        assert_eq!(refused(&all), ErrorKind::InvalidInput, "{text:?}");
    }
    let one = || block(EntryType::XHeader, "x", &written(b"path", b"a"));
    assert_eq!(refused(&[one(), one(), last.clone()].concat()), ErrorKind::InvalidInput);
    let long = vec![b'x'; 2 << 20];
    let all = [block(EntryType::XHeader, "x", &written(b"path", &long)), last].concat();
    assert_eq!(refused(&all), ErrorKind::InvalidInput);
    assert_eq!(refused(&one()[..700]), ErrorKind::InvalidInput);
    let mut damaged = [one(), block(EntryType::Regular, "last", b"x")].concat();
    damaged[0] = b'!';
    assert_eq!(refused(&damaged), ErrorKind::InvalidInput);
}
