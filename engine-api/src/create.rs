//! Making a session's container.

use std::collections::HashMap;

use bollard::errors::Error as Failure;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};
use bollard::query_parameters::CreateContainerOptions;
use session_core::{Error, ErrorKind, ResolvedSpec, Result, SessionId, Timestamp};

use crate::account::Account;
use crate::backend::{Shared, blocking};
use crate::failure::{Cause, cause_of};
use crate::image::Image;
use crate::labels::Labels;
use crate::launch::BOOT;
use crate::limits::check_limits;
use crate::mounts::Mounts;
use crate::network::{check_network, mode};
use crate::place::{Place, SessionFile};
use crate::{Endpoint, Engine, account_files, image, stop, transfer};

const OPERATION: &str = "engine.create";
/// The most processes and threads where nothing is asked for: an agent's build fits, a fork bomb
/// does not.
const PIDS: i64 = 4096;
/// What root in a container needs to install packages and change files of others; nobody else
/// needs anything.
const ROOT_CAPABILITIES: [&str; 11] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETUID",
];
/// How much of a container's output the engine keeps; ours is kept by the holder.
const LOG_BYTES: &str = "1m";

/// Makes the place, then the container, then the mark of a whole session.
///
/// What was made is taken back on an error. A crash leaves what `destroy` finds by the id.
pub(crate) async fn create(shared: &Shared, id: &SessionId, spec: &ResolvedSpec) -> Result<Place> {
    let engine = shared.engine().await?;
    let place = Place::new(&shared.layout, shared.kind.word(), id);
    let made = place.clone();
    blocking(OPERATION, move || made.make(OPERATION)).await?;
    match fill(shared, engine, &place, spec).await {
        Ok(()) => Ok(place),
        Err(error) => {
            // By its labels: an engine that made it and could not say so did not tell its id.
            if let Err(left) = stop::destroy(shared, &place).await {
                tracing::warn!(%left, session = %spec.name, "could not take back everything");
            }
            Err(error.with_session(spec.name.as_str()))
        }
    }
}

