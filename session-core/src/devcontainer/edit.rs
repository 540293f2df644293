//! Mounts put into the text of a `devcontainer.json`, and taken out again.
//!
//! What is ours stands between two comments that name its owner, so that it is found whatever it
//! says and whoever formatted the file since. All else stays, byte for byte: putting in and
//! taking out again is no change.

use jsonc_parser::ast::{Array, Value};

use super::OPERATION;
use super::document::{Document, LIST, Splice, same, spliced, wrong};
use super::mount::{Form, Mount};
use crate::{Error, ErrorKind, Result};

const BEGIN: &str = "sessctl:begin";
const END: &str = "sessctl:end";
/// Stands in a list that was made for our mounts, and goes with the last of them.
const MADE: &str = "sessctl:list";

/// A text and what it has of what was asked for.
#[derive(Debug)]
pub(super) struct Edited {
    pub(super) text: String,
    /// Those whose place in the container the file itself mounts something at; they were left out.
    pub(super) taken: Vec<Mount>,
}

/// The part of a list that is one owner's. Indices of tokens: its two comments.
struct Block<'a> {
    owner: &'a str,
    first: usize,
    last: usize,
}

/// Puts the owner's mounts into the list, in the place of those that it has there.
///
/// Nothing changes where they are there already. No mounts are the same as [`remove`].
pub(super) fn apply(text: &str, owner: &str, mounts: &[Mount], form: Form) -> Result<Edited> {
    let is_word = owner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if owner.is_empty() || !is_word {
        let message = format!("`{}` can't be the owner of mounts", owner.escape_debug());
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    let (mark, text) = split_mark(text);
    let document = Document::parse(text)?;
    let list = document.list()?;
    let block = match list {
        Some(list) => blocks(&document, list)?.into_iter().find(|block| block.owner == owner),
        None => None,
    };
    let (mine, others) = elements(&document, list, block.as_ref());
    let taken_targets: Vec<String> = others.into_iter().filter_map(target).collect();
    let (taken, wanted): (Vec<Mount>, Vec<Mount>) =
        mounts.iter().cloned().partition(|mount| taken_targets.contains(&mount.target));
    let items: Vec<String> = wanted.iter().map(|mount| mount.render(form)).collect();
    let text = match block {
        _ if items.is_empty() => remove(text, Some(owner))?,
        Some(_) if says(&mine, &items) => text.to_owned(),
        // Somebody emptied it, and nobody knows whose the commas around it are.
        Some(_) if mine.is_empty() => apply(&remove(text, Some(owner))?, owner, mounts, form)?.text,
        Some(block) => {
            let comma = if document.follows_comma(block.last) { "," } else { "" };
            let between = between(&document, &document.indentation(list).inner);
            let lines = block_lines(owner, &items, comma).join(&between);
            spliced(text, vec![Splice::replace(document.span(block.first, block.last), lines)])
        }
        None => spliced(text, insertion(&document, list, owner, &items)),
    };
    Ok(Edited { text: format!("{mark}{text}"), taken })
}

/// Takes out what is the owner's, or all that is ours.
pub(super) fn remove(text: &str, owner: Option<&str>) -> Result<String> {
    let (mark, rest) = split_mark(text);
    let mut text = rest.to_owned();
    loop {
        let document = Document::parse(&text)?;
        let Some(list) = document.list()? else { break };
        let blocks = blocks(&document, list)?;
        let found = blocks.iter().find(|block| owner.is_none_or(|owner| block.owner == owner));
        let splices = match found {
            Some(block) => document.cut(block.first, block.last),
            None if blocks.is_empty() => match unmade(&document, list) {
                Some(splices) => splices,
                None => break,
            },
            None => break,
        };
        text = spliced(&text, splices);
    }
    Ok(format!("{mark}{text}"))
}

/// Who works in the container, as far as the text says.
pub(super) fn user(text: &str) -> Result<Option<String>> {
    let document = Document::parse(split_mark(text).1)?;
    let named = ["remoteUser", "containerUser"].into_iter().find_map(|key| document.text_of(key));
    Ok(named.map(str::to_owned))
}

/// Whether the container is one of Docker Compose's.
pub(super) fn is_compose(text: &str) -> Result<bool> {
    Ok(Document::parse(split_mark(text).1)?.has("dockerComposeFile"))
}

/// Where in the container the text mounts something, whoever wrote that.
pub(super) fn targets(text: &str) -> Result<Vec<String>> {
    let document = Document::parse(split_mark(text).1)?;
    Ok(document
        .list()?
        .map(|list| list.elements.iter().filter_map(target).collect())
        .unwrap_or_default())
}

/// Whose mounts are in the text, in order.
pub(super) fn owners(text: &str) -> Result<Vec<String>> {
    let document = Document::parse(split_mark(text).1)?;
    let Some(list) = document.list()? else { return Ok(Vec::new()) };
    Ok(blocks(&document, list)?.into_iter().map(|block| block.owner.to_owned()).collect())
}

/// A file may begin with the mark that says which encoding it has.
fn split_mark(text: &str) -> (&str, &str) {
    let length = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    text.split_at(length)
}

/// What goes when the last of our mounts went: the whole list that was made for them, or, where
/// somebody else put something into it, our comment in it.
fn unmade(document: &Document<'_>, list: &Array<'_>) -> Option<Vec<Splice>> {
    let comments = document.comments_of(list);
    let (comment, _) = *comments.iter().find(|(_, text)| words(text).first() == Some(&MADE))?;
    if list.elements.is_empty() && comments.len() == 1 {
        let (first, last) = document.list_property()?;
        return Some(document.cut(first, last));
    }
    Some(vec![document.cut_comment(comment)])
}

fn insertion(
    document: &Document<'_>,
    list: Option<&Array<'_>>,
    owner: &str,
    items: &[String],
) -> Vec<Splice> {
    let indentation = document.indentation(list);
    let inner = between(document, &indentation.inner);
    let block = |comma| format!("{inner}{}", block_lines(owner, items, comma).join(&inner));
    let Some(list) = list else {
        let outer = between(document, &indentation.outer);
        let made = format!("/* {MADE} (goes with the last mount of sessctl's) */");
        let property = |comma| format!("{outer}\"{LIST}\": [ {made}{}{outer}]{comma}", block(""));
        return document.append(&document.root(), |_| false, property);
    };
    // Behind the comment that ends another's part, not before it.
    let is_end = |comment: &str| words(comment).first() == Some(&END);
    document.append(&document.container(list), is_end, block)
}

fn between(document: &Document<'_>, indent: &str) -> String {
    format!("{}{indent}", document.newline())
}

fn block_lines(owner: &str, items: &[String], comma: &str) -> Vec<String> {
    let begin = format!(
        "/* {BEGIN} {owner} (replaced by `sessctl devcontainer apply`, taken out by its --disable) */"
    );
    let last = items.len().saturating_sub(1);
    let item = |(index, item)| format!("{item}{}", if index == last { comma } else { "," });
    let items = items.iter().enumerate().map(item);
    std::iter::once(begin).chain(items).chain([format!("/* {END} {owner} */")]).collect()
}

/// The parts that are ours; two of one owner, or half a part, are refused.
fn blocks<'a>(document: &Document<'a>, list: &Array<'a>) -> Result<Vec<Block<'a>>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    for (index, comment) in document.comments_of(list) {
        let refuse = |reason: &str| {
            let reason = format!("{reason}; the comments of sessctl come in pairs");
            Err(wrong(document.line_of(index), &reason))
        };
        match (words(comment).as_slice(), open) {
            ([BEGIN, owner, ..], None) if blocks.iter().any(|block| block.owner == *owner) => {
                return refuse(&format!("`{BEGIN} {owner}` is there twice"));
            }
            ([BEGIN, owner, ..], None) => open = Some((index, *owner)),
            ([END, owner, ..], Some((first, opened))) if opened == *owner => {
                blocks.push(Block { owner, first, last: index });
                open = None;
            }
            ([mark @ (BEGIN | END), ..], _) => {
                return refuse(&format!("`{mark}` has no partner"));
            }
            _ => {}
        }
    }
    match open {
        Some((index, owner)) => Err(wrong(
            document.line_of(index),
            &format!("`{BEGIN} {owner}` has no `{END} {owner}` behind it"),
        )),
        None => Ok(blocks),
    }
}

