//! What goes in and comes out, and with which code it ends.

use std::collections::BTreeMap;

use session_core::{ErrorKind, ExecRequest, Signal, TerminalSize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Ran, everywhere, sh};

#[tokio::test]
async fn codes_and_streams() {
    everywhere(async |container| {
        for code in [0, 1, 7, 126, 127, 255] {
            let ran = container.sh(&format!("echo out; echo err >&2; exit {code}")).await;
            assert_eq!((ran.exit.code, ran.text().as_str()), (code, "out\n"));
            assert_eq!(ran.err, b"err\n");
        }
        for signal in [9, 15] {
            assert_eq!(container.sh(&format!("kill -{signal} $$")).await.exit.code, 128 + signal);
        }
        let program = container.exec(ExecRequest::new(vec!["no-such".to_owned()])).await;
        assert_eq!(program.map(drop).map_err(|e| e.kind()), Err(ErrorKind::InvalidInput));
        let directory = container.exec(sh("pwd").with_directory("none")).await;
        assert_eq!(directory.map(drop).map_err(|e| e.kind()), Err(ErrorKind::NotFound));
        let ran = Ran::of(
            container.exec(sh("pwd").with_directory("../bin")).await.expect("it is there"),
            b"",
        )
        .await;
        assert!(ran.text().ends_with("/bin\n"), "{}", ran.text());
    })
    .await;
}

#[tokio::test]
async fn the_environment_is_what_was_asked_for() {
    everywhere(async |container| {
        let odd = "two words; $HOME 'q' \"d\" \\ \n new line, größer";
        let variables = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("ODD".to_owned(), odd.to_owned()),
            ("s".to_owned(), "1".to_owned()),
            ("p".to_owned(), "1".to_owned()),
        ]);
        let request = ExecRequest::new(vec!["env".to_owned(), "-0".to_owned()]);
        let ran =
            Ran::of(container.exec(request.with_environment(variables)).await.expect("env"), b"")
                .await;
        let text = ran.text();
        let found: BTreeMap<_, _> =
            text.split('\0').filter_map(|line| line.split_once('=')).collect();
        assert_eq!(found.get("ODD"), Some(&odd));
        assert_eq!(found.get("s"), Some(&"1"));
        assert_eq!(found.get("PATH"), Some(&"/usr/bin:/bin"));
        assert!(!found.keys().any(|name| name.contains("sessctl")), "{found:?}");
        assert!(!found.contains_key("OLDPWD"), "{found:?}");
        assert_eq!(found.get("PWD").copied().unwrap_or("/tmp"), "/tmp");
    })
    .await;
}

#[tokio::test]
async fn terminals() {
    everywhere(async |container| {
        let steps = "stty size; [ -t 0 ] && echo yes; echo no >&2; read -r x; echo $x; trap 'stty size; exit 3' WINCH; echo up; while :; do sleep 0.05; done";
        let process = container.exec(sh(steps).with_terminal(TerminalSize::new(71, 19))).await.expect("it starts");
        let (mut stdin, mut stdout) = (process.stdin.expect("keys"), process.stdout);
        let mut seen = Vec::new();
        let mut until = async |needle: &str, seen: &mut Vec<u8>| {
            while !String::from_utf8_lossy(seen).contains(needle) {
                assert!(stdout.read_buf(seen).await.expect("it reads") > 0, "{seen:?}");
            }
        };
        until("no\r\n", &mut seen).await;
        assert_eq!(String::from_utf8_lossy(&seen), "19 71\r\nyes\r\nno\r\n");
        stdin.write_all(b"hello\n").await.expect("it types");
        stdin.flush().await.expect("it types");
        until("up\r\n", &mut seen).await;
        stdin.shutdown().await.expect("nothing");
        process.control.resize(TerminalSize::new(99, 9)).await.expect("it resizes");
        until("9 99\r\n", &mut seen).await;
        assert_eq!(process.control.wait().await.expect("an end").code, 3);
        process.control.resize(TerminalSize::new(99, 9)).await.expect("it has ended");
        process.control.signal(Signal::KILL).await.expect("it has ended");
    })
    .await;
}

#[tokio::test]
async fn megabytes_in_and_out() {
    everywhere(async |container| {
        let bytes: Vec<u8> = (0..8_u32 << 20).map(|i| (i ^ (i >> 8)) as u8).collect();
        let process = container
            .exec(ExecRequest::new(vec!["cat".to_owned()]).with_input())
            .await
            .expect("cat");
        let ran = Ran::of(process, &bytes).await;
        assert!(ran.out == bytes, "{} of {} bytes", ran.out.len(), bytes.len());
        let ran = container.sh("cat; echo end").await;
        assert_eq!(ran.text(), "end\n");
        let process =
            container.exec(sh("head -c 3; echo; cat >/dev/null").with_input()).await.expect("cat");
        assert_eq!(Ran::of(process, b"abcdef").await.text(), "abc\n");
    })
    .await;
}

#[tokio::test]
async fn hard_streams() {
    everywhere(async |container| {
        // A line of 10 MB, and 100 MB of what is not UTF-8.
        let ran = container.sh("head -c 10000000 /dev/zero | tr '\\0' x; echo").await;
        assert_eq!((ran.out.len(), ran.exit.code), (10_000_001, 0));
        let process = container
            .exec(sh("head -c 100000000 /dev/zero | tr '\\0' '\\377'; exit 5"))
            .await
            .expect("sh");
        let (mut stdout, mut count, mut chunk) = (process.stdout, 0, vec![0; 1 << 16]);
        loop {
            let read = stdout.read(&mut chunk).await.expect("it reads");
            if read == 0 {
                break;
            }
            assert!(chunk[..read].iter().all(|byte| *byte == 0xff));
            count += read;
        }
        assert_eq!((count, process.control.wait().await.expect("an end").code), (100_000_000, 5));
    })
    .await;
}
