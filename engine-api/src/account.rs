//! Who a session's processes are.

use camino::{Utf8Path, Utf8PathBuf};
use session_core::ResolvedSpec;

use crate::Dialect;
use crate::backend::EngineHost;

/// The user of a session's processes, as the container sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The login name; a word without anything that `/etc/passwd` would misread.
    pub(crate) name: String,
    /// How the engine must map users for files to be the caller's.
    pub(crate) userns: Option<&'static str>,
}

impl Account {
    /// The caller, or the container's root if asked for.
    ///
    /// A rootless engine's root *is* the caller outside, so there root needs no mapping.
    pub(crate) fn of(spec: &ResolvedSpec, host: &EngineHost, dialect: &Dialect) -> Self {
        if spec.container.root || host.uid == 0 || dialect.only_root_is_caller {
            return Self { uid: 0, gid: 0, name: "root".to_owned(), userns: None };
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        let usable = host.user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && host.user.chars().all(plain)
            && host.user != "root";
        let name = if usable { host.user.clone() } else { "user".to_owned() };
        let userns = dialect.keep_id.then_some("keep-id");
        Self { uid: host.uid, gid: host.gid, name, userns }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// As the engine takes it.
    pub(crate) fn to_user(&self) -> String {
        format!("{}:{}", self.uid, self.gid)
    }

    /// Its home in the container, where that is a directory of the host; root has the image's.
    pub(crate) fn home(&self) -> Option<Utf8PathBuf> {
        (!self.is_root()).then(|| Utf8Path::new("/home").join(&self.name))
    }

    /// `/etc/passwd` with a line for this user, which is added where it has none.
    pub(crate) fn passwd(&self, image: &str) -> String {
        let Self { uid, gid, name, .. } = self;
        let line = format!("{name}:x:{uid}:{gid}:{name}:/home/{name}:/bin/sh");
        with_line(image, &line, &self.name, &uid.to_string())
    }

    /// `/etc/group` with a line for this user's group.
    pub(crate) fn group(&self, image: &str) -> String {
        let line = format!("{}:x:{}:", self.name, self.gid);
        with_line(image, &line, &self.name, &self.gid.to_string())
    }
}

/// `text` with `line` instead of those that have its name or number.
fn with_line(text: &str, line: &str, name: &str, number: &str) -> String {
    let ours = |row: &&str| {
        let mut fields = row.split(':');
        fields.next() == Some(name) || fields.nth(1) == Some(number)
    };
    let mut kept: Vec<_> = text.lines().filter(|row| !row.is_empty() && !ours(row)).collect();
    kept.push(line);
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { uid: 1000, gid: 100, name: "me".to_owned(), userns: None }
    }

    #[test]
    fn a_line_is_added_once_and_the_others_stay() {
        let image = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";
        let made = account().passwd(image);
        assert_eq!(made, "root:x:0:0:root:/root:/bin/sh\nme:x:1000:100:me:/home/me:/bin/sh\n");
        assert_eq!(account().passwd(&made), made);
    }

    #[test]
    fn the_group_replaces_one_of_its_number() {
        assert_eq!(account().group("users:x:100:\nme:x:7:\nroot:x:0:"), "root:x:0:\nme:x:100:\n");
    }
}
