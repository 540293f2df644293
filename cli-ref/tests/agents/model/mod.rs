//! A model server of the tests' own: the real agents are its clients, and what they say is its script ([`script`]).
//!
//! It speaks Anthropic's messages, OpenAI's responses, OpenAI's chat and Google's contents, with events and without, renews logins, and
//! answers as a proxy for the vendors' own hosts. It needs no network but the loopback, or the bridge of an engine.

mod answers;
mod conversation;
mod http;
mod logins;
mod script;
mod tls;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;

pub(crate) use conversation::Conversation;
use http::{Connection, Request};
pub(crate) use logins::Logins;
use script::Answer;
pub(crate) use tls::Authority;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Model {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ended: AtomicBool,
    answers: AtomicU32,
    log: Mutex<Vec<(Request, Option<Conversation>)>>,
    logins: Mutex<Logins>,
    authority: Option<Authority>,
}

impl Model {
    /// A server on the loopback.
    pub(crate) fn start() -> Self {
        Self::serve(Ipv4Addr::LOCALHOST.into(), None)
    }

    /// The same, which is a proxy too.
    pub(crate) fn start_with(authority: Authority) -> Self {
        Self::serve(Ipv4Addr::LOCALHOST.into(), Some(authority))
    }

    /// A server that containers reach at `gateway`, an address of this machine.
    ///
    /// It listens there only, or everywhere as long as the engine has not made its bridge (Podman does with the first container).
    pub(crate) fn start_at(gateway: IpAddr) -> Self {
        let mut model = match TcpListener::bind((gateway, 0)) {
            Ok(listener) => Self::serve_on(listener, None),
            Err(_) => Self::serve(Ipv4Addr::UNSPECIFIED.into(), None),
        };
        model.address.set_ip(gateway);
        model
    }

    fn serve(at: IpAddr, authority: Option<Authority>) -> Self {
        Self::serve_on(TcpListener::bind((at, 0)).expect("a free port"), authority)
    }

    fn serve_on(listener: TcpListener, authority: Option<Authority>) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            ended: AtomicBool::new(false),
            answers: AtomicU32::new(1000),
            log: Mutex::default(),
            logins: Mutex::new(Logins::new()),
            authority,
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if server.ended.load(Ordering::Relaxed) {
                    return;
                }
                let server = Arc::clone(&server);
                // A client that goes away in the middle is what these tests are about.
                std::thread::spawn(move || server.client(stream));
            }
        });
        Self { address, shared }
    }

    /// `http://…`, without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The account that logins are renewed for.
    pub(crate) fn logins(&self) -> MutexGuard<'_, Logins> {
        self.shared.logins.lock().expect("no panic while renewing")
    }

    /// The authority of a server that is a proxy too.
    pub(crate) fn authority(&self) -> &Authority {
        self.shared.authority.as_ref().expect("started with one")
    }

    /// All requests so far, oldest first.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log().iter().map(|(request, _)| request.clone()).collect()
    }

    /// The conversations so far, one for each answer that was asked for.
    pub(crate) fn conversations(&self) -> Vec<Conversation> {
        self.log().iter().filter_map(|(_, conversation)| conversation.clone()).collect()
    }

    /// The last conversation that ends with these words; a test has seen the answer to them.
    pub(crate) fn last_asked(&self, words: &str) -> Conversation {
        let found = self.conversations();
        let ends = |it: &Conversation| it.said.last().is_some_and(|last| last.contains(words));
        let found = found.into_iter().rfind(ends);
        found.unwrap_or_else(|| panic!("nobody said `{words}` to the model"))
    }

    fn log(&self) -> MutexGuard<'_, Vec<(Request, Option<Conversation>)>> {
        self.shared.log.lock().expect("no panic while logging")
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the listener up.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

impl Shared {
    fn client(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut connection = Connection::new(stream);
        while let Some(request) = connection.request()? {
            let Some(authority) = self.authority.as_ref().filter(|_| request.method == "CONNECT")
            else {
                self.answer(request, &mut connection)?;
                continue;
            };
            connection.connected()?;
            let mut inner = Connection::new(authority.accept(connection.into_stream())?);
            while let Some(request) = inner.request()? {
                self.answer(request, &mut inner)?;
            }
            return Ok(());
        }
        Ok(())
    }

    fn answer<S: Read + Write>(
        &self,
        request: Request,
        to: &mut Connection<S>,
    ) -> std::io::Result<()> {
        let is = |end: &str| request.method == "POST" && request.path.ends_with(end);
        let body = request.body.clone();
        let (parsed, tell): (fn(&_) -> _, fn(u32, &_, &_) -> _) = if is("/messages") {
            (Conversation::of_messages, answers::messages)
        } else if is("/responses") {
            (Conversation::of_responses, answers::responses)
        } else if is("/chat/completions") {
            (Conversation::of_chat, answers::chat)
        } else if is(":generateContent") || is(":streamGenerateContent") {
            (Conversation::of_contents, answers::contents)
        } else {
            return self.other(request, to);
        };
        let asked = parsed(&body);
        let as_events = body["stream"] == true || request.path.ends_with(":streamGenerateContent");
        let answer = Answer::to(&asked);
        self.note(request, Some(asked));
        match answer {
            Answer::Error(status) => to.json(status, &answers::error("as asked")),
            answer => {
                let id = self.answers.fetch_add(1, Ordering::Relaxed);
                tell(id, &body, &answer).send(to, as_events)
            }
        }
    }

    fn other<S: Read + Write>(
        &self,
        request: Request,
        to: &mut Connection<S>,
    ) -> std::io::Result<()> {
        let path = request.path.clone();
        let (status, document) = match request.method.as_str() {
            "POST" if path.ends_with("/count_tokens") => (200, json!({"input_tokens": 10})),
            "POST" if path.ends_with(":countTokens") => (200, json!({"totalTokens": 10})),
            "POST" if path.ends_with("/oauth/token") => {
                // Long enough for another session to come in between.
                std::thread::sleep(Duration::from_millis(300));
                self.logins.lock().expect("no panic while renewing").renew(&request.body)
            }
            "GET" if path.ends_with("/models") => (200, answers::models()),
            "GET" | "HEAD" if path == "/" => (200, json!({})),
            _ => (404, answers::error(&format!("nothing at {path}"))),
        };
        let is_head = request.method == "HEAD";
        self.note(request, None);
        if is_head { to.empty() } else { to.json(status, &document) }
    }

    fn note(&self, request: Request, conversation: Option<Conversation>) {
        self.log.lock().expect("no panic while logging").push((request, conversation));
    }
}
