//! What a session is kept from, and what nobody gets to see.

use session_core::{Backend as _, ErrorKind, Network, ProjectPlan, SessionId, Strategy};

use crate::bench::{Bench, Verdict, ensure, launch, tests};

tests![
    inspect_shows_no_secret,
    limits_are_kept_or_refused,
    without_a_network_there_is_only_loopback,
    a_network_that_is_not_there_is_refused_before_anything_is_left,
    a_read_only_image_can_be_worked_in,
    powers_are_dropped,
    an_engines_socket_is_not_mounted,
];

/// Issue 3: what a launch sets is in neither the engine's words nor a file.
async fn inspect_shows_no_secret(bench: Bench) -> Verdict {
    const SECRET: &str = "hunter2-of-the-launch";
    let made = bench.make(|_| ()).await?;
    let mut launch = launch("echo \"$TOKEN\"; sleep 1000");
    launch.environment.insert("TOKEN".to_owned(), SECRET.to_owned());
    let mut main = made.session.start(&launch).await?;
    crate::bench::until(&mut main, SECRET).await?;
    let answer = bench.inspect(&made)?;
    ensure!(answer.contains(" 200 ") && !answer.contains(SECRET), "the engine tells it");
    let place = bench.layout().session(&made.id);
    let found = std::process::Command::new("grep").args(["-r", SECRET, place.as_str()]).output()?;
    ensure!(!found.status.success(), "it stands in {}", String::from_utf8_lossy(&found.stdout));
    Ok(())
}

/// Rootless Podman on cgroup v1 takes limits and ignores them.
async fn limits_are_kept_or_refused(bench: Bench) -> Verdict {
    let id = SessionId::new();
    let mut spec = bench.spec(&id)?;
    spec.container.memory_bytes = Some(64 << 20);
    spec.container.pids = Some(100);
    spec.container.cpu_millis = Some(500);
    let answer = bench.backend().create(&id, &spec).await;
    let Ok(session) = answer else {
        let error = answer.err().ok_or("it was made")?;
        ensure!(error.kind() == ErrorKind::Unsupported && !bench.is_root(), "{error}");
        ensure!(error.message().contains("memory"), "{error}");
        ensure!(bench.backend().list().await?.is_empty(), "something is left");
        let answer = bench.ask("GET", &format!("/containers/sessctl-{}/json", spec.name))?;
        ensure!(answer.contains(" 404 "), "the container is left: {answer}");
        return Ok(());
    };
    let made = crate::bench::Made { id, spec, session };
    let script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max \
                  /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true";
    let (output, _) = made.run(script).await?;
    ensure!(output.contains("67108864\n") && output.contains("100\n"), "{output:?}");
    Ok(())
}

async fn without_a_network_there_is_only_loopback(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let (output, _) = made.run("tail -n +3 /proc/net/dev").await?;
    let lines: Vec<_> = output.lines().collect();
    ensure!(lines.len() == 1 && lines[0].trim_start().starts_with("lo:"), "{output}");
    Ok(())
}

async fn a_network_that_is_not_there_is_refused_before_anything_is_left(bench: Bench) -> Verdict {
    for (name, kind) in [
        ("sessctl-no-such-network", ErrorKind::NotFound),
        ("host", ErrorKind::InvalidInput),
        ("container:x", ErrorKind::InvalidInput),
        ("../images", ErrorKind::InvalidInput),
    ] {
        let id = SessionId::new();
        let mut spec = bench.spec(&id)?;
        spec.container.network = Some(Network::Named(name.to_owned()));
        let error = bench.backend().create(&id, &spec).await.err().ok_or("it was made")?;
        ensure!(error.kind() == kind, "{name}: {error}");
        ensure!(bench.backend().list().await?.is_empty(), "{name}: something is left");
    }
    Ok(())
}

async fn a_read_only_image_can_be_worked_in(bench: Bench) -> Verdict {
    let made = bench.make(|spec| spec.container.read_only = true).await?;
    let script = "touch /etc/x /usr/x 2>/dev/null && echo written; \
                  touch /tmp/x /workspace/x && echo worked";
    let (output, exit) = made.run(script).await?;
    ensure!(output == "worked\n" && exit.code == 0, "{output:?} {exit:?}");
    let (output, exit) = made.run("ls /workspace; id -un").await?;
    ensure!(output.starts_with("x\n") && exit.code == 0, "{output:?} {exit:?}");
    Ok(())
}

async fn powers_are_dropped(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let (output, _) = made.run("grep -E '^(NoNewPrivs|CapBnd|CapEff):' /proc/self/status").await?;
    ensure!(output.contains("NoNewPrivs:\t1"), "{output}");
    let bounding = output.lines().find_map(|line| line.strip_prefix("CapBnd:\t")).unwrap_or("f");
    // Neither what mounts nor what looks into other processes.
    let bits = u64::from_str_radix(bounding.trim(), 16)?;
    ensure!(bits & (1 << 21 | 1 << 19 | 1 << 12 | 1 << 16) == 0, "{output}");
    Ok(())
}

async fn an_engines_socket_is_not_mounted(bench: Bench) -> Verdict {
    let socket = bench.address.trim_start_matches("unix://");
    let holder = camino::Utf8Path::new(socket).parent().ok_or("it is absolute")?;
    for source in [camino::Utf8Path::new(socket), holder, camino::Utf8Path::new("/")] {
        let id = SessionId::new();
        let mut spec = bench.spec(&id)?;
        spec.projects.push(ProjectPlan::new("live", source, Strategy::Mount));
        let error = bench.backend().create(&id, &spec).await.err().ok_or("it was made")?;
        ensure!(error.kind() == ErrorKind::InvalidInput, "{source}: {error}");
        ensure!(bench.backend().list().await?.is_empty(), "{source}: something is left");
    }
    Ok(())
}
