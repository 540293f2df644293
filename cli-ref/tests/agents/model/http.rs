//! As much of HTTP/1.1 as agents speak: bodies with a length or in chunks, answers whole or as events.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read, Result, Write};

use serde_json::Value;

/// No request of an agent is larger.
const MOST: usize = 64 << 20;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The host that was meant; the server's own address where no proxy was asked.
    pub(crate) host: String,
    /// Without the query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Null if there was none, or it is no JSON.
    pub(crate) body: Value,
}

impl Request {
    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }
}

/// One connection, which may carry any number of requests.
pub(crate) struct Connection<S> {
    stream: BufReader<S>,
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    /// The next request; none after the last.
    pub(crate) fn request(&mut self) -> Result<Option<Request>> {
        let first = self.line()?;
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let mut request = Request { method: method.to_owned(), ..Request::default() };
        request.path = target.split('?').next().unwrap_or_default().to_owned();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        request.host = request.header("host").to_owned();
        let body = self.body(&request)?;
        request.body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Some(request))
    }

    fn body(&mut self, request: &Request) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
            loop {
                let line = self.line()?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(size, 16).map_err(Error::other)?;
                self.take(size, &mut body)?;
                self.line()?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        let size = request.header("content-length").parse().unwrap_or(0);
        self.take(size, &mut body)?;
        Ok(body)
    }

    fn take(&mut self, size: usize, body: &mut Vec<u8>) -> Result<()> {
        if size > MOST - body.len() {
            return Err(Error::new(ErrorKind::InvalidData, "the body is too large"));
        }
        let at = body.len();
        body.resize(at + size, 0);
        self.stream.read_exact(&mut body[at..])
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Answers with a document.
    pub(crate) fn json(&mut self, status: u16, document: &Value) -> Result<()> {
        let body = document.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} As asked\r\ncontent-type: application/json\r\nrequest-id: req_test\r\n\
             content-length: {length}\r\n\r\n"
        );
        self.send(&[head.as_bytes(), body.as_bytes()].concat())
    }

    /// Answers a `HEAD`.
    pub(crate) fn empty(&mut self) -> Result<()> {
        self.send(b"HTTP/1.1 200 As asked\r\ncontent-length: 0\r\n\r\n")
    }

    /// Answers a `CONNECT`: what follows is for the host that was asked for.
    pub(crate) fn connected(&mut self) -> Result<()> {
        self.send(b"HTTP/1.1 200 Connected\r\n\r\n")
    }

    /// Begins an answer of events; [`Self::end_events`] ends it.
    pub(crate) fn begin_events(&mut self) -> Result<()> {
        self.send(
            b"HTTP/1.1 200 As asked\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
              request-id: req_test\r\ntransfer-encoding: chunked\r\n\r\n",
        )
    }

    /// Sends one event, under its own name where it has a `type`.
    pub(crate) fn event(&mut self, data: &Value) -> Result<()> {
        let name = data["type"].as_str().map(|name| format!("event: {name}\n"));
        self.chunk(&format!("{}data: {data}\n\n", name.unwrap_or_default()))
    }

    /// Sends the word that OpenAI's chat ends with.
    pub(crate) fn done_event(&mut self) -> Result<()> {
        self.chunk("data: [DONE]\n\n")
    }

    pub(crate) fn end_events(&mut self) -> Result<()> {
        self.send(b"0\r\n\r\n")
    }

    fn chunk(&mut self, text: &str) -> Result<()> {
        self.send(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }
}
