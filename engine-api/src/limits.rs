//! Limits that an engine accepts and ignores.

use bollard::models::HostConfig;
use bollard::query_parameters::InspectContainerOptions;
use session_core::{ContainerOptions, Error, ErrorKind, ResolvedSpec, Result};

use crate::Engine;

const OPERATION: &str = "engine.create";

/// Refuses limits that the engine took and does not keep (rootless on cgroup v1), by what it says of
/// the container.
pub(crate) async fn check_limits(
    engine: &Engine,
    container: &str,
    spec: &ResolvedSpec,
) -> Result<()> {
    let asked = &spec.container;
    if asked.memory_bytes.is_none() && asked.pids.is_none() && asked.cpu_millis.is_none() {
        return Ok(());
    }
    let found = engine
        .short()
        .inspect_container(container, None::<InspectContainerOptions>)
        .await
        .map_err(|failure| engine.error(OPERATION, "look at the container", failure))?;
    let ignored = ignored(asked, &found.host_config.unwrap_or_default());
    if ignored.is_empty() {
        return Ok(());
    }
    let message = format!(
        "this engine does not keep limits of {}: a rootless engine needs cgroup v2 with those \
         controllers delegated to its user; leave the limits out, or take a rootful engine",
        ignored.join(" and ")
    );
    Err(Error::new(ErrorKind::Unsupported, OPERATION, message))
}

/// What was asked for and is not as asked.
fn ignored(asked: &ContainerOptions, kept: &HostConfig) -> Vec<&'static str> {
    let differs = |asked: Option<u64>, kept: Option<i64>| {
        asked.is_some_and(|asked| kept.and_then(|kept| u64::try_from(kept).ok()) != Some(asked))
    };
    let mut ignored = Vec::new();
    if differs(asked.memory_bytes, kept.memory) {
        ignored.push("memory");
    }
    if differs(asked.pids.map(u64::from), kept.pids_limit) {
        ignored.push("processes");
    }
    // Podman tells it as a quota of a period.
    let quota = kept.cpu_quota.zip(kept.cpu_period).filter(|(_, period)| *period > 0);
    let nano = quota.map(|(quota, period)| quota.saturating_mul(1_000_000_000) / period);
    let nano = kept.nano_cpus.filter(|nano| *nano > 0).or(nano);
    if differs(asked.cpu_millis.map(|millis| u64::from(millis) * 1_000_000), nano) {
        ignored.push("processor time");
    }
    ignored
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> ContainerOptions {
        let mut asked = ContainerOptions::default();
        asked.memory_bytes = Some(64 << 20);
        asked.pids = Some(100);
        asked.cpu_millis = Some(1_500);
        asked
    }

    #[test]
    fn what_is_kept_is_not_ignored() {
        let mut kept = HostConfig {
            memory: Some(64 << 20),
            pids_limit: Some(100),
            nano_cpus: Some(1_500_000_000),
            ..HostConfig::default()
        };
        assert!(ignored(&asked(), &kept).is_empty());
        kept.nano_cpus = Some(0);
        (kept.cpu_quota, kept.cpu_period) = (Some(150_000), Some(100_000));
        assert!(ignored(&asked(), &kept).is_empty());
    }

    #[test]
    fn zeros_are_ignored_limits() {
        let mut kept = HostConfig::default();
        assert_eq!(ignored(&asked(), &kept), ["memory", "processes", "processor time"]);
        kept.pids_limit = Some(0);
        assert_eq!(ignored(&asked(), &kept).len(), 3);
        assert!(ignored(&ContainerOptions::default(), &kept).is_empty());
    }
}
