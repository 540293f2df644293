//! Making sessions and finding them again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_core::{ErrorKind, LABEL_NAME, LABEL_SPEC_HASH, SessionId, Status};

use super::archive::{File, archive};
use crate::case::{Made, refused};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

pub(super) async fn create_beside_workspace_as_promised(case: &Case) -> Verdict {
    let (id, mut spec) = (case.id(), case.spec()?);
    // What is uploaded must be there.
    if !case.backend.capabilities().create_beside_workspace || spec.container.upload {
        return Ok(());
    }
    spec.working_directory = spec.working_directory.join("project");
    let session = case.backend.create(&id, &spec).await?;
    std::fs::create_dir(&spec.working_directory)?;
    let made = Made { id, spec, session };
    made.session.put(".".into(), archive(&[File::plain("marker", "filled later\n")])?).await?;
    let steps = [Step::Show("marker".to_owned())];
    let (text, _) = case.start(&made, &steps).await?.finish().await?;
    ensure!(text == "filled later\n", "of what was filled in later it sees {text:?}");
    Ok(())
}

pub(super) async fn create_takes_odd_directories(case: &Case) -> Verdict {
    for odd in ["two words, \"quoted\" and 'more'", "a:b=c", "é\\n"] {
        let (id, mut spec) = (case.id(), case.spec()?);
        spec.directory = case.outside(odd).join(spec.name.as_str());
        spec.working_directory = spec.directory.join("workspace");
        std::fs::create_dir_all(&spec.working_directory)?;
        let session = case.backend.create(&id, &spec).await?;
        let made = Made { id, spec, session };
        made.session.put(".".into(), archive(&[File::plain("marker", "it is here\n")])?).await?;
        let (text, _) =
            case.start(&made, &[Step::Show("marker".to_owned())]).await?.finish().await?;
        ensure!(text == "it is here\n", "in a directory below {odd:?} it sees {text:?}");
    }
    Ok(())
}

pub(super) async fn create_makes_and_does_not_start(case: &Case) -> Verdict {
    let made = case.make().await?;
    ensure!(*made.session.id() == made.id, "the handle has the id {}", made.session.id());
    let status = made.session.status().await?;
    ensure!(matches!(status, Status::Stopped { .. }), "a new session is {status:?}");
    let main = made.session.main_process().await?;
    ensure!(main.is_none(), "a new session has a main process");
    Ok(())
}

pub(super) async fn status_of_new_is_stopped_without_exit(case: &Case) -> Verdict {
    let status = case.make().await?.session.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "a new session is {status:?}");
    Ok(())
}

pub(super) async fn drop_does_nothing(case: &Case) -> Verdict {
    let id = case.make().await?.id;
    drop(case.fresh().await?);
    let session = case.backend.open(&id).await?;
    let status = session.status().await?;
    ensure!(
        matches!(status, Status::Stopped { .. }),
        "after its handle was dropped, the session is {status:?}"
    );
    Ok(())
}

pub(super) async fn create_twice_is_already_exists(case: &Case) -> Verdict {
    let made = case.make().await?;
    let other = case.spec()?;
    refused(
        case.backend.create(&made.id, &other).await,
        ErrorKind::AlreadyExists,
        "creating an id that is in use",
    )?;
    let fresh = case.fresh().await?.create(&made.id, &made.spec).await;
    refused(fresh, ErrorKind::AlreadyExists, "creating it through a fresh handle")?;
    let status = made.session.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "the first session is now {status:?}");
    Ok(())
}

pub(super) async fn concurrent_create_of_one_id(case: &Case) -> Verdict {
    let (id, spec) = (case.id(), Arc::new(case.spec()?));
    let mut attempts = Vec::new();
    for _ in 0..8 {
        let (backend, spec) = (case.fresh().await?, Arc::clone(&spec));
        attempts.push(tokio::spawn(async move { backend.create(&id, &spec).await }));
    }
    let mut made = Vec::new();
    for attempt in attempts {
        match attempt.await? {
            Ok(session) => made.push(session),
            refusal => refused(refusal, ErrorKind::AlreadyExists, "a late create")?,
        }
    }
    let count = made.len();
    ensure!(count == 1, "{count} of 8 creates of one id succeeded at the same time");
    let status = made[0].status().await?;
    ensure!(status == Status::Stopped { exit: None }, "the session is then {status:?}");
    Ok(())
}

