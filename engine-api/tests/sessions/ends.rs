//! How main processes end, and those that won't.

use std::time::Duration;

use session_core::{Backend as _, Signal, Status};
use tokio::io::AsyncReadExt as _;

use crate::bench::{Bench, Verdict, ensure, launch, tests, until};

tests![
    a_fork_that_ignores_term_ends_with_its_main_process,
    a_client_that_does_not_read_keeps_nobody_from_stopping,
    a_signal_reaches_the_main_process_and_its_children,
    a_container_removed_by_hand_is_lost,
    output_begins_with_any_byte,
    output_of_nobody_is_bounded,
    a_long_line_and_what_is_no_text_arrive,
    an_idle_container_is_a_stopped_session,
    a_container_started_by_hand_is_a_stopped_session,
    a_container_that_ended_unseen_and_was_started_by_hand,
    main_process_of_a_starter_that_died_is_let_go,
];

async fn a_fork_that_ignores_term_ends_with_its_main_process(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let script = "(setsid sh -c 'trap \"\" TERM HUP INT; echo up; sleep 1000' &); \
                  read -r _ </dev/null; sleep 0.3; exit 3";
    let (output, exit) = made.run(script).await?;
    ensure!(output.contains("up") && exit.code == 3, "{output:?} {exit:?}");
    let status = made.session.status().await?;
    ensure!(
        matches!(&status, Status::Stopped { exit: Some(exit) } if exit.code == 3),
        "{status:?}"
    );
    let (left, _) = made.exec("grep -l -a '^sleep.1000' /proc/[0-9]*/cmdline; true").await?;
    ensure!(left.is_empty(), "left behind: {left}");
    Ok(())
}

/// engines.md 3.1: engines do not end what writes to a client that does not read.
async fn a_client_that_does_not_read_keeps_nobody_from_stopping(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let mut main = made.session.start(&launch("exec yes 0123456789012345678901234567890")).await?;
    // Some came, and nobody takes the rest.
    main.output.read_exact(&mut [0; 1 << 16]).await?;
    made.session.stop(Duration::from_millis(200)).await?;
    let status = made.session.status().await?;
    ensure!(matches!(status, Status::Stopped { exit: Some(_) }), "{status:?}");
    Ok(())
}

async fn a_signal_reaches_the_main_process_and_its_children(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let script = "sh -c 'trap \"echo child; exit 0\" USR1; echo ready; while :; do sleep 0.1; done' & \
                  trap 'echo parent; wait; exit 4' USR1; while :; do sleep 0.1; done";
    let mut main = made.session.start(&launch(script)).await?;
    until(&mut main, "ready").await?;
    main.control.signal(Signal(10)).await?;
    let mut rest = String::new();
    main.output.read_to_string(&mut rest).await?;
    let exit = main.control.wait().await?;
    ensure!(rest.contains("child") && rest.contains("parent"), "it wrote {rest:?}");
    ensure!(exit.code == 4, "it ended with {exit:?}");
    main.control.signal(Signal::TERMINATE).await?;
    Ok(())
}

async fn a_container_removed_by_hand_is_lost(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let mut main = made.session.start(&launch("sleep 1000")).await?;
    let path = format!("/containers/sessctl-{}?force=1", made.spec.name);
    bench.ask("DELETE", &path)?;
    main.output.read_to_end(&mut Vec::new()).await?;
    let exit = main.control.wait().await?;
    ensure!(exit.code == 137, "it ended otherwise: {exit:?}");
    let status = made.session.status().await?;
    ensure!(matches!(status, Status::Lost { .. }), "{status:?}");
    let list = bench.backend().list().await?;
    ensure!(list.len() == 1 && list[0].status == status, "{list:?}");
    let error = made.session.start(&launch("true")).await.err().ok_or("it started")?;
    ensure!(error.kind() == session_core::ErrorKind::Lost, "{error}");
    made.session.stop(Duration::ZERO).await?;
    bench.backend().destroy(&made.id).await?;
    ensure!(bench.backend().list().await?.is_empty(), "it is still listed");
    Ok(())
}

/// bollard takes 0, 1 and 2 for the beginning of a header.
async fn output_begins_with_any_byte(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    for first in [0_u8, 1, 2, 0xff] {
        let script =
            format!("stty -opost; printf '\\{first:03o}\\000\\000\\000\\000\\000\\000\\005x'");
        let mut main = made.session.start(&launch(&script)).await?;
        let mut output = Vec::new();
        main.output.read_to_end(&mut output).await?;
        ensure!(output == [first, 0, 0, 0, 0, 0, 0, 5, b'x'], "{output:?}");
        main.control.wait().await?;
    }
    Ok(())
}

