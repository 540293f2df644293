//! Images on the tests' engines.

use engine_api::{BuildRequest, Engine, ImageName};
use futures_util::StreamExt;
use session_core::{ByteStream, ErrorKind};

use crate::real_engines;

const BUSYBOX: &str = "sessctl-test/busybox:1";
const LABEL: &str = "sessctl-test.build";

fn name(text: &str) -> ImageName {
    ImageName::new(text).expect("a name")
}

/// An archive with one file.
fn archive(path: &str, text: &str) -> ByteStream {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, path, text.as_bytes()).expect("written");
    let bytes = archive.into_inner().expect("written");
    // In pieces, as a big one comes.
    let pieces: Vec<_> = bytes.chunks(700).map(|piece| Ok(piece.to_vec().into())).collect();
    futures_util::stream::iter(pieces).boxed()
}

/// S0.23, S0.E2
#[tokio::test]
async fn what_there_is() {
    for real in real_engines() {
        let engine = Engine::connect(&real.endpoint, real.kind).await.expect("connected");
        let busybox = name(BUSYBOX);
        let facts = engine.image(&busybox).await.expect("asked").expect("made by .ci/images");
        assert!(facts.names.iter().any(|own| busybox.means(own)), "{facts:?}");
        assert!(
            facts.size > 100_000 && facts.created.is_some() && facts.id.len() == 64,
            "{facts:?}"
        );
        assert_eq!(facts.command, ["/bin/sh"]);
        assert_eq!(engine.image(&name("sessctl-test/nope:1")).await.expect("asked"), None);
        let by_id = engine.image(&name(&facts.id)).await.expect("asked").expect("the same");
        assert_eq!(by_id.id, facts.id);
        let all = engine.images(None).await.expect("listed");
        let listed = all.iter().find(|image| image.is_called(&busybox)).expect("listed");
        assert_eq!(listed.id, facts.id);
        let user = engine.image(&name("sessctl-test/user:1")).await.expect("asked").expect("made");
        assert_eq!(user.user.as_deref(), Some("nobody-has-this-name"));
    }
}

/// S0.29, S2.4
#[tokio::test]
async fn building() {
    for real in real_engines() {
        let engine = Engine::connect(&real.endpoint, real.kind).await.expect("connected");
        let word = format!("{}-{}", real.kind.word(), real.rootless);
        let mut request = BuildRequest::new(name(&format!("sessctl-test/built-{word}:1")));
        request.arguments.insert("BASE".to_owned(), BUSYBOX.to_owned());
        request.labels.insert(LABEL.to_owned(), word.clone());
        let recipe = "ARG BASE\nFROM ${BASE}\nENV SAID=hello\nWORKDIR /tmp\n";
        let mut steps = 0;
        let built = engine.build(&request, archive("Dockerfile", recipe), |_| steps += 1).await;
        let built = built.expect("built");
        assert!(steps >= 3, "{steps} steps told");
        assert_eq!(built.labels.get(LABEL), Some(&word));
        assert_eq!(built.working_dir.as_deref(), Some("/tmp"));
        assert!(built.environment.iter().any(|line| line == "SAID=hello"));
        let ours = engine.images(Some(&format!("{LABEL}={word}"))).await.expect("listed");
        let ours: Vec<_> = ours.iter().filter(|image| image.is_called(&request.name)).collect();
        assert!(ours.len() == 1 && ours[0].id == built.id, "{ours:?}");
        let others = engine.images(Some("sessctl-test.build=nothing")).await.expect("listed");
        assert_eq!(others, []);

        // A step that fails is an error that says which.
        let recipe = format!("FROM {BUSYBOX}\nNONSENSE here\n");
        let error = engine.build(&request, archive("Dockerfile", &recipe), |_| {}).await;
        let error = error.expect_err("no recipe");
        assert!(error.message().to_lowercase().contains("nonsense"), "{error}");
        // So is a stream that breaks.
        let broken = futures_util::stream::iter([Err(std::io::Error::other("torn"))]).boxed();
        let error = engine.build(&request, broken, |_| {}).await.expect_err("broken");
        assert!(error.message().contains("torn"), "{error}");

        for _ in 0..2 {
            engine.remove_image(&request.name).await.expect("removed, and gone before");
            assert_eq!(engine.image(&request.name).await.expect("asked"), None);
        }
    }
}

/// S0.E2: there is no registry here; the error comes as one, on Podman too, whose status is 200.
#[tokio::test]
async fn pulling_what_can_not_be_had() {
    for real in real_engines() {
        let engine = Engine::connect(&real.endpoint, real.kind).await.expect("connected");
        let image = name("127.0.0.1:1/sessctl-test/nope:1");
        let error = engine.pull(&image, |_| {}).await.expect_err("no registry");
        assert_eq!(error.kind(), ErrorKind::BackendUnavailable, "{error}");
        assert!(
            error.message().contains("pull the image") && error.message().contains("; "),
            "{error}"
        );
        eprintln!("{error}");
    }
}
