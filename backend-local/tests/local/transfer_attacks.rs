//! Archives that want out.

use std::fs;
use std::os::unix::fs::symlink;

use camino::Utf8PathBuf;
use futures_util::stream;
use session_core::{ByteStream, Error, ErrorKind, Session};
use tar::{Builder, EntryType, Header};

use crate::support::Home;
use crate::transfer::stream_of;

/// An entry with exactly these bytes as its name, which no honest writer would let through.
fn raw(kind: EntryType, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn file(name: &str) -> Vec<u8> {
    raw(EntryType::Regular, name, "", b"evil")
}

fn link(name: &str, target: &str) -> Vec<u8> {
    raw(EntryType::Symlink, name, target, b"")
}

async fn put(session: &dyn Session, bytes: Vec<u8>) -> Result<(), Error> {
    session.put("dest".into(), stream_of(bytes, 512)).await
}

/// Nothing but `dest` may be there, and nothing of the attack below it but what came before.
async fn refused(entries: &[Vec<u8>]) {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    let mut all = vec![raw(EntryType::Regular, "before", "", b"good")];
    all.extend_from_slice(entries);
    all.push(file("after"));
    let error = put(&*session, archive(&all)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.message().contains("is refused"), "{error}");
    assert_eq!(fs::read(workspace.join("dest/before")).unwrap(), b"good");
    assert!(!workspace.join("dest/after").exists());
    assert_eq!(fs::read_dir(&workspace).unwrap().count(), 1);
    assert!(!workspace.join("evil").exists() && !Utf8PathBuf::from("/tmp/evil-local").exists());
}

#[tokio::test]
async fn paths_that_lead_out() {
    for name in ["../evil", "a/../../evil", "/tmp/evil-local", "..", "a/..", "a/b/../../../evil"] {
        refused(&[file(name)]).await;
        refused(&[raw(EntryType::Directory, name, "", b"")]).await;
        refused(&[link(name, "x")]).await;
    }
}

#[tokio::test]
async fn links_that_lead_out() {
    for target in ["/tmp", "..", "../evil", "a/../../evil", "./..", ".//..", "a/.."] {
        refused(&[link("out", target)]).await;
    }
    refused(&[raw(EntryType::Directory, "d", "", b""), link("d/out", "../..")]).await;
    refused(&[link("empty", "")]).await;
}

/// A link that is harmless by itself is a way out together with another.
#[tokio::test]
async fn links_through_links() {
    let deep = [link("a/b/c/l", "../../.."), link("out", "a/b/c/l/../evil")];
    refused(&deep).await;
    let level = [link("x/y/z/l", "../../.."), link("x/y/z/out", "l/../evil")];
    refused(&level).await;
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    refused(&[link("l", "sub"), file("l/evil")]).await;
    refused(&[file("f"), file("f/evil")]).await;
    // A directory entry in the place of a link.
    refused(&[link("l", "sub"), raw(EntryType::Directory, "l", "", b""), file("l/x")]).await;
}

/// The link was there before, and leads wherever it likes.
#[tokio::test]
async fn nothing_is_written_through_a_link_that_was_there() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    fs::create_dir_all(workspace.join("dest")).unwrap();
    fs::create_dir(workspace.join("outside")).unwrap();
    fs::write(workspace.join("victim"), "safe").unwrap();
    symlink(workspace.join("outside"), workspace.join("dest/dir")).unwrap();
    symlink(workspace.join("victim"), workspace.join("dest/file")).unwrap();
    fs::hard_link(workspace.join("victim"), workspace.join("dest/hard")).unwrap();
    let error = put(&*session, archive(&[file("dir/evil")])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(fs::read_dir(workspace.join("outside")).unwrap().count(), 0);
    // In the place of a link comes a file; what it led to, or shared its content with, stays.
    put(&*session, archive(&[file("file"), file("hard")])).await.unwrap();
    assert_eq!(fs::read_to_string(workspace.join("victim")).unwrap(), "safe");
    assert_eq!(fs::read_to_string(workspace.join("dest/file")).unwrap(), "evil");
    assert!(fs::symlink_metadata(workspace.join("dest/file")).unwrap().is_file());
}

#[tokio::test]
async fn hard_links_stay_inside() {
    let hard = |name: &str, target: &str| raw(EntryType::Link, name, target, b"");
    for target in ["/etc/passwd", "../evil", "a/../../evil", "absent", "", "before/x"] {
        refused(&[hard("h", target)]).await;
    }
    refused(&[link("l", "before"), hard("h", "l")]).await;
    refused(&[
        raw(EntryType::Directory, "d", "", b""),
        link("l", "d"),
        file("d/f"),
        hard("h", "l/f"),
    ])
    .await;
    let home = Home::new();
    let session = home.session().await;
    put(&*session, archive(&[file("f"), hard("d/h", "f"), hard("f", "f")])).await.unwrap();
    let dest = home.workspace(&*session).join("dest");
    assert_eq!(fs::read_to_string(dest.join("d/h")).unwrap(), "evil");
    assert_eq!(fs::read_to_string(dest.join("f")).unwrap(), "evil");
}

#[tokio::test]
async fn devices_and_unknown_things() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::new(b'Z')] {
        refused(&[raw(kind, "thing", "", b"")]).await;
    }
}

