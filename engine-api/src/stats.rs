//! What a session uses.

use async_trait::async_trait;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;
use session_core::{Result, Stats, Usage};

use crate::session::ContainerSession;
use crate::{Engine, container, exec};

const OPERATION: &str = "engine.usage";

/// Prints a line for each process: its number, the processor time of its own and of the children
/// that it waited for, its resident pages. With built-in commands only.
const COUNT: &str = r"for d in /proc/[0-9]*; do
n=${d#/proc/} s=
[ $n = $$ ] && continue
{ while IFS= read -r x; do s=$s$x; done; } 2>/dev/null <$d/stat || continue
case $s in *') '*) ;; *) continue ;; esac
set -- ${s##*) }
[ $1 = Z ] || echo $n ${12} ${13} ${14} ${15} ${22}
done";

#[async_trait]
impl Stats for ContainerSession {
    /// Where the engine has a control group for the container, from that: `processes` then counts
    /// threads. Else (rootless Podman on cgroup v1) from a look at its processes, which knows no
    /// processor time of those that have ended, unless they were children of the first.
    async fn usage(&self) -> Result<Usage> {
        let engine = self.shared.engine().await?;
        let facts = self.facts(OPERATION)?;
        let seen = container::inspect(engine, OPERATION, &facts.container).await?;
        if !seen.is_some_and(|seen| seen.is_running()) {
            return Ok(Usage::default());
        }
        match measured(engine, &facts.container).await {
            Some(usage) => Ok(usage),
            None => counted(engine, &facts.container).await,
        }
    }
}

/// From the container's control group, if the engine has it.
async fn measured(engine: &Engine, container: &str) -> Option<Usage> {
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    let mut answers = Box::pin(engine.short().stats(container, Some(options)));
    match answers.next().await? {
        Ok(answer) => usage_of(&answer),
        Err(error) => {
            tracing::debug!(%error, "no figures from the engine");
            None
        }
    }
}

fn usage_of(answer: &ContainerStatsResponse) -> Option<Usage> {
    let processes = answer.pids_stats.as_ref()?.current.filter(|count| *count > 0)?;
    let memory = answer.memory_stats.as_ref()?;
    let of = |name: &str| memory.stats.as_ref().and_then(|stats| stats.get(name)).copied();
    // Files that are read count as memory until somebody else needs it; cgroup v1, then v2.
    let unused = of("total_inactive_file").or_else(|| of("inactive_file")).unwrap_or(0);
    let nanoseconds = answer.cpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage?;
    let mut usage = Usage::default();
    usage.processes = processes;
    usage.memory_bytes = memory.usage?.saturating_sub(unused);
    usage.cpu_milliseconds = nanoseconds / 1_000_000;
    Some(usage)
}

/// By looking from inside.
async fn counted(engine: &Engine, container: &str) -> Result<Usage> {
    let page = rustix::param::page_size() as u64;
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let text = exec::output_of(engine, container, COUNT).await?;
    let mut usage = Usage::default();
    for line in text.lines() {
        let numbers: Vec<u64> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let [number, user, system, waited_user, waited_system, pages] = numbers[..] else {
            continue;
        };
        let waited = if number == 1 { waited_user + waited_system } else { 0 };
        usage.processes += 1;
        usage.memory_bytes += pages * page;
        usage.cpu_milliseconds += (user + system + waited) * 1000 / ticks;
    }
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use bollard::models::{
        ContainerCpuStats, ContainerCpuUsage, ContainerMemoryStats, ContainerPidsStats,
    };

    use super::*;

    #[test]
    fn a_group_without_figures_is_none() {
        let mut answer = ContainerStatsResponse {
            pids_stats: Some(ContainerPidsStats { current: Some(3), limit: None }),
            memory_stats: Some(ContainerMemoryStats {
                usage: Some(5000),
                stats: Some([("total_inactive_file".to_owned(), 1000)].into()),
                ..ContainerMemoryStats::default()
            }),
            cpu_stats: Some(ContainerCpuStats {
                cpu_usage: Some(ContainerCpuUsage {
                    total_usage: Some(7_900_000),
                    ..ContainerCpuUsage::default()
                }),
                ..ContainerCpuStats::default()
            }),
            ..ContainerStatsResponse::default()
        };
        let usage = usage_of(&answer).expect("figures");
        let figures = (usage.processes, usage.memory_bytes, usage.cpu_milliseconds);
        assert_eq!(figures, (3, 4000, 7));
        answer.pids_stats = Some(ContainerPidsStats { current: Some(0), limit: None });
        assert_eq!(usage_of(&answer), None);
    }
}
