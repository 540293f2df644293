//! The proof of identity, and what happens where no engine answers.

use std::os::unix::process::CommandExt;
use std::process::Command;

use engine_api::{Endpoint, Engine, EngineKind};
use proptest::prelude::*;
use session_core::ErrorKind;

use crate::fake::{Fake, response};

async fn refused(fake: &Fake, kind: EngineKind) -> (ErrorKind, String) {
    let error = Engine::connect(&fake.endpoint, kind).await.expect_err("refused");
    (error.kind(), error.message().to_owned())
}

/// Each backend refuses the other's engine, and says which one answered.
#[tokio::test]
async fn the_other_engine_is_refused() {
    let docker = Fake::engine("Docker/28.5.2 (linux)");
    let podman = Fake::engine("Libpod/5.8.6 (linux)");
    Engine::connect(&docker.endpoint, EngineKind::Docker).await.expect("is Docker");
    let engine = Engine::connect(&podman.endpoint, EngineKind::Podman).await.expect("is Podman");
    assert_eq!(engine.identity().version, "5.8.6");
    assert_eq!(engine.identity().api_version, "1.41");

    let (kind, message) = refused(&docker, EngineKind::Podman).await;
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(message.contains("is Docker 28.5.2, not Podman"), "{message}");
    assert!(message.contains("--backend docker"), "{message}");
    let (kind, message) = refused(&podman, EngineKind::Docker).await;
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(message.contains("is Podman 5.8.6, not Docker"), "{message}");
}

#[tokio::test]
async fn a_stranger_is_refused() {
    let web = Fake::serve(|_| Some(response(404, "Server: nginx/1.2\x1b[31m\r\n", "<html>")));
    // hyper refuses the header's escape; a clean one is repeated.
    refused(&web, EngineKind::Docker).await;
    let web = Fake::serve(|_| Some(response(404, "Server: nginx/1.2\r\n", "<html>")));
    for kind in [EngineKind::Docker, EngineKind::Podman] {
        let (error, message) = refused(&web, kind).await;
        assert_eq!(error, ErrorKind::Unsupported);
        assert!(message.contains("nginx/1.2 answered (404"), "{message}");
    }
    let mute = Fake::serve(|_| Some(response(200, "", "{}")));
    assert_eq!(refused(&mute, EngineKind::Docker).await.0, ErrorKind::Unsupported);
}

/// A proxy may take the header away; the version's parts tell too.
#[tokio::test]
async fn without_the_header_the_version_tells() {
    let hidden = |component: &'static str| {
        Fake::serve(move |path| {
            let version = format!(
                r#"{{"Version":"28.0.1","ApiVersion":"1.48","Components":[{{"Name":"{component}"}}]}}"#
            );
            Some(response(200, "", if path == "/version" { &version } else { "{}" }))
        })
    };
    let engine = Engine::connect(&hidden("Engine").endpoint, EngineKind::Docker).await;
    let engine = engine.expect("is Docker");
    assert_eq!((engine.identity().major, engine.identity().api_version.as_str()), (28, "1.48"));
    let podman = hidden("Podman Engine");
    let (_, message) = refused(&podman, EngineKind::Docker).await;
    assert!(message.contains("is Podman"), "{message}");
    assert_eq!(refused(&hidden("Other"), EngineKind::Docker).await.0, ErrorKind::Unsupported);
}

/// S2.1
#[tokio::test]
async fn old_engines_are_refused() {
    for (server, kind) in [
        ("Docker/19.03.15 (linux)", EngineKind::Docker),
        ("Libpod/4.2.9 (linux)", EngineKind::Podman),
        ("Libpod/3.0.1 (linux)", EngineKind::Podman),
    ] {
        let (error, message) = refused(&Fake::engine(server), kind).await;
        assert_eq!(error, ErrorKind::Unsupported);
        assert!(message.contains("too old") && message.contains("or newer"), "{message}");
    }
    for (server, kind) in [
        ("Docker/20.10.0 (linux)", EngineKind::Docker),
        ("Docker/dev (linux)", EngineKind::Docker),
        ("Libpod/4.3.0-rc1 (linux)", EngineKind::Podman),
    ] {
        let fake = Fake::engine(server);
        Engine::connect(&fake.endpoint, kind).await.expect("new enough");
    }
}

/// S0.E1, S2.E2: nothing there, or a socket that nobody listens on any more.
#[tokio::test]
async fn an_engine_that_is_not_running() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    let stale = Endpoint::parse(path.to_str().expect("UTF-8")).expect("an address");
    let missing = Endpoint::parse("/nowhere/docker.sock").expect("an address");
    for endpoint in [stale, missing] {
        for (kind, words) in [
            (EngineKind::Docker, "Docker is not running; start it with `"),
            (EngineKind::Podman, "Podman is not running; start it with `"),
        ] {
            let error = Engine::connect(&endpoint, kind).await.expect_err("nothing there");
            assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
            let message = error.message();
            assert!(
                message.contains(words) && message.contains(&endpoint.to_string()),
                "{message}"
            );
        }
    }
}