async fn fill(shared: &Shared, engine: &Engine, place: &Place, spec: &ResolvedSpec) -> Result<()> {
    if spec.container.upload && spec.container.read_only {
        let message = "an uploaded workspace (--upload) and a read-only image (--read-only) don't go \
                       together; leave one of them out";
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    if !spec.container.upload && !engine.endpoint().sees_host_paths() {
        let message = format!(
            "{} does not see the files of this host; have the workspace uploaded (--upload)",
            engine.endpoint()
        );
        return Err(Error::new(ErrorKind::Unsupported, OPERATION, message));
    }
    let image = image::find(engine, spec).await?;
    let account = Account::of(spec, &shared.host, engine.dialect());
    let now = Timestamp::now();
    let labels = Labels::new(&shared.layout, place.id(), spec, now);
    let (at, wanted, who) = (place.clone(), spec.clone(), account.clone());
    let socket = match engine.endpoint() {
        Endpoint::Unix(path) => Some(path.clone()),
        _ => None,
    };
    let mut mounts =
        blocking(OPERATION, move || Mounts::prepare(&at, &wanted, &who, socket.as_deref())).await?;
    if !account.is_root() && !spec.container.upload {
        let files = account_files::prepare(shared, engine, place, &image, &account, &labels);
        mounts.binds.extend(files.await?);
    }
    let to_mount = mounts.to_models(engine.dialect())?;
    check_network(engine, spec).await?;
    if let Some(uploaded) = &mounts.uploaded {
        transfer::make_volume(engine, &uploaded.volume, labels.to_map()).await?;
    }
    let body = body(spec, &image, &account, &labels, &mounts, to_mount);
    let name = name(spec);
    let options = CreateContainerOptions { name: Some(name.clone()), platform: String::new() };
    let turn = engine.turn_to_create().await;
    let answer = engine.long().create_container(Some(options), body).await;
    drop(turn);
    let container = answer.map_err(|failure| refused(engine, spec, failure))?.id;
    check_limits(engine, &container, spec).await?;
    if let Some(uploaded) = &mounts.uploaded {
        transfer::upload_workspace(engine, &container, &uploaded.from).await?;
    }
    let file = SessionFile {
        version: SessionFile::VERSION,
        id: *place.id(),
        container,
        name,
        working_directory: spec.working_directory.clone(),
        inner_directory: mounts.inner_directory,
        directory: spec.directory.clone(),
        user: account.to_user(),
        home: account.home(),
        upload: spec.container.upload,
        labels: labels.into_inner(),
        created_at: now,
    };
    let place = place.clone();
    blocking(OPERATION, move || place.write_session(&file)).await
}

/// The container's name. A session's name holds nothing that an engine or a URL would misread.
pub(crate) fn name(spec: &ResolvedSpec) -> String {
    format!("sessctl-{}", spec.name)
}

fn body(
    spec: &ResolvedSpec,
    image: &Image,
    account: &Account,
    labels: &Labels,
    mounts: &Mounts,
    to_mount: (Vec<Mount>, Vec<String>),
) -> ContainerCreateBody {
    let mut environment: Vec<_> =
        spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let home = account.home().map_or_else(|| "/root".to_owned(), String::from);
    if !spec.environment.contains_key("HOME") {
        environment.push(format!("HOME={home}"));
    }
    ContainerCreateBody {
        image: Some(image.id.clone()),
        // Both, for an image has its own, and each engine mixes them in its own way.
        entrypoint: Some(["/bin/sh", "-c", BOOT].map(str::to_owned).to_vec()),
        cmd: Some(vec!["sessctl".to_owned()]),
        user: Some(account.to_user()),
        env: Some(environment),
        working_dir: Some(mounts.inner_directory.to_string()),
        labels: Some(labels.to_map()),
        tty: Some(true),
        open_stdin: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        stop_signal: Some("SIGTERM".to_owned()),
        host_config: Some(host_config(spec, account, to_mount)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(
    spec: &ResolvedSpec,
    account: &Account,
    (mut all_mounts, binds): (Vec<Mount>, Vec<String>),
) -> HostConfig {
    let options = &spec.container;
    if options.read_only {
        all_mounts.push(Mount {
            typ: Some(MountType::TMPFS),
            target: Some("/tmp".to_owned()),
            ..Mount::default()
        });
    }
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let memory = options.memory_bytes.map(signed);
    let capabilities = || ROOT_CAPABILITIES.map(str::to_owned).to_vec();
    HostConfig {
        mounts: Some(all_mounts),
        binds: Some(binds).filter(|binds| !binds.is_empty()),
        init: Some(true),
        security_opt: Some(vec!["no-new-privileges".to_owned(), "label=disable".to_owned()]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: account.is_root().then(capabilities),
        readonly_rootfs: Some(options.read_only),
        network_mode: mode(options.network.as_ref()),
        memory,
        // The same as the memory: no swap beside it.
        memory_swap: memory,
        pids_limit: Some(options.pids.map_or(PIDS, i64::from)),
        nano_cpus: options.cpu_millis.map(|millis| i64::from(millis) * 1_000_000),
        userns_mode: account.userns.map(str::to_owned),
        log_config: Some(HostConfigLogConfig {
            typ: None,
            config: Some(HashMap::from([("max-size".to_owned(), LOG_BYTES.to_owned())])),
        }),
        ..HostConfig::default()
    }
}

/// The error for a container that could not be made.
fn refused(engine: &Engine, spec: &ResolvedSpec, failure: Failure) -> Error {
    if cause_of(&failure).0 == Cause::NameTaken {
        let (word, name) = (engine.identity().kind.word(), name(spec));
        let message = format!(
            "the container name {name} is taken by a container that is not of this home: choose \
             another session name, rename that one (`{word} rename {name} NEW`), or remove it \
             (`{word} rm {name}`)"
        );
        return Error::new(ErrorKind::AlreadyExists, OPERATION, message).with_source(failure);
    }
    engine.error(OPERATION, "make the container", failure)
}
