//! Engines that are reached over TCP, TLS and ssh.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use camino::Utf8PathBuf;
use engine_api::{Address, Endpoint, Engine, EngineKind, ImageName, SshPlace, TlsFiles};
use session_core::{Error, ErrorKind};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::fake::Fake;
use crate::real_engines;

/// A directory whose path is text.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.0.path().join(name)).expect("UTF-8")
    }
}

/// Runs a command in `place`; `None`, said aloud, if it is not installed.
fn run(place: &Place, line: &str) -> Option<()> {
    let mut words = line.split_whitespace().map(|word| if word == "EMPTY" { "" } else { word });
    let program = words.next().expect("a program");
    let output = match Command::new(program).args(words).current_dir(place.0.path()).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: {program}: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

/// An authority, and what it signed for the engine at 127.0.0.1 and for us.
fn certificates() -> Option<Place> {
    let place = Place::new();
    let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        let line = format!(
            "openssl req -x509 {curve} -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        );
        run(&place, &line)?;
    }
    let names =
        [("server", "subjectAltName=IP:127.0.0.1"), ("cert", "extendedKeyUsage=clientAuth")];
    for (name, extension) in names {
        std::fs::write(place.path("extension"), extension).expect("written");
        run(
            &place,
            &format!("openssl req {curve} -subj /CN={name} -keyout {name}.key -out request"),
        )?;
        run(
            &place,
            &format!(
                "openssl x509 -req -in request -CA ca.pem -CAkey ca.key -set_serial 0x{} -days 2 \
                 -extfile extension -out {name}.pem",
                name.len()
            ),
        )?;
    }
    std::fs::copy(place.path("cert.key"), place.path("key.pem")).expect("copied");
    Some(place)
}

/// A server with TLS, which asks for certificates, before the engine at `behind`.
fn tls_before(behind: &Endpoint, place: &Place) -> Address {
    let Endpoint::Unix(behind) = behind.clone() else { panic!("{behind} is no socket") };
    let load = |name: &str| -> Vec<CertificateDer<'static>> {
        let found = CertificateDer::pem_file_iter(place.path(name)).expect("read");
        found.map(|certificate| certificate.expect("read")).collect()
    };
    let mut roots = RootCertStore::empty();
    roots.add(load("ca.pem").remove(0)).expect("an authority");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let key = PrivateKeyDer::from_pem_file(place.path("server.key")).expect("read");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("known")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(load("server.pem"), key)
        .expect("they fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    listener.set_nonblocking(true).expect("set");
    let port = listener.local_addr().expect("bound").port();
    let listener = tokio::net::TcpListener::from_std(listener).expect("taken");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await.ok()?;
                let mut inner = UnixStream::connect(behind).await.ok()?;
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
            });
        }
    });
    Address::new("127.0.0.1", port)
}

async fn refused(endpoint: Endpoint) -> Error {
    let error = Engine::connect(&endpoint, EngineKind::Docker).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable, "{error}");
    error
}

#[tokio::test]
async fn tls_looks_at_certificates() {
    let Some(place) = certificates() else { return };
    let fake = Fake::engine("Docker/28.5.2 (linux)");
    let address = tls_before(&fake.endpoint, &place);
    let files = TlsFiles::in_directory(&place.path(""));
    let good = Endpoint::Tls(address.clone(), files.clone());
    let engine = Engine::connect(&good, EngineKind::Docker).await.expect("both are known");
    assert!(!engine.endpoint().sees_host_paths());

    let mut stranger = files.clone();
    stranger.ca = place.path("other.pem");
    let error = refused(Endpoint::Tls(address.clone(), stranger)).await;
    assert!(error.message().contains("certificate"), "{error}");

    let elsewhere = Address::new("localhost", address.port);
    let error = refused(Endpoint::Tls(elsewhere, files.clone())).await;
    assert!(error.message().contains("not valid for name"), "{error}");

    let mut nobody = files.clone();
    nobody.client = None;
    let error = refused(Endpoint::Tls(address.clone(), nobody)).await;
    assert!(error.message().to_lowercase().contains("certificate"), "{error}");

    let mut missing = files.clone();
    missing.ca = place.path("nope.pem");
    let error = refused(Endpoint::Tls(address.clone(), missing)).await;
    assert!(error.message().contains("nope.pem` can't be used"), "{error}");

    // What is no TLS server at all, and TLS spoken to without it.
    let plain = Endpoint::Tcp(address);
    let error = Engine::connect(&plain, EngineKind::Docker).await.expect_err("no HTTP");
    assert!(!error.message().contains("is Docker"), "{error}");
}

