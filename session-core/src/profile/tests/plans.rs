//! What each shipped profile comes to, in a form that can be read: a change of one line here is a change for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

use crate::agent::{
    self, AgentOptions, AgentPlan, FoundConversation, Login, Occasion, Placement, Request,
};
use crate::profile::{Preset, Profile, Profiles};
use crate::{HostView, MountPlan, SessionId, SessionName};

const PRESETS: [Preset; 3] = [Preset::Private, Preset::Shared, Preset::Bare];
/// Where a session is, and where the person's login is.
const DIRECTORY: &str = "/data/sessions/ID";
const LOGIN: &str = "/data/credentials/LOGIN";

/// Everything that is decided about a session of `profile`.
struct Case<'a> {
    profile: &'a Profile,
    placement: Placement,
    preset: Preset,
    unattended: bool,
    prompt: Option<bool>,
}

fn id() -> SessionId {
    "0190b4a8-0000-7000-8000-000000000001".parse().expect("an id")
}

fn host(profile: &Profile) -> HostView {
    let mut environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]);
    let logins = profile.credentials.environment.iter().chain(&profile.credentials.headless);
    let passed = profile.environment.pass.iter().chain(logins);
    // What an agent leaves behind, and what the person set.
    for name in passed.chain(&profile.environment.scrub) {
        environment.insert(name.replace('*', "X"), "FROM_HOST".to_owned());
    }
    // These move what is shown.
    for place in profile.places.values() {
        place.variable.iter().for_each(|variable| drop(environment.remove(variable)));
    }
    HostView::new("/home/me/project", "me").with_home("/home/me").with_environment(environment)
}

impl Case<'_> {
    fn decided(&self) -> (AgentPlan, Vec<MountPlan>) {
        let options = AgentOptions {
            preset: self.preset,
            unattended: self.unattended && !self.profile.arguments.unattended.is_empty(),
            headless: self.prompt.unwrap_or(false),
            prompt: self.prompt.map(|_| "PROMPT".to_owned()),
            ..AgentOptions::default()
        };
        let login = Login {
            ready: true,
            directory: (!self.profile.credentials.files.is_empty()).then(|| LOGIN.into()),
            ..Login::default()
        };
        let workspace: Utf8PathBuf = match self.placement {
            Placement::Host => "/data/sessions/ID/workspace/project".into(),
            _ => "/workspace/project".into(),
        };
        let request = Request {
            profile: self.profile,
            options: &options,
            arguments: &["OWN".to_owned()],
            login: &login,
            host: &host(self.profile),
            id: &id(),
            directory: Utf8Path::new(DIRECTORY),
            workspace,
            placement: self.placement,
        };
        let mut problems = Vec::new();
        let (mut plan, mounts) = agent::resolve(&request, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        plan.conversation = plan.conversation.map(|_| "CONVERSATION".to_owned());
        (plan, mounts)
    }

    fn command(&self, latest: bool) -> String {
        let (plan, _) = self.decided();
        let found = FoundConversation {
            id: "CONVERSATION".to_owned(),
            file: "file".into(),
            modified: std::time::SystemTime::UNIX_EPOCH,
        };
        let name: SessionName = "auth".parse().expect("a name");
        let variables = plan.variables(self.profile, &host(self.profile), &id(), &name);
        let program = self.profile.program.clone().unwrap_or_else(|| "YOUR-SHELL".to_owned());
        let latest = latest.then_some(&found);
        let occasion = Occasion { latest, first: true, mcp_file: None, settings: &[] };
        let argv = agent::argv(vec![program], &plan, self.profile, occasion, &variables);
        argv.expect("all names are set").join(" ")
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let (plan, _) = self.decided();
        let host = host(self.profile);
        let name: SessionName = "auth".parse().expect("a name");
        let variables = plan.variables(self.profile, &host, &id(), &name);
        let in_container = self.placement != Placement::Host;
        let mut environment = match in_container {
            true => BTreeMap::new(),
            false => host.environment.clone(),
        };
        agent::scrub(&mut environment, &Profiles::shipped(), Some(self.profile));
        agent::add_environment(
            &mut environment,
            &plan,
            self.profile,
            &host,
            &variables,
            in_container,
        )
        .expect("all names are set");
        environment
    }
}

