//! `sessctl devcontainer`: an agent's files as mounts of a project's dev container.

use camino::Utf8PathBuf;
use serde_json::{Value, json};
use session_core::devcontainer::{DevContainerFile, Form, Mount, Plan, Sharing};
use session_core::profile::Profiles;
use session_core::{Error, ErrorKind, Result};

use crate::args;
use crate::args::{Devcontainer, DevcontainerAction};
use crate::surroundings::Surroundings;
use crate::table::table;
use crate::ui::{Ui, plain};

const OPERATION: &str = "devcontainer.apply";
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
    let find = |path: &Option<Utf8PathBuf>| {
        DevContainerFile::find(&path.as_ref().map_or_else(|| here.clone(), |path| here.join(path)))
    };
    let plan = |file: &DevContainerFile, sharing: &args::Sharing| {
        let profile = profiles.find(agent(sharing, profiles)?)?;
        let asked = Sharing::default()
            .with_user(sharing.user.clone())
            .with_preset(sharing.preset)
            .with_share(sharing.share.iter().cloned().collect());
        file.plan(profile, &surroundings.host, &asked)
    };
    match &arguments.action {
        DevcontainerAction::Mounts { path, form, sharing } => {
            let file = find(path)?;
            let plan = plan(&file, sharing)?;
            show(ui, &file, &plan, form.map(Form::from))?;
        }
        DevcontainerAction::Apply { path, disable: true, sharing, .. } => {
            disable(ui, &find(path)?, sharing.agent.as_deref())?;
        }
        DevcontainerAction::Apply { path, form, sharing, .. } => {
            let file = find(path)?;
            let plan = plan(&file, sharing)?;
            write(ui, &file, &plan, (*form).into())?;
        }
    }
    Ok(0)
}

fn show(ui: Ui, file: &DevContainerFile, plan: &Plan, form: Option<Form>) -> Result<()> {
    let mounts = &plan.mounts;
    if let Some(form) = form {
        let items: Vec<_> = mounts.iter().map(|mount| mount.render(form)).collect();
        let list = format!("\"mounts\": [\n  {}\n]", items.join(",\n  "));
        match ui.json {
            true => ui.line(format!("{{ {list} }}")),
            false => ui.line(list),
        }
        return Ok(());
    }
    let there = file.mounted_at()?;
    let is_there = |mount: &Mount| there.contains(&mount.target);
    if ui.json {
        let mounts = mounts.iter().map(|mount| {
            let mut mount_document = document(mount);
            mount_document["exists"] = mount.path.exists().into();
            mount_document["in_file"] = is_there(mount).into();
            mount_document
        });
        ui.document(&json!({
            "agent": plan.agent,
            "user": plan.user,
            "file": file.is_there().then(|| file.path()),
            "mounts": mounts.collect::<Vec<_>>(),
            "left_out": plan.left_out,
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
    notes(ui, plan, mounts);
    Ok(())
}

fn write(ui: Ui, file: &DevContainerFile, plan: &Plan, form: Form) -> Result<()> {
    let agent = &plan.agent;
    let applied = file.apply(plan, form)?;
    let (changed, mounts) = (applied.changed, &applied.mounts);
    let above = plan.directories_above(mounts);
    if ui.json {
        ui.document(&json!({
            "agent": agent,
            "user": plan.user,
            "file": file.path(),
            "changed": changed,
            "mounts": mounts.iter().map(document).collect::<Vec<_>>(),
            "taken": applied.taken.iter().map(document).collect::<Vec<_>>(),
            "left_out": plan.left_out,
            "made": applied.made,
            "above": above,
        }));
        return Ok(());
    }
    let (count, path) = (mounts.len(), plain(file.path().as_str()));
    match changed {
        true => {
            ui.line(format!("{path}: {count} mounts of `{agent}` for the user `{}`", plan.user))
        }
        false => ui.line(format!("{path}: nothing to change, {count} mounts of `{agent}`")),
    }
    for directory in &applied.made {
        ui.notice(format!("note: made `{}`, which was not there", plain(directory.as_str())));
    }
    for mount in &applied.taken {
        let (resource, target) = (&mount.resource, plain(&mount.target));
        ui.notice(format!(
            "note: `{resource}` left out: the file mounts something at `{target}` itself"
        ));
    }
    notes(ui, plan, mounts);
    if !above.is_empty() {
        let (user, above) = (&plan.user, above.join(" "));
        ui.notice(format!(
            "note: in the container, `{user}` must own {above}, which the engine makes as root where the image has none: \"postCreateCommand\": \"sudo chown {user} {above}\""
        ));
    }
    if changed && file.is_there() {
        ui.notice("note: a container that exists has them when it is built again");
    }
    Ok(())
}

fn disable(ui: Ui, file: &DevContainerFile, agent: Option<&str>) -> Result<()> {
    let removed = file.remove(agent)?;
    let (changed, gone) = (removed.changed, removed.agents);
    if ui.json {
        ui.document(&json!({ "file": file.path(), "changed": changed, "agents": gone }));
        return Ok(());
    }
    let path = plain(file.path().as_str());
    match changed {
        true => ui.line(format!("{path}: took out the mounts of {}", listed(&gone))),
        false => ui.line(format!("{path}: nothing of sessctl's is in it")),
    }
    Ok(())
}

fn notes(ui: Ui, plan: &Plan, mounts: &[Mount]) {
    for left_out in &plan.left_out {
        let (resource, reason) = (&left_out.resource, plain(&left_out.reason));
        ui.notice(format!("note: `{resource}` left out: {reason}"));
    }
    for mount in mounts {
        if let Some(owner) = mount.foreign_owner() {
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

fn agent<'a>(sharing: &'a args::Sharing, profiles: &Profiles) -> Result<&'a str> {
    sharing.agent.as_deref().ok_or_else(|| {
        let known: Vec<_> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        let message = format!("say whose files, with -a AGENT; known agents: {}", known.join(", "));
        Error::new(ErrorKind::InvalidInput, OPERATION, message)
    })
}

fn listed(agents: &[String]) -> String {
    agents.iter().map(|agent| format!("`{agent}`")).collect::<Vec<_>>().join(", ")
}
