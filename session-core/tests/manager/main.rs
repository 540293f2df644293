//! The manager: whole operations over fakes, memory and disk, cut off wherever they can be.

mod agents;
mod attaching;
mod beside;
mod cleaning;
mod conversations;
mod crash;
mod creating;
mod databases;
mod disk;
mod dropped;
mod facts;
mod fakes;
mod fuse;
mod listing;
mod locks;
mod logins;
mod model;
mod moving;
mod place;
mod rebuilding;
mod removing;
mod robot;
mod running;
mod shared;
mod starting;
mod talkers;
mod trash;
mod world;

use std::future::Future;
use std::time::Duration;

/// How long a condition that must come true may take on a machine in heavy use.
const BOUND: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something.
async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let looking = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(BOUND, looking).await.unwrap_or_else(|_| panic!("{what} did not come"))
}
