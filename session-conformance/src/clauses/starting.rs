//! The main process and its terminal.

use session_core::{ErrorKind, Launch, Status, TerminalSize, Timestamp};

use super::archive::{File, archive};
use crate::case::{Running, eventually, refused};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

/// What clocks and process tables may be off by.
const SLACK_MILLISECONDS: i64 = 5_000;

pub(super) async fn main_process_of_stopped_is_none(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Exit(0)]).await?;
    main.finish().await?;
    let session = made.session;
    eventually(|| async { Ok((!session.status().await?.is_running()).then_some(())) }).await?;
    ensure!(session.main_process().await?.is_none(), "a main process that ended is given again");
    Ok(())
}

pub(super) async fn start_gives_first_byte(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Print("first word".to_owned())]).await?;
    // Nobody reads yet, and the process is already gone.
    main.control.wait().await?;
    let text = main.screen.rest().await?;
    ensure!(text == "first word\n", "of `first word` arrived {text:?}");
    Ok(())
}

pub(super) async fn start_missing_program_is_invalid_input(case: &Case) -> Verdict {
    let made = case.make().await?;
    for program in ["/nowhere/such-program", "no-such-program-anywhere"] {
        let launch =
            Launch::new(vec![program.to_owned()]).with_environment(case.fixture.environment());
        let started = made.session.start(&launch).await;
        refused(started, ErrorKind::InvalidInput, "starting a program that is not there")?;
        let status = made.session.status().await?;
        ensure!(status == Status::Stopped { exit: None }, "the session is then {status:?}");
    }
    let mut main = case.start(&made, &[Step::Exit(0)]).await?;
    main.finish().await?;
    Ok(())
}

pub(super) async fn start_twice_is_refused(case: &Case) -> Verdict {
    let made = case.make().await?;
    let main = case.start(&made, &[Step::Wait]).await?;
    let launch = case.launch(&[Step::Wait]);
    refused(made.session.start(&launch).await, ErrorKind::Refused, "a second start")?;
    let again = case.reopen(&made.id).await?;
    refused(again.start(&launch).await, ErrorKind::Refused, "a start through a fresh handle")?;
    drop(main);
    Ok(())
}

pub(super) async fn concurrent_start_of_one_session(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut attempts = Vec::new();
    for _ in 0..8 {
        let (session, launch) = (case.reopen(&made.id).await?, case.launch(&[Step::Wait]));
        attempts.push(tokio::spawn(async move { session.start(&launch).await }));
    }
    let mut mains = Vec::new();
    for attempt in attempts {
        match attempt.await? {
            Ok(main) => mains.push(main),
            refusal => refused(refusal, ErrorKind::Refused, "a late start")?,
        }
    }
    ensure!(mains.len() == 1, "{} of 8 starts succeeded at the same time", mains.len());
    let status = made.session.status().await?;
    ensure!(status.is_running(), "then the session is {status:?}");
    Ok(())
}

pub(super) async fn status_running_since(case: &Case) -> Verdict {
    let made = case.make().await?;
    let before = Timestamp::now().as_milliseconds() - SLACK_MILLISECONDS;
    let main = case.start(&made, &[Step::Wait]).await?;
    let after = Timestamp::now().as_milliseconds() + SLACK_MILLISECONDS;
    let status = made.session.status().await?;
    let Status::Running { since } = status else {
        return Err(crate::Failure::new(format!("a started session is {status:?}")));
    };
    let within = (before..=after).contains(&since.as_milliseconds());
    ensure!(within, "it runs since {since}, which is not when it was started");
    drop(main);
    Ok(())
}

pub(super) async fn status_by_fresh_handle(case: &Case) -> Verdict {
    let made = case.make().await?;
    let main = case.start(&made, &[Step::Wait]).await?;
    let status = case.reopen(&made.id).await?.status().await?;
    ensure!(status.is_running(), "to a fresh handle, the running session is {status:?}");
    ensure!(status == made.session.status().await?, "two handles do not agree since when it runs");
    drop(main);
    Ok(())
}

pub(super) async fn list_agrees_with_status(case: &Case) -> Verdict {
    let (stopped, running) = (case.make().await?, case.make().await?);
    let main = case.start(&running, &[Step::Wait]).await?;
    for made in [&stopped, &running] {
        let status = made.session.status().await?;
        let listed = case.found(&made.id).await?.map(|found| found.status);
        ensure!(listed.as_ref() == Some(&status), "it is {status:?} and listed as {listed:?}");
    }
    drop(main);
    Ok(())
}

