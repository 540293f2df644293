//! `sessctl explain`: what a code means, and what to do.

use serde_json::json;
use session_core::{EXIT_CODES, Error, ErrorKind, Result};

use crate::args::Explain;
use crate::explanations::explanations;
use crate::table::table;
use crate::ui::{Ui, plain};

const HEADINGS: [&str; 2] = ["CODE", "WHAT IT IS ABOUT"];

/// Needs no sessions, so that it works where nothing else does.
pub(crate) fn run(ui: Ui, arguments: &Explain) -> Result<u8> {
    let Some(code) = &arguments.code else {
        all(ui);
        return Ok(0);
    };
    let found = explanations().into_iter().find(|it| it.code == code);
    let text = match (found, exit_code(code)) {
        (Some(found), _) => format!("{}: {}\n\n{}", found.code, found.title, found.text),
        (_, Some(text)) => text,
        _ => {
            let message = format!("no code `{}`; `sessctl explain` shows all codes", plain(code));
            return Err(Error::new(ErrorKind::NotFound, "sessctl.explain", message));
        }
    };
    if ui.json {
        ui.document(&json!({ "code": code, "text": text }));
    } else {
        ui.line(text);
    }
    Ok(0)
}

/// What `sessctl` means by ending with a number.
fn exit_code(code: &str) -> Option<String> {
    let number: u8 = code.parse().ok()?;
    let (_, _, what) = EXIT_CODES.iter().find(|(_, known, _)| *known == number)?;
    Some(format!(
        "exit code {number}: {what}\n\nThe message on standard error says what to do; docs/exit-codes.md has all codes."
    ))
}

fn all(ui: Ui) {
    if ui.json {
        let codes: Vec<_> = explanations()
            .iter()
            .map(|it| json!({ "code": it.code, "title": it.title, "text": it.text }))
            .collect();
        ui.document(&json!({ "codes": codes }));
        return;
    }
    let rows: Vec<_> = explanations()
        .iter()
        .map(|it| vec![(it.code.to_owned(), ""), (it.title.to_owned(), "")])
        .collect();
    ui.text(table(&HEADINGS, &rows));
}
