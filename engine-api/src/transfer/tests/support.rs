//! A container with a volume at `/workspace`, trees, and archives.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};
use bytes::Bytes;
use camino::Utf8Path;
use futures_util::{StreamExt as _, stream};
use session_core::{ByteStream, ExecRequest, SessionId};
use tar::{Builder, EntryType, Header};
use tokio::io::AsyncReadExt as _;

use crate::transfer::ground::Ground;
use crate::{Endpoint, Engine, EngineKind};

const ENGINES: [(&str, EngineKind); 3] = [
    ("SESSCTL_TEST_DOCKER", EngineKind::Docker),
    ("SESSCTL_TEST_PODMAN", EngineKind::Podman),
    ("SESSCTL_TEST_PODMAN_ROOTLESS", EngineKind::Podman),
];
const IMAGE: &str = "sessctl-test/tools:1";
const BOUND: Duration = Duration::from_secs(60);
/// Neither root nor the one who runs the tests.
pub(crate) const USER: (u32, u32) = (1234, 1235);

/// The engines that answer; the others are skipped visibly.
#[expect(clippy::disallowed_methods, reason = "where the engines of the tests are")]
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
pub(crate) async fn engines() -> Vec<Engine> {
    let mut engines = Vec::new();
    for (name, kind) in ENGINES {
        match std::env::var(name).ok().and_then(|address| Endpoint::parse(&address)) {
            Some(endpoint) => {
                engines.push(Engine::connect(&endpoint, kind).await.expect("the named engine"));
            }
            None => eprintln!("SKIPPED: {name} is not set; run .ci/engines"),
        }
    }
    engines
}

/// What a container is to be like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) memory_at: Option<&'static str>,
    /// A directory of the host that is at `/shared`, in which the container's root works.
    pub(crate) shared: Option<String>,
}

pub(crate) struct Container {
    pub(crate) engine: Engine,
    pub(crate) id: String,
    volume: String,
}