/// Who accepts and says nothing is not waited for.
#[tokio::test]
async fn a_silent_engine_does_not_hold_up() {
    let silent = Fake::serve(|_| None);
    let (kind, message) = refused(&silent, EngineKind::Docker).await;
    assert_eq!(kind, ErrorKind::BackendUnavailable);
    assert!(message.contains("no answer in time; restart it"), "{message}");

    let missing = Endpoint::parse("/nowhere/docker.sock").expect("an address");
    let good = Fake::engine("Docker/28.5.2 (linux)");
    let other = Fake::engine("Libpod/5.8.6 (linux)");
    let places = [&missing, &silent.endpoint, &other.endpoint, &good.endpoint].map(Clone::clone);
    let engine = Engine::connect_first(&places, EngineKind::Docker).await.expect("the last");
    assert_eq!(*engine.endpoint(), good.endpoint);
    // Of those that are not right, the one that answered tells most.
    let error = Engine::connect_first(&places[..3], EngineKind::Docker).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let none = Engine::connect_first(&[], EngineKind::Podman).await.expect_err("none");
    assert_eq!(none.kind(), ErrorKind::BackendUnavailable);
}

#[tokio::test]
async fn one_that_hangs_up_was_stopped() {
    let fake = Fake::serve(|_| Some(Vec::new()));
    let (kind, message) = refused(&fake, EngineKind::Docker).await;
    assert_eq!(kind, ErrorKind::BackendUnavailable);
    assert!(message.contains("stopped or restarted"), "{message}");
}

/// A program that lives long goes on with an engine that was restarted.
#[tokio::test]
async fn an_engine_may_be_restarted() {
    let answer = |path: &str| {
        let body = if path == "/images/json" { "[]" } else { "{}" };
        Some(response(200, "Server: Docker/28.5.2 (linux)\r\n", body))
    };
    let fake = Fake::serve(answer);
    let engine = Engine::connect(&fake.endpoint, EngineKind::Docker).await.expect("is Docker");
    assert_eq!(engine.images(None).await.expect("listed"), []);
    let fake = fake.replace(answer).await;
    assert_eq!(engine.images(None).await.expect("listed"), [], "on a new connection");
    // In the middle of an answer.
    let half = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n[";
    let _fake = fake.replace(|_| Some(half.to_vec())).await;
    let error = engine.images(None).await.expect_err("it ended");
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    assert!(error.message().contains("stopped or restarted"), "{error}");
}

/// A socket of others: run again as a user who may not use it.
#[tokio::test]
async fn a_socket_of_others() {
    const AGAIN: &str = "SESSCTL_TEST_SOCKET_OF_OTHERS";
    if let Ok(path) = std::env::var(AGAIN) {
        let endpoint = Endpoint::parse(&path).expect("an address");
        for (kind, words) in [(EngineKind::Docker, "group"), (EngineKind::Podman, "your own")] {
            let error = Engine::connect(&endpoint, kind).await.expect_err("denied");
            println!("{:?} {}", error.kind(), error.message());
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert!(
                cfg!(target_os = "macos") || error.message().contains(words) || words == "group"
            );
        }
        println!("all were denied");
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return eprintln!("SKIPPED: only root can become another user");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("own.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), all).expect("open to all");
    let own = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, own).expect("closed to others");
    // The program may lie where others can't go.
    let program = directory.path().join("test");
    std::fs::copy(std::env::current_exe().expect("known"), &program).expect("copied");
    let mut command = Command::new(&program);
    command.args(["--exact", "greeting::a_socket_of_others", "--nocapture"]);
    let output = command.env(AGAIN, &path).current_dir("/").uid(54_321).gid(54_321).output();
    let output = output.expect("run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("all were denied"), "{output:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_answer_panics(
        body in prop_oneof![any::<Vec<u8>>(), "HTTP/1.1 200 OK\r\n(Server: [a-zA-Z/.0-9]{0,9}\r\n)?\r\n.*".prop_map(String::into_bytes)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("made");
        runtime.block_on(async {
            let fake = Fake::serve(move |_| Some([&body[..], b"\r\n\r\n"].concat()));
            let connected = Engine::connect(&fake.endpoint, EngineKind::Docker);
            let bound = tokio::time::timeout(std::time::Duration::from_secs(60), connected);
            let _ = bound.await.expect("an end");
        });
    }
}
