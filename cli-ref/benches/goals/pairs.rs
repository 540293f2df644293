//! Paired timing: opponent and ours take turns, and the median of the paired ratios counts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The rows that were asked for and the place to work in.
pub(crate) struct Goals {
    wanted: Vec<String>,
    place: PathBuf,
    begun: bool,
}

/// One measured goal.
pub(crate) struct Row {
    name: String,
    goal: f64,
    pairs: usize,
    opponent: Duration,
    ours: Duration,
    ratio: f64,
    low: f64,
    high: f64,
}

/// A row that is only to be looked at has this for its goal.
const NO_GOAL: f64 = 9.9;

impl Goals {
    /// Reads the wanted rows from the arguments and the place from `GOALS_DIR`.
    pub(crate) fn from_args() -> Self {
        let wanted = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
        let base = std::env::var_os("GOALS_DIR").map_or_else(|| "/dev/shm".into(), PathBuf::from);
        let place = base.join(format!("goals-{}", std::process::id()));
        std::fs::create_dir_all(&place).expect("GOALS_DIR is writable");
        Self { wanted, place, begun: false }
    }

    /// Whether any of `ids` was asked for; with no arguments everything is.
    pub(crate) fn wants(&self, ids: &[&str]) -> bool {
        self.wanted.is_empty()
            || ids.iter().any(|id| self.wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(id)))
    }

    /// An empty directory to work in; removed at the end of the run.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Prints a row of the table. A goal of [`NO_GOAL`] or more is none.
    #[expect(clippy::print_stdout, reason = "the table is the program's output")]
    pub(crate) fn add(&mut self, row: &Row) {
        if !std::mem::replace(&mut self.begun, true) {
            println!(
                "{:<56} {:>5} {:>11} {:>11} {:>7} {:>13} {:>6}  verdict",
                "goal", "pairs", "opponent", "ours", "ratio", "quartiles", "goal"
            );
        }
        println!(
            "{:<56} {:>5} {:>8.2} ms {:>8.2} ms {:>7.3} {:>6.3}-{:<6.3} {:>6.2}  {}",
            row.name,
            row.pairs,
            row.opponent.as_secs_f64() * 1e3,
            row.ours.as_secs_f64() * 1e3,
            row.ratio,
            row.low,
            row.high,
            row.goal,
            match row.ratio {
                _ if row.goal >= NO_GOAL => "-",
                ratio if ratio <= row.goal => "reached",
                _ => "NOT REACHED",
            },
        );
    }

    /// Removes the place.
    pub(crate) fn end(self) {
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

/// Times `pairs` turns of each, the first to go changing every turn, after one untimed turn of each.
///
/// The closures return the time that counts, so that they can prepare and clear up unmeasured
/// ([`timed`] helps).
pub(crate) fn pair(
    name: &str,
    goal: f64,
    pairs: usize,
    mut opponent: impl FnMut() -> Duration,
    mut ours: impl FnMut() -> Duration,
) -> Row {
    opponent();
    ours();
    let (mut theirs, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..pairs {
        let (their, our) = if turn % 2 == 0 {
            let their = opponent();
            (their, ours())
        } else {
            let our = ours();
            (opponent(), our)
        };
        ratios.push(our.as_secs_f64() / their.as_secs_f64().max(1e-9));
        theirs.push(their);
        own.push(our);
    }
    ratios.sort_by(f64::total_cmp);
    theirs.sort();
    own.sort();
    let at = |share: f64| ratios[((pairs - 1) as f64 * share).round() as usize];
    Row {
        name: name.to_owned(),
        goal,
        pairs,
        opponent: theirs[pairs / 2],
        ours: own[pairs / 2],
        ratio: at(0.5),
        low: at(0.25),
        high: at(0.75),
    }
}

/// The wall time of `work`.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    let _ = std::hint::black_box(work());
    begun.elapsed()
}
