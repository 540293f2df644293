//! Which names and link targets stay inside.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::Timespec;

use super::Links;

/// The names of an entry's path, or why it is refused. `.` and doubled slashes mean nothing.
pub(super) fn components(path: &[u8]) -> Result<Vec<OsString>, &'static str> {
    if path.first() == Some(&b'/') {
        return Err("its path is absolute");
    }
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return Err("its path has `..` in it"),
            name if name.contains(&0) => return Err("its path has a zero byte in it"),
            name => names.push(OsStr::from_bytes(name).to_owned()),
        }
    }
    Ok(names)
}

/// Whether a link that lies `depth` directories deep leads to somewhere inside.
///
/// `..` counts exactly only from a real directory, so it may only stand at the beginning: after a
/// name it could go up from wherever another link leads. With that, following any number of links
/// goes from one real directory inside to the next.
pub(super) fn link_components(
    target: &[u8],
    depth: usize,
    links: Links,
) -> Result<(), &'static str> {
    if target.is_empty() || target.contains(&0) {
        return Err("it links to nothing");
    }
    if links == Links::Any {
        return Ok(());
    }
    if target.first() == Some(&b'/') {
        return Err("it is a link to an absolute path");
    }
    let (mut up, mut down) = (0, false);
    for name in target.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if down => return Err("it is a link with `..` after a name"),
            b".." => up += 1,
            _ => down = true,
        }
    }
    if up > depth { Err("it is a link that leads out") } else { Ok(()) }
}

/// A time as pax writes it: seconds since 1970, with a fraction.
pub(super) fn time(text: &str) -> Option<Timespec> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let (seconds, nanoseconds): (i64, i64) = (seconds.parse().ok()?, digits.parse().ok()?);
    // A negative time with a fraction counts up from the second below.
    let (tv_sec, tv_nsec) = match (text.starts_with('-'), nanoseconds) {
        (true, 1..) => (seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds),
        _ => (seconds, nanoseconds),
    };
    Some(Timespec { tv_sec, tv_nsec })
}

/// The time as pax writes it; `None` where a header's whole seconds say it all.
pub(super) fn time_text(seconds: i64, nanoseconds: i64) -> Option<String> {
    match (seconds, nanoseconds) {
        (0.., 0) => None,
        (0.., _) => Some(format!("{seconds}.{nanoseconds:09}")),
        (_, 0) => Some(seconds.to_string()),
        // Counted down from the second above.
        _ => Some(format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        for bad in [&b"/etc/passwd"[..], b"..", b"a/../b", b"a/..", b"./../a", b"a\0b"] {
            assert!(components(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert_eq!(components(b"./a//b/").unwrap(), ["a", "b"]);
        assert_eq!(components(b"./").unwrap(), Vec::<OsString>::new());
        assert_eq!(components(b"..a/b..").unwrap(), ["..a", "b.."]);
    }

    #[test]
    fn links_stay_inside() {
        for (target, depth) in
            [("/etc", 3), ("..", 0), ("../../a", 1), ("a/../../b", 1), ("a/..", 5), ("", 1)]
        {
            let judged = link_components(target.as_bytes(), depth, Links::Inside);
            assert!(judged.is_err(), "{target} at {depth}");
        }
        for (target, depth) in [("..", 1), ("../../a", 2), ("a/b", 0), ("./a", 0), ("...", 0)] {
            let judged = link_components(target.as_bytes(), depth, Links::Inside);
            assert!(judged.is_ok(), "{target} at {depth}");
        }
        assert!(link_components(b"/etc", 0, Links::Any).is_ok());
        assert!(link_components(b"", 0, Links::Any).is_err());
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        let parts = |text: &str| time(text).map(|time| (time.tv_sec, time.tv_nsec));
        assert_eq!(parts("12.5"), Some((12, 500_000_000)));
        assert_eq!(parts("-1.25"), Some((-2, 750_000_000)));
        assert_eq!(parts("7"), Some((7, 0)));
        assert_eq!(parts("1.0000000019"), Some((1, 1)));
        assert_eq!(parts("x"), None);
        for there in [(12, 500_000_000), (-2, 750_000_000), (-1, 1), (-7, 0), (0, 5)] {
            let text = time_text(there.0, there.1).unwrap();
            assert_eq!(parts(&text), Some(there), "{text}");
        }
        assert_eq!(time_text(7, 0), None);
        assert_eq!(parts("1.x"), None);
    }
}
