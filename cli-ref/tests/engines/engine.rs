//! An engine as a bystander sees it: what is there, asked without any of our code.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One engine that runs.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// The backend's word for it.
    pub(crate) kind: &'static str,
    pub(crate) socket: PathBuf,
}

/// Runs a test on an engine, or says why it can't be.
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
pub(crate) fn with(engine: Result<Engine, String>, test: impl FnOnce(Engine)) {
    match engine {
        Ok(engine) => test(engine),
        Err(reason) => eprintln!("SKIPPED: {reason}"),
    }
}

impl Engine {
    pub(crate) fn docker() -> Result<Self, String> {
        Self::at("docker", &session_conformance::engines::docker()?)
    }

    pub(crate) fn podman() -> Result<Self, String> {
        Self::at("podman", &session_conformance::engines::podman()?)
    }

    pub(crate) fn at(kind: &'static str, address: &str) -> Result<Self, String> {
        match address.strip_prefix("unix://") {
            Some(path) => Ok(Self { kind, socket: path.into() }),
            None => {
                Err(format!("{kind}: {address} is no Unix socket, which these tests stand in for"))
            }
        }
    }

    /// The ids of the containers that carry `label`, whatever they do.
    pub(crate) fn containers(&self, label: &str) -> Vec<String> {
        let filters = format!("%7B%22label%22%3A%5B%22{}%22%5D%7D", label.replace('=', "%3D"));
        let found = self.json("GET", &format!("/containers/json?all=true&filters={filters}"));
        let ids = found.as_array().expect("a list of containers").iter();
        ids.map(|found| found["Id"].as_str().expect("an id").to_owned()).collect()
    }

    /// The names of the volumes that carry `label`.
    pub(crate) fn volumes(&self, label: &str) -> Vec<String> {
        let filters = format!("%7B%22label%22%3A%5B%22{}%22%5D%7D", label.replace('=', "%3D"));
        let found = self.json("GET", &format!("/volumes?filters={filters}"));
        let found = found["Volumes"].as_array().cloned().unwrap_or_default();
        found.iter().map(|found| found["Name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Removes a container behind everybody's back.
    pub(crate) fn remove(&self, container: &str) {
        let (status, body) =
            self.request("DELETE", &format!("/containers/{container}?force=true&v=true"));
        assert!(status < 300 || status == 404, "{status} {body}");
    }

    /// Does something with a container that has no body and no answer: `pause`, say.
    pub(crate) fn tell(&self, container: &str, what: &str) {
        let (status, body) = self.request("POST", &format!("/containers/{container}/{what}"));
        assert!(status < 300, "{what}: {status} {body}");
    }

    /// Where the engine writes a container's output.
    pub(crate) fn log_file(&self, container: &str) -> PathBuf {
        let found = self.json("GET", &format!("/containers/{container}/json"));
        let path = found["LogPath"].as_str().filter(|path| !path.is_empty());
        let path = path.or(found["HostConfig"]["LogConfig"]["Path"].as_str());
        path.unwrap_or_else(|| panic!("no log in {found:#}")).into()
    }

    fn json(&self, method: &str, path: &str) -> Value {
        let (status, body) = self.request(method, path);
        assert_eq!(status, 200, "{method} {path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn request(&self, method: &str, path: &str) -> (u16, String) {
        request(&self.socket, method, path).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}

/// Sends one request without a body.
pub(crate) fn request(socket: &Path, method: &str, path: &str) -> std::io::Result<(u16, String)> {
    request_with(socket, method, path, "")
}

/// Sends one request with a document. HTTP 1.0: the answer ends where the connection does.
pub(crate) fn request_with(
    socket: &Path,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = UnixStream::connect(socket)?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.ok_or_else(|| std::io::Error::other(answer.clone()))?, body.to_owned()))
}
