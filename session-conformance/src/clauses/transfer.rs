//! Trees in and out.

use session_core::{ErrorKind, ExecRequest};
use tar::EntryType;

use super::archive::{File, archive, unpack};
use crate::case::{Made, refused};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

pub(super) async fn get_missing_is_not_found(case: &Case) -> Verdict {
    let made = case.make().await?;
    let got = made.session.get("no/such/thing".into()).await;
    refused(got, ErrorKind::NotFound, "getting what is not there")
}

pub(super) async fn put_makes_the_directory(case: &Case) -> Verdict {
    let made = case.make().await?;
    let files = archive(&[File::plain("note", "in depth\n")])?;
    made.session.put("a/new/place".into(), files).await?;
    let got = unpack(made.session.get("a/new/place/note".into()).await?).await?;
    let content = got.get(b"note".as_slice()).map(|file| file.content.as_slice());
    ensure!(content == Some(b"in depth\n"), "the file came back as {got:?}");
    Ok(())
}

pub(super) async fn get_names_begin_with_the_last_component(case: &Case) -> Verdict {
    let made = case.make().await?;
    made.session.put("top/sub".into(), archive(&[File::plain("note", "text")])?).await?;
    for (path, name) in
        [("top/sub", &b"sub/note"[..]), ("top/sub/note", b"note"), ("top", b"top/sub/note")]
    {
        let got = unpack(made.session.get(path.into()).await?).await?;
        let names = got.keys().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>();
        ensure!(got.contains_key(name), "`{path}` has the entries {names:?}");
    }
    Ok(())
}

/// Puts the files, gets them again, and compares.
async fn round_trip(case: &Case, files: &[File]) -> Verdict {
    let made = case.make().await?;
    made.session.put("tree".into(), archive(files)?).await?;
    let got = unpack(made.session.get("tree".into()).await?).await?;
    for file in files {
        let name = [b"tree/", file.name.as_slice()].concat();
        let shown = String::from_utf8_lossy(&file.name).into_owned();
        let Some(back) = got.get(&name) else {
            return Err(crate::Failure::new(format!("`{shown}` did not come back")));
        };
        ensure!(back.kind == file.kind, "`{shown}` came back as a {:?}", back.kind);
        ensure!(back.content == file.content, "`{shown}` came back with another content");
        let same_mode = file.kind == EntryType::Symlink || back.mode == file.mode;
        ensure!(same_mode, "`{shown}` has the mode {:o}, not {:o}", back.mode, file.mode);
    }
    let more = got.len() - files.len();
    ensure!(more <= 1, "{more} entries more came back than were put");
    Ok(())
}

pub(super) async fn put_get_round_trip(case: &Case) -> Verdict {
    let files = [
        File::directory("empty"),
        File::directory("full"),
        File::plain("full/text", "a\nb\n"),
        File::plain("full/nothing", ""),
        File::plain("full/program", "#!/bin/sh\n").with_mode(0o755),
        File::plain("full/private", "secret").with_mode(0o600),
        File::plain("full/fixed", "read-only").with_mode(0o444),
        File::plain("full/long", &"0123456789".repeat(10_000)),
        File::link("full/link", "text"),
        File::link("full/dangling", "not-there-yet"),
        File::link("full/up", "../empty"),
    ];
    round_trip(case, &files).await
}

pub(super) async fn put_get_keeps_odd_names(case: &Case) -> Verdict {
    let long = "n".repeat(180);
    // Engines say these in records of pax, which have lengths and no ends.
    let long_lines = "line\n".repeat(30) + "end";
    let names: [&[u8]; 8] = [
        b"with space",
        "größe".as_bytes(),
        b"-dash",
        b"new\nline",
        b"not-\xff-text",
        long.as_bytes(),
        "größe\nline".as_bytes(),
        long_lines.as_bytes(),
    ];
    let files: Vec<_> = names.iter().map(|name| File::plain(name, "same")).collect();
    round_trip(case, &files).await
}

