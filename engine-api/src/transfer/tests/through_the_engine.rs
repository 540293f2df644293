//! `put` and `get` where only the engine gets to.

use camino::Utf8Path;
use session_core::archive::{Links, unpack_blocking};
use session_core::{ByteStream, Error, ErrorKind};
use tar::EntryType;

use super::support::{
    Container, USER, Wanted, archive, collect, described, engines, listed, make_tree, packed, raw,
    same, stream_of,
};
use crate::transfer::{from, into};

const DIRECTORY: EntryType = EntryType::Directory;
const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;

async fn put(container: &Container, dest: &str, tar: ByteStream) -> Result<(), Error> {
    into(&container.ground().await, dest.into(), tar).await
}

async fn get(container: &Container, src: &str) -> Result<Vec<String>, Error> {
    let stream = from(&container.ground().await, Utf8Path::new(src)).await?;
    Ok(listed(&collect(stream).await))
}

/// In a volume and in the image's own files, while it runs and while it does not.
#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    for engine in engines().await {
        let place = tempfile::tempdir().expect("a directory");
        let tree = place.path().join("tree");
        make_tree(&tree);
        // Links that lead out are not for strangers.
        for name in ["absolute", "out"] {
            std::fs::remove_file(tree.join(name)).expect("it is there");
        }
        let container = Container::make(&engine, Wanted::default()).await;
        for state in ["stopped", "running"] {
            if state == "running" {
                container.start().await;
            }
            for dest in ["copy", "/opt/a/b"] {
                let dest = format!("{dest}-{state}");
                put(&container, &dest, stream_of(packed(&tree))).await.expect(&dest);
                let (ground, src) = (container.ground().await, Utf8Path::new(&dest).join("tree"));
                let back = collect(from(&ground, &src).await.expect(&dest)).await;
                let unpacked = place.path().join(dest.replace('/', "-"));
                std::fs::create_dir(&unpacked).expect("it can be made");
                let handle = std::fs::File::open(&unpacked).expect("it is there");
                unpack_blocking(handle.into(), back.as_slice(), Links::Inside).expect(&dest);
                same(&described(&tree), &described(&unpacked.join("tree")));
                // Once more over what is there.
                put(&container, &dest, stream_of(packed(&tree))).await.expect(&dest);
            }
        }
        let others = format!("find copy-* /opt/a ! -uid {} -o ! -gid {}", USER.0, USER.1);
        assert_eq!(container.sh(&others).await, "", "{:?}", engine.identity());
        container.remove().await;
    }
}

#[tokio::test]
async fn names_begin_with_the_last_component() {
    for engine in engines().await {
        let container = Container::make(&engine, Wanted::default()).await;
        let tree = [raw(FILE, "a/b/file", "", b"x"), raw(LINK, "a/link", "b", b"")];
        put(&container, ".", archive(&tree)).await.expect("it is put");
        for state in ["stopped", "running"] {
            if state == "running" {
                container.start().await;
            }
            let names = async |src: &str| get(&container, src).await.expect(src).join(", ");
            assert_eq!(names("a/b").await, "b, b/file", "{state}");
            assert_eq!(names("a/b/").await, "b, b/file", "{state}");
            assert_eq!(names("a/b/file").await, "file", "{state}");
            assert_eq!(names("/workspace/a").await, "a, a/b, a/b/file, a/link -> b", "{state}");
            assert_eq!(names("a/b/..").await, "a, a/b, a/b/file, a/link -> b", "{state}");
            assert!(names(".").await.starts_with("workspace, workspace/a,"), "{state}");
            for absent in ["absent", "a/absent/deep", "/no/such/thing"] {
                let error = get(&container, absent).await.expect_err(absent);
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            }
        }
        assert_eq!(get(&container, "a/link").await.expect("a link"), ["link -> b"]);
        container.remove().await;
    }
}

/// What is refused, and that what came before it stays and nothing after it is made.
#[tokio::test]
async fn what_wants_out_is_refused() {
    for engine in engines().await {
        let container = Container::make(&engine, Wanted::default()).await;
        let good = raw(FILE, "before", "", b"good");
        let bad = [
            vec![raw(FILE, "../evil", "", b"evil")],
            vec![raw(FILE, "/tmp/evil", "", b"evil")],
            vec![raw(DIRECTORY, "a/../../evil", "", b"")],
            vec![raw(LINK, "out", "..", b"")],
            vec![raw(LINK, "out", "/tmp", b"")],
            vec![raw(LINK, "l", "sub", b""), raw(FILE, "l/evil", "", b"evil")],
            vec![raw(LINK, "l", "sub", b""), raw(DIRECTORY, "l", "", b"")],
            vec![raw(FILE, "f", "", b"x"), raw(FILE, "f/evil", "", b"evil")],
            vec![raw(FILE, "d/f", "", b"x"), raw(FILE, "d", "", b"evil")],
            vec![raw(EntryType::Link, "h", "../evil", b"")],
            vec![raw(EntryType::Link, "h", "absent", b"")],
            vec![raw(EntryType::Char, "device", "", b"")],
            vec![raw(EntryType::Fifo, "fifo", "", b"")],
        ];
        for (number, entries) in bad.iter().enumerate() {
            let dest = format!("dest-{number}");
            let after = raw(FILE, "after", "", b"evil");
            let all = [std::slice::from_ref(&good), entries.as_slice(), &[after]].concat();
            let error = put(&container, &dest, archive(&all)).await.expect_err(&dest);
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            let there = get(&container, &dest).await.expect(&dest).join(" ");
            assert!(there.contains("/before"), "{there}");
            assert!(!there.contains("after") && !there.contains("evil"), "{there}");
        }
        container.start().await;
        assert_eq!(container.sh("ls -d /tmp/evil /evil /workspace/evil 2>&- || :").await, "");
        container.remove().await;
    }
}

