//! Engines of one test's own, which it may stop, kill and fill up.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::platform;

/// Which engine a [`PrivateEngine`] is, and how it is set up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PrivateOptions {
    kind: Kind,
    live_restore: bool,
    images: Vec<String>,
    disk: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    Podman,
}

impl PrivateOptions {
    /// A dockerd without live-restore, with the busybox image.
    pub fn docker() -> Self {
        Self {
            kind: Kind::Docker,
            live_restore: false,
            images: vec!["busybox".to_owned()],
            disk: None,
        }
    }

    /// A rootful Podman service, with the busybox image.
    pub fn podman() -> Self {
        Self { kind: Kind::Podman, ..Self::docker() }
    }

    /// Lets containers outlive their dockerd. Podman's always do.
    #[must_use]
    pub fn with_live_restore(mut self) -> Self {
        self.live_restore = true;
        self
    }

    /// Adds a test image by the short name that `.ci/images` has for it (`tools`, `no-shell`).
    #[must_use]
    pub fn with_image(mut self, name: &str) -> Self {
        self.images.push(name.to_owned());
        self
    }

    /// Puts images, containers and volumes on an ext4 file system of `megabytes` (at least 32), for tests with a full disk.
    ///
    /// Needs loop devices.
    #[must_use]
    pub fn with_disk(mut self, megabytes: u32) -> Self {
        self.disk = Some(megabytes);
        self
    }
}

/// A dockerd or Podman service that belongs to one test, with files, socket and network of its own.
///
/// The test may [`terminate`](Self::terminate), [`kill`](Self::kill) and [`start`](Self::start) it again. Dropping it
/// removes it with its containers, files and mounts, also while it is down. Ready in about a second on a quiet
/// machine; all calls block.
#[derive(Debug)]
pub struct PrivateEngine {
    options: PrivateOptions,
    directory: PathBuf,
}

impl PrivateEngine {
    /// Starts an engine and imports its images; the error is the reason why there can't be one here, for a visible skip.
    pub fn new(options: PrivateOptions) -> Result<Self, String> {
        if !super::is_root() {
            return Err("an engine of a test's own needs root".to_owned());
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // `.ci/engines` takes 30 bytes, as Podman does.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = format!("/var/lib/sessctl-t-{}-{count}", std::process::id());
        let engine = Self { options, directory: directory.into() };
        if let Some(megabytes) = engine.options.disk {
            engine.mount_disk(megabytes)?;
        }
        engine.start()?;
        let images = engine.options.images.join(",");
        let mut import = script("images")?;
        if let Some(cache) = super::value("SESSCTL_TEST_ENGINES_DIR") {
            import.env("SESSCTL_TEST_ENGINES_DIR", cache);
        }
        import.args(["--only", &images]).arg(engine.socket());
        run(&mut import)?;
        Ok(engine)
    }

    /// The address, `unix:///…`; the same after a restart.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Where images, containers and volumes lie: what [`PrivateOptions::with_disk`] makes small.
    pub fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// What the daemon wrote so far, for the message of a failed test.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.home().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The daemon's process id; none while it is down.
    pub fn pid(&self) -> Option<u32> {
        let file = match self.options.kind {
            Kind::Docker => "docker.pid",
            Kind::Podman => "pid",
        };
        let pid: u32 = std::fs::read_to_string(self.home().join(file)).ok()?.trim().parse().ok()?;
        // A zombie has no command line; who should wait for it may not do so soon.
        let line = platform::command_line(pid);
        let ours = self.directory.as_os_str().as_encoded_bytes();
        line.windows(ours.len()).any(|window| window == ours).then_some(pid)
    }

    /// Starts the daemon if it is down, and waits until it answers.
    pub fn start(&self) -> Result<(), String> {
        let mut start = self.engines("start")?;
        let others: &[&str] = match self.options.kind {
            Kind::Docker => &["SESSCTL_TEST_PODMAN", "SESSCTL_TEST_PODMAN_ROOTLESS"],
            Kind::Podman => &["SESSCTL_TEST_DOCKER", "SESSCTL_TEST_PODMAN_ROOTLESS"],
        };
        for other in others {
            start.env(other, "none");
        }
        if self.options.live_restore {
            start.env("SESSCTL_TEST_DOCKERD_FLAGS", "--live-restore");
        }
        let output = run(&mut start)?;
        if self.pid().is_some() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let reason = text.lines().find(|line| !line.contains("left out by"));
        Err(reason.unwrap_or("the engine isn't running after its start").to_owned())
    }

    /// Asks the daemon to end (SIGTERM) and waits until it has.
    ///
    /// dockerd without live-restore ends its containers first, which takes ten seconds if they ignore signals.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Ends the daemon as a crash would (SIGKILL) and waits until it has.
    pub fn kill(&self) {
        self.signal("-KILL");
    }

    fn signal(&self, signal: &str) {
        let Some(pid) = self.pid() else { return };
        Command::new("kill").args([signal, &pid.to_string()]).status().expect("there is a kill");
        let end = Instant::now() + Duration::from_secs(60);
        while self.pid().is_some() {
            assert!(Instant::now() < end, "the engine {pid} outlives {signal} by a minute");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn mount_disk(&self, megabytes: u32) -> Result<(), String> {
        let (data, image) = (self.data(), self.directory.join("disk"));
        let failed = |error: std::io::Error| format!("no disk for the engine: {error}");
        std::fs::create_dir_all(&data).map_err(failed)?;
        let file = std::fs::File::create(&image).map_err(failed)?;
        file.set_len(u64::from(megabytes) << 20).map_err(failed)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&data))?;
        Ok(())
    }

    fn home(&self) -> PathBuf {
        self.directory.join(match self.options.kind {
            Kind::Docker => "docker",
            Kind::Podman => "podman",
        })
    }

    fn socket(&self) -> PathBuf {
        self.home().join(match self.options.kind {
            Kind::Docker => "docker.sock",
            Kind::Podman => "podman.sock",
        })
    }

    fn engines(&self, command: &str) -> Result<Command, String> {
        let mut engines = script("engines")?;
        for name in ["DOCKER", "PODMAN", "PODMAN_ROOTLESS"] {
            engines.env_remove(format!("SESSCTL_TEST_{name}"));
        }
        engines.env("SESSCTL_TEST_ENGINES_DIR", &self.directory);
        // Where it writes its `engines.env`: not over ours.
        engines.env("CARGO_TARGET_DIR", &self.directory).arg(command);
        Ok(engines)
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        if let Ok(mut stop) = self.engines("stop") {
            stop.arg("--purge").output().ok();
        }
    }
}

/// A script of the repository that this crate was built in.
fn script(name: &str) -> Result<Command, String> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let path = root.join(".ci").join(name);
    if !path.is_file() {
        return Err(format!("there is no {}", path.display()));
    }
    let mut command = Command::new("bash");
    command.arg(path).env("PATH", path_with_system_programs());
    Ok(command)
}

fn path_with_system_programs() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}

/// Runs it to success; the error has the last line of what it wrote.
fn run(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("can't run {program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{program} failed: {}", text.lines().last().unwrap_or("without a word")))
}
