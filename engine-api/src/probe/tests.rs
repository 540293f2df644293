//! S2.1, S2.2, S2.E1, S2.E2, S2.E3: what `doctor` says, of engines that are only written down here.

use std::fmt::Write as _;

use session_core::CheckOutcome;

use super::*;
use crate::{Facts, Limits, Platform};

fn shown(check: &Check) -> String {
    let remedy = check.remedy.as_deref().unwrap_or("-");
    format!("{:?} {}: {}\n    {remedy}\n", check.outcome, check.code, check.message)
}

fn facts(rootless: bool, cgroup_version: Option<u8>, limits: bool) -> Facts {
    let limits = Limits { memory: limits, cpu: limits, pids: limits };
    let storage_driver = "overlay".to_owned();
    Facts { rootless, cgroup_version, limits, storage_driver, ..Facts::default() }
}

#[test]
fn checks_say_what_to_do() {
    let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
    let mut text = String::new();
    let mut add = |check: Check| text += &shown(&check);
    for kind in [docker, podman] {
        for platform in [Platform::Linux, Platform::MacOs] {
            add(checks::installation(kind, platform, None));
        }
        add(checks::installation(kind, Platform::Linux, Some("/usr/bin/x".into())));
        add(checks::storage(kind, &Facts { storage_driver: "vfs".into(), ..Facts::default() }));
        add(checks::storage(kind, &facts(false, None, true)));
        add(checks::disk(kind, "/data".into(), 100 << 20));
        add(checks::disk(kind, "/data".into(), 1 << 30));
        add(checks::disk(kind, "/data".into(), 100 << 30));
    }
    add(checks::limits(docker, &facts(false, Some(2), true)));
    add(checks::limits(docker, &facts(false, Some(1), false)));
    add(checks::limits(podman, &facts(true, Some(1), false)));
    add(checks::limits(podman, &facts(true, Some(2), false)));
    for users in [1, 65_536] {
        let facts = Facts { mapped_users: Some(users), ..facts(true, Some(2), true) };
        add(checks::users(podman, &facts).expect("rootless"));
    }
    let remapped = Facts { security: vec!["userns".to_owned()], ..facts(false, None, true) };
    add(checks::users(docker, &remapped).expect("remapped"));
    assert!(checks::users(docker, &facts(false, None, true)).is_none());
    add(checks::init(true));
    add(checks::init(false));
    insta::assert_snapshot!(text);
}

/// S0.E1, S2.E2: nothing there; each check that fails says what to do.
#[tokio::test]
async fn an_engine_that_is_not_there() {
    let missing =
        ["/nowhere/one.sock", "/nowhere/two.sock"].map(|path| Endpoint::Unix(path.into()));
    let mut text = String::new();
    for kind in [EngineKind::Docker, EngineKind::Podman] {
        let report = probe(kind, &missing).await;
        assert!(!report.is_usable());
        writeln!(text, "# {} ({})", report.kind, report.engine).expect("a string");
        let failed = report.checks.iter().filter(|check| check.outcome == CheckOutcome::Failed);
        failed.for_each(|check| text += &shown(check));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn each_code_is_explained_once() {
    let codes: Vec<&str> = explanations().iter().map(|row| row.0).collect();
    assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
    let source = concat!(include_str!("../probe.rs"), include_str!("checks.rs"));
    let words = source.split("code(kind, \"").skip(1).filter_map(|rest| rest.split('"').next());
    let used: Vec<&str> = words.chain(["identity", "permission", "version"]).collect();
    assert!(used.len() > 8);
    for kind in ["docker", "podman"] {
        // Podman's containers always outlive its service.
        for word in used.iter().filter(|word| kind == "docker" || **word != "restart") {
            assert!(codes.contains(&format!("{kind}-{word}").as_str()), "{kind}-{word}");
        }
    }
    assert!(codes.contains(&"podman-init"));
}
