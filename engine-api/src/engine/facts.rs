//! What an engine says of its host and its ways.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::Deserialize;
use serde_json::Value;
use session_core::Result;

use super::peer;
use super::wire::Wire;
use crate::failure::{Cause, cause_error, classify, failed};
use crate::{Endpoint, EngineKind};

const OPERATION: &str = "engine.inspect";
const LIMIT: Duration = Duration::from_secs(30);

/// What an engine says of its host and its ways. What it does not say is empty or `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// It runs without root's powers.
    pub rootless: bool,
    /// The version of the control groups: 1 or 2.
    pub cgroup_version: Option<u8>,
    /// Which limits take effect; others are accepted and ignored by Podman (L3).
    pub limits: Limits,
    /// Containers outlive the engine's end (Docker; Podman's always do).
    pub live_restore: bool,
    /// What guards containers: `seccomp`, `apparmor`, `selinux`, `userns`, `rootless`, …
    pub security: Vec<String>,
    /// `overlay2`, `overlay`, `vfs`, …
    pub storage_driver: String,
    /// Where images and containers are, on the engine's host.
    pub storage_root: Option<Utf8PathBuf>,
    /// How many users a rootless engine can give to a container; 1 without subordinate ids.
    pub mapped_users: Option<u64>,
    /// Processors of the engine's host.
    pub processors: u64,
    /// Memory of the engine's host, in bytes.
    pub memory: u64,
    /// What the engine itself warns of.
    pub warnings: Vec<String>,
}

/// Which limits of a container take effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory.
    pub memory: bool,
    /// Processor time.
    pub cpu: bool,
    /// Number of processes.
    pub pids: bool,
}

/// Docker's `/info`, as far as it matters.
#[derive(Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[derive(Default)]
struct DockerInfo {
    driver: String,
    docker_root_dir: String,
    cgroup_version: String,
    memory_limit: bool,
    cpu_cfs_quota: bool,
    pids_limit: bool,
    live_restore_enabled: bool,
    security_options: Option<Vec<String>>,
    warnings: Option<Vec<String>>,
    #[serde(rename = "NCPU")]
    processors: u64,
    mem_total: u64,
}

/// Asks for them.
pub(super) async fn ask(wire: &Wire, endpoint: &Endpoint, kind: EngineKind) -> Result<Facts> {
    let doing = format!("ask {endpoint} about itself");
    // The other path lacks what is said of rootless engines (docs/engines.md, L3).
    let path = match kind {
        EngineKind::Docker => "/info",
        EngineKind::Podman => "/v4.0.0/libpod/info",
    };
    let answer = wire.get(path, LIMIT).await;
    let answer = answer
        .map_err(|failure| failed(OPERATION.into(), &doing, &peer(endpoint, kind), failure))?;
    let wrong = |cause, text: &str| {
        cause_error(OPERATION.into(), &doing, &peer(endpoint, kind), cause, text)
    };
    if !answer.status.is_success() {
        let text = answer.message();
        return Err(wrong(classify(answer.status.as_u16(), &text), &text));
    }
    let read = match kind {
        EngineKind::Docker => serde_json::from_slice(&answer.body).map(of_docker),
        EngineKind::Podman => serde_json::from_slice(&answer.body).map(|info| of_podman(&info)),
    };
    read.map_err(|error| wrong(Cause::Garbled, &format!("its answer was not understood: {error}")))
}

fn of_docker(info: DockerInfo) -> Facts {
    // `name=seccomp,profile=default`
    let options = info.security_options.unwrap_or_default();
    let security: Vec<String> = options
        .iter()
        .filter_map(|option| option.split(',').find_map(|part| part.strip_prefix("name=")))
        .map(str::to_owned)
        .collect();
    Facts {
        rootless: security.iter().any(|name| name == "rootless"),
        cgroup_version: info.cgroup_version.parse().ok(),
        limits: Limits {
            memory: info.memory_limit,
            cpu: info.cpu_cfs_quota,
            pids: info.pids_limit,
        },
        live_restore: info.live_restore_enabled,
        security,
        storage_driver: info.driver,
        storage_root: absolute(&info.docker_root_dir),
        mapped_users: None,
        processors: info.processors,
        memory: info.mem_total,
        warnings: info.warnings.unwrap_or_default(),
    }
}

