//! A workspace that goes into a volume and comes back.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use camino::Utf8Path;

use session_core::{Error, ErrorKind};

use super::support::{Container, USER, Wanted, described, engines, listed, make_tree, same};
use crate::transfer::{upload_workspace, volume};

/// The same tree, modes and links, and everything the session's user's, on each engine, into a container
/// that was never started.
#[tokio::test]
async fn a_workspace_goes_there_and_comes_back() {
    for engine in engines().await {
        let place = tempfile::tempdir().expect("a directory");
        let place = Utf8Path::from_path(place.path()).expect("UTF-8");
        let (workspace, back) = (place.join("workspace"), place.join("back"));
        let kept = place.join("kept.tar");
        make_tree(workspace.as_std_path());
        let container = Container::make(&engine, Wanted::default()).await;
        upload_workspace(&engine, &container.id, &workspace).await.expect("it is uploaded");
        fs::create_dir(&back).expect("it can be made");
        fs::write(back.join("old"), "of before").expect("it can be written");
        volume::fetch(&container.ground().await, &back, &kept).await.expect("it is fetched");
        same(&described(workspace.as_std_path()), &described(back.as_std_path()));
        assert_eq!(place.read_dir_utf8().expect("ours").count(), 2, "something is left over");

        container.start().await;
        let others = format!("find . ! -uid {} -o ! -gid {}", USER.0, USER.1);
        assert_eq!(container.sh(&others).await, "", "{:?}", engine.identity());
        // What the session does comes back, too: a device's place, were it made, is left out.
        container
            .sh("chmod u+w fixed && echo more > fixed && mkfifo pipe && ln pipe pipe2 && rm run.sh && ln zero hard && ln -P absolute hard-link")
            .await;
        volume::fetch(&container.ground().await, &back, &kept).await.expect("it is fetched again");
        assert_eq!(fs::read_to_string(back.join("fixed")).expect("there"), "more\n");
        assert!(!back.join("run.sh").exists() && !back.join("pipe").exists());
        assert!(!back.join("pipe2").exists());
        let link = fs::read_link(back.join("hard-link")).expect("there");
        assert_eq!(link.to_str(), Some("/etc/passwd"));
        let inode = |name| fs::metadata(back.join(name)).expect("there").ino();
        assert_eq!(inode("zero"), inode("hard"));
        container.remove().await;
    }
}

/// A tree that can't be made on the host is kept as an archive, and so nothing is lost with its volume.
#[tokio::test]
async fn what_cant_be_unpacked_is_kept() {
    for engine in engines().await {
        let place = tempfile::tempdir().expect("a directory");
        let place = Utf8Path::from_path(place.path()).expect("UTF-8");
        let (workspace, archive) = (place.join("workspace"), place.join("kept.tar"));
        make_tree(workspace.as_std_path());
        let container = Container::make(&engine, Wanted::default()).await;
        upload_workspace(&engine, &container.id, &workspace).await.expect("it is uploaded");
        let cause = || Error::new(ErrorKind::StorageFull, "test", "no inodes are left");
        let told = volume::kept(&container.ground().await, &archive, cause()).await;
        assert_eq!(told.kind(), ErrorKind::Lost, "{told}");
        assert!(told.message().contains("no inodes") && told.message().contains("kept.tar"));
        let names = listed(&fs::read(&archive).expect("it is there")).join(" ");
        assert!(names.contains("deep/secret") && names.contains("dangling -> nowhere"), "{names}");
        assert_eq!(place.read_dir_utf8().expect("ours").count(), 2, "something is left over");
        // Without an archive the volume is all there is, and the error says so.
        let nowhere = place.join("nowhere/kept.tar");
        let told = volume::kept(&container.ground().await, &nowhere, cause()).await;
        assert_eq!(told.kind(), ErrorKind::StorageFull, "{told}");
        container.remove().await;
    }
}

/// What can't be fetched leaves the host's directory as it was, and nothing beside it.
#[tokio::test]
async fn a_fetch_that_fails_changes_nothing() {
    for engine in engines().await {
        let place = tempfile::tempdir().expect("a directory");
        let back = Utf8Path::from_path(place.path()).expect("UTF-8").join("back");
        fs::create_dir(&back).expect("it can be made");
        fs::write(back.join("kept"), "kept").expect("it can be written");
        let container = Container::make(&engine, Wanted::default()).await;
        let mut ground = container.ground().await;
        ground.container = "0123456789abcdef".repeat(4);
        volume::fetch(&ground, &back, &back.with_file_name("kept.tar"))
            .await
            .expect_err("there is no such container");
        assert_eq!(fs::read_to_string(back.join("kept")).expect("it is there"), "kept");
        assert_eq!(place.path().read_dir().expect("ours").count(), 1);
        container.remove().await;
    }
}
