//! Logins that stand in a person's settings.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::content;
use super::person::{self, host_path};
use super::plan::AgentOptions;
use super::value::{Path, first};
use crate::HostView;
use crate::profile::{Format, LoginSetting, Profile, Resource, SharePolicy};

/// The first key that stands for a login in settings that the session will have: the person's where they are shared, or those of
/// the session alone. What can't be read is none. Blocks.
pub(super) fn find(
    profile: &Profile,
    options: &AgentOptions,
    host: &HostView,
    on_host: bool,
) -> Option<String> {
    let is_there = |setting: &&LoginSetting| {
        let named = |resource: &&Resource| resource.name == setting.resource;
        let resource = profile.resources.iter().find(named);
        resource.is_some_and(|resource| {
            let own = own(profile, resource, options, host);
            let theirs = theirs(profile, resource, options, host);
            let comes_along =
                on_host || !resource.only_on_host.iter().any(|key| leads(setting, key));
            let files = own.into_iter().chain(theirs.filter(|_| comes_along));
            let mut documents = files.filter_map(|(format, file)| read(format, &file));
            documents.any(|document| says(setting, &document))
        })
    };
    profile.credentials.settings.iter().find(is_there).map(|setting| setting.key.clone())
}

/// The person's file, where the session gets it.
fn theirs(
    profile: &Profile,
    resource: &Resource,
    options: &AgentOptions,
    host: &HostView,
) -> Option<(Format, Utf8PathBuf)> {
    let asked = options.share.get(&resource.name).copied();
    let policy = asked.unwrap_or_else(|| resource.policy_under(options.preset));
    let source = resource.source.as_ref().filter(|_| policy != SharePolicy::Private)?;
    let file = host_path(source, &profile.host_variables(host)).ok()?;
    Some((resource.format.unwrap_or(Format::Json), file))
}

/// The settings of the session alone, which are put over these.
fn own(
    profile: &Profile,
    resource: &Resource,
    options: &AgentOptions,
    host: &HostView,
) -> Option<(Format, Utf8PathBuf)> {
    let overrides = profile.overrides.as_ref()?;
    let file = options.settings.as_ref().filter(|_| overrides.resource == resource.name)?;
    Some((Format::Json, host.working_directory.join(file)))
}

/// Whether the setting lies in the table, or is the value, of `key` at the top.
fn leads(setting: &LoginSetting, key: &str) -> bool {
    setting.key.split('.').next() == Some(key)
}

/// Whether the key is there and has a value that counts.
fn says(setting: &LoginSetting, document: &Value) -> bool {
    match first(document, &Path::new(&setting.key)) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty() && !setting.except.contains(text),
        Some(_) => true,
    }
}

fn read(format: Format, file: &Utf8Path) -> Option<Value> {
    content::read(format, &person::read(file).ok()?, "").ok()
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::find;
    use crate::HostView;
    use crate::agent::AgentOptions;
    use crate::profile::{Profile, SharePolicy};

    const PROFILE: &str = r#"
title = "Robot"
program = "robot"

[credentials]
files = ["login"]
settings = [
    { resource = "settings", key = "helper" },
    { resource = "settings", key = "env.KEY" },
]

[[resources]]
name = "settings"
kind = "file"
source = "${HOME}/settings.json"
target = "settings.json"
policy = "shared-ro"
format = "json"
only_on_host = ["helper"]

[overrides]
resource = "settings"
"#;

    /// What is only on the host is none in a container; settings of the session alone count wherever the person's don't come along.
    #[test]
    fn where_it_counts() {
        let profile = Profile::from_toml("robot", PROFILE, "robot.toml").expect("it is valid");
        let directory = tempfile::tempdir().expect("a directory");
        let home = Utf8Path::from_path(directory.path()).expect("UTF-8");
        let host = HostView::new(home, "me").with_home(home);
        let write = |file: &str, text: &str| {
            std::fs::write(home.join(file), text).expect("it is writable");
        };
        let mut options = AgentOptions::default();
        let found = |options: &AgentOptions, on_host| find(&profile, options, &host, on_host);
        assert_eq!(found(&options, true), None, "there is no file");
        write("settings.json", r#"{"helper": "/bin/x", /* mine */ "env": {"KEY": ""}}"#);
        assert_eq!(found(&options, true).as_deref(), Some("helper"));
        assert_eq!(found(&options, false), None, "it stays on the host");
        write("settings.json", r#"{"env": {"KEY": "k"}}"#);
        assert_eq!(found(&options, false).as_deref(), Some("env.KEY"));
        options.share.insert("settings".to_owned(), SharePolicy::Private);
        assert_eq!(found(&options, true), None);
        write("own.json", r#"{"env": {"KEY": "k"}}"#);
        options.settings = Some("own.json".into());
        assert_eq!(found(&options, true).as_deref(), Some("env.KEY"));
    }
}
