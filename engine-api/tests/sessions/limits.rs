//! Limits that the engine's host keeps, not only its inspection.

use session_conformance::engines;
use session_core::{Backend as _, ErrorKind, ResolvedSpec, SessionId, Status};

use crate::bench::{Bench, Made, Verdict, ensure, tests};

tests![
    what_takes_more_memory_than_it_may_dies,
    more_processes_than_there_may_be_are_refused,
    more_processor_time_than_there_may_be_is_not_given,
];

const MEMORY: u64 = 64 << 20;

/// A session with limits; none where the engine says that it keeps none, which is shown.
async fn limited(bench: &Bench, limit: impl FnOnce(&mut ResolvedSpec)) -> Verdict<Option<Made>> {
    let id = SessionId::new();
    let mut spec = bench.spec(&id)?;
    limit(&mut spec);
    match bench.backend().create(&id, &spec).await {
        Ok(session) => Ok(Some(Made { id, spec, session })),
        // Refused in so many words: `limits_are_kept_or_refused` looks at that.
        Err(error) if error.kind() == ErrorKind::Unsupported && !bench.is_root() => {
            eprintln!("SKIPPED: {}", error.message());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Issue 3: out of memory is an observed reason; L2: of Docker only.
async fn what_takes_more_memory_than_it_may_dies(bench: Bench) -> Verdict {
    let limit = |spec: &mut ResolvedSpec| spec.container.memory_bytes = Some(MEMORY);
    let Some(made) = limited(&bench, limit).await? else { return Ok(()) };
    // It keeps what it reads until there is a line's end, and there is none.
    let (output, exit) = made.run("echo before; exec tail -n 1 /dev/zero").await?;
    ensure!(output.starts_with("before\n") && exit.code == 137, "{output:?} {exit:?}");
    let wanted = (bench.kind == engine_api::EngineKind::Docker).then_some("oom");
    ensure!(exit.reason.as_deref() == wanted, "the reason is {:?}", exit.reason);
    let status = made.session.status().await?;
    ensure!(
        matches!(&status, Status::Stopped { exit: Some(seen) } if seen.reason == exit.reason),
        "{status:?}"
    );
    // It is as good as new.
    let (output, exit) = made.run("head -c 1000000 /dev/zero | tail -n 1 | wc -c").await?;
    ensure!(output == "1000000\n" && exit.is_success(), "{output:?} {exit:?}");
    // What ends by the same signal for another reason has none.
    let (_, exit) = made.run("kill -9 $$").await?;
    ensure!(exit.code == 137 && exit.reason.is_none(), "{exit:?}");
    Ok(())
}

async fn more_processes_than_there_may_be_are_refused(bench: Bench) -> Verdict {
    let limit = |spec: &mut ResolvedSpec| {
        spec.container.pids = Some(20);
        // Its shell does not try again and again.
        spec.container.image = Some(engines::BUSYBOX_IMAGE.to_owned());
    };
    let Some(made) = limited(&bench, limit).await? else { return Ok(()) };
    let script = "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i + 1)); echo $i; done; echo all";
    let (output, exit) = made.run(script).await?;
    ensure!(!output.contains("all") && output.contains("fork"), "{output:?} {exit:?}");
    let most = output.lines().filter_map(|line| line.parse::<u32>().ok()).max();
    ensure!(most.is_some_and(|most| most < 20), "{output:?}");
    Ok(())
}

async fn more_processor_time_than_there_may_be_is_not_given(bench: Bench) -> Verdict {
    let limit = |spec: &mut ResolvedSpec| spec.container.cpu_millis = Some(100);
    let Some(made) = limited(&bench, limit).await? else { return Ok(()) };
    // The kernel says that it let somebody wait; how long is its own matter.
    let script = "until cat /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2>/dev/null \
                  | grep -q 'nr_throttled [1-9]'; do :; done; echo waited";
    let (output, exit) = made.run(script).await?;
    ensure!(output == "waited\n" && exit.is_success(), "{output:?} {exit:?}");
    Ok(())
}
