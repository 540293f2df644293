//! Which backend makes a session where nobody said one.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;

use super::Manager;

impl Manager {
    /// Finds the first of `kinds` that answers and can make sessions; `None` if none does.
    ///
    /// All are asked at once, each for at most the time of
    /// [`with_answer_limit`](Self::with_answer_limit), and the answer does not wait for kinds behind
    /// the one that is found. Kinds that this manager does not have are passed over.
    pub async fn first_usable(&self, kinds: &[&str]) -> Option<String> {
        let ask = |kind: String| async move {
            let probed = async { self.inner.backend(&kind)?.probe().await };
            let report = self.inner.answer(&kind, probed).await;
            report.is_ok_and(|report| report.is_usable()).then_some(kind)
        };
        let mut asked: FuturesOrdered<_> =
            kinds.iter().map(|kind| ask((*kind).to_owned())).collect();
        while let Some(found) = asked.next().await {
            if found.is_some() {
                return found;
            }
        }
        None
    }
}
