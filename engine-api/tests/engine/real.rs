//! The tests' engines.

use engine_api::{Engine, EngineKind, probe};
use session_core::{CheckOutcome, ErrorKind};

use crate::real_engines;

/// S2.1: each is who it says it is, and is refused as the other.
#[tokio::test]
async fn they_show_who_they_are() {
    for real in real_engines() {
        let engine = Engine::connect(&real.endpoint, real.kind).await.expect("connected");
        let identity = engine.identity();
        assert_eq!((identity.kind, identity.rootless), (real.kind, real.rootless));
        assert!(identity.major >= real.kind.oldest().0 && !identity.api_version.is_empty());
        assert_eq!(engine.dialect().keep_id, real.rootless);
        let other = match real.kind {
            EngineKind::Docker => EngineKind::Podman,
            _ => EngineKind::Docker,
        };
        let error = Engine::connect(&real.endpoint, other).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let words = format!("is {} {}", real.kind.title(), identity.version);
        assert!(error.message().contains(&words), "{error}");
    }
}

#[tokio::test]
async fn they_tell_of_themselves() {
    for real in real_engines() {
        let engine = Engine::connect(&real.endpoint, real.kind).await.expect("connected");
        let facts = engine.facts().await.expect("told");
        assert_eq!(facts.rootless, real.rootless, "the guess from the socket's owner holds");
        assert!(matches!(facts.cgroup_version, Some(1 | 2)), "{facts:?}");
        assert!(!facts.storage_driver.is_empty() && facts.storage_root.is_some(), "{facts:?}");
        assert!(facts.processors > 0 && facts.memory > 0, "{facts:?}");
        assert_eq!(facts.mapped_users.is_some(), real.rootless);
        if real.rootless && facts.cgroup_version == Some(1) {
            assert!(!facts.limits.memory, "accepted, and without effect");
        } else if !real.rootless {
            assert!(facts.limits.memory && facts.limits.pids, "{facts:?}");
        }
    }
}

/// S2.1, S2.2, S2.E3
#[tokio::test]
async fn doctor_finds_them_usable() {
    for real in real_engines() {
        let report = probe(real.kind, std::slice::from_ref(&real.endpoint)).await;
        assert!(report.is_usable(), "{report:#?}");
        let codes: Vec<&str> = report.checks.iter().map(|check| check.code.as_str()).collect();
        for word in ["answers", "version", "limits", "storage", "disk"] {
            assert!(codes.contains(&format!("{}-{word}", real.kind.word()).as_str()), "{codes:?}");
        }
        for check in &report.checks {
            let known = engine_api::explanations().iter().any(|row| row.0 == check.code);
            assert!(known, "{check:?}");
            assert_eq!(check.outcome != CheckOutcome::Passed, check.remedy.is_some(), "{check:?}");
            eprintln!("{} {:?} {}: {}", report.engine, check.outcome, check.code, check.message);
        }
    }
}
