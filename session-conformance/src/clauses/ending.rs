//! How the main process ends, by itself and when it is told to.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Exit, Session, Status, TerminalSize};

use crate::case::{FILLED, FLOOD, Running, eventually};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

/// How long a process that does as it is told may take.
const LONG: Duration = Duration::from_secs(15);
/// How long a process that does not is waited for.
const SHORT: Duration = Duration::from_millis(300);

/// The exit that a session which is about to be stopped is stopped with.
async fn recorded_exit(session: &Arc<dyn Session>) -> Verdict<Option<Exit>> {
    eventually(|| async {
        match session.status().await? {
            Status::Running { .. } => Ok(None),
            Status::Stopped { exit } => Ok(Some(exit)),
            other => Err(crate::Failure::new(format!("after its end it is {other:?}"))),
        }
    })
    .await
}

pub(super) async fn exit_code_is_a_value(case: &Case) -> Verdict {
    for code in [0, 1, 7, 255] {
        let made = case.make().await?;
        let (_, exit) = case.start(&made, &[Step::Exit(code)]).await?.finish().await?;
        ensure!(exit.code == code, "`exit {code}` is {exit:?}");
        ensure!(exit.signal.is_none(), "`exit {code}` is said to be a signal: {exit:?}");
        ensure!(exit.is_success() == (code == 0), "`exit {code}` is misjudged");
    }
    Ok(())
}

pub(super) async fn signal_exit_is_128_plus(case: &Case) -> Verdict {
    for signal in [9, 15] {
        let made = case.make().await?;
        let (_, exit) = case.start(&made, &[Step::KillSelf(signal)]).await?.finish().await?;
        ensure!(exit.code == 128 + signal, "an end by signal {signal} is {exit:?}");
        let right = exit.signal.is_none_or(|given| given == signal);
        ensure!(right, "an end by signal {signal} names another: {exit:?}");
    }
    Ok(())
}

pub(super) async fn wait_by_several(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::ReadLine, Step::Exit(3)]).await?;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let control = Arc::clone(&main.control);
            tokio::spawn(async move { control.wait().await })
        })
        .collect();
    main.type_line("go").await?;
    let (_, first) = main.finish().await?;
    for waiter in waiting {
        let exit = waiter.await??;
        ensure!(exit == first, "two who waited were told {first:?} and {exit:?}");
    }
    let late = main.control.wait().await?;
    ensure!(late == first, "who waited late was told {late:?}");
    main.control.resize(TerminalSize::new(70, 20)).await?;
    Ok(())
}

pub(super) async fn exit_is_known_afterwards(case: &Case) -> Verdict {
    let made = case.make().await?;
    let (_, exit) = case.start(&made, &[Step::Exit(9)]).await?.finish().await?;
    for session in [Arc::clone(&made.session), case.reopen(&made.id).await?] {
        let recorded = recorded_exit(&session).await?;
        let code = recorded.as_ref().map(|exit| exit.code);
        ensure!(code == Some(exit.code), "it ended with {exit:?}, its status says {recorded:?}");
    }
    Ok(())
}

pub(super) async fn restart_with_other_launch(case: &Case) -> Verdict {
    let made = case.make().await?;
    for (word, code) in [("one", 1), ("two", 2), ("three", 0)] {
        let steps = [Step::Print(word.to_owned()), Step::Exit(code)];
        let (text, exit) = case.start(&made, &steps).await?.finish().await?;
        ensure!(text == format!("{word}\n"), "the start of `{word}` wrote {text:?}");
        ensure!(exit.code == code, "the start of `{word}` ended with {exit:?}");
        let recorded = recorded_exit(&made.session).await?.map(|exit| exit.code);
        ensure!(recorded == Some(code), "after `{word}` its status says {recorded:?}");
    }
    Ok(())
}

pub(super) async fn stop_of_stopped_is_ok(case: &Case) -> Verdict {
    let made = case.make().await?;
    made.session.stop(LONG).await?;
    let status = made.session.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "then it is {status:?}");
    Ok(())
}

pub(super) async fn stop_ends_the_main_process(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Print("up".to_owned()), Step::Wait]).await?;
    main.screen.until("up").await?;
    case.reopen(&made.id).await?.stop(LONG).await?;
    let status = made.session.status().await?;
    ensure!(matches!(status, Status::Stopped { .. }), "when `stop` returned, it was {status:?}");
    main.finish().await?;
    Ok(())
}