fn shown(profile: &Profile) -> String {
    let mut text = format!("{} ({})\n", profile.title, profile.name);
    let case =
        |placement, preset| Case { profile, placement, preset, unattended: false, prompt: None };
    for (title, placement) in
        [("on the host", Placement::Host), ("in a container", Placement::Mounted)]
    {
        writeln!(text, "\n== {title}\n\ncommands").expect("a text takes it");
        let normal = case(placement, Preset::Private);
        let mut commands = vec![("new", normal.command(false)), ("resume", normal.command(true))];
        if !profile.arguments.unattended.is_empty() {
            commands.push((
                "unattended",
                Case { unattended: true, ..case(placement, Preset::Private) }.command(false),
            ));
        }
        for (what, headless, words) in [
            ("prompt", false, &profile.arguments.prompt),
            ("headless", true, &profile.arguments.headless),
        ] {
            if !words.is_empty() {
                let with_prompt =
                    Case { prompt: Some(headless), ..case(placement, Preset::Private) };
                commands.push((what, with_prompt.command(false)));
            }
        }
        commands
            .iter()
            .for_each(|(what, command)| writeln!(text, "  {what}: {command}").expect("it does"));
        text.push_str("\nenvironment\n");
        let (quiet, bold) = (
            normal.environment(),
            Case { unattended: true, ..case(placement, Preset::Private) }.environment(),
        );
        let names: BTreeSet<_> = quiet.keys().chain(bold.keys()).collect();
        for name in names {
            match (quiet.get(name), bold.get(name)) {
                (None, Some(value)) => writeln!(text, "  {name}={value} (unattended)"),
                (Some(value), _) => writeln!(text, "  {name}={value}"),
                (None, None) => Ok(()),
            }
            .expect("it does");
        }
        if placement == Placement::Mounted {
            for preset in PRESETS {
                let (_, mounts) = case(placement, preset).decided();
                writeln!(text, "\nmounts, {preset:?}").expect("it does");
                for mount in mounts {
                    let mode = if mount.read_only { "ro" } else { "rw" };
                    writeln!(text, "  {mode} {} -> {}", mount.source, mount.target)
                        .expect("it does");
                }
            }
        }
    }
    text.push_str("\n== resources (private, shared, bare)\n\n");
    for setting in &profile.credentials.settings {
        writeln!(text, "  a login: {}: {}", setting.resource, setting.key).expect("it does");
    }
    let paths: BTreeMap<_, _> = profile.host_paths(&host(profile)).into_iter().collect();
    for resource in &profile.resources {
        let policies = PRESETS.map(|preset| resource.policy_under(preset).to_string()).join(", ");
        let source = paths.get(&resource.name).map_or("nothing", |path| path.as_str());
        writeln!(text, "  {}: {policies}\n    {source} -> {}", resource.name, resource.target)
            .expect("it does");
        for hidden in &resource.hidden {
            writeln!(text, "    hides {}/**/{}", hidden.directory, hidden.file).expect("it does");
        }
    }
    if !profile.outside.is_empty() {
        text.push_str("\n== outside\n\n");
    }
    for (outside, path) in profile.outside_on(&host(profile)) {
        writeln!(text, "  {}: {:?} {path}", outside.name, outside.access).expect("it does");
    }
    text
}

/// S3.9, S4.13: what is shared, what is private, and what is run, of every agent that comes with the library.
#[test]
fn shipped_profiles_resolved() {
    for profile in Profiles::shipped().iter() {
        insta::assert_snapshot!(profile.name.as_str(), shown(profile));
    }
}

/// No variable of any shipped agent is empty or relative to where a session happens to run, and none of the marks of an
/// agent is handed on.
#[test]
fn environments_of_shipped_profiles() {
    let shipped = Profiles::shipped();
    for profile in shipped.iter() {
        for placement in [Placement::Host, Placement::Mounted] {
            let case = Case {
                profile,
                placement,
                preset: Preset::Private,
                unattended: true,
                prompt: None,
            };
            let environment = case.environment();
            for (name, value) in &environment {
                assert!(
                    !value.is_empty() && !value.starts_with('~') && !value.contains("${"),
                    "{name}={value}"
                );
            }
            for mark in [
                "CLAUDECODE",
                "CLAUDE_CODE_CHILD_SESSION",
                "CODEX_THREAD_ID",
                "OPENCODE",
                "GEMINI_CLI",
                "COPILOT_CLI",
            ] {
                assert!(!environment.contains_key(mark), "{}: {mark}", profile.name);
            }
        }
    }
}
