//! The streams of processes: apart, complete, and byte for byte.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::case::{FILLED, FLOOD, Ran, Screen};
use crate::clause::{Verdict, ensure};
use crate::{Case, Step};

pub(super) async fn exec_streams_are_separate(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let steps = [Step::Print("good".to_owned()), Step::PrintError("bad".to_owned())];
    let ran = case.exec(&made, &steps).await?;
    ensure!(ran.stdout == b"good\n", "standard output is {:?}", ran.text());
    let stderr = String::from_utf8_lossy(&ran.stderr);
    ensure!(stderr == "bad\n", "standard error is {stderr:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_without_input_sees_the_end(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let process =
        made.session.exec(case.request(&[Step::Copy, Step::Print("end".to_owned())])).await?;
    ensure!(process.stdin.is_none(), "an input that was not asked for is given");
    let text = Ran::of(process, Vec::new()).await?.text();
    ensure!(text == "end\n", "it wrote {text:?}");
    drop(main);
    Ok(())
}

pub(super) async fn exec_input_is_half_closed(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let steps = [Step::Copy, Step::Print("end".to_owned())];
    let process = made.session.exec(case.request(&steps).with_input()).await?;
    let Some(mut stdin) = process.stdin else {
        return Err(crate::Failure::new("the input that was asked for is not given"));
    };
    let mut screen = Screen::of(process.stdout);
    stdin.write_all(b"before\n").await?;
    stdin.flush().await?;
    screen.until("before\n").await?;
    stdin.shutdown().await?;
    let text = screen.rest().await?;
    ensure!(text == "before\nend\n", "after the end of its input it had written {text:?}");
    let exit = process.control.wait().await?;
    ensure!(exit.is_success(), "it ended with {exit:?}");
    drop((stdin, main));
    Ok(())
}

pub(super) async fn exec_output_need_not_be_text(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let bytes = vec![0xff, 0xfe, b'a', 0xc3, 0x28, 0x1b, b'[', 0x80];
    let ran = case.exec(&made, &[Step::PrintBytes(bytes.clone())]).await?;
    ensure!(ran.stdout == bytes, "of {bytes:?} arrived {:?}", ran.stdout);
    drop(main);
    Ok(())
}

pub(super) async fn exec_concurrently(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let mut runs = Vec::new();
    for number in 0..8 {
        // Each waits for its input, so all of them run at the same time.
        let steps = [Step::ReadLine, Step::Exit(number)];
        runs.push(made.session.exec(case.request(&steps).with_input()).await?);
    }
    for (number, process) in runs.into_iter().enumerate() {
        let ran = Ran::of(process, format!("{number}\n").into_bytes()).await?;
        let right =
            ran.text() == format!("got {number}\n") && usize::try_from(ran.exit.code) == Ok(number);
        ensure!(right, "number {number} wrote {:?} and ended with {:?}", ran.text(), ran.exit);
    }
    drop(main);
    Ok(())
}

pub(super) async fn exec_unread_blocks_nobody(case: &Case) -> Verdict {
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::ReadLine, Step::Wait]).await?;
    let unread = made.session.exec(case.request(&[Step::Lines(FLOOD)])).await?;
    tokio::time::sleep(FILLED).await;
    let text = case.exec(&made, &[Step::Print("beside".to_owned())]).await?.text();
    ensure!(text == "beside\n", "beside a process that is not read, another wrote {text:?}");
    main.type_line("you").await?;
    main.screen.until("got you").await?;
    case.reopen(&made.id).await?.stop(std::time::Duration::from_millis(300)).await?;
    let exit = unread.control.wait().await?;
    let by_stop = matches!(exit.code, 137 | 143);
    ensure!(by_stop, "ended with its session, it is said to have ended with {exit:?}");
    main.finish().await?;
    Ok(())
}

pub(super) async fn exec_is_binary_clean(case: &Case) -> Verdict {
    let (made, main) = case.ready().await?;
    let bytes: Vec<u8> = (0..1_u32 << 20).map(|i| (i ^ (i >> 8)) as u8).collect();
    let process = made.session.exec(case.request(&[Step::Copy]).with_input()).await?;
    let ran = Ran::of(process, bytes.clone()).await?;
    let (sent, came) = (bytes.len(), ran.stdout.len());
    ensure!(came == sent, "of {sent} bytes {came} came back");
    let differs = bytes.iter().zip(&ran.stdout).position(|(sent, came)| sent != came);
    ensure!(differs.is_none(), "the bytes differ at {differs:?}");
    drop(main);
    Ok(())
}

pub(super) async fn output_complete_at_exit(case: &Case) -> Verdict {
    const LINES: u32 = 100_000;
    let made = case.make().await?;
    let mut main = case.start(&made, &[Step::Lines(LINES), Step::Print("end".to_owned())]).await?;
    let (text, exit) = main.finish().await?;
    let count = text.lines().filter(|line| line.starts_with("line ")).count();
    ensure!(count == LINES as usize, "of {LINES} lines {count} arrived");
    ensure!(text.ends_with("line 100000\nend\n"), "the last lines did not arrive");
    ensure!(exit.is_success(), "it ended with {exit:?}");
    // A stream that ended stays at its end.
    let made = case.make().await?;
    let mut process = made.session.start(&case.launch(&[Step::Exit(0)])).await?;
    let mut rest = Vec::new();
    process.output.read_to_end(&mut rest).await?;
    let more = process.output.read(&mut [0; 16]).await?;
    ensure!(more == 0, "after its end the output went on");
    Ok(())
}
