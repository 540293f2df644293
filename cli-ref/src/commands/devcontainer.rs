//! `sessctl devcontainer`: an agent's files as mounts of a project's dev container.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use session_core::profile::Profiles;
use session_core::{Error, ErrorKind, Result};

use crate::args::{Devcontainer, DevcontainerAction, Sharing};
use crate::devcontainer::{
    Asked, Form, Mount, Place, Shares, apply, home_of, is_compose, owners, remove, shares, targets,
    user,
};
use crate::surroundings::Surroundings;
use crate::ui::{Ui, plain, table};

const OPERATION: &str = "devcontainer.apply";
/// The user that most images for dev containers have.
const USUAL_USER: &str = "vscode";
const HEADINGS: [&str; 5] =
    ["RESOURCE", "ACCESS", "IN THE FILE", "ON THIS HOST", "IN THE CONTAINER"];

/// Needs no sessions, so that it works where they can't be reached.
pub(crate) fn run(
    ui: Ui,
    surroundings: &Surroundings,
    profiles: &Profiles,
    arguments: &Devcontainer,
) -> Result<u8> {
    let here = &surroundings.host.working_directory;
    let place = |path: &Option<Utf8PathBuf>| {
        Place::find(&path.as_ref().map_or_else(|| here.clone(), |path| here.join(path)))
    };
    match &arguments.action {
        DevcontainerAction::Mounts { path, form, sharing } => {
            let place = place(path)?;
            let planned = planned(surroundings, profiles, &place, sharing)?;
            show(ui, &place, &planned, *form)?;
        }
        DevcontainerAction::Apply { path, disable: true, sharing, .. } => {
            disable(ui, &place(path)?, sharing.agent.as_deref())?;
        }
        DevcontainerAction::Apply { path, form, sharing, .. } => {
            let place = place(path)?;
            let planned = planned(surroundings, profiles, &place, sharing)?;
            write(ui, &place, &planned, *form)?;
        }
    }
    Ok(0)
}

/// What an agent's mounts are in this file.
struct Planned {
    agent: String,
    user: String,
    /// The user's home in the container.
    home: Utf8PathBuf,
    shares: Shares,
}

fn planned(
    surroundings: &Surroundings,
    profiles: &Profiles,
    place: &Place,
    sharing: &Sharing,
) -> Result<Planned> {
    let profile = profiles.find(agent(sharing, profiles)?)?;
    let named = match &sharing.user {
        Some(named) => Some(named.clone()),
        None => user(place.text()).map_err(|error| named(place, error))?,
    };
    let user = named.unwrap_or_else(|| USUAL_USER.to_owned());
    let asked = Asked {
        user: user.clone(),
        preset: sharing.preset,
        share: sharing.share.iter().cloned().collect(),
        compose: is_compose(place.text())?,
    };
    let shares = shares(profile, &surroundings.host, &asked)?;
    Ok(Planned { agent: profile.name.clone(), home: home_of(&user)?, user, shares })
}

fn show(ui: Ui, place: &Place, planned: &Planned, form: Option<Form>) -> Result<()> {
    let mounts = &planned.shares.mounts;
    if let Some(form) = form {
        let items: Vec<_> = mounts.iter().map(|mount| mount.render(form)).collect();
        let list = format!("\"mounts\": [\n  {}\n]", items.join(",\n  "));
        match ui.json {
            true => ui.line(format!("{{ {list} }}")),
            false => ui.line(list),
        }
        return Ok(());
    }
    let there = targets(place.text())?;
    let is_there = |mount: &Mount| there.contains(&mount.target);
    if ui.json {
        let mounts = mounts.iter().map(|mount| {
            let mut mount_document = document(mount);
            mount_document["exists"] = mount.path.exists().into();
            mount_document["in_file"] = is_there(mount).into();
            mount_document
        });
        ui.document(&json!({
            "agent": planned.agent,
            "user": planned.user,
            "file": place.is_there().then(|| place.path()),
            "mounts": mounts.collect::<Vec<_>>(),
            "left_out": left_out(&planned.shares),
        }));
        return Ok(());
    }
    let row = |mount: &Mount| {
        let missing = if mount.path.exists() { "" } else { " (missing)" };
        [
            mount.resource.clone(),
            if mount.readonly { "read-only" } else { "read-write" }.to_owned(),
            if is_there(mount) { "yes" } else { "no" }.to_owned(),
            format!("{}{missing}", plain(mount.path.as_str())),
            plain(&mount.target),
        ]
        .map(|cell| (cell, ""))
        .to_vec()
    };
    ui.text(table(&HEADINGS, &mounts.iter().map(row).collect::<Vec<_>>()));
    notes(ui, planned, mounts);
    Ok(())
}

