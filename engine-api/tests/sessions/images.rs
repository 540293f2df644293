//! Images that are not what a session would like (issue 3: "bad images").

use session_conformance::engines;
use session_core::{Backend as _, ErrorKind, SessionId, Status};

use crate::bench::{Bench, Verdict, ensure, launch, tests};

tests![
    an_image_without_a_shell_is_invalid_input,
    an_entry_point_that_exits_is_not_run,
    a_user_that_is_not_there_is_not_asked_for,
    an_image_that_is_not_there_is_not_found,
    a_name_that_is_taken_says_three_ways_out,
    two_homes_do_not_see_each_other,
];

async fn an_image_without_a_shell_is_invalid_input(bench: Bench) -> Verdict {
    let image = |spec: &mut session_core::ResolvedSpec| {
        spec.container.image = Some(engines::NO_SHELL_IMAGE.to_owned());
    };
    let made = bench.make(image).await?;
    let error = made.session.start(&launch("true")).await.err().ok_or("it started")?;
    ensure!(error.kind() == ErrorKind::InvalidInput, "{error}");
    ensure!(error.message().contains("/bin/sh"), "{error}");
    let status = made.session.status().await?;
    ensure!(status == Status::Stopped { exit: None }, "{status:?}");
    bench.backend().destroy(&made.id).await?;
    Ok(())
}

async fn an_entry_point_that_exits_is_not_run(bench: Bench) -> Verdict {
    let made = bench.make(|spec| spec.container.image = Some(engines::EXITS_IMAGE.to_owned()));
    let (output, exit) = made.await?.run("echo here; exit 4").await?;
    ensure!(output == "here\n" && exit.code == 4, "{output:?} {exit:?}");
    Ok(())
}

async fn a_user_that_is_not_there_is_not_asked_for(bench: Bench) -> Verdict {
    let made = bench.make(|spec| spec.container.image = Some(engines::NO_USER_IMAGE.to_owned()));
    let (output, exit) = made.await?.run("echo here; exit 4").await?;
    ensure!(output == "here\n" && exit.code == 4, "{output:?} {exit:?}");
    Ok(())
}

/// S0.E2
async fn an_image_that_is_not_there_is_not_found(bench: Bench) -> Verdict {
    let id = SessionId::new();
    for (image, kind) in [
        ("sessctl-test/nowhere:1", ErrorKind::NotFound),
        ("../containers", ErrorKind::InvalidInput),
        ("a b", ErrorKind::InvalidInput),
        ("", ErrorKind::InvalidInput),
    ] {
        let mut spec = bench.spec(&id)?;
        spec.container.image = Some(image.to_owned());
        let error = bench.backend().create(&id, &spec).await.err().ok_or("it was made")?;
        ensure!(error.kind() == kind, "{image:?}: {error}");
        ensure!(bench.backend().list().await?.is_empty(), "{image:?}: something is left");
    }
    Ok(())
}

/// S0.E3
async fn a_name_that_is_taken_says_three_ways_out(bench: Bench) -> Verdict {
    let id = SessionId::new();
    let spec = bench.spec(&id)?;
    let path = format!("/containers/create?name=sessctl-{}", spec.name);
    let body = format!(r#"{{"Image":"{}","Cmd":["true"]}}"#, engines::TOOLS_IMAGE);
    let answer = bench.send("POST", &path, &body)?;
    ensure!(answer.contains(" 201 "), "{answer}");
    let error = bench.backend().create(&id, &spec).await.err();
    bench.ask("DELETE", &format!("/containers/sessctl-{}?force=1", spec.name))?;
    let error = error.ok_or("it was made")?;
    ensure!(error.kind() == ErrorKind::AlreadyExists, "{error}");
    for way in ["another session name", "rename", "remove"] {
        ensure!(error.message().contains(way), "no {way}: {error}");
    }
    ensure!(bench.backend().list().await?.is_empty(), "something is left");
    Ok(())
}

async fn two_homes_do_not_see_each_other(bench: Bench) -> Verdict {
    let made = bench.make(|_| ()).await?;
    let mut other = bench.clone();
    other.path = bench.path.join("other");
    ensure!(other.backend().list().await?.is_empty(), "another home's session is listed");
    let opened = other.backend().open(&made.id).await;
    ensure!(opened.is_err_and(|error| error.kind() == ErrorKind::NotFound), "it can be opened");
    other.backend().destroy(&made.id).await?;
    ensure!(bench.backend().list().await?.len() == 1, "another home destroyed it");
    Ok(())
}