/// The links were there before; a stopped Podman does not tell of them when asked about one path.
#[tokio::test]
async fn nothing_is_written_through_a_link_that_was_there() {
    for engine in engines().await {
        let container = Container::make(&engine, Wanted::default()).await;
        container.start().await;
        container.sh("mkdir outside dest && ln -s ../outside dest/up && ln -s /tmp dest/tmp && ln -s gone dest/gone && ln -s nowhere dest/lost").await;
        container.sh("echo safe > victim && ln -s ../victim dest/file && ln victim dest/hard && mkdir dest/dir").await;
        for state in ["running", "stopped"] {
            if state == "stopped" {
                crate::container::end(&engine, "engine.test", &container.id)
                    .await
                    .expect("it ends");
            }
            for through in ["up", "tmp", "gone", "lost"] {
                for entries in [
                    vec![raw(FILE, &format!("{through}/evil"), "", b"evil")],
                    vec![
                        raw(DIRECTORY, through, "", b""),
                        raw(FILE, &format!("{through}/evil"), "", b"evil"),
                    ],
                ] {
                    let error =
                        put(&container, "dest", archive(&entries)).await.expect_err(through);
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{state} {through}: {error}");
                }
            }
            // In the place of a directory comes nothing else.
            let error = put(&container, "dest", archive(&[raw(FILE, "dir", "", b"x")]))
                .await
                .expect_err("a directory");
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{state}: {error}");
            // In the place of a link comes a file; what it led to, or shared its content with, stays.
            let over = [raw(FILE, "file", "", b"new"), raw(FILE, "hard", "", b"new")];
            put(&container, "dest", archive(&over)).await.expect("files");
        }
        container.start().await;
        let seen =
            container.sh("cat victim dest/file dest/hard; ls outside; ls /tmp; ls -F dest").await;
        assert_eq!(seen, "safe\nnewnewdir/\nfile\ngone@\nhard\nlost@\ntmp@\nup@\n");
        container.remove().await;
    }
}

/// A hard link to a file that was there keeps that file's mode; what is cut off is refused.
#[tokio::test]
async fn hard_links_and_broken_streams() {
    for engine in engines().await {
        let container = Container::make(&engine, Wanted::default()).await;
        put(&container, "d", archive(&[raw(FILE, "f", "", b"content")])).await.expect("a file");
        let link = [raw(EntryType::Link, "sub/h", "f", b""), raw(EntryType::Link, "f", "f", b"")];
        put(&container, "d", archive(&link)).await.expect("a link");
        let whole = [raw(FILE, "whole", "", &[7; 2000]), raw(FILE, "cut", "", &[7; 2000])].concat();
        let error = put(&container, "d", stream_of(whole[..4000].to_vec())).await.expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let failing: ByteStream = Box::pin(futures_util::stream::iter([
            Ok(whole[..4000].to_vec().into()),
            Err(std::io::Error::other("the network went away")),
        ]));
        let error = put(&container, "d", failing).await.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        put(&container, "d", stream_of(Vec::new())).await.expect("nothing is well, too");
        container.start().await;
        let seen = container.sh("stat -c '%h %a %s' d/sub/h d/f").await;
        assert_eq!(seen, "2 644 7\n2 644 7\n", "{:?}", engine.identity());
        container.remove().await;
    }
}

/// What the engine would lose is refused: memory, in a container that does not run or on Docker.
#[tokio::test]
async fn memory_is_not_reached() {
    for engine in engines().await {
        let wanted = Wanted { memory_at: Some("/memory"), ..Wanted::default() };
        let container = Container::make(&engine, wanted).await;
        let file = || archive(&[raw(FILE, "f", "", b"x")]);
        let error = put(&container, "/memory/sub", file()).await.expect_err("it does not run");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        container.start().await;
        match put(&container, "/memory", file()).await {
            Ok(()) => assert_eq!(container.sh("cat /memory/f").await, "x"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}"),
        }
        container.remove().await;
    }
}
