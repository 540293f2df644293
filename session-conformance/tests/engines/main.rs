//! The engines that `.ci/engines` starts answer, as what they are said to be, and have the test images.

mod http;
mod private;

use session_conformance::engines;

use http::get;

fn answers_with_images(engine: Result<String, String>, server: &str) {
    let address = match engine {
        Ok(address) => address,
        Err(reason) => return engines::skip(&reason),
    };
    let ping = get(&address, "/_ping");
    assert!(ping.contains(&format!("Server: {server}/")), "{address} is not {server}: {ping}");
    let images = [
        engines::BUSYBOX_IMAGE,
        engines::TOOLS_IMAGE,
        engines::NO_SHELL_IMAGE,
        engines::EXITS_IMAGE,
        engines::NO_USER_IMAGE,
        engines::VOLUME_IMAGE,
    ];
    for image in images {
        let answer = get(&address, &format!("/images/{image}/json"));
        let status = answer.lines().next().unwrap_or_default();
        assert!(status.contains(" 200 "), "{address} has no {image}; bash .ci/images: {answer}");
    }
}

/// Issue 3, "The engines in tests".
#[test]
fn docker_answers_and_has_the_test_images() {
    answers_with_images(engines::docker(), "Docker");
}

/// Issue 3, "The engines in tests".
#[test]
fn podman_answers_and_has_the_test_images() {
    answers_with_images(engines::podman(), "Libpod");
}

/// Issue 3, "The engines in tests".
#[test]
fn rootless_podman_answers_and_has_the_test_images() {
    answers_with_images(engines::podman_rootless(), "Libpod");
}
