//! A `devcontainer.json` as its tokens: JSON with comments, of which an edit keeps every byte that it does not change.

use std::ops::Range;

use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

use super::OPERATION;
use crate::{Error, ErrorKind, Result};

/// What the property with the mounts is called.
pub(super) const LIST: &str = "mounts";

/// A document that was read without a mistake, and what it is made of.
pub(super) struct Document<'a> {
    text: &'a str,
    /// All of them, comments too, in order.
    tokens: Vec<TokenAndRange<'a>>,
    root: Object<'a>,
}

/// Something in brackets that has items: the whole object, or its list. Indices of tokens.
pub(super) struct Container {
    open: usize,
    /// The last token of the last item.
    last: Option<usize>,
}

/// One change: what is in `range` becomes `with`.
#[derive(Debug)]
pub(super) struct Splice {
    range: Range<usize>,
    with: String,
}

impl<'a> Document<'a> {
    /// Reads it; where it is wrong, the line and the reason.
    ///
    /// Comments and commas behind the last item are allowed, as the readers of such files allow
    /// them; nothing else that JSON does not have.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let collect =
            CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let parsed = parse_to_ast(text, &collect, &options()).map_err(|error| {
            wrong(error.line_display(), &error.kind().to_string().to_lowercase())
        })?;
        let tokens = parsed.tokens.unwrap_or_default();
        let Some(Value::Object(root)) = parsed.value else {
            return Err(wrong(1, "it is not an object"));
        };
        Ok(Self { text, tokens, root })
    }

    /// The value of a property that is text.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.root.get_string(name).map(|text| text.value.as_ref())
    }

    /// Whether there is such a property.
    pub(super) fn has(&self, name: &str) -> bool {
        self.root.get(name).is_some()
    }

    /// The list of mounts, if there is one.
    pub(super) fn list(&self) -> Result<Option<&Array<'a>>> {
        let mut found = self.root.properties.iter().filter(|prop| prop.name.as_str() == LIST);
        let Some(first) = found.next() else { return Ok(None) };
        if let Some(second) = found.next() {
            return Err(wrong(self.line(second.start()), &format!("there are two `{LIST}`")));
        }
        match &first.value {
            Value::Array(list) => Ok(Some(list)),
            other => Err(wrong(self.line(other.start()), &format!("`{LIST}` is not a list"))),
        }
    }

    /// The tokens of the list's property, from its name to its closing bracket.
    pub(super) fn list_property(&self) -> Option<(usize, usize)> {
        let property = self.root.get(LIST)?;
        Some((self.beginning_at(property.start()), self.ending_at(property.end())))
    }

    pub(super) fn root(&self) -> Container {
        let last = self.root.properties.last().map(|property| self.ending_at(property.end()));
        Container { open: self.beginning_at(self.root.start()), last }
    }

    pub(super) fn container(&self, list: &Array<'a>) -> Container {
        let last = list.elements.last().map(|element| self.ending_at(element.end()));
        Container { open: self.beginning_at(list.start()), last }
    }

    /// The comments that stand between the items of a list, not within them, and their tokens.
    pub(super) fn comments_of(&self, list: &Array<'a>) -> Vec<(usize, &'a str)> {
        let (open, close) = (self.beginning_at(list.start()), self.ending_at(list.end()));
        let is_within = |at: usize| {
            list.elements.iter().any(|element| (element.start()..element.end()).contains(&at))
        };
        (open..close)
            .filter_map(|index| Some((index, self.comment(index)?)))
            .filter(|(index, _)| !is_within(self.tokens[*index].range.start))
            .collect()
    }

    /// The number of the line that has the byte at `offset`.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    pub(super) fn line_of(&self, token: usize) -> usize {
        self.line(self.tokens[token].range.start)
    }

    /// From the first byte of one token to the last of another.
    pub(super) fn span(&self, first: usize, last: usize) -> Range<usize> {
        self.tokens[first].range.start..self.tokens[last].range.end
    }

    /// Puts `item` behind the last item. It is told what has to follow it: a comma where the last
    /// item had one, and nothing where it had none.
    ///
    /// Comments on the line of the last item stay with it, and so does what `belongs` says.
    pub(super) fn append(
        &self,
        container: &Container,
        belongs: impl Fn(&str) -> bool,
        item: impl FnOnce(&'static str) -> String,
    ) -> Vec<Splice> {
        let mut splices = Vec::new();
        let (mut anchor, mut comma) = (container.open, "");
        if let Some(last) = container.last {
            let next = self.significant_after(last);
            if self.tokens[next].token == Token::Comma {
                (anchor, comma) = (next, ",");
            } else {
                anchor = last;
                splices.push(Splice::insert(self.tokens[last].range.end, ",".to_owned()));
            }
        }
        let comments = (anchor + 1..).map_while(|index| Some((index, self.comment(index)?)));
        for (index, comment) in comments {
            let is_beside = index == anchor + 1 && !self.gap_before(index).contains('\n');
            if is_beside || belongs(comment) {
                anchor = index;
            }
        }
        splices.push(Splice::insert(self.tokens[anchor].range.end, item(comma)));
        splices
    }

    /// Takes the tokens from `first` to `last` out, which are whole items and comments, with the
    /// white space before them and the one comma that is left over without them.
    pub(super) fn cut(&self, first: usize, last: usize) -> Vec<Splice> {
        let range = self.tokens[first - 1].range.end..self.tokens[last].range.end;
        let mut splices = vec![Splice::delete(range)];
        let (before, after) = (self.significant_before(first), self.significant_after(last));
        let is_open = |index: usize| {
            matches!(self.tokens[index].token, Token::OpenBrace | Token::OpenBracket)
        };
        let is_comma = |index: usize| self.tokens[index].token == Token::Comma;
        let inside = (first..=last).rev().find(|index| self.comment(*index).is_none());
        match self.tokens[after].token {
            Token::Comma if is_open(before) || is_comma(before) => {
                splices.push(Splice::delete(self.span(after, after)));
            }
            Token::Comma => {}
            // A comma before it that stands for nothing else was put there for it.
            Token::CloseBrace | Token::CloseBracket
                if is_comma(before) && inside.is_some_and(|index| !is_comma(index)) =>
            {
                splices.push(Splice::delete(self.span(before, before)));
            }
            Token::CloseBrace | Token::CloseBracket => {}
            _ if !is_open(before) && !is_comma(before) => {
                splices.push(Splice::insert(self.tokens[before].range.end, ",".to_owned()));
            }
            _ => {}
        }
        splices
    }

    /// Takes one comment out, with the white space before it.
    pub(super) fn cut_comment(&self, index: usize) -> Splice {
        Splice::delete(self.tokens[index - 1].range.end..self.tokens[index].range.end)
    }

    /// Whether the last thing before `token` that is no comment is a comma.
    pub(super) fn follows_comma(&self, token: usize) -> bool {
        self.tokens[self.significant_before(token)].token == Token::Comma
    }

    /// The end of a line, as the text has it.
    pub(super) fn newline(&self) -> &'static str {
        match self.text.split_once('\n') {
            Some((first, _)) if first.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// What items of the list are indented by, and its brackets.
    pub(super) fn indentation(&self, list: Option<&Array<'a>>) -> Indentation {
        let first = self.root.properties.first().map(|property| property.start());
        let unit = first.and_then(|at| self.indent_at(at)).unwrap_or_default();
        let unit = if unit.is_empty() { "  " } else { unit };
        let last = self.root.properties.last().map(|property| property.start());
        let outer = match (list, last) {
            (Some(list), _) => self.indent_of_line(list.start()),
            (None, Some(last)) => self.indent_at(last).unwrap_or(unit),
            (None, None) => unit,
        };
        let last = list.and_then(|list| list.elements.last());
        let inner = last.and_then(|element| self.indent_at(element.start()));
        let inner = inner.map_or_else(|| format!("{outer}{unit}"), str::to_owned);
        Indentation { outer: outer.to_owned(), inner }
    }

    /// The white space before what begins a line; `None` where something else stands before it.
    fn indent_at(&self, offset: usize) -> Option<&'a str> {
        let line = self.text[..offset].rfind('\n')? + 1;
        let before = &self.text[line..offset];
        before.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(before)
    }

    fn indent_of_line(&self, offset: usize) -> &'a str {
        let line = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &self.text[line..offset];
        &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()]
    }

    fn comment(&self, index: usize) -> Option<&'a str> {
        match self.tokens.get(index)?.token {
            Token::CommentLine(text) | Token::CommentBlock(text) => Some(text),
            _ => None,
        }
    }

    fn gap_before(&self, index: usize) -> &'a str {
        &self.text[self.tokens[index - 1].range.end..self.tokens[index].range.start]
    }

    /// There is one: these are asked for within brackets only.
    fn significant_after(&self, index: usize) -> usize {
        let rest = index + 1..self.tokens.len();
        rest.into_iter().find(|index| self.comment(*index).is_none()).unwrap_or(index)
    }

    fn significant_before(&self, index: usize) -> usize {
        (0..index).rev().find(|index| self.comment(*index).is_none()).unwrap_or(0)
    }

    fn beginning_at(&self, offset: usize) -> usize {
        self.tokens.partition_point(|token| token.range.start < offset)
    }

    fn ending_at(&self, offset: usize) -> usize {
        self.tokens.partition_point(|token| token.range.end < offset)
    }
}