/// Issue 3: 100 MB of output with nobody attached.
async fn output_of_nobody_is_bounded(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let script = "sleep 0.2; head -c 100000000 /dev/zero | tr '\\0' x; exit 6";
    let main = made.session.start(&launch(script)).await?;
    let control = std::sync::Arc::clone(&main.control);
    drop(main);
    ensure!(control.wait().await?.code == 6, "it ended otherwise");
    let answer = bench.inspect(&made)?;
    let path = answer.split("\"LogPath\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let path = path.filter(|path| !path.is_empty()).ok_or("the engine names no log")?;
    let path = std::path::Path::new(path);
    let mut size = 0;
    let entries = match std::fs::read_dir(path.parent().ok_or("a directory")?) {
        Ok(entries) => entries,
        Err(error) => {
            eprintln!("SKIPPED: the engine's log can't be looked at: {error}");
            return Ok(());
        }
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains("log") {
            size += entry.metadata()?.len();
        }
    }
    ensure!(size < 10 << 20, "the engine keeps {size} bytes of it");
    Ok(())
}

/// Issue 3: a line of 10 MB and invalid UTF-8, to the byte.
async fn a_long_line_and_what_is_no_text_arrive(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let script = "stty -opost; head -c 10000000 /dev/zero | tr '\\0' x; \
                  printf '\\ncaf\\351 \\377\\376\\300\\200\\n'; exit 4";
    let mut main = made.session.start(&launch(script)).await?;
    let mut output = Vec::new();
    main.output.read_to_end(&mut output).await?;
    let end = output.iter().position(|byte| *byte != b'x');
    ensure!(end == Some(10_000_000), "the line ends after {end:?} bytes");
    ensure!(
        output[10_000_000..] == *b"\ncaf\xe9 \xff\xfe\xc0\x80\n",
        "{:?}",
        &output[10_000_000..]
    );
    ensure!(main.control.wait().await?.code == 4, "it ended otherwise");
    Ok(())
}

async fn an_idle_container_is_a_stopped_session(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let (output, code) = made.exec("echo here; exit 7").await?;
    ensure!(output == "here\n" && code == 7, "{output:?} {code}");
    let status = made.session.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "{status:?}");
    ensure!(made.session.main_process().await?.is_none(), "it has a main process");
    let list = bench.backend().list().await?;
    ensure!(list[0].status == status, "it is listed as {:?}", list[0].status);
    let (output, exit) = made.run("echo main; exit 2").await?;
    ensure!(output == "main\n" && exit.code == 2, "{output:?} {exit:?}");
    made.exec("true").await?;
    let status = made.session.status().await?;
    ensure!(
        matches!(&status, Status::Stopped { exit: Some(exit) } if exit.code == 2),
        "{status:?}"
    );
    made.session.stop(Duration::from_secs(5)).await?;
    ensure!(made.session.status().await? == status, "stopping it changed how it had ended");
    Ok(())
}

/// S0.28: direct access stays possible.
async fn a_container_started_by_hand_is_a_stopped_session(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    bench.ask("POST", &format!("/containers/sessctl-{}/start", made.spec.name))?;
    let status = made.session.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "{status:?}");
    let (output, exit) = made.run("echo main; exit 2").await?;
    ensure!(output == "main\n" && exit.code == 2, "{output:?} {exit:?}");
    Ok(())
}

/// S6: the list tells the runs of a container apart by itself.
async fn a_container_that_ended_unseen_and_was_started_by_hand(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let main = made.session.start(&launch("exec sleep 1000")).await?;
    ensure!(made.session.status().await?.is_running(), "it does not run");
    let listed = async || Ok::<_, libtest_mimic::Failed>(bench.backend().list().await?[0].clone());
    ensure!(listed().await?.status.is_running(), "it is listed as {:?}", listed().await?);
    // Its holder dies, and so does its main process: nobody sees that.
    drop(main);
    let container = format!("/containers/sessctl-{}", made.spec.name);
    bench.ask("POST", &format!("{container}/kill"))?;
    while made.session.status().await?.is_running() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bench.ask("POST", &format!("{container}/start"))?;
    let found = listed().await?;
    ensure!(found.unknown.is_none(), "{found:?}");
    ensure!(found.status == Status::Stopped { exit: None }, "it is listed as {:?}", found.status);
    ensure!(made.session.status().await? == found.status, "{:?}", made.session.status().await?);
    let (output, exit) = made.run("echo main; exit 2").await?;
    ensure!(output == "main\n" && exit.code == 2, "{output:?} {exit:?}");
    Ok(())
}

/// A starter that dies before it lets the program go leaves it to the next who takes it.
async fn main_process_of_a_starter_that_died_is_let_go(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let before = made.session.status().await?;
    let main = made.session.start(&launch("read -r line; echo \"got $line\"; exit 8")).await?;
    ensure!(before != made.session.status().await?, "it does not run");
    drop(main);
    let Some(mut main) = made.session.main_process().await? else {
        return Err("it is not given again".into());
    };
    tokio::io::AsyncWriteExt::write_all(&mut main.input, b"word\n").await?;
    let mut output = String::new();
    main.output.read_to_string(&mut output).await?;
    ensure!(output.contains("got word"), "{output:?}");
    ensure!(main.control.wait().await?.code == 8, "it ended otherwise");
    Ok(())
}
