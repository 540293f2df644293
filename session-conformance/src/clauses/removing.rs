//! The end of sessions, wanted or not, and what must stay.

use std::time::Duration;

use session_core::{ErrorKind, SessionId, Status};

use super::archive::{File, archive};
use crate::case::{Running, refused};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

pub(super) async fn destroy_unknown_is_ok(case: &Case) -> Verdict {
    Ok(case.backend.destroy(&SessionId::new()).await?)
}

/// Fails unless nothing is left of the session.
async fn gone(case: &Case, id: &SessionId) -> Verdict {
    let opened = case.fresh().await?.open(id).await;
    refused(opened, ErrorKind::NotFound, "opening a destroyed session")?;
    let found = case.found(id).await?;
    ensure!(found.is_none(), "a destroyed session is listed: {found:?}");
    Ok(())
}

pub(super) async fn destroy_removes(case: &Case) -> Verdict {
    let made = case.make().await?;
    case.fresh().await?.destroy(&made.id).await?;
    gone(case, &made.id).await
}

pub(super) async fn destroy_is_idempotent(case: &Case) -> Verdict {
    let made = case.make().await?;
    for _ in 0..3 {
        case.backend.destroy(&made.id).await?;
    }
    case.fresh().await?.destroy(&made.id).await?;
    gone(case, &made.id).await
}

pub(super) async fn destroy_leaves_the_others(case: &Case) -> Verdict {
    let (before, made, after) = (case.make().await?, case.make().await?, case.make().await?);
    case.backend.destroy(&made.id).await?;
    for other in [before, after] {
        let status = case.reopen(&other.id).await?.status().await?;
        ensure!(status == Status::Stopped { exit: None }, "another session is then {status:?}");
    }
    Ok(())
}

pub(super) async fn destroy_leaves_the_callers_directory(case: &Case) -> Verdict {
    let spec = case.spec()?;
    let work = spec.working_directory.join("work");
    std::fs::write(&work, "of a day")?;
    let id = case.id();
    case.backend.create(&id, &spec).await?;
    case.backend.destroy(&id).await?;
    let content = std::fs::read_to_string(&work).unwrap_or_default();
    ensure!(content == "of a day", "what the caller put into `spec.directory` is gone");
    Ok(())
}

pub(super) async fn destroy_running_ends_it(case: &Case) -> Verdict {
    let made = case.make().await?;
    let token = case.token();
    let steps = [
        Step::IgnoreTermination,
        Step::Daemon(token.clone()),
        Step::Print("up".to_owned()),
        Step::Wait,
    ];
    let mut main = case.start(&made, &steps).await?;
    main.screen.until("daemon up").await?;
    main.screen.until("up\n").await?;
    case.fresh().await?.destroy(&made.id).await?;
    gone(case, &made.id).await?;
    let (_, exit) = main.finish().await?;
    ensure!(!exit.is_success(), "a process that was ended is said to have ended well: {exit:?}");
    if case.fixture.hooks().processes {
        let left = case.fixture.processes_with(&token);
        ensure!(left == 0, "{left} processes are left when `destroy` returns");
    }
    Ok(())
}

pub(super) async fn interrupted_create_converges(case: &Case) -> Verdict {
    for stage in 0..case.fixture.hooks().half_made_stages {
        let (id, spec) = (case.id(), case.spec()?);
        case.fixture.half_made(&id, &spec, stage).await?;
        case.fresh().await?.destroy(&id).await?;
        gone(case, &id).await?;
        let session = case.backend.create(&id, &spec).await?;
        let status = session.status().await?;
        ensure!(
            status == Status::Stopped { exit: None },
            "made again after stage {stage}, it is {status:?}"
        );
    }
    Ok(())
}

pub(super) async fn unanswered_create_is_taken_back(case: &Case) -> Verdict {
    let (id, spec) = (case.id(), case.spec()?);
    let made = case.fixture.unanswered().await?.create(&id, &spec).await;
    ensure!(made.is_err(), "a create whose answer was lost succeeded");
    gone(case, &id).await?;
    let status = case.backend.create(&id, &spec).await?.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "made again, it is {status:?}");
    Ok(())
}

pub(super) async fn late_start_is_no_main_process(case: &Case) -> Verdict {
    let made = case.make().await?;
    let late = case.fixture.late_start(&made.id, &case.launch(&[Step::Wait])).await;
    ensure!(late.is_err(), "a start whose engine went away succeeded");
    let session = case.reopen(&made.id).await?;
    let status = session.status().await?;
    ensure!(!status.is_running(), "what was started late is {status:?}");
    let main = session.start(&case.launch(&[Step::Exit(0)])).await?;
    let (text, exit) = Running::of(main).finish().await?;
    ensure!(exit.is_success(), "started again, it ended with {exit:?}: {text:?}");
    Ok(())
}

pub(super) async fn vanished_is_lost_not_err(case: &Case) -> Verdict {
    let made = case.make().await?;
    case.fixture.vanish(&made.id).await?;
    let status = made.session.status().await?;
    let Status::Lost { reason } = status else {
        return Err(crate::Failure::new(format!("a vanished session is {status:?}")));
    };
    ensure!(!reason.is_empty(), "it is lost without a reason");
    made.session.stop(Duration::ZERO).await?;
    case.backend.destroy(&made.id).await?;
    Ok(())
}

pub(super) async fn lost_does_not_break_the_list(case: &Case) -> Verdict {
    let (lost, whole) = (case.make().await?, case.make().await?);
    case.fixture.vanish(&lost.id).await?;
    let list = case.fresh().await?.list().await?;
    let found = list.iter().find(|found| found.id == whole.id).map(|found| &found.status);
    ensure!(
        found == Some(&Status::Stopped { exit: None }),
        "beside a vanished session, a whole one is listed as {found:?}"
    );
    Ok(())
}

pub(super) async fn two_sessions_do_not_meet(case: &Case) -> Verdict {
    let (one, other) = (case.make().await?, case.make().await?);
    one.session.put(".".into(), archive(&[File::plain("marker", "one\n")])?).await?;
    other.session.put(".".into(), archive(&[File::plain("marker", "other\n")])?).await?;
    let steps = [Step::Show("marker".to_owned()), Step::ReadLine];
    let mut first = case.start(&one, &steps).await?;
    let mut second = case.start(&other, &steps).await?;
    first.screen.until("one\n").await?;
    second.screen.until("other\n").await?;
    one.session.stop(Duration::from_secs(15)).await?;
    first.finish().await?;
    let status = other.session.status().await?;
    ensure!(status.is_running(), "after another was stopped, the session is {status:?}");
    second.type_line("still here").await?;
    second.screen.until("got still here").await
}
