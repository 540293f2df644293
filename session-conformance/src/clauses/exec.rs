//! Processes beside the main one.

use std::time::Duration;

use session_core::{ErrorKind, ExecRequest, Signal, TerminalSize};

use super::archive::{File, archive};
use crate::case::{Ran, Screen, eventually, refused};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

fn hello() -> [Step; 1] {
    [Step::Print("hello".to_owned())]
}

pub(super) async fn exec_when_stopped_as_promised(case: &Case) -> Verdict {
    let made = case.make().await?;
    if case.backend.capabilities().exec_when_stopped {
        let text = case.exec(&made, &hello()).await?.text();
        ensure!(text == "hello\n", "in a stopped session it wrote {text:?}");
        return Ok(());
    }
    let run = made.session.exec(case.request(&hello())).await;
    refused(run, ErrorKind::Refused, "exec in a stopped session")
}

pub(super) async fn exec_beside_the_main_process(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::ReadLine, Step::Exit(4)]).await?;
    let text = case.exec(&made, &hello()).await?.text();
    ensure!(text == "hello\n", "beside the main process it wrote {text:?}");
    let status = made.session.status().await?;
    ensure!(status.is_running(), "after an exec the session is {status:?}");
    main.type_line("go").await?;
    let (text, exit) = main.finish().await?;
    ensure!(!text.contains("hello"), "its output went to the main terminal: {text:?}");
    ensure!(exit.code == 4, "the main process then ended with {exit:?}");
    Ok(())
}

pub(super) async fn exec_exit_code_is_a_value(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    for code in [0, 1, 7, 255] {
        let exit = case.exec(&made, &[Step::Exit(code)]).await?.exit;
        ensure!(exit.code == code, "`exit {code}` is {exit:?}");
    }
    let exit = case.exec(&made, &[Step::KillSelf(9)]).await?.exit;
    ensure!(exit.code == 137, "an end by signal 9 is {exit:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_missing_program_is_invalid_input(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    for program in ["/nowhere/such-program", "no-such-program-anywhere"] {
        let request =
            ExecRequest::new(vec![program.to_owned()]).with_environment(case.fixture.environment());
        let ran = made.session.exec(request).await;
        refused(ran, ErrorKind::InvalidInput, "running a program that is not there")?;
    }
    drop(main);
    Ok(())
}

pub(super) async fn exec_begins_in_working_directory(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    made.session.put(".".into(), archive(&[File::plain("marker", "here it is\n")])?).await?;
    let text = case.exec(&made, &[Step::Show("marker".to_owned())]).await?.text();
    ensure!(text == "here it is\n", "it does not begin where the files are: {text:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_directory_is_relative_to_it(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    made.session.put("a/b".into(), archive(&[File::plain("marker", "deep\n")])?).await?;
    let request = case.request(&[Step::Show("marker".to_owned())]).with_directory("a/b");
    let text = Ran::of(made.session.exec(request).await?, Vec::new()).await?.text();
    ensure!(text == "deep\n", "in `a/b` it wrote {text:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_sets_environment(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let mut request = case.request(&[Step::Variable("CONFORMANCE".to_owned())]);
    request.environment.insert("CONFORMANCE".to_owned(), "two words".to_owned());
    let text = Ran::of(made.session.exec(request).await?, Vec::new()).await?.text();
    ensure!(text == "CONFORMANCE=two words\n", "it sees {text:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_has_a_terminal_of_the_size(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let steps = [Step::Size, Step::PrintError("complaint".to_owned())];
    let request = case.request(&steps).with_terminal(TerminalSize::new(71, 19));
    let process = made.session.exec(request).await?;
    ensure!(process.stderr.is_none(), "with a terminal, standard error is a stream of its own");
    ensure!(process.stdin.is_some(), "with a terminal, there is no input");
    let control = process.control;
    // The input stays open: closing that of a terminal is not an end of file.
    let text = Screen::of(process.stdout).rest().await?;
    ensure!(text == "size 71 19\ncomplaint\n", "on 71 columns and 19 rows it wrote {text:?}");
    let exit = control.wait().await?;
    ensure!(exit.is_success(), "it ended with {exit:?}");
    drop((main, process.stdin));
    Ok(())
}

pub(super) async fn exec_resize_reaches_the_process(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let request = case.request(&[Step::SizeOnResize]).with_terminal(TerminalSize::new(71, 19));
    let process = made.session.exec(request).await?;
    let mut screen = Screen::of(process.stdout);
    screen.until("ready").await?;
    process.control.resize(TerminalSize::new(99, 9)).await?;
    screen.until("size 99 9").await?;
    process.control.signal(Signal::KILL).await?;
    process.control.wait().await?;
    drop((main, process.stdin));
    Ok(())
}

pub(super) async fn exec_signal_after_the_end_is_ok(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let process = made.session.exec(case.request(&[Step::Exit(0)])).await?;
    process.control.wait().await?;
    process.control.signal(Signal::TERMINATE).await?;
    process.control.resize(TerminalSize::new(70, 20)).await?;
    let exit = process.control.wait().await?;
    ensure!(exit.code == 0, "after a late signal it is said to have ended with {exit:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_signal_reaches_children(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let token = case.token();
    let steps = [Step::Child(token.clone()), Step::Wait];
    let process = made.session.exec(case.request(&steps)).await?;
    let mut screen = Screen::of(process.stdout);
    screen.until("child up").await?;
    process.control.signal(Signal::TERMINATE).await?;
    let exit = process.control.wait().await?;
    ensure!(exit.code == 143, "ended by signal 15, it is said to have ended with {exit:?}");
    let gone = || async { Ok((case.fixture.processes_with(&token) == 0).then_some(())) };
    eventually(gone).await?;
    drop(main);
    Ok(())
}

pub(super) async fn stop_ends_what_exec_runs(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Wait]).await?;
    let steps = [Step::IgnoreTermination, Step::Print("up".to_owned()), Step::Wait];
    let process = made.session.exec(case.request(&steps)).await?;
    let mut screen = Screen::of(process.stdout);
    screen.until("up").await?;
    made.session.stop(Duration::from_millis(300)).await?;
    main.finish().await?;
    let exit = process.control.wait().await?;
    ensure!(exit.code == 137, "killed with its session, it is said to have ended with {exit:?}");
    Ok(())
}