/// The list's items that are in the block, and the others.
fn elements<'d, 'a>(
    document: &Document<'a>,
    list: Option<&'d Array<'a>>,
    block: Option<&Block<'a>>,
) -> (Vec<&'d Value<'a>>, Vec<&'d Value<'a>>) {
    use jsonc_parser::common::Ranged as _;
    let span = block.map_or(0..0, |block| document.span(block.first, block.last));
    let elements = list.map(|list| list.elements.iter()).into_iter().flatten();
    elements.partition(|element| span.contains(&element.start()))
}

/// Where in the container an item of the list mounts something.
fn target(element: &Value<'_>) -> Option<String> {
    const NAMES: [&str; 3] = ["target", "dst", "destination"];
    let found = match element {
        Value::Object(object) => object.get_string("target")?.value.to_string(),
        Value::StringLit(text) => {
            let mut pairs = text.value.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| NAMES.contains(&name.trim()))?.1.to_owned()
        }
        _ => return None,
    };
    let trimmed = found.trim_end_matches('/');
    Some(if trimmed.is_empty() { found } else { trimmed.to_owned() })
}

/// Whether the items are these already.
fn says(mine: &[&Value<'_>], items: &[String]) -> bool {
    let text = format!("{{\"{LIST}\":[{}]}}", items.join(","));
    let Ok(wanted) = Document::parse(&text) else { return false };
    let Ok(Some(wanted)) = wanted.list() else { return false };
    mine.len() == wanted.elements.len()
        && mine.iter().zip(&wanted.elements).all(|(one, other)| same(one, other))
}

fn words(comment: &str) -> Vec<&str> {
    comment.split_whitespace().collect()
}
