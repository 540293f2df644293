//! As little HTTP as these tests need.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The answer to a GET, head and body.
pub(crate) fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

/// The answer to a POST of JSON, head and body.
pub(crate) fn post(address: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("Content-Type: application/json\r\nContent-Length: {length}");
    ask(address, &format!("POST {path} HTTP/1.0\r\n{head}\r\n\r\n{body}"))
}

/// `HTTP/1.0`, so that the engine ends the connection.
fn ask(address: &str, request: &str) -> String {
    let socket = address.strip_prefix("unix://").expect("the script starts engines on sockets");
    let mut stream = UnixStream::connect(socket).expect("it answered a moment ago");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("60 s is a timeout");
    stream.write_all(request.as_bytes()).expect("it reads requests");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}