pub(super) async fn drop_leaves_it_running(case: &Case) -> Verdict {
    let made = case.make().await?;
    // The streams stay: without them, a backend may let the process end.
    let main = case.start(&made, &[Step::Wait]).await?;
    drop(made.session);
    drop(case.fresh().await?);
    let Running { screen, input, control } = main;
    drop(control);
    let status = case.backend.open(&made.id).await?.status().await?;
    ensure!(status.is_running(), "after its handles were dropped, the session is {status:?}");
    drop((screen, input));
    Ok(())
}

pub(super) async fn start_runs_in_working_directory(case: &Case) -> Verdict {
    let made = case.make().await?;
    made.session.put(".".into(), archive(&[File::plain("marker", "here it is\n")])?).await?;
    let steps = [Step::Show("marker".to_owned()), Step::Directory];
    let (text, _) = case.start(&made, &steps).await?.finish().await?;
    ensure!(text.starts_with("here it is\n"), "it does not begin where the files are: {text:?}");
    if case.backend.capabilities().host_processes {
        let expected = format!("directory {}\n", made.spec.working_directory);
        ensure!(text.ends_with(&expected), "it begins elsewhere: {text:?}, not {expected:?}");
    }
    Ok(())
}

pub(super) async fn start_sets_environment(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut launch = case.launch(&[Step::Variable("CONFORMANCE".to_owned())]);
    launch.environment.insert("CONFORMANCE".to_owned(), "two words; $HOME 'q'".to_owned());
    let (text, _) = Running::of(made.session.start(&launch).await?).finish().await?;
    ensure!(text == "CONFORMANCE=two words; $HOME 'q'\n", "it sees {text:?}");
    Ok(())
}

pub(super) async fn start_environment_is_the_whole(case: &Case) -> Verdict {
    let Some(name) = case.fixture.host_variable() else {
        return Err(crate::Failure::new("the fixture names no variable of the calling process"));
    };
    let made = case.make().await?;
    let (text, _) = case.start(&made, &[Step::Variable(name.clone())]).await?.finish().await?;
    ensure!(text == format!("{name}=unset\n"), "the caller's own variable {name} is inherited");
    Ok(())
}

pub(super) async fn start_has_a_terminal_of_the_size(case: &Case) -> Verdict {
    let made = case.make().await?;
    let launch = case.launch(&[Step::Size]).with_size(TerminalSize::new(97, 31));
    let (text, _) = Running::of(made.session.start(&launch).await?).finish().await?;
    ensure!(text == "size 97 31\n", "at 97 columns and 31 rows it sees {text:?}");
    Ok(())
}

pub(super) async fn input_reaches_the_process(case: &Case) -> Verdict {
    let made = case.make().await?;
    let steps = [Step::Print("ready".to_owned()), Step::ReadLine, Step::ReadLine];
    let mut main = case.start(&made, &steps).await?;
    main.screen.until("ready").await?;
    main.type_line("one").await?;
    main.screen.until("got one").await?;
    main.type_line("größer").await?;
    main.screen.until("got größer").await?;
    main.finish().await?;
    Ok(())
}

pub(super) async fn resize_reaches_the_process(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::SizeOnResize]).await?;
    main.screen.until("ready").await?;
    main.control.resize(TerminalSize::new(111, 41)).await?;
    main.screen.until("size 111 41").await?;
    main.control.resize(TerminalSize::new(50, 10)).await?;
    main.screen.until("size 50 10").await
}

pub(super) async fn main_process_again(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Print("up".to_owned()), Step::ReadLine]).await?;
    main.screen.until("up").await?;
    let again = case.reopen(&made.id).await?;
    if !case.backend.capabilities().survives_holder {
        let taken = again.main_process().await?;
        ensure!(taken.is_none(), "it is given again, and the capabilities say that it can't be");
        return Ok(());
    }
    drop((main, made.session));
    let Some(taken) = again.main_process().await? else {
        return Err(crate::Failure::new("a running main process is not given again"));
    };
    let mut main = Running::of(taken);
    main.type_line("you again").await?;
    main.screen.until("got you again").await?;
    let (_, exit) = main.finish().await?;
    ensure!(exit.code == 0, "it ended with {exit:?}");
    Ok(())
}
