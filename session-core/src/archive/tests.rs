//! What is passed on to a place of somebody else, and what an engine sends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tar::{Archive, Builder, EntryType, Header};

use super::{Links, Rename, Screen, Screened, There};
use crate::{ByteStream, Error, ErrorKind};

/// A place that somebody else keeps: what is there, and what was done to it in which order.
#[derive(Default)]
struct Place {
    there: BTreeMap<PathBuf, There>,
    done: Vec<String>,
    busy: bool,
}

fn entry(kind: EntryType, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str) -> Vec<u8> {
    entry(EntryType::Regular, name, "", b"content")
}

fn stream_of(bytes: &[u8]) -> ByteStream {
    let chunks: Vec<_> = bytes.chunks(300).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
    Box::pin(stream::iter(chunks))
}

async fn collect(mut stream: ByteStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

fn names(archive: &[u8]) -> Vec<String> {
    let mut archive = Archive::new(archive);
    let line = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let entry = entry.unwrap();
        let header = entry.header();
        let (uid, mode) = (header.uid().unwrap(), header.mode().unwrap());
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_end_matches('/').to_owned();
        format!("{name} {mode:o} {uid}")
    };
    archive.entries().unwrap().map(line).collect()
}

async fn pass(place: &Arc<Mutex<Place>>, bytes: &[u8]) -> Result<Screened, Error> {
    let (looked, sent) = (Arc::clone(place), Arc::clone(place));
    let look = move |path: PathBuf| {
        let place = Arc::clone(&looked);
        async move {
            let mut place = place.lock().unwrap();
            assert!(!place.busy, "asked while an archive is sent");
            place.done.push(format!("look {}", path.display()));
            Ok(place.there.get(&path).copied().unwrap_or(There::Nothing))
        }
    };
    let send = move |part| {
        let place = Arc::clone(&sent);
        async move {
            place.lock().unwrap().busy = true;
            let archive = collect(part).await;
            let mut place = place.lock().unwrap();
            place.busy = false;
            match archive {
                Ok(archive) => place.done.extend(names(&archive)),
                Err(_) => place.done.push("broken".to_owned()),
            }
            Ok(())
        }
    };
    Screen::new(Links::Inside, 7, 8).pass(stream_of(bytes), look, send).await
}

fn place(there: &[(&str, There)]) -> Arc<Mutex<Place>> {
    let there = there.iter().map(|(path, there)| (PathBuf::from(path), *there)).collect();
    Arc::new(Mutex::new(Place { there, ..Place::default() }))
}

fn done(place: &Arc<Mutex<Place>>) -> Vec<String> {
    std::mem::take(&mut place.lock().unwrap().done)
}

#[tokio::test]
async fn what_is_missing_is_made_and_nothing_below_it_is_asked_for() {
    let place = place(&[("old", There::Directory)]);
    let all = [file("a"), file("new/x/b"), file("old/c"), file("new/y/d")].concat();
    let screened = pass(&place, &all).await.unwrap();
    assert_eq!((screened.last.unwrap(), screened.size), (PathBuf::from("new/y/d"), Some(7)));
    let expected = [
        "a 755 7",
        "look new",
        "new 755 7",
        "new/x 755 7",
        "new/x/b 755 7",
        "look old",
        "old/c 755 7",
        "new/y 755 7",
        "new/y/d 755 7",
    ];
    assert_eq!(done(&place), expected);
}

