//! Which backend makes a session where nobody said one.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::Manager;
use crate::{Error, ErrorKind, Result};

/// How many times the limit of an answer a slow backend has before there is no choice left.
const PATIENCE: u32 = 5;

impl Manager {
    /// Finds the first of `kinds` that answers and can make sessions; `None` if none does.
    ///
    /// All are asked at once. One that takes longer than the time of
    /// [`with_answer_limit`](Self::with_answer_limit) is passed over for one behind it that has
    /// answered. It is not passed over for nothing: where no other answers, it has five times as
    /// long, and then this is `BackendUnavailable`, since what a slow engine isolates should not
    /// run without. Kinds that this manager does not have are left out.
    pub async fn first_usable(&self, kinds: &[&str]) -> Result<Option<String>> {
        let limit = self.inner.answer_limit;
        let began = Instant::now();
        let ask = |place: usize, kind: String| async move {
            let probed = async { self.inner.backend(&kind)?.probe().await };
            (place, probed.await.is_ok_and(|report| report.is_usable()))
        };
        let mut asked: FuturesUnordered<_> =
            kinds.iter().enumerate().map(|(place, kind)| ask(place, (*kind).to_owned())).collect();
        let mut answers: Vec<Option<bool>> = vec![None; kinds.len()];
        loop {
            let usable = answers.iter().position(|answer| *answer == Some(true));
            let silent = answers.iter().position(Option::is_none);
            let late = began.elapsed() >= limit;
            match (usable, silent) {
                (Some(found), None) => return Ok(Some(kinds[found].to_owned())),
                (Some(found), Some(silent)) if found < silent || late => {
                    return Ok(Some(kinds[found].to_owned()));
                }
                (None, None) => return Ok(None),
                _ => {}
            }
            let until = began + if late { limit * PATIENCE } else { limit };
            match tokio::time::timeout_at(until, asked.next()).await {
                Ok(Some((place, usable))) => answers[place] = Some(usable),
                Ok(None) => return Ok(None),
                Err(_) if !late => {}
                Err(_) => {
                    let silent = silent.map_or("?", |place| kinds[place]);
                    let message = format!(
                        "backend `{silent}` is there but gives no answer; `sessctl doctor` looks at it, and --backend names another"
                    );
                    let error =
                        Error::new(ErrorKind::BackendUnavailable, "manager.first-usable", message);
                    return Err(error);
                }
            }
        }
    }
}
