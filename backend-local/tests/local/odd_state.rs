//! Whatever stands in the state files, a status comes out.

use std::os::unix::fs::symlink;

use proptest::prelude::*;
use session_core::{Backend, Status};

use crate::support::{Home, bounded, drain, exit, shell};

const FILES: [&str; 4] = ["session.json", "main.json", "exit.json", "main.lock"];

#[tokio::test]
async fn damaged_files_are_reasons_not_errors() {
    let home = Home::new();
    for name in &FILES[..3] {
        for content in ["", "null", "{", "[]", "{}", "{\"run\":1}", "\u{0}\u{0}"] {
            let session = home.session().await;
            let control = drain(session.start(&shell("exit 1")).await.unwrap());
            bounded(control.wait()).await.unwrap();
            std::fs::write(home.local(session.id()).join(name), content).unwrap();
            let Status::Lost { reason } = session.status().await.unwrap() else {
                panic!("{name} {content:?}: {:?}", session.status().await)
            };
            assert!(reason.starts_with(&format!("{name} is damaged")), "{reason}");
            assert!(home.backend.list().await.is_ok());
            session.stop(std::time::Duration::ZERO).await.unwrap();
            if *name != "session.json" {
                let control = drain(session.start(&shell("exit 8")).await.unwrap());
                bounded(control.wait()).await.unwrap();
                assert_eq!(exit(&*session).await.code, 8);
            }
            home.backend.destroy(session.id()).await.unwrap();
        }
    }
}

/// Not plain files: nothing is followed, nothing waits for a writer.
#[tokio::test]
async fn odd_files_are_reasons_not_errors() {
    let home = Home::new();
    for name in FILES {
        for kind in ["directory", "fifo", "link", "dangling"] {
            let session = home.session().await;
            let path = home.local(session.id()).join(name);
            let _ = std::fs::remove_file(&path);
            match kind {
                "directory" => std::fs::create_dir(&path).unwrap(),
                "fifo" => {
                    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
                    assert!(made.success());
                }
                "link" => symlink("/etc/passwd", &path).unwrap(),
                _ => symlink("/no/where", &path).unwrap(),
            }
            let status = bounded(session.status()).await.unwrap();
            let expected = match name {
                "exit.json" | "main.lock" => "stopped",
                _ => "lost",
            };
            assert_eq!(status.word(), expected, "{name} {kind}: {status:?}");
            if name == "main.lock" {
                let error = bounded(session.start(&shell("true"))).await.unwrap_err();
                assert!(error.message().contains("main.lock"), "{error}");
            }
            bounded(home.backend.destroy(session.id())).await.unwrap();
        }
    }
}

/// Another session's file, or a newer version's.
#[tokio::test]
async fn a_foreign_session_file_is_a_reason() {
    let home = Home::new();
    let (one, two) = (home.session().await, home.session().await);
    let path = home.local(one.id()).join("session.json");
    std::fs::copy(home.local(two.id()).join("session.json"), &path).unwrap();
    assert_eq!(one.status().await.unwrap().word(), "lost");
    let path = home.local(two.id()).join("session.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
    let Status::Lost { reason } = two.status().await.unwrap() else { panic!("not lost") };
    assert!(reason.contains("newer version"), "{reason}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_give_a_status(
        files in proptest::collection::vec((0..FILES.len(), content()), 1..4),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let home = Home::new();
            let session = home.session().await;
            for (file, content) in &files {
                std::fs::write(home.local(session.id()).join(FILES[*file]), content).unwrap();
            }
            session.status().await.unwrap();
            assert_eq!(home.backend.list().await.unwrap().len(), 1);
            session.stop(std::time::Duration::ZERO).await.unwrap();
            home.backend.destroy(session.id()).await.unwrap();
        });
    }
}

/// Noise, and documents that are nearly right.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let process = (any::<i32>(), any::<u64>())
        .prop_map(|(pid, start)| serde_json::json!({ "pid": pid, "start": start }));
    let nearly = (process.clone(), process, any::<String>(), any::<i64>()).prop_map(
        |(process, holder, boot, at)| {
            let at = session_core::Timestamp::from_milliseconds(at);
            let main = serde_json::json!({
                "run": "r", "process": process, "holder": holder, "boot": boot, "started_at": at,
                "exit": { "code": 1, "at": at },
            });
            main.to_string().into_bytes()
        },
    );
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), nearly]
}
