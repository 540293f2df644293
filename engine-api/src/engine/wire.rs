//! Requests on their way: one pool of connections for bollard and for what bollard can't ask.

use std::fmt;
use std::time::Duration;

use bollard::errors::Error as Failure;
use bollard::{BollardRequest, Docker};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use session_core::Result;

use super::dial::Dialer;
use crate::Endpoint;
use crate::failure::engine_error;

/// The host in each request: who is spoken to is the dialer's matter.
const HOST: &str = "http://engine";
/// The longest answer that is taken as a whole.
const LONGEST: usize = 16 * 1024 * 1024;

/// bollard's body, which it does not name.
trait Carrier {
    type Body;
}

impl<T> Carrier for Request<T> {
    type Body = T;
}

/// Connections to one endpoint.
#[derive(Clone)]
pub(super) struct Wire {
    client: Client<Dialer, <BollardRequest as Carrier>::Body>,
    endpoint: Endpoint,
}

/// An answer that came as a whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Wire {
    /// Nothing is connected before the first request.
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(Dialer::new(endpoint.clone()));
        Self { client, endpoint: endpoint.clone() }
    }

    /// A client whose requests may take `limit` up to the head of their answers.
    pub(super) fn client(&self, limit: Duration) -> Result<Docker> {
        let client = self.client.clone();
        let send = move |request: BollardRequest| {
            let answer = client.request(request);
            async move { answer.await.map_err(Failure::from) }
        };
        let version = bollard::API_DEFAULT_VERSION;
        Docker::connect_with_custom_transport(send, Some(HOST), limit.as_secs(), version)
            .map_err(|failure| engine_error("engine.connect", "connect", failure))
    }

    /// Gets `path`, whatever the status of the answer.
    pub(super) async fn get(&self, path: &str, limit: Duration) -> Result<Answer, Failure> {
        let body = bollard::body_full(Bytes::new());
        let request = Request::get(format!("{HOST}{path}")).body(body)?;
        let whole = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = Limited::new(body, LONGEST).collect().await;
            let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(err) => Failure::HyperResponseError { err: *err },
                Err(other) => std::io::Error::other(other.to_string()).into(),
            });
            let body = body?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(limit, whole).await.unwrap_or(Err(Failure::RequestTimeoutError))
    }
}

impl Answer {
    /// The value of a header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text in an error document; the document itself where it is none.
    pub(super) fn message(&self) -> String {
        let document = serde_json::from_slice::<serde_json::Value>(&self.body).ok();
        match document.as_ref().and_then(|document| document.get("message")?.as_str()) {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({})", self.endpoint)
    }
}