pub(super) async fn put_replaces_files(case: &Case) -> Verdict {
    let made = case.make().await?;
    for content in ["long and old", "new"] {
        // The first one is read-only, which is no reason to keep it.
        let files = [File::plain("note", content).with_mode(0o444), File::directory("same")];
        made.session.put("tree".into(), archive(&files)?).await?;
    }
    let got = unpack(made.session.get("tree/note".into()).await?).await?;
    let content = got.get(b"note".as_slice()).map(|file| String::from_utf8_lossy(&file.content));
    ensure!(content.as_deref() == Some("new"), "the file put last has the content {content:?}");
    Ok(())
}

/// Puts a good file and then a bad entry into `dest`; fails unless that is refused.
async fn refuses(case: &Case, made: &Made, bad: File) -> Verdict {
    let what = format!("putting `{}`", String::from_utf8_lossy(&bad.name));
    let put = made.session.put("dest".into(), archive(&[File::plain("good", "good"), bad])?).await;
    refused(put, ErrorKind::InvalidInput, &what)?;
    for escaped in
        [made.spec.directory.as_path(), &made.spec.working_directory, case.fixture.directory()]
    {
        let escaped = escaped.join("escaped");
        ensure!(!escaped.exists(), "{what} was refused, and yet {escaped} was written");
    }
    Ok(())
}

pub(super) async fn put_refuses_parent_paths(case: &Case) -> Verdict {
    let made = case.make().await?;
    for name in ["../escaped", "sub/../../escaped", "..", "./../escaped"] {
        refuses(case, &made, File::plain(name, "bad")).await?;
    }
    Ok(())
}

pub(super) async fn put_refuses_absolute_paths(case: &Case) -> Verdict {
    let made = case.make().await?;
    let escaped = case.outside("escaped");
    // A name of a header has at most 99 bytes; a longer one is refused by this test's own packer.
    let names = [escaped.as_str(), "/escaped-from-a-conformance-run"];
    for name in names.iter().filter(|name| name.len() < 100) {
        refuses(case, &made, File::plain(name, "bad")).await?;
    }
    Ok(())
}

pub(super) async fn put_refuses_links_out(case: &Case) -> Verdict {
    let made = case.make().await?;
    for target in ["../escaped", "/etc/hostname", "sub/../../escaped"] {
        refuses(case, &made, File::link("link", target)).await?;
    }
    let hard = File::link("hard", "../escaped").with_kind(EntryType::Link);
    refuses(case, &made, hard).await
}

pub(super) async fn put_refuses_devices(case: &Case) -> Verdict {
    let made = case.make().await?;
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        refuses(case, &made, File::plain("device", "").with_kind(kind)).await?;
    }
    Ok(())
}

pub(super) async fn put_does_not_follow_links(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    made.session.put("outer".into(), archive(&[File::directory("dest")])?).await?;
    let link = Step::Link { target: "..".to_owned(), name: "out".to_owned() };
    let request: ExecRequest = case.request(&[link]).with_directory("outer/dest");
    let ran = crate::case::Ran::of(made.session.exec(request).await?, Vec::new()).await?;
    ensure!(ran.exit.is_success(), "the link could not be made: {:?}", ran.exit);
    let files = archive(&[File::plain("out/escaped", "bad")])?;
    let put = made.session.put("outer/dest".into(), files).await;
    refused(put, ErrorKind::InvalidInput, "putting through a link that leads out")?;
    let escaped = made.session.get("outer/escaped".into()).await;
    refused(escaped, ErrorKind::NotFound, "getting what was put through a link")?;
    drop(main);
    Ok(())
}

pub(super) async fn put_keeps_the_entries_before_the_bad_one(case: &Case) -> Verdict {
    let made = case.make().await?;
    refuses(case, &made, File::plain("../escaped", "bad")).await?;
    let got = unpack(made.session.get("dest".into()).await?).await?;
    ensure!(got.contains_key(b"dest/good".as_slice()), "what came before is gone: {got:?}");
    Ok(())
}
