//! `sessctl man` and `sessctl completions`.

use clap::CommandFactory;
use session_core::{Error, Result};

use crate::args::{Arguments, Completions};
use crate::ui::Ui;

pub(crate) fn manual(ui: Ui) -> Result<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .map_err(|error| Error::io("sessctl.man", "can't render the manual page", error))?;
    show(ui, &page);
    Ok(0)
}

pub(crate) fn completions(ui: Ui, arguments: &Completions) -> u8 {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "sessctl", &mut script);
    show(ui, &script);
    0
}

fn show(ui: Ui, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    if ui.json {
        ui.document(&serde_json::json!({ "text": text }));
    } else {
        ui.text(text);
    }
}
