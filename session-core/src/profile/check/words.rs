//! What names and paths may look like.

use camino::{Utf8Component, Utf8Path};

/// Lowercase letters, digits and `joint`, beginning with a letter.
pub(super) fn is_word(word: &str, joint: char) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint)
}

pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether it stays below the directory that it is in.
pub(super) fn is_inside(path: &str) -> bool {
    let components = Utf8Path::new(path).components();
    !path.is_empty()
        && !path.contains('\0')
        && !path.ends_with('/')
        && components.into_iter().all(|part| matches!(part, Utf8Component::Normal(_)))
}

pub(super) fn outside(path: &str) -> String {
    format!(
        "`{}` is no path below a directory; write one without `/` at its ends and without `..`",
        path.escape_debug()
    )
}

/// Whether one of two paths is the other, or in it.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (Utf8Path::new(one), Utf8Path::new(other));
    one.starts_with(other) || other.starts_with(one)
}
