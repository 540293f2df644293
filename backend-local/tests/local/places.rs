//! Create, open, list, destroy.

use std::os::unix::fs::{PermissionsExt, symlink};

use session_core::{
    Backend, ErrorKind, Isolation, LABEL_NAME, LABEL_SPEC_HASH, ResolvedSpec, SessionId, Status,
};

use crate::support::{Home, drain, shell};

#[tokio::test]
async fn says_what_it_can_do() {
    let home = Home::new();
    let can = home.backend.capabilities();
    assert_eq!((home.backend.kind(), can.isolation), ("local", Isolation::Directory));
    assert!(can.host_processes && can.exec_when_stopped && can.stats);
    assert!(!can.survives_holder && !can.snapshots);
    let session = home.session().await;
    assert!(session.stats().is_some() && session.snapshots().is_none());
    assert!(session.main_process().await.unwrap().is_none());
}

/// A fresh process finds all of it by the id alone.
#[tokio::test]
async fn what_is_made_is_found_by_another_backend() {
    let home = Home::new();
    let id = SessionId::new();
    let spec = home.spec(&id);
    home.backend.create(&id, &spec).await.unwrap();
    let other = backend_local::LocalBackend::new(&home.layout);
    let session = other.open(&id).await.unwrap();
    assert_eq!(session.id(), &id);
    assert_eq!(session.status().await.unwrap(), Status::Stopped { exit: None });
    let found = other.list().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, id);
    assert_eq!(found[0].labels[LABEL_NAME], spec.name.as_str());
    assert_eq!(found[0].labels[LABEL_SPEC_HASH], spec.hash());
    let mode = home.local(&id).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn an_id_is_made_once() {
    let home = Home::new();
    let id = SessionId::new();
    let spec = home.spec(&id);
    let (one, two) = tokio::join!(home.backend.create(&id, &spec), home.backend.create(&id, &spec));
    let mut kinds: Vec<_> =
        [one, two].into_iter().map(|made| made.err().map(|e| e.kind())).collect();
    kinds.sort_by_key(Option::is_some);
    assert_eq!(kinds, [None, Some(ErrorKind::AlreadyExists)]);
}

#[tokio::test]
async fn makes_its_own_parents_but_wants_a_whole_path() {
    let home = Home::new();
    let id = SessionId::new();
    let name = "n".parse().unwrap();
    let mut spec = ResolvedSpec::new(name, "local", vec!["sh".into()], home.layout.session(&id));
    spec.working_directory = "relative".into();
    let error = home.backend.create(&id, &spec).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(home.backend.list().await.unwrap().is_empty());
    spec.working_directory = spec.directory.clone();
    let session = home.backend.create(&id, &spec).await.unwrap();
    assert_eq!(session.status().await.unwrap().word(), "stopped");
}

#[tokio::test]
async fn nothing_is_not_found_and_destroyed_with_success() {
    let home = Home::new();
    let id = SessionId::new();
    assert_eq!(home.backend.open(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(home.backend.list().await.unwrap().is_empty());
    home.backend.destroy(&id).await.unwrap();
    home.session().await;
    home.backend.destroy(&id).await.unwrap();
    assert_eq!(home.backend.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn destroy_ends_processes_and_leaves_what_is_not_its_own() {
    let home = Home::new();
    let session = home.session().await;
    let id = *session.id();
    let control = drain(
        session.start(&shell("trap '' TERM HUP; echo $$ >pid; sleep 1000 & wait")).await.unwrap(),
    );
    let kept = home.layout.session(&id).join("record.json");
    std::fs::write(&kept, "{}").unwrap();
    home.backend.destroy(&id).await.unwrap();
    home.backend.destroy(&id).await.unwrap();
    assert!(!control.wait().await.unwrap().is_success());
    assert!(kept.is_file() && home.layout.workspace(&id).is_dir());
    assert!(!home.local(&id).exists());
    assert!(home.backend.list().await.unwrap().is_empty());
    assert_eq!(session.status().await.unwrap().word(), "lost");
    assert_eq!(home.backend.open(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    home.backend.create(&id, &home.spec(&id)).await.unwrap();
}

/// Every state that a dying `create` or `destroy` can leave, and some that others make.
#[tokio::test]
async fn destroy_converges_from_half_made_states() {
    let home = Home::new();
    let outside = home.layout.home().parent().unwrap().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("precious"), "x").unwrap();
    for state in ["empty", "temporary", "unmarked", "link", "file", "dangling", "deep"] {
        let id = SessionId::new();
        let local = home.local(&id);
        std::fs::create_dir_all(home.layout.session(&id)).unwrap();
        match state {
            "link" => symlink(&outside, &local).unwrap(),
            "dangling" => symlink("nowhere", &local).unwrap(),
            "file" => std::fs::write(&local, "x").unwrap(),
            state => {
                std::fs::create_dir(&local).unwrap();
                match state {
                    "temporary" => std::fs::write(local.join(".tmpAbC"), "{").unwrap(),
                    "unmarked" => std::fs::write(local.join("main.lock"), "").unwrap(),
                    "deep" => {
                        std::fs::create_dir_all(local.join("session.json/a/b")).unwrap();
                        symlink(&outside, local.join("session.json/out")).unwrap();
                    }
                    _ => {}
                }
            }
        }
        let word = if state == "deep" { "lost" } else { "incomplete" };
        let found = home.backend.list().await.unwrap();
        assert_eq!(found.len(), 1, "{state}");
        assert_eq!((found[0].id, found[0].status.word()), (id, word), "{state}");
        let session = home.backend.open(&id).await.unwrap();
        assert_eq!(session.status().await.unwrap().word(), word, "{state}");
        let error = session.start(&shell("true")).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Refused | ErrorKind::Damaged), "{error}");
        let made = home.backend.create(&id, &home.spec(&id)).await;
        assert_eq!(made.unwrap_err().kind(), ErrorKind::AlreadyExists, "{state}");
        home.backend.destroy(&id).await.unwrap();
        home.backend.destroy(&id).await.unwrap();
        assert!(local.symlink_metadata().is_err(), "{state}");
        assert!(home.backend.list().await.unwrap().is_empty(), "{state}");
    }
    assert!(outside.join("precious").is_file());
}

/// A session's directory that is a link leads to somebody else's: not listed, not destroyed.
#[tokio::test]
async fn a_linked_session_directory_is_not_ours() {
    let home = Home::new();
    let id = SessionId::new();
    let outside = home.layout.home().parent().unwrap().join("outside");
    std::fs::create_dir_all(outside.join("local")).unwrap();
    std::fs::create_dir_all(home.layout.sessions()).unwrap();
    symlink(&outside, home.layout.session(&id)).unwrap();
    assert!(home.backend.list().await.unwrap().is_empty());
    home.backend.destroy(&id).await.unwrap();
    assert!(outside.join("local").is_dir());
    // Also where it leads to another session of ours, which runs.
    let other = home.session().await;
    drain(other.start(&shell("sleep 1000")).await.unwrap());
    let id = SessionId::new();
    symlink(home.layout.session(other.id()), home.layout.session(&id)).unwrap();
    home.backend.destroy(&id).await.unwrap();
    assert!(other.status().await.unwrap().is_running());
    assert!(home.local(other.id()).is_dir());
    other.stop(std::time::Duration::ZERO).await.unwrap();
}
