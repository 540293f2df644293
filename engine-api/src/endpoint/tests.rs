//! Where engines are looked for, on machines that are only written down here.

use std::collections::BTreeMap;

use proptest::prelude::*;
use session_core::ErrorKind;

use super::*;
use crate::{EngineKind, Platform};

type Files<'a> = &'a [(&'a str, &'a str)];

fn view(variables: Files<'_>, files: Files<'_>) -> EngineView {
    let own = |pairs: Files<'_>| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let files = own(files);
    EngineView::new("/home/me", 1000, move |path| files.get(path.as_str()).cloned())
        .with_environment(own(variables))
        .with_platform(Platform::Linux)
}

fn found(view: &EngineView, kind: EngineKind) -> Vec<String> {
    view.endpoints(kind, None).expect("valid").iter().map(ToString::to_string).collect()
}

fn refused(view: &EngineView, kind: EngineKind) -> (ErrorKind, String) {
    let error = view.endpoints(kind, None).expect_err("refused");
    (error.kind(), error.message().to_owned())
}

#[test]
fn addresses() {
    let read = |text| Endpoint::parse(text).map(|endpoint| endpoint.to_string());
    for (text, meant) in [
        ("/a/b", "unix:///a/b"),
        ("unix:///a/b", "unix:///a/b"),
        ("tcp://localhost", "http://localhost:2375"),
        ("tcp://127.0.0.1:1234/", "http://127.0.0.1:1234"),
        ("tcp://[::1]:5", "http://[::1]:5"),
        ("http://far:2375", "http://far:2375"),
        ("ssh://far", "ssh://far"),
        ("ssh://me@far:22/run/user/1/podman.sock", "ssh://me@far:22/run/user/1/podman.sock"),
        ("ssh://far/", "ssh://far"),
    ] {
        assert_eq!(read(text).as_deref(), Some(meant), "{text}");
    }
    for text in [
        "",
        "/",
        "a/b",
        "unix://",
        "unix://a",
        "tcp://",
        "tcp://far:2375",
        "tcp://localhost:0",
        "tcp://localhost:x",
        "tcp://localhost:99999",
        "tcp://[::1",
        "tcp://[x]:1",
        "http://a/b",
        "http://a@b",
        "https://a",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://-l@a",
        "ssh://me:pw@a",
        "npipe:////./pipe/x",
        "fd://",
        "gopher://a",
        "tcp://local host",
        "tcp://a\u{1b}",
        "ssh://@a",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn only_a_socket_of_this_host_sees_its_files() {
    let sees = |text| Endpoint::parse(text).expect("valid").sees_host_paths();
    assert!(sees("/var/run/docker.sock"));
    assert!(!sees("tcp://127.0.0.1:2375") && !sees("ssh://localhost"));
}

/// Who listens in could become root: encryption is not left out silently.
#[test]
fn tcp_needs_tls() {
    let (kind, message) =
        refused(&view(&[("DOCKER_HOST", "tcp://far:2376")], &[]), EngineKind::Docker);
    assert_eq!(kind, ErrorKind::InvalidInput);
    assert!(message.contains("DOCKER_HOST") && message.contains("without encryption"), "{message}");
    let with = |name| {
        let view =
            view(&[("DOCKER_HOST", "tcp://far"), (name, "1"), ("DOCKER_CERT_PATH", "/c")], &[]);
        view.endpoints(EngineKind::Docker, None).expect("valid")
    };
    let tls = Endpoint::Tls(Address::new("far", 2376), TlsFiles::in_directory("/c".into()));
    assert_eq!(with("DOCKER_TLS_VERIFY"), std::slice::from_ref(&tls));
    assert_eq!(with("DOCKER_TLS"), [tls]);
}

#[test]
fn the_usual_places() {
    let mut text = String::new();
    for kind in [EngineKind::Docker, EngineKind::Podman] {
        for platform in [Platform::Linux, Platform::MacOs] {
            let variables = [("XDG_RUNTIME_DIR", "/run/user/1000"), ("TMPDIR", "/var/folders/x")];
            let view = view(&variables, &[]).with_platform(platform);
            text += &format!("{kind:?} {platform:?}\n");
            found(&view, kind).iter().for_each(|place| text += &format!("  {place}\n"));
        }
    }
    let mut root = view(&[], &[]);
    root.uid = 0;
    text += &format!("Podman of root\n  {}\n", found(&root, EngineKind::Podman).join("\n  "));
    insta::assert_snapshot!(text);
}

/// The directory of a context is the sha256 of its name.
fn meta_of(name: &str) -> String {
    use sha2::{Digest, Sha256};
    let hex: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/home/me/.docker/contexts/meta/{hex}/meta.json")
}

#[test]
fn docker_contexts() {
    let config = ("/home/me/.docker/config.json", r#"{"currentContext":"remote1","auths":{}}"#);
    let path = meta_of("remote1");
    let meta = |host: &str| {
        format!(
            r#"{{"Name":"remote1","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#
        )
    };
    let ssh = meta("ssh://me@far");
    let files = [config, (path.as_str(), ssh.as_str())];
    let docker = EngineKind::Docker;
    assert_eq!(found(&view(&[], &files), docker), ["ssh://me@far"]);
    // The variables go before.
    let named = [("DOCKER_CONTEXT", "default")];
    assert!(found(&view(&named, &files), docker).len() > 1, "the usual ones");
    let host = [("DOCKER_HOST", "unix:///x"), ("DOCKER_CONTEXT", "remote1")];
    assert_eq!(found(&view(&host, &files), docker), ["unix:///x"]);
    // A context that is not there is not replaced by another engine.
    let (kind, message) = refused(&view(&[("DOCKER_CONTEXT", "gone")], &files), docker);
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(message.contains("`gone`") && message.contains("docker context ls"), "{message}");
    for (text, kind) in [
        ("null", ErrorKind::Damaged),
        (r#"{"Endpoints":{}}"#, ErrorKind::Unsupported),
        (r#"{"Endpoints":{"docker":{"Host":"x"}}}"#, ErrorKind::InvalidInput),
        (
            r#"{"Endpoints":{"docker":{"Host":"tcp://far","SkipTLSVerify":true}}}"#,
            ErrorKind::Unsupported,
        ),
    ] {
        let files = [config, (path.as_str(), text)];
        assert_eq!(refused(&view(&[], &files), docker).0, kind, "{text}");
    }
    let torn = [("/home/me/.docker/config.json", "{")];
    assert_eq!(refused(&view(&[], &torn), docker).0, ErrorKind::Damaged);
    let tcp = meta("tcp://far:2376");
    let ca = path.replace("/meta/", "/tls/").replace("meta.json", "docker/ca.pem");
    let files = [config, (path.as_str(), tcp.as_str()), (ca.as_str(), "")];
    let tls = TlsFiles { ca: ca.clone().into(), client: None };
    let expected = vec![Endpoint::Tls(Address::new("far", 2376), tls)];
    assert_eq!(view(&[], &files).endpoints(docker, None).expect("valid"), expected);
    // Another directory of configuration.
    let moved = [("DOCKER_CONFIG", "/c")];
    assert!(found(&view(&moved, &[config]), docker).len() > 1);
}

const CONF: &str = r#"
[containers]
tz = "local"
[engine]
active_service = "far"
[engine.service_destinations.far]
uri = "ssh://core@far:22/run/podman/podman.sock"
identity = "/home/me/.ssh/far"
[engine.service_destinations.near]
uri = "unix:///near.sock"
"#;

#[test]
fn podman_connections() {
    let podman = EngineKind::Podman;
    let conf = ("/home/me/.config/containers/containers.conf", CONF);
    let json = (
        "/home/me/.config/containers/podman-connections.json",
        r#"{"Connection":{"Default":"vm","Connections":{"vm":{"URI":"ssh://core@127.0.0.1:5/run/podman/podman.sock","Identity":"/k","IsMachine":true}}},"Farm":{}}"#,
    );
    let host = [("CONTAINER_HOST", "unix:///x"), ("CONTAINER_CONNECTION", "near")];
    assert_eq!(found(&view(&host, &[conf]), podman), ["unix:///x"]);
    assert_eq!(
        found(&view(&[("CONTAINER_CONNECTION", "near")], &[conf, json]), podman),
        ["unix:///near.sock"]
    );
    let gone = refused(&view(&[("CONTAINER_CONNECTION", "gone")], &[conf]), podman);
    assert_eq!(gone.0, ErrorKind::NotFound);
    // Podman's own command on Linux does not go there unasked.
    assert!(found(&view(&[], &[conf]), podman)[0].starts_with("unix:///run/user/1000/"));
    let mac = view(&[], &[conf]).with_platform(Platform::MacOs);
    let far = mac.endpoints(podman, None).expect("valid");
    let [Endpoint::Ssh(place)] = far.as_slice() else { panic!("{far:?}") };
    assert_eq!(place.key.as_deref(), Some(Utf8Path::new("/home/me/.ssh/far")));
    assert_eq!(place.user.as_deref(), Some("core"));
    // A machine of this host is reached by its sockets.
    let mac = view(&[], &[conf, json]).with_platform(Platform::MacOs);
    assert!(found(&mac, podman).iter().all(|place| place.starts_with("unix://")));
    let remote = ("/etc/containers/containers.conf", "[engine]\nremote = true\n");
    assert_eq!(
        found(&view(&[], &[remote, conf]), podman),
        ["ssh://core@far:22/run/podman/podman.sock"]
    );
    let torn = ("/home/me/.config/containers/containers.conf", "[engine");
    assert_eq!(refused(&view(&[], &[torn]), podman).0, ErrorKind::Damaged);
}

#[test]
fn what_is_asked_for_goes_before_all() {
    let view = view(&[("DOCKER_HOST", "unix:///x")], &[]);
    let asked = view.endpoints(EngineKind::Docker, Some("/y")).expect("valid");
    assert_eq!(asked, [Endpoint::Unix("/y".into())]);
    assert!(view.endpoints(EngineKind::Docker, Some("y")).is_err());
}

#[test]
fn values_of_variables_are_not_shown() {
    let view = view(&[("TOKEN", "secret")], &[]);
    assert!(!format!("{view:?}").contains("secret"));
}

proptest! {
    #[test]
    fn no_address_panics(text in "(unix://|tcp://|ssh://|http://|https://)?[\\[\\]:/@a1.-]{0,12}|.*") {
        for tls in [None, Some(TlsFiles::in_directory("/c".into()))] {
            if let Ok(endpoint) = Endpoint::read(&text, tls.clone()) {
                let again = Endpoint::read(&endpoint.to_string(), tls);
                prop_assert_eq!(again.ok(), Some(endpoint));
            }
        }
    }

    /// Configuration of any content is an answer or an error; files are never asked for in vain.
    #[test]
    fn no_configuration_panics(text in ".*", name in "(.|[a-z]{1,5})", host in ".*") {
        let everywhere = text.clone();
        let variables = BTreeMap::from([("DOCKER_CONTEXT".to_owned(), name)]);
        for platform in [Platform::Linux, Platform::MacOs] {
            let text = everywhere.clone();
            let view = EngineView::new("/h", 1, move |_| Some(text.clone()))
                .with_environment(variables.clone())
                .with_platform(platform);
            for kind in [EngineKind::Docker, EngineKind::Podman] {
                if let Ok(places) = view.endpoints(kind, None) {
                    prop_assert!(!places.is_empty());
                }
                let _ = view.endpoints(kind, Some(&host));
            }
        }
    }
}