fn of_podman(info: &Value) -> Facts {
    let (host, store) = (&info["host"], &info["store"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let controllers = host["cgroupControllers"].as_array().map_or(&[][..], Vec::as_slice);
    let has = |name: &str| controllers.iter().any(|controller| controller == name);
    let rootless = host["security"]["rootless"] == true;
    let guards = [
        ("seccomp", "seccompEnabled"),
        ("apparmor", "apparmorEnabled"),
        ("selinux", "selinuxEnabled"),
    ];
    let guards = guards.iter().filter(|(_, key)| host["security"][*key] == true);
    let mut security: Vec<String> = guards.map(|(name, _)| (*name).to_owned()).collect();
    if rootless {
        security.push("rootless".to_owned());
    }
    let maps = host["idMappings"]["uidmap"].as_array();
    let sizes = |maps: &Vec<Value>| {
        maps.iter().filter_map(|map| map["size"].as_u64()).fold(0, u64::saturating_add)
    };
    Facts {
        rootless,
        cgroup_version: text(&host["cgroupVersion"]).trim_start_matches('v').parse().ok(),
        limits: Limits { memory: has("memory"), cpu: has("cpu"), pids: has("pids") },
        live_restore: true,
        security,
        storage_driver: text(&store["graphDriverName"]),
        storage_root: absolute(&text(&store["graphRoot"])),
        mapped_users: maps.filter(|_| rootless).map(sizes),
        processors: host["cpus"].as_u64().unwrap_or(0),
        memory: host["memTotal"].as_u64().unwrap_or(0),
        warnings: Vec::new(),
    }
}

fn absolute(path: &str) -> Option<Utf8PathBuf> {
    path.starts_with('/').then(|| path.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// S2.E3: as R4 answered.
    #[test]
    fn rootless_podman() {
        let info = json!({
            "host": {
                "cgroupVersion": "v1", "cgroupControllers": [], "cpus": 2, "memTotal": 5,
                "security": {"rootless": true, "seccompEnabled": true, "selinuxEnabled": false},
                "idMappings": {"uidmap": [
                    {"container_id": 0, "host_id": 999, "size": 1},
                    {"container_id": 1, "host_id": 100000, "size": 65536},
                ]},
            },
            "store": {"graphDriverName": "overlay", "graphRoot": "/data"},
        });
        let facts = of_podman(&info);
        assert!(facts.rootless && facts.limits == Limits::default());
        assert_eq!((facts.cgroup_version, facts.mapped_users), (Some(1), Some(65_537)));
        assert_eq!(facts.security, ["seccomp", "rootless"]);
        assert_eq!(facts.storage_root.as_deref().map(|path| path.as_str()), Some("/data"));
    }

    #[test]
    fn docker_names_what_guards_it() {
        let info = r#"{"SecurityOptions":["name=seccomp,profile=default","name=rootless"],"Driver":"overlay2",
            "CgroupVersion":"2","MemoryLimit":true,"PidsLimit":true,"CpuCfsQuota":true,"Warnings":null}"#;
        let facts = of_docker(serde_json::from_str(info).expect("read"));
        assert!(facts.rootless && facts.limits.memory && facts.limits.pids && facts.limits.cpu);
        assert_eq!((facts.cgroup_version, facts.storage_root), (Some(2), None));
    }

    proptest! {
        #[test]
        fn no_answer_panics(size: u64, text in ".*", number: i64) {
            let odd = [json!(null), json!(text), json!(number), json!([text]), json!({"size": size})];
            for value in &odd {
                of_podman(value);
                of_podman(&json!({"host": value, "store": value}));
                let maps = json!([{"size": size}, {"size": size}, value]);
                of_podman(&json!({"host": {
                    "idMappings": {"uidmap": maps}, "security": {"rootless": true},
                    "cgroupControllers": [value], "cgroupVersion": value,
                }}));
                let _ = serde_json::from_value::<DockerInfo>(value.clone()).map(of_docker);
            }
        }
    }
}
