//! TCP ports that sessions have to themselves: one file for each, named by its number.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use crate::catalog::make_private;
use crate::{Error, ErrorKind, Layout, Result, SessionId};

const OPERATION: &str = "ports.lease";

/// Gives `id` a port for each of `names`; whoever calls it holds the lock of all ports. Blocks.
///
/// A session keeps the ports it has, or had, unless they are taken; ports of names it no longer has are given up, and so
/// are those of sessions that are not there any more. `is_free` says whether nothing else listens on a port. Where in the range it is
/// looked first depends on the home, for two homes of one host know nothing of each other's leases before somebody listens.
pub(crate) fn lease(
    layout: &Layout,
    id: &SessionId,
    names: &BTreeSet<String>,
    had: &BTreeMap<String, u16>,
    range: &RangeInclusive<u16>,
    is_free: impl Fn(u16) -> bool,
) -> Result<BTreeMap<String, u16>> {
    let directory = layout.ports();
    let mut leases = read(&directory)?;
    leases.retain(|port, holder| {
        let wanted = match holder {
            Some((of, name)) if of == id => names.contains(name),
            Some((of, _)) => layout.session(of).is_dir(),
            None => false,
        };
        if !wanted {
            let _ = std::fs::remove_file(directory.join(port.to_string()));
        }
        wanted
    });
    let mut given = BTreeMap::new();
    for name in names {
        let held = leases.iter().find_map(|(port, holder)| {
            holder.as_ref().filter(|(of, called)| of == id && called == name).map(|_| *port)
        });
        if let Some(port) = held {
            if is_free(port) {
                given.insert(name.clone(), port);
                continue;
            }
            leases.remove(&port);
            give_up(&directory, port)?;
        }
        let before = had.get(name).copied().filter(|port| range.contains(port));
        let port = before
            .into_iter()
            .chain(from(range, first(layout, range)))
            .find(|port| !leases.contains_key(port) && Some(*port) != held && is_free(*port));
        let Some(port) = port else {
            let (first, last) = (range.start(), range.end());
            let message = format!(
                "no port from {first} to {last} is free; remove sessions that you no longer need, or widen the range (`ports` in the configuration)"
            );
            return Err(Error::new(ErrorKind::Refused, OPERATION, message));
        };
        make_private(&directory)?;
        let path = directory.join(port.to_string());
        std::fs::write(&path, format!("{id} {name}\n"))
            .map_err(|error| Error::io(OPERATION, format!("can't write `{path}`"), error))?;
        leases.insert(port, Some((*id, name.clone())));
        given.insert(name.clone(), port);
    }
    Ok(given)
}

/// The port of the range at which a home begins to look.
fn first(layout: &Layout, range: &RangeInclusive<u16>) -> u16 {
    let digest = Sha256::digest(layout.home().as_str());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let count = u32::from(range.end().saturating_sub(*range.start())) + 1;
    let offset = u16::try_from(number % count).expect("less than there are ports");
    range.start() + offset
}

/// All ports of the range, from `first` on and then from the beginning.
fn from(range: &RangeInclusive<u16>, first: u16) -> impl Iterator<Item = u16> {
    (first..=*range.end()).chain(*range.start()..first)
}

/// Gives up all ports of `id`; whoever calls it holds the lock of all ports. Blocks.
pub(crate) fn release(layout: &Layout, id: &SessionId) -> Result<()> {
    let directory = layout.ports();
    for (port, holder) in read(&directory)? {
        if holder.is_some_and(|(of, _)| of == *id) {
            give_up(&directory, port)?;
        }
    }
    Ok(())
}

/// Whether nothing of this host listens on `port`, found out by trying.
pub(crate) fn nobody_listens(port: u16) -> bool {
    let free = |address: SocketAddr| match TcpListener::bind(address) {
        Ok(_) => true,
        // A host without this kind of address has nobody who listens on it.
        Err(error) => matches!(
            error.kind(),
            std::io::ErrorKind::AddrNotAvailable | std::io::ErrorKind::Unsupported
        ),
    };
    free((Ipv4Addr::UNSPECIFIED, port).into()) && free((Ipv6Addr::UNSPECIFIED, port).into())
}

/// The port `name` of a variable: letters, digits and `_`.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

type Leases = BTreeMap<u16, Option<(SessionId, String)>>;

/// All leases; one that can't be read has no holder.
fn read(directory: &Utf8Path) -> Result<Leases> {
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Leases::new()),
        Err(error) => return Err(Error::io(OPERATION, format!("can't read `{directory}`"), error)),
    };
    let lease = |path: Utf8PathBuf| {
        let port = path.file_name()?.parse().ok()?;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let holder = text.trim_end().split_once(' ');
        let holder = holder.and_then(|(id, name)| Some((id.parse().ok()?, name.to_owned())));
        Some((port, holder))
    };
    Ok(entries.flatten().filter_map(|entry| lease(entry.into_path())).collect())
}

