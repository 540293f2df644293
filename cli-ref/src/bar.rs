//! The bar that shows how far a copy has come.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use session_core::{Event, Progress};

use crate::ui::{Ui, plain};

/// A copy that takes less than this needs no bar.
const QUIET_FOR: Duration = Duration::from_millis(500);
const TEMPLATE: &str =
    "copying {msg} [{bar:30}] {binary_bytes}/{binary_total_bytes}, {prefix} files";

/// Tells notices at once, and shows a bar for a long copy where standard error is a terminal.
///
/// The bar is taken away with the last handle to the progress.
pub(crate) fn progress(ui: Ui) -> Progress {
    let began = Instant::now();
    let is_seen = !ui.quiet && std::io::stderr().is_terminal();
    let shown: Mutex<Option<Shown>> = Mutex::new(None);
    Progress::new(move |event| match event {
        Event::Copied { project, files, total_files, bytes, total_bytes } => {
            if !is_seen || began.elapsed() < QUIET_FOR {
                return;
            }
            let Ok(mut shown) = shown.lock() else { return };
            let Shown(bar) = shown.get_or_insert_with(Shown::new);
            bar.set_message(plain(&project));
            bar.set_prefix(format!("{files}/{total_files}"));
            bar.set_length(total_bytes);
            bar.set_position(bytes.min(total_bytes));
            if files >= total_files {
                *shown = None;
            }
        }
        Event::Notice { message } => ui.notice(message),
        _ => {}
    })
}

/// A bar on the terminal; dropping it takes it away.
struct Shown(ProgressBar);

impl Shown {
    fn new() -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).expect("a template of known fields");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style.progress_chars("=> "));
        Self(bar)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