fn write(ui: Ui, place: &Place, planned: &Planned, form: Form) -> Result<()> {
    let Planned { agent, shares, .. } = planned;
    let applied =
        apply(place.text(), agent, &shares.mounts, form).map_err(|error| named(place, error))?;
    let mounts: Vec<Mount> =
        shares.mounts.iter().filter(|mount| !applied.taken.contains(mount)).cloned().collect();
    let made = make_missing(&mounts)?;
    let changed = place.write(&applied.text)?;
    if ui.json {
        ui.document(&json!({
            "agent": agent,
            "user": planned.user,
            "file": place.path(),
            "changed": changed,
            "mounts": mounts.iter().map(document).collect::<Vec<_>>(),
            "taken": applied.taken.iter().map(document).collect::<Vec<_>>(),
            "left_out": left_out(shares),
            "made": made,
            "above": above(planned, &mounts),
        }));
        return Ok(());
    }
    let (count, path) = (mounts.len(), plain(place.path().as_str()));
    match changed {
        true => {
            ui.line(format!("{path}: {count} mounts of `{agent}` for the user `{}`", planned.user))
        }
        false => ui.line(format!("{path}: nothing to change, {count} mounts of `{agent}`")),
    }
    for directory in &made {
        ui.notice(format!("note: made `{}`, which was not there", plain(directory.as_str())));
    }
    for mount in &applied.taken {
        let (resource, target) = (&mount.resource, plain(&mount.target));
        ui.notice(format!(
            "note: `{resource}` left out: the file mounts something at `{target}` itself"
        ));
    }
    notes(ui, planned, &mounts);
    let above = above(planned, &mounts);
    if !above.is_empty() {
        let (user, above) = (&planned.user, above.join(" "));
        ui.notice(format!(
            "note: in the container, `{user}` must own {above}, which the engine makes as root where the image has none: \"postCreateCommand\": \"sudo chown {user} {above}\""
        ));
    }
    if changed && place.is_there() {
        ui.notice("note: a container that exists has them when it is built again");
    }
    Ok(())
}

fn disable(ui: Ui, place: &Place, agent: Option<&str>) -> Result<()> {
    let was = owners(place.text()).map_err(|error| named(place, error))?;
    let gone: Vec<_> =
        was.into_iter().filter(|owner| agent.is_none_or(|agent| agent == owner)).collect();
    let text = remove(place.text(), agent).map_err(|error| named(place, error))?;
    let changed = place.is_there() && place.write(&text)?;
    if ui.json {
        ui.document(&json!({ "file": place.path(), "changed": changed, "agents": gone }));
        return Ok(());
    }
    let path = plain(place.path().as_str());
    match changed {
        true => ui.line(format!("{path}: took out the mounts of {}", listed(&gone))),
        false => ui.line(format!("{path}: nothing of sessctl's is in it")),
    }
    Ok(())
}

/// Directories that are mounted and aren't there: an engine would refuse the mount, or make them
/// as root.
fn make_missing(mounts: &[Mount]) -> Result<Vec<Utf8PathBuf>> {
    let missing = mounts.iter().filter(|mount| mount.directory && !mount.path.exists());
    missing
        .map(|mount| {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&mount.path);
            made.map_err(|error| {
                let path = plain(mount.path.as_str());
                let message =
                    format!("can't make `{path}`, which is to be mounted; make it yourself");
                Error::io(OPERATION, message, error)
            })?;
            Ok(mount.path.clone())
        })
        .collect()
}

/// The directories between the home and what is mounted, which an engine makes as root, so that
/// nobody else can make anything beside what is mounted.
fn above(planned: &Planned, mounts: &[Mount]) -> Vec<String> {
    if planned.user == "root" {
        return Vec::new();
    }
    let home = planned.home.as_path();
    let between = |mount: &Mount| {
        let above = Utf8Path::new(&mount.target).ancestors().skip(1);
        let above = above.take_while(|above| *above != home && above.starts_with(home));
        above.map(ToString::to_string).collect::<Vec<_>>()
    };
    mounts.iter().flat_map(between).collect::<BTreeSet<_>>().into_iter().collect()
}

fn notes(ui: Ui, planned: &Planned, mounts: &[Mount]) {
    for (resource, reason) in &planned.shares.left_out {
        ui.notice(format!("note: `{resource}` left out: {}", plain(reason)));
    }
    let me = rustix::process::getuid().as_raw();
    for mount in mounts {
        let Ok(owner) = mount.path.metadata().map(|kind| kind.uid()) else { continue };
        if owner != me {
            let path = plain(mount.path.as_str());
            ui.notice(format!(
                "note: `{path}` belongs to the user {owner}, not to you: sudo chown -R $USER '{path}'"
            ));
        }
    }
}

fn document(mount: &Mount) -> Value {
    json!({
        "resource": mount.resource,
        "source": mount.source,
        "target": mount.target,
        "type": "bind",
        "readonly": mount.readonly,
        "path": mount.path,
    })
}

fn left_out(shares: &Shares) -> Vec<Value> {
    let one =
        |(resource, reason): &(String, String)| json!({ "resource": resource, "reason": reason });
    shares.left_out.iter().map(one).collect()
}

fn agent<'a>(sharing: &'a Sharing, profiles: &Profiles) -> Result<&'a str> {
    sharing.agent.as_deref().ok_or_else(|| {
        let known: Vec<_> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        let message = format!("say whose files, with -a AGENT; known agents: {}", known.join(", "));
        Error::new(ErrorKind::InvalidInput, OPERATION, message)
    })
}

fn listed(agents: &[String]) -> String {
    agents.iter().map(|agent| format!("`{agent}`")).collect::<Vec<_>>().join(", ")
}

/// The same error, with the file's name in front.
fn named(place: &Place, error: Error) -> Error {
    let message = format!("`{}`, {}", plain(place.path().as_str()), error.message());
    Error::new(error.kind(), OPERATION, message)
}