fn give_up(directory: &Utf8Path, port: u16) -> Result<()> {
    let path = directory.join(port.to_string());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(OPERATION, format!("can't remove `{path}`"), error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        _root: tempfile::TempDir,
        layout: Layout,
    }

    fn place() -> Place {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path =
            Utf8PathBuf::try_from(root.path().to_owned()).expect("temporary paths are UTF-8");
        Place { _root: root, layout: Layout::new(path) }
    }

    fn session(place: &Place) -> SessionId {
        let id = SessionId::new();
        std::fs::create_dir_all(place.layout.session(&id)).expect("a directory");
        id
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    const RANGE: RangeInclusive<u16> = 20000..=20003;

    fn get(place: &Place, id: &SessionId, wanted: &[&str]) -> Result<BTreeMap<String, u16>> {
        lease(&place.layout, id, &names(wanted), &BTreeMap::new(), &RANGE, |_| true)
    }

    /// S4.23: no port belongs to two, a session keeps its own, and what is given up is there for others.
    #[test]
    fn ports_are_one_sessions_each() {
        let place = place();
        let (a, b) = (session(&place), session(&place));
        let of_a = get(&place, &a, &["db", "web"]).expect("two of four");
        let of_b = get(&place, &b, &["db", "web"]).expect("the other two");
        let all: BTreeSet<_> = of_a.values().chain(of_b.values()).collect();
        assert_eq!(all.len(), 4, "{of_a:?} {of_b:?}");
        assert_eq!(get(&place, &a, &["db", "web"]).expect("again"), of_a);
        let c = session(&place);
        let error = get(&place, &c, &["db"]).expect_err("none is left");
        assert!(error.message().contains("20000 to 20003"), "{}", error.message());
        release(&place.layout, &a).expect("given up");
        assert_eq!(get(&place, &c, &["db"]).expect("one is free")["db"], of_a["db"]);
    }

    /// S4.E3: what is taken by somebody else is exchanged; a name that is gone gives its port back.
    #[test]
    fn a_port_that_is_taken_is_exchanged() {
        let place = place();
        let id = session(&place);
        let first = get(&place, &id, &["web"]).expect("one")["web"];
        let had = BTreeMap::from([("web".to_owned(), first)]);
        let wanted = names(&["web"]);
        let second = lease(&place.layout, &id, &wanted, &had, &RANGE, |port| port != first);
        assert_ne!(second.expect("another")["web"], first);
        assert_eq!(read(&place.layout.ports()).expect("leases").len(), 1);
        get(&place, &id, &[]).expect("nothing is wanted");
        assert_eq!(read(&place.layout.ports()).expect("leases").len(), 0);
    }

    /// S4.23: what a session had is given to it again, and leases of sessions that are gone, or damaged, hold nobody up.
    #[test]
    fn leases_do_not_outlive_sessions() {
        let place = place();
        let gone = SessionId::new();
        std::fs::create_dir_all(place.layout.ports()).expect("a directory");
        let write = |port: u16, text: String| {
            std::fs::write(place.layout.ports().join(port.to_string()), text).expect("a file");
        };
        write(20000, format!("{gone} web\n"));
        write(20001, String::new());
        let id = session(&place);
        let had = BTreeMap::from([("web".to_owned(), 20001)]);
        let given = lease(&place.layout, &id, &names(&["web"]), &had, &RANGE, |_| true);
        assert_eq!(given.expect("what it had")["web"], 20001);
        assert_eq!(read(&place.layout.ports()).expect("leases").len(), 1);
    }

    /// Homes begin to look in different places, each always in the same, and all come to every port.
    #[test]
    fn homes_keep_out_of_each_others_way() {
        let range = 20000..=24999;
        let begin = |home: String| first(&Layout::new(Utf8PathBuf::from(home)), &range);
        let begun: BTreeSet<_> =
            (0..100).map(|n| begin(format!("/home/{n}/.local/share"))).collect();
        assert!(begun.len() > 90, "{}", begun.len());
        assert!(begun.iter().all(|port| range.contains(port)));
        assert_eq!(begin("/home/1".to_owned()), begin("/home/1".to_owned()));
        for first in [20000, 20002, 20003] {
            let all: Vec<_> = from(&RANGE, first).collect();
            assert_eq!((all[0], all.len()), (first, 4));
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
        }
        assert_eq!(first(&Layout::new(Utf8PathBuf::from("/home")), &(65535..=65535)), 65535);
    }

    /// S4.E3
    #[test]
    fn who_listens_is_noticed() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        assert!(!nobody_listens(port));
        drop(listener);
        assert!(nobody_listens(port));
    }
}
