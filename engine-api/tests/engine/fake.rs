//! A server that plays an engine.

use std::sync::Arc;

use engine_api::Endpoint;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// Answers as it is told until the test ends.
pub(crate) struct Fake {
    pub(crate) endpoint: Endpoint,
    directory: TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// `answer` gets the path of each request; `None` is never answered.
    pub(crate) fn serve(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::serve_in(tempfile::tempdir().expect("a directory"), answer)
    }

    fn serve_in(
        directory: TempDir,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let path = directory.path().join("fake.sock");
        let listener = UnixListener::bind(&path).expect("bound");
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            // They end with the task.
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, Arc::clone(&answer)));
            }
        });
        let path = path.to_str().expect("UTF-8").into();
        Self { endpoint: Endpoint::Unix(path), directory, task }
    }

    /// Ends it with all its connections, and starts another at the same place.
    pub(crate) async fn replace(
        self,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let Self { directory, task, .. } = self;
        task.abort();
        let _ = task.await;
        std::fs::remove_file(directory.path().join("fake.sock")).expect("removed");
        Self::serve_in(directory, answer)
    }

    /// An engine that calls itself `server`, and says little else.
    pub(crate) fn engine(server: &'static str) -> Self {
        Self::serve(move |path| {
            let body = if path == "/_ping" { "OK" } else { "{}" };
            Some(response(200, &format!("Server: {server}\r\nApi-Version: 1.41\r\n"), body))
        })
    }
}

/// An answer; `headers` end with line ends.
pub(crate) fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

async fn converse(
    mut stream: UnixStream,
    answer: Arc<impl Fn(&str) -> Option<Vec<u8>> + Send + Sync>,
) -> Option<()> {
    let mut request = Vec::new();
    loop {
        let end = loop {
            match request.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None if stream.read_buf(&mut request).await.ok()? == 0 => return None,
                None => {}
            }
        };
        let head: Vec<u8> = request.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let bytes = match answer(head.split(' ').nth(1)?) {
            Some(bytes) => bytes,
            // Held open without a word.
            None => std::future::pending().await,
        };
        stream.write_all(&bytes).await.ok()?;
        let closes = bytes.windows(17).any(|window| window == b"Connection: close");
        if closes || !bytes.starts_with(b"HTTP/1.1") {
            return None;
        }
    }
}