/// White space before the list's own lines, and before its items'.
pub(super) struct Indentation {
    pub(super) outer: String,
    pub(super) inner: String,
}

impl Splice {
    pub(super) fn replace(range: Range<usize>, with: String) -> Self {
        Self { range, with }
    }

    fn insert(at: usize, with: String) -> Self {
        Self { range: at..at, with }
    }

    fn delete(range: Range<usize>) -> Self {
        Self { range, with: String::new() }
    }
}

/// Makes the changes, which do not overlap; of two at one place the first comes first.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.range.start);
    let (mut result, mut done) = (String::with_capacity(text.len()), 0);
    for Splice { range, with } in splices {
        result.push_str(&text[done..range.start]);
        result.push_str(&with);
        done = range.end;
    }
    result.push_str(&text[done..]);
    result
}

/// Whether two values say the same, however they are written.
pub(super) fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::StringLit(one), Value::StringLit(other)) => one.value == other.value,
        (Value::BooleanLit(one), Value::BooleanLit(other)) => one.value == other.value,
        (Value::Object(one), Value::Object(other)) => {
            one.properties.len() == other.properties.len()
                && one.properties.iter().all(|property| {
                    let twin = other.get(property.name.as_str());
                    twin.is_some_and(|twin| same(&property.value, &twin.value))
                })
        }
        _ => false,
    }
}

/// Strict but for comments and commas at the end.
fn options() -> ParseOptions {
    ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        ..ParseOptions::default()
    }
}

pub(super) fn wrong(line: usize, reason: &str) -> Error {
    let message = format!("line {line}: {reason}; mend it first, nothing was changed");
    Error::new(ErrorKind::InvalidInput, OPERATION, message)
}
