//! Whose the files are, and where they lie.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use engine_api::EngineKind;
use session_core::{Backend as _, ProjectPlan, SessionId, Strategy, WORK_LINK};

use crate::bench::{Bench, Made, Verdict, ensure, tests};

tests![
    files_made_inside_are_the_callers,
    roots_files_do_not_prevent_a_removal,
    projects_are_where_they_are_promised,
    an_uploaded_workspace_is_worked_in,
    labels_are_the_earlier_tools_too,
    with_keep_id_one_is_made_at_a_time,
];

/// Another user than root, where that can be had.
fn unprivileged(bench: Bench) -> Bench {
    if bench.is_root() { bench.for_user(1234, 2345) } else { bench }
}

async fn make_for(bench: &Bench, root: bool) -> Verdict<Made> {
    let id = SessionId::new();
    let mut spec = bench.spec(&id)?;
    spec.container.root = root;
    fs::create_dir_all(&spec.working_directory)?;
    if bench.is_root() {
        let (uid, gid) = bench.caller;
        std::os::unix::fs::chown(&spec.working_directory, Some(uid), Some(gid))?;
    }
    let session = bench.backend().create(&id, &spec).await?;
    Ok(Made { id, spec, session })
}

async fn files_made_inside_are_the_callers(bench: Bench) -> Verdict {
    let bench = unprivileged(bench);
    let made = make_for(&bench, false).await?;
    let script = "id -un; id -gn; echo \"$HOME\"; touch main \"$HOME/kept\" && echo made";
    let (output, _) = made.run(script).await?;
    ensure!(output == "tester\ntester\n/home/tester\nmade\n", "{output:?}");
    let (output, code) = made.exec("id -un; touch exec").await?;
    ensure!(output == "tester\n" && code == 0, "{output:?} {code}");
    let home = made.spec.directory.join("state/home/kept");
    for path in
        [made.spec.working_directory.join("main"), made.spec.working_directory.join("exec"), home]
    {
        let found = fs::metadata(&path)?;
        let owner = (found.uid(), found.gid());
        ensure!(owner == bench.caller, "{path} is {owner:?}'s, not {:?}'s", bench.caller);
    }
    Ok(())
}

async fn roots_files_do_not_prevent_a_removal(bench: Bench) -> Verdict {
    let bench = unprivileged(bench);
    let made = make_for(&bench, true).await?;
    let (output, _) = made.run("id -u; mkdir -m 700 d && echo x >d/f && echo made").await?;
    ensure!(output == "0\nmade\n", "{output:?}");
    made.session.fetch_workspace().await?;
    let directory = made.spec.working_directory.join("d");
    let owner = fs::metadata(&directory)?.uid();
    ensure!(owner == bench.caller.0, "{directory} is {owner}'s");
    bench.backend().destroy(&made.id).await?;
    fs::remove_dir_all(&made.spec.working_directory)?;
    Ok(())
}

/// S0.8
async fn projects_are_where_they_are_promised(bench: Bench) -> Verdict {
    let id = SessionId::new();
    let mut spec = bench.spec(&id)?;
    let live = bench.path.join("live");
    for directory in [spec.working_directory.join("copied"), live.join("sub")] {
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("marker"), format!("{}\n", directory.file_name().unwrap_or("")))?;
    }
    spec.projects = vec![
        ProjectPlan::new("copied", "/nowhere", Strategy::Copy),
        ProjectPlan::new("live", &live, Strategy::Mount),
    ];
    spec.working_directory = live.join("sub");
    let session = bench.backend().create(&id, &spec).await?;
    let made = Made { id, spec, session };
    let script = "pwd -P; cat marker /workspace/copied/marker /workspace/work/marker; \
                  readlink /workspace/work";
    let (output, _) = made.run(script).await?;
    ensure!(output == "/workspace/live/sub\nsub\ncopied\ncopied\ncopied\n", "{output:?}");
    let link = fs::read_link(made.spec.directory.join("workspace").join(WORK_LINK))?;
    ensure!(link.is_relative(), "the link leads to {link:?}");
    Ok(())
}

async fn an_uploaded_workspace_is_worked_in(bench: Bench) -> Verdict {
    let id = SessionId::new();
    let mut spec = bench.spec(&id)?;
    spec.container.upload = true;
    fs::create_dir_all(&spec.working_directory)?;
    fs::write(spec.working_directory.join("marker"), "from the host\n")?;
    let session = bench.backend().create(&id, &spec).await?;
    let made = Made { id, spec, session };
    let (output, exit) =
        made.run("cat marker; echo inside >made; ls -d \"$HOME\" >&2; exit 3").await?;
    ensure!(output.starts_with("from the host\n") && exit.code == 3, "{output:?} {exit:?}");
    let answer = bench.inspect(&made)?;
    ensure!(!answer.contains(bench.path.as_str()), "something of the host is mounted");
    let (output, code) = made.exec("cat made").await?;
    ensure!(output == "inside\n" && code == 0, "{output:?} {code}");
    made.session.fetch_workspace().await?;
    let fetched = fs::read_to_string(made.spec.working_directory.join("made"))?;
    ensure!(fetched == "inside\n", "{fetched:?}");
    bench.backend().destroy(&made.id).await?;
    let volumes = bench.ask("GET", "/volumes")?;
    ensure!(!volumes.contains(&made.id.to_string()), "its volume is left");
    Ok(())
}

/// S0.3, S0.26, S0.27
async fn labels_are_the_earlier_tools_too(bench: Bench) -> Verdict {
    let made = bench
        .make(|spec| spec.projects.push(ProjectPlan::new("p", "/home/me/p", Strategy::Copy)))
        .await?;
    let query = "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22claude-session.source-dir%3D%2Fhome%2Fme%2Fp%22%5D%7D";
    let answer = bench.ask("GET", query)?;
    ensure!(answer.contains(made.spec.name.as_str()), "the earlier tool's filter does not find it");
    Ok(())
}

/// engines.md C17: two at once may be the end of Podman's service, so who makes one keeps the others waiting.
async fn with_keep_id_one_is_made_at_a_time(bench: Bench) -> Verdict {
    let one_at_a_time = bench.kind == EngineKind::Podman && !bench.is_root();
    let socket = fs::canonicalize(bench.address.strip_prefix("unix://").ok_or("a socket")?)?;
    let other = fs::File::open(socket.parent().ok_or("a directory")?)?;
    other.lock()?;
    let make = make_for(&bench, false);
    tokio::pin!(make);
    let patience = Duration::from_secs(if one_at_a_time { 3 } else { 20 });
    let early = tokio::time::timeout(patience, &mut make).await;
    other.unlock()?;
    let made = match early {
        Ok(made) => {
            ensure!(!one_at_a_time, "it was made while another was");
            made?
        }
        Err(_) => make.await?,
    };
    let (output, exit) = made.run("id -un").await?;
    ensure!(output == "tester\n" || bench.is_root(), "{output:?}");
    ensure!(exit.is_success(), "{exit:?}");
    Ok(())
}