impl Container {
    pub(crate) async fn make(engine: &Engine, wanted: Wanted) -> Self {
        let name = format!("sessctl-test-transfer-{}", SessionId::new());
        let labels = HashMap::from([("sessctl-test.transfer".to_owned(), name.clone())]);
        super::super::make_volume(engine, &name, labels.clone()).await.expect("a volume");
        let volume = Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            target: Some("/workspace".to_owned()),
            ..Mount::default()
        };
        let memory = wanted.memory_at.map(|target| Mount {
            typ: Some(MountType::TMPFS),
            target: Some(target.to_owned()),
            ..Mount::default()
        });
        let user = if wanted.shared.is_some() { (0, 0) } else { USER };
        let shared = wanted.shared.map(|source| Mount {
            typ: Some(MountType::BIND),
            source: Some(source),
            target: Some("/shared".to_owned()),
            ..Mount::default()
        });
        let keep_id = engine.dialect().keep_id.then(|| "keep-id".to_owned());
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            entrypoint: Some(
                ["/bin/sh", "-c", "while :; do sleep 1 & wait $!; done"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            user: Some(format!("{}:{}", user.0, user.1)),
            working_dir: Some("/workspace".to_owned()),
            labels: Some(labels),
            host_config: Some(HostConfig {
                mounts: Some(memory.into_iter().chain(shared).chain([volume]).collect()),
                network_mode: Some("none".to_owned()),
                userns_mode: keep_id,
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let turn = engine.turn_to_create().await;
        let made = engine.short().create_container(Some(options), body).await.expect("an image");
        drop(turn);
        let empty = tempfile::tempdir().expect("a directory");
        let directory = Utf8Path::from_path(empty.path()).expect("UTF-8");
        super::super::upload_workspace(engine, &made.id, directory)
            .await
            .expect("it is made theirs");
        Self { engine: engine.clone(), id: made.id, volume: name }
    }

    pub(crate) async fn start(&self) {
        self.engine.short().start_container(&self.id, None).await.expect("it starts");
    }

    pub(crate) async fn ground(&self) -> Ground {
        Ground::of(&self.engine, "engine.test", &self.id, 0).await.expect("it is there")
    }

    /// What a shell in it prints; it must run.
    pub(crate) async fn sh(&self, script: &str) -> String {
        let place = crate::exec::Place {
            engine: &self.engine,
            container: &self.id,
            directory: Utf8Path::new("/workspace"),
            run: None,
        };
        let request = ExecRequest::new(["sh", "-c", script].map(str::to_owned).to_vec());
        let ran = async {
            let mut process = crate::exec::exec_in(&place, request).await.expect(script);
            let (mut out, mut err) = (Vec::new(), Vec::new());
            process.stdout.read_to_end(&mut out).await.expect("it can be read");
            if let Some(mut stderr) = process.stderr.take() {
                stderr.read_to_end(&mut err).await.expect("it can be read");
            }
            let exit = process.control.wait().await.expect("it ends");
            let err = String::from_utf8_lossy(&err).into_owned();
            assert!(exit.is_success(), "{script}: {exit:?}: {err}");
            String::from_utf8_lossy(&out).into_owned()
        };
        tokio::time::timeout(BOUND, ran).await.expect("in time")
    }

    pub(crate) async fn remove(self) {
        let force = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.engine.long().remove_container(&self.id, Some(force)).await;
        removed.expect("it is ours");
        let force = RemoveVolumeOptions { force: true };
        self.engine.long().remove_volume(&self.volume, Some(force)).await.expect("it is ours");
    }
}

/// A tree with all that can be lost on the way.
pub(crate) fn make_tree(root: &Path) {
    fs::create_dir_all(root.join("deep/er/est")).expect("it can be made");
    fs::create_dir(root.join("empty")).expect("it can be made");
    let write = |name: &OsStr, content: &[u8], mode: u32| {
        let path = root.join(name);
        fs::write(&path, content).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    write("run.sh".as_ref(), b"#!/bin/sh\n", 0o755);
    write("deep/secret".as_ref(), &[0, 1, 2, 255], 0o600);
    write("fixed".as_ref(), b"read-only", 0o444);
    write("zero".as_ref(), b"", 0o644);
    write("big".as_ref(), &[7; 300_000], 0o640);
    write(OsStr::from_bytes(b"caf\xe9 \xff"), b"latin", 0o644);
    write("new\nline".as_ref(), b"line", 0o644);
    // What engines say in records of pax.
    write("gr\u{f6}\u{df}e\nline".as_ref(), b"line", 0o644);
    write(format!("deep/er/est/{}\nend", "line-".repeat(30)).as_ref(), b"long", 0o644);
    write(format!("deep/er/est/{}", "long-name-".repeat(20)).as_ref(), b"long", 0o644);
    for (target, name) in [
        ("run.sh", "link"),
        ("../../zero", "deep/er/up"),
        ("nowhere", "dangling"),
        ("/etc/passwd", "absolute"),
        ("../../../etc", "out"),
        ("./zero", "deep/dotted"),
        ("gr\u{f6}\u{df}e\nline", "deep/broken\u{e9}\nlink"),
    ] {
        symlink(target, root.join(name)).expect("it can be made");
    }
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in ["run.sh", "deep"] {
        fs::File::open(root.join(name)).expect("it is there").set_modified(old).expect("ours");
    }
    fs::set_permissions(root.join("deep/er"), fs::Permissions::from_mode(0o555)).expect("ours");
    fs::set_permissions(root, fs::Permissions::from_mode(0o750)).expect("ours");
}

/// Fails with the lines that only one of them has.
pub(crate) fn same(was: &[String], is: &[String]) {
    let only = |of: &[String], other: &[String]| -> Vec<String> {
        of.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    let (lost, new) = (only(was, is), only(is, was));
    assert!(lost.is_empty() && new.is_empty(), "lost: {lost:#?}\nnew: {new:#?}");
}

/// One line for each thing below `root`: its name, mode, time, content or target.
pub(crate) fn described(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let found = fs::symlink_metadata(&path).expect("it is there");
        let name = path.strip_prefix(root).expect("below").as_os_str().as_bytes().escape_ascii();
        let content = if found.is_symlink() {
            format!("-> {}", fs::read_link(&path).expect("a link").display())
        } else if found.is_file() {
            let content = fs::read(&path).expect("it can be read");
            let sum = content
                .iter()
                .fold(content.len(), |sum, byte| sum * 31 % 65521 + usize::from(*byte));
            format!("{} {sum}", content.len())
        } else {
            String::new()
        };
        let mode = if found.is_symlink() { 0 } else { found.mode() & 0o7777 };
        // Engines round a link's time, and those of files to the second.
        let time = if found.mtime() == 1_000_000_000 { "old" } else { "new" };
        lines.push(format!("{name} {mode:o} {time} {content}"));
        if found.is_dir() {
            left.extend(
                fs::read_dir(&path).expect("ours").map(|entry| entry.expect("ours").path()),
            );
        }
    }
    lines.sort();
    lines
}

pub(crate) fn stream_of(bytes: Vec<u8>) -> ByteStream {
    let chunks: Vec<_> = bytes.chunks(700).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Box::pin(stream::iter(chunks))
}

pub(crate) async fn collect(mut stream: ByteStream) -> Vec<u8> {
    let mut all = Vec::new();
    let read = async {
        while let Some(chunk) = stream.next().await {
            all.extend_from_slice(&chunk.expect("it can be read"));
        }
    };
    tokio::time::timeout(BOUND, read).await.expect("in time");
    all
}

/// An entry with exactly these bytes as its name.
pub(crate) fn raw(kind: EntryType, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn archive(entries: &[Vec<u8>]) -> ByteStream {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    stream_of(bytes)
}

/// The names, kinds and link targets of an archive.
pub(crate) fn listed(archive: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().expect("an archive");
    let mut lines: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.path_bytes().escape_ascii().to_string();
            let target = entry.link_name_bytes().unwrap_or_default().escape_ascii().to_string();
            let arrow = if target.is_empty() { "" } else { " -> " };
            format!("{}{arrow}{target}", name.trim_end_matches('/'))
        })
        .collect();
    lines.sort();
    lines
}

/// An archive of the host's tree, as `put` gets one.
pub(crate) fn packed(root: &Path) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.append_dir_all("tree", root).expect("it can be read");
    builder.into_inner().expect("it is in memory")
}