pub(super) async fn stop_is_idempotent(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Wait]).await?;
    for _ in 0..3 {
        made.session.stop(LONG).await?;
    }
    main.finish().await?;
    case.reopen(&made.id).await?.stop(LONG).await?;
    Ok(())
}

pub(super) async fn stop_leaves_exit_known(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Wait]).await?;
    made.session.stop(LONG).await?;
    let (_, exit) = main.finish().await?;
    let recorded = recorded_exit(&case.reopen(&made.id).await?).await?.map(|exit| exit.code);
    ensure!(recorded == Some(exit.code), "it ended with {exit:?}, its status says {recorded:?}");
    Ok(())
}

pub(super) async fn start_after_stop(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Wait]).await?;
    made.session.stop(LONG).await?;
    main.finish().await?;
    let steps = [Step::Print("again".to_owned()), Step::Exit(6)];
    let (text, exit) = case.start(&made, &steps).await?.finish().await?;
    ensure!(text == "again\n" && exit.code == 6, "then it wrote {text:?} and ended with {exit:?}");
    Ok(())
}

pub(super) async fn stop_asks_first(case: &Case) -> Verdict {
    let made = case.make().await?;
    let steps = [Step::ExitOnTermination(5), Step::Print("up".to_owned()), Step::Wait];
    let mut main = case.start(&made, &steps).await?;
    main.screen.until("up").await?;
    made.session.stop(LONG).await?;
    let (_, exit) = main.finish().await?;
    ensure!(exit.code == 5, "a process that ends when asked ended with {exit:?}");
    Ok(())
}

pub(super) async fn stop_hangs_up_what_ignores_term(case: &Case) -> Verdict {
    let made = case.make().await?;
    let steps = [Step::ExitOnHangup(6), Step::Print("up".to_owned()), Step::Wait];
    let mut main = case.start(&made, &steps).await?;
    main.screen.until("up").await?;
    made.session.stop(LONG).await?;
    let (_, exit) = main.finish().await?;
    ensure!(exit.code == 6, "a process that ends when its terminal is hung up ended with {exit:?}");
    Ok(())
}

pub(super) async fn stop_kills_what_ignores_term(case: &Case) -> Verdict {
    let made = case.make().await?;
    let steps = [Step::IgnoreTermination, Step::Print("up".to_owned()), Step::Wait];
    let mut main = case.start(&made, &steps).await?;
    main.screen.until("up").await?;
    made.session.stop(SHORT).await?;
    let status = made.session.status().await?;
    ensure!(matches!(status, Status::Stopped { .. }), "when `stop` returned, it was {status:?}");
    let (_, exit) = main.finish().await?;
    ensure!(exit.code == 137, "a killed process ended with {exit:?}");
    Ok(())
}

pub(super) async fn unread_output_does_not_block_stop(case: &Case) -> Verdict {
    let made = case.make().await?;
    let launch = case.launch(&[Step::Lines(FLOOD), Step::Wait]);
    let main = made.session.start(&launch).await?;
    tokio::time::sleep(FILLED).await;
    case.reopen(&made.id).await?.stop(SHORT).await?;
    let status = made.session.status().await?;
    ensure!(matches!(status, Status::Stopped { .. }), "when `stop` returned, it was {status:?}");
    // What is left can still be read, and comes to an end.
    Running::of(main).finish().await?;
    Ok(())
}

pub(super) async fn stop_ends_the_whole_tree(case: &Case) -> Verdict {
    let made = case.make().await?;
    let token = case.token();
    let steps = [Step::Child(token.clone()), Step::Daemon(token.clone()), Step::Wait];
    let mut main = case.start(&made, &steps).await?;
    main.screen.until("child up").await?;
    main.screen.until("daemon up").await?;
    let alive = case.fixture.processes_with(&token);
    ensure!(alive > 1, "{alive} processes of the session are seen, which is too few");
    made.session.stop(SHORT).await?;
    let left = case.fixture.processes_with(&token);
    ensure!(left == 0, "{left} processes are left when `stop` returns");
    main.finish().await?;
    Ok(())
}
