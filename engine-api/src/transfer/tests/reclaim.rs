//! Directories that root made in the caller's own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::support::{Container, USER, Wanted, engines};
use crate::transfer::ground::Ground;
use crate::transfer::reclaim::reclaim;

/// Whose it is, and what is allowed.
fn facts(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).expect("it is there");
    (found.uid(), found.mode() & 0o7777)
}

/// Directories become the caller's, and stay as they are otherwise; files stay whose they are, and what a
/// link leads to is none of ours. More of them than go in one request, on a container that runs and on one
/// that does not.
#[tokio::test]
async fn directories_of_others_become_the_callers() {
    for engine in engines().await {
        if engine.identity().rootless {
            // Its root is the caller: there is nobody else.
            continue;
        }
        let place = tempfile::tempdir().expect("a directory");
        let (shared, other) = (place.path().join("shared"), place.path().join("other"));
        for directory in [&shared, &other, &other.join("deep")] {
            fs::create_dir(directory).expect("it can be made");
        }
        std::os::unix::fs::chown(&shared, Some(USER.0), Some(USER.1)).expect("tests are root's");
        symlink(&other, shared.join("link")).expect("it can be made");
        let wanted = Wanted {
            shared: Some(shared.to_str().expect("UTF-8").to_owned()),
            ..Wanted::default()
        };
        let container = Container::make(&engine, wanted).await;
        container.start().await;
        container
            .sh("cd /shared; mkdir -p a/b/c odd; mkdir \"$(printf 'odd/\\303\\266 \\n\\377')\"; \
                 echo x >a/b/file; chmod 600 a/b/file; chmod 750 a; chmod 000 a/b; touch -d @1000000000 a/b/c; \
                 mkdir many; cd many; for i in $(seq 1 1500); do echo $i; done | xargs mkdir")
            .await;
        let ground = async || {
            Ground::of(&engine, "engine.test", &container.id, USER.0).await.expect("it is there")
        };
        reclaim(&ground().await, USER.0, USER.1).await.expect("the engine may");
        let mut left = vec![shared.clone()];
        let mut count = 0;
        while let Some(directory) = left.pop() {
            count += 1;
            assert_eq!(facts(&directory).0, USER.0, "{}", directory.display());
            for entry in fs::read_dir(&directory).expect("tests are root's").flatten() {
                if entry.file_type().expect("it is there").is_dir() {
                    left.push(entry.path());
                }
            }
        }
        assert!(count > 1505, "{count} directories");
        assert_eq!(facts(&shared.join("a")), (USER.0, 0o750));
        // Whoever is to remove what is in it must get in.
        assert_eq!(facts(&shared.join("a/b")), (USER.0, 0o700));
        assert_eq!(facts(&shared.join("a/b/file")), (0, 0o600));
        let modified = fs::metadata(shared.join("a/b/c")).expect("it is there").mtime();
        assert_eq!(modified, 1_000_000_000);
        assert_eq!(facts(&other.join("deep")).0, 0, "it went through a link");

        crate::container::end(&engine, "engine.test", &container.id).await.expect("it ends");
        fs::create_dir(shared.join("late")).expect("it can be made");
        fs::set_permissions(shared.join("late"), fs::Permissions::from_mode(0o500)).expect("ours");
        reclaim(&ground().await, USER.0, USER.1).await.expect("the engine may");
        assert_eq!(facts(&shared.join("late")), (USER.0, 0o700));
        // Nothing to do.
        reclaim(&ground().await, USER.0, USER.1).await.expect("the engine may");
        container.remove().await;
    }
}
