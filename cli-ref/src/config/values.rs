//! What the texts of single values mean.

use std::ops::RangeInclusive;

use session_core::{Error, MountPlan};

/// The parts between commas; an empty one is none.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// What is configured counts wherever the command runs, so only absolute paths mean something.
pub(super) fn mounts(texts: Vec<String>) -> std::result::Result<Vec<MountPlan>, String> {
    let mount = |text: &String| {
        let mount: MountPlan = text.parse().map_err(|error: Error| error.message().to_owned())?;
        match mount.source.is_absolute() {
            true => Ok(mount),
            false => {
                let shown = mount.source.as_str().escape_debug();
                Err(format!("`{shown}` is no absolute path; begin with `/`"))
            }
        }
    };
    texts.iter().map(mount).collect()
}

/// As they are written.
pub(super) fn shown_mounts(mounts: &[MountPlan]) -> Vec<String> {
    mounts.iter().map(ToString::to_string).collect()
}

/// The first and the last port.
pub(super) fn range(text: String) -> std::result::Result<RangeInclusive<u16>, String> {
    let wrong = || {
        let shown = text.escape_debug();
        format!("`{shown}` are no ports; write the first and the last, such as `20000-24999`")
    };
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if 1024 <= first && first <= last => Ok(first..=last),
        _ => Err(wrong()),
    }
}

/// As it is written.
pub(super) fn shown_range(range: &RangeInclusive<u16>) -> String {
    format!("{}-{}", range.start(), range.end())
}

/// What git takes as the beginning of a branch's name; empty is no prefix at all.
pub(super) fn branch_prefix(prefix: String) -> std::result::Result<String, String> {
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let wrong = prefix.contains(odd)
        || ["..", "@{", "//"].iter().any(|part| prefix.contains(part))
        || prefix.starts_with(['/', '-'])
        || prefix.split('/').any(|part| part.starts_with('.'))
        || prefix.contains(".lock/");
    if wrong {
        let shown = prefix.escape_debug();
        return Err(format!("no branch can begin with `{shown}`; use one such as `session/`"));
    }
    Ok(prefix)
}