#[tokio::test]
async fn what_came_before_is_sent_and_nothing_after() {
    let link = There::Other;
    let bad = [
        file("../evil"),
        file("link/evil"),
        entry(EntryType::Directory, "link", "", b""),
        entry(EntryType::Symlink, "l", "..", b""),
        entry(EntryType::Link, "l", "link", b""),
        entry(EntryType::Link, "l", "absent", b""),
        entry(EntryType::Char, "l", "", b""),
    ];
    for bad in bad {
        let place = place(&[("link", link)]);
        let error = pass(&place, &[file("a"), bad, file("b")].concat()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let done: Vec<_> = done(&place).into_iter().filter(|it| !it.starts_with("look")).collect();
        assert_eq!(done, ["a 755 7"], "{error}");
    }
}

/// A link's own header says nothing about the file; its mode would be the file's afterwards.
#[tokio::test]
async fn a_hard_link_has_the_mode_of_its_file() {
    let there = There::File { mode: 0o640, modified: (5, 0) };
    let place = place(&[("f", there)]);
    pass(&place, &entry(EntryType::Link, "h", "f", b"")).await.unwrap();
    assert_eq!(done(&place), ["look f", "h 640 7"]);
}

#[tokio::test]
async fn what_is_cut_off_breaks_what_is_sent() {
    let place = place(&[]);
    let whole = entry(EntryType::Regular, "big", "", &[1; 4000]);
    let error = pass(&place, &whole[..2000]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(done(&place), ["broken"]);
}

/// Each engine has its own names for the same.
#[tokio::test]
async fn names_begin_as_they_are_asked_for() {
    for prefix in ["./", "", "/"] {
        let directory = entry(EntryType::Directory, &format!("{prefix}d"), "", b"");
        let all = [directory, file(&format!("{prefix}d/f")), entry(EntryType::Fifo, "p", "", b"")];
        let top = Rename::new(0, "tree").with_top(0o700, (1, 2));
        let renamed = collect(top.pass(stream_of(&all.concat()))).await.unwrap();
        assert_eq!(names(&renamed), ["tree 700 0", "tree/d 755 0", "tree/d/f 755 0"], "{prefix}");
        let only = Rename::new(0, "x").with_only("d").pass(stream_of(&all.concat()));
        assert_eq!(names(&collect(only).await.unwrap()), ["x 755 0", "x/f 755 0"], "{prefix}");
    }
}

/// What engines write for a name with a line end that is not ASCII or too long: the header has another.
#[tokio::test]
async fn a_name_has_a_line_end() {
    for name in ["gr\u{f6}\u{df}e\nend".to_owned(), format!("{}\nend", "n".repeat(150))] {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([("path", name.as_bytes())]).unwrap();
        let bytes = [std::mem::take(builder.get_mut()), file("end")].concat();
        let renamed = collect(Rename::new(0, "x").pass(stream_of(&bytes))).await.unwrap();
        assert_eq!(names(&renamed), [format!("x/{name} 755 0")]);
    }
}

/// As `cp -al` makes them; from another place such a link would lead somewhere else.
#[test]
fn a_hard_link_to_a_link_is_taken_where_links_are() {
    let link = entry(EntryType::Symlink, "d/l", "../f", b"");
    let all = [file("f"), link, entry(EntryType::Link, "h", "d/l", b"")].concat();
    for (links, is_taken) in [(Links::Any, true), (Links::Inside, false)] {
        let place = tempfile::tempdir().unwrap();
        let directory = std::fs::File::open(place.path()).unwrap();
        let unpacked = super::unpack_blocking(directory.into(), all.as_slice(), links);
        assert_eq!(unpacked.is_ok(), is_taken, "{links:?}: {unpacked:?}");
        let target = std::fs::read_link(place.path().join("h"));
        assert_eq!(target.ok(), is_taken.then(|| PathBuf::from("../f")));
    }
}

/// What is left out has no other names either.
#[tokio::test]
async fn a_hard_link_to_a_fifo_is_left_out() {
    let again = |name| entry(EntryType::Link, name, "d/p", b"");
    let all = [file("a"), entry(EntryType::Fifo, "./d/p", "", b""), again("q"), again("d/r")];
    let renamed = collect(Rename::new(0, "x").pass(stream_of(&all.concat()))).await.unwrap();
    assert_eq!(names(&renamed), ["x/a 755 0"]);
}

#[tokio::test]
async fn a_file_is_read_by_itself() {
    let first = |archive: Vec<u8>, most| async move {
        super::first_file(stream_of(&archive), most).await.map_err(|error| error.kind())
    };
    assert_eq!(first(file("passwd"), 7).await, Ok(Some(b"content".to_vec())));
    assert_eq!(first(file("passwd"), 6).await, Ok(None));
    assert_eq!(first(entry(EntryType::Symlink, "passwd", "shadow", b""), 7).await, Ok(None));
    assert_eq!(first(Vec::new(), 7).await, Ok(None));
    let cut = file("passwd")[..515].to_vec();
    assert!(first(cut, 7).await.is_err());
}