/// Lists, inspects and fails to pull through `endpoint`: short requests and streams.
async fn works(endpoint: &Endpoint, kind: EngineKind) {
    let engine = Engine::connect(endpoint, kind).await.expect("connected");
    let name = |text: &str| ImageName::new(text).expect("a name");
    let images = engine.images(None).await.expect("listed");
    let busybox = name("sessctl-test/busybox:1");
    assert!(images.iter().any(|image| image.is_called(&busybox)), "{images:?}");
    assert!(engine.image(&busybox).await.expect("asked").is_some());
    let image = name("127.0.0.1:1/nope:1");
    assert!(engine.pull(&image, |_| {}).await.is_err());
    assert!(engine.facts().await.expect("told").processors > 0);
}

#[tokio::test]
async fn real_engines_over_tls() {
    let Some(place) = certificates() else { return };
    for real in real_engines() {
        let address = tls_before(&real.endpoint, &place);
        let files = TlsFiles::in_directory(&place.path(""));
        works(&Endpoint::Tls(address, files), real.kind).await;
    }
}

/// A server of ssh, ended with the test.
struct Sshd {
    server: Child,
    place: Place,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn sshd() -> Option<Sshd> {
    let Some(program) =
        ["/usr/sbin/sshd", "/usr/bin/sshd"].iter().find(|it| Path::new(it).exists())
    else {
        eprintln!("SKIPPED: sshd is not installed");
        return None;
    };
    if rustix::process::geteuid().is_root() {
        std::fs::create_dir_all("/run/sshd").expect("made");
    }
    let place = Place::new();
    for name in ["host", "user"] {
        run(&place, &format!("ssh-keygen -q -t ed25519 -N EMPTY -f {name}"))?;
    }
    std::fs::copy(place.path("user.pub"), place.path("authorized")).expect("copied");
    std::fs::set_permissions(place.path("user"), PermissionsExt::from_mode(0o600)).expect("set");
    let port = TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("bound").port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n",
        place.path("host"),
        place.path("authorized"),
    );
    std::fs::write(place.path("sshd_config"), config).expect("written");
    let client = format!(
        "Host *\n  UserKnownHostsFile {}\n  IdentitiesOnly yes\n  IdentityFile {}\n",
        place.path("known"),
        place.path("user"),
    );
    std::fs::write(place.path("ssh_config"), client).expect("written");
    let key = std::fs::read_to_string(place.path("host.pub")).expect("made");
    std::fs::write(place.path("known"), format!("[127.0.0.1]:{port} {key}")).expect("written");
    let mut server = Command::new(program)
        .args(["-D", "-e", "-f", place.path("sshd_config").as_str()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("run");
    let mut said = BufReader::new(server.stderr.take().expect("piped above"));
    let (mut line, mut said_before) = (String::new(), String::new());
    while !line.contains("Server listening") {
        said_before += &std::mem::take(&mut line);
        if said.read_line(&mut line).expect("read") == 0 {
            panic!("sshd ended: {said_before}");
        }
    }
    // It goes on talking.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    Some(Sshd { server, place, port })
}

impl Sshd {
    fn endpoint(&self, socket: &Endpoint) -> SshPlace {
        let text = socket.to_string();
        let socket = text.strip_prefix("unix://").expect("a socket");
        let text = format!("ssh://127.0.0.1:{}{socket}", self.port);
        let Some(Endpoint::Ssh(mut place)) = Endpoint::parse(&text) else { panic!("{text}") };
        place.config = Some(self.place.path("ssh_config"));
        place
    }
}

/// The port in the address counts, and the socket that it names.
#[tokio::test]
async fn real_engines_over_ssh() {
    let Some(sshd) = sshd() else { return };
    for real in real_engines() {
        works(&Endpoint::Ssh(sshd.endpoint(&real.endpoint)), real.kind).await;
    }
}

/// What `ssh` says of its failure is in the error.
#[tokio::test]
async fn ssh_that_fails_says_why() {
    let Some(sshd) = sshd() else { return };
    let socket = Endpoint::parse("/nowhere/docker.sock").expect("an address");
    let good = sshd.endpoint(&socket);
    let error = refused(Endpoint::Ssh(good.clone())).await;
    assert!(error.message().contains("ssh ended: "), "{error}");
    let mut unknown = good.clone();
    std::fs::write(sshd.place.path("known"), "").expect("emptied");
    unknown.config = Some(sshd.place.path("ssh_config"));
    let error = refused(Endpoint::Ssh(unknown)).await;
    assert!(error.message().contains("Host key verification failed"), "{error}");
    let mut closed = good;
    closed.port = Some(1);
    let error = refused(Endpoint::Ssh(closed)).await;
    assert!(error.message().contains("Connection refused"), "{error}");
}