#[tokio::test]
async fn a_directory_is_not_replaced() {
    refused(&[file("d/f"), file("d")]).await;
    refused(&[file("d/f"), link("d", "before")]).await;
}

/// What sets the user id for whoever runs it is dropped.
#[tokio::test]
async fn special_modes_are_dropped() {
    let home = Home::new();
    let session = home.session().await;
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_mode(0o6755);
    header.set_size(1);
    builder.append_data(&mut header, "tool", &b"x"[..]).unwrap();
    put(&*session, builder.into_inner().unwrap()).await.unwrap();
    let found = fs::metadata(home.workspace(&*session).join("dest/tool")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o7777, 0o755);
}

#[tokio::test]
async fn broken_streams_are_told_apart() {
    let home = Home::new();
    let session = home.session().await;
    let whole = archive(&[raw(EntryType::Regular, "f", "", &[7; 2000])]);
    for broken in [b"this is no archive".repeat(100), whole[..1000].to_vec(), whole[..300].to_vec()]
    {
        let error = put(&*session, broken).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains("no whole tar archive"), "{error}");
    }
    let first = whole[..1000].to_vec();
    let failing: ByteStream = Box::pin(stream::iter([
        Ok(first.into()),
        Err(std::io::Error::other("the network went away")),
    ]));
    let error = session.put("dest".into(), failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    put(&*session, whole).await.unwrap();
    put(&*session, Vec::new()).await.unwrap();
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    /// Any names, any targets: whatever is made is made inside.
    #[test]
    fn nothing_leaves_the_destination(
        entries in proptest::collection::vec(
            (0..4_usize, "[a-c./]{1,12}", "[a-c./]{0,12}"), 1..12,
        ),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let home = Home::new();
            let session = home.session().await;
            let workspace = home.workspace(&*session);
            let outside = workspace.join("outside-marker");
            fs::write(&outside, "").unwrap();
            for (kind, name, target) in &entries {
                let kinds = [EntryType::Regular, EntryType::Directory, EntryType::Symlink, EntryType::Link];
                let content: &[u8] = if *kind == 0 { b"x" } else { b"" };
                let _ = put(&*session, archive(&[raw(kinds[*kind], name, target, content)])).await;
            }
            let mut names: Vec<_> = fs::read_dir(&workspace).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            assert_eq!(names, ["dest", "outside-marker"]);
            leads_inside(&workspace.join("dest"), &workspace.join("dest"));
        });
    }
}

/// Every link below `path` that leads to something leads to something below `root`.
fn leads_inside(path: &camino::Utf8Path, root: &camino::Utf8Path) {
    for entry in path.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_symlink() {
            if let Ok(end) = entry.path().canonicalize_utf8() {
                let root = root.canonicalize_utf8().unwrap();
                assert!(end.starts_with(&root), "{} leads to {end}", entry.path());
            }
        } else if entry.file_type().unwrap().is_dir() {
            leads_inside(entry.path(), root);
        }
    }
}
