//! A workspace that goes into a volume and comes back.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use camino::Utf8Path;

use super::support::{Container, USER, Wanted, described, engines, make_tree, same};
use crate::transfer::{upload_workspace, volume};

/// The same tree, modes and links, and everything the session's user's, on each engine, into a container
/// that was never started.
#[tokio::test]
async fn a_workspace_goes_there_and_comes_back() {
    for engine in engines().await {
        let place = tempfile::tempdir().expect("a directory");
        let place = Utf8Path::from_path(place.path()).expect("UTF-8");
        let (workspace, back) = (place.join("workspace"), place.join("back"));
        make_tree(workspace.as_std_path());
        let container = Container::make(&engine, Wanted::default()).await;
        upload_workspace(&engine, &container.id, &workspace).await.expect("it is uploaded");
        fs::create_dir(&back).expect("it can be made");
        fs::write(back.join("old"), "of before").expect("it can be written");
        volume::fetch(&container.ground().await, &back).await.expect("it is fetched");
        same(&described(workspace.as_std_path()), &described(back.as_std_path()));
        assert_eq!(place.read_dir_utf8().expect("ours").count(), 2, "something is left over");

        container.start().await;
        let others = format!("find . ! -uid {} -o ! -gid {}", USER.0, USER.1);
        assert_eq!(container.sh(&others).await, "", "{:?}", engine.identity());
        // What the session does comes back, too: a device's place, were it made, is left out.
        container
            .sh("chmod u+w fixed && echo more > fixed && mkfifo pipe && rm run.sh && ln zero hard")
            .await;
        volume::fetch(&container.ground().await, &back).await.expect("it is fetched again");
        assert_eq!(fs::read_to_string(back.join("fixed")).expect("there"), "more\n");
        assert!(!back.join("run.sh").exists() && !back.join("pipe").exists());
        let inode = |name| fs::metadata(back.join(name)).expect("there").ino();
        assert_eq!(inode("zero"), inode("hard"));
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
        volume::fetch(&ground, &back).await.expect_err("there is no such container");
        assert_eq!(fs::read_to_string(back.join("kept")).expect("it is there"), "kept");
        assert_eq!(place.path().read_dir().expect("ours").count(), 1);
        container.remove().await;
    }
}