pub(super) async fn creates_at_once_are_whole(case: &Case) -> Verdict {
    let mut attempts = Vec::new();
    for _ in 0..8 {
        let (backend, id, spec) = (case.fresh().await?, case.id(), case.spec()?);
        attempts.push(tokio::spawn(async move {
            let session = backend.create(&id, &spec).await?;
            Ok::<_, session_core::Error>(Made { id, spec, session })
        }));
    }
    let mut made = Vec::new();
    for attempt in attempts {
        made.push(attempt.await??);
    }
    // What is made wrong may show only when it runs.
    for made in &made {
        let (text, exit) = case.start(made, &[Step::Exit(0)]).await?.finish().await?;
        ensure!(exit.is_success(), "one of those that were made at once: {exit:?}, {text:?}");
    }
    Ok(())
}

pub(super) async fn create_carries_labels(case: &Case) -> Verdict {
    let made = case.make().await?;
    let Some(found) = case.found(&made.id).await? else {
        return Err(crate::Failure::new("the new session is not listed"));
    };
    for (label, value) in made.spec.backend_labels() {
        let given = found.labels.get(&label);
        ensure!(given == Some(&value), "the label {label} is {given:?} and not {value:?}");
    }
    let both = [LABEL_NAME, LABEL_SPEC_HASH].iter().all(|label| found.labels.contains_key(*label));
    ensure!(both, "a label of every session is missing");
    Ok(())
}

pub(super) async fn open_unknown_is_not_found(case: &Case) -> Verdict {
    let unknown = case.backend.open(&SessionId::new()).await;
    refused(unknown, ErrorKind::NotFound, "opening an id that was never used")
}

pub(super) async fn open_by_fresh_handle(case: &Case) -> Verdict {
    let made = case.make().await?;
    let again = case.reopen(&made.id).await?;
    ensure!(*again.id() == made.id, "the opened session has the id {}", again.id());
    Ok(())
}

pub(super) async fn list_finds_everything(case: &Case) -> Verdict {
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(case.make().await?.id);
    }
    let list = case.fresh().await?.list().await?;
    let found: BTreeSet<_> = list.iter().map(|found| found.id).collect();
    ensure!(list.len() == found.len(), "a session is listed twice");
    ensure!(found == made, "made {made:?}, listed {found:?}");
    Ok(())
}

pub(super) async fn list_loses_no_newcomer(case: &Case) -> Verdict {
    let lister = case.fresh().await?;
    let made = AtomicBool::new(false);
    let making = async {
        let mut made_all = Ok(());
        for _ in 0..6 {
            if let Err(failure) = case.make().await {
                made_all = Err(failure);
                break;
            }
        }
        made.store(true, Ordering::Relaxed);
        made_all
    };
    let listing = async {
        loop {
            let last = made.load(Ordering::Relaxed);
            for found in lister.list().await? {
                let (id, status) = (found.id, found.status);
                let is_lost = found.unknown.is_none() && matches!(status, Status::Lost { .. });
                ensure!(!is_lost, "while it was made, {id} was listed as {status:?}");
            }
            if last {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    };
    let (made_all, listed): (Verdict, Verdict) = tokio::join!(making, listing);
    made_all?;
    listed
}

pub(super) async fn list_includes_half_made(case: &Case) -> Verdict {
    for stage in 0..case.fixture.hooks().half_made_stages {
        let (id, spec) = (case.id(), case.spec()?);
        case.fixture.half_made(&id, &spec, stage).await?;
        let found = case.found(&id).await?;
        let status = found.map(|found| found.status);
        ensure!(
            status == Some(Status::Incomplete),
            "half made at stage {stage}, it is listed as {status:?}"
        );
    }
    Ok(())
}

pub(super) async fn open_half_made_is_incomplete(case: &Case) -> Verdict {
    for stage in 0..case.fixture.hooks().half_made_stages {
        let (id, spec) = (case.id(), case.spec()?);
        case.fixture.half_made(&id, &spec, stage).await?;
        let status = case.reopen(&id).await?.status().await?;
        ensure!(status == Status::Incomplete, "half made at stage {stage}, it is {status:?}");
    }
    Ok(())
}
