//! The operator's pages, as a test reads them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// GET of one page; status line and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// What a counter with a `reason` stands at.
pub(crate) async fn counted(address: SocketAddr, counter: &str, reason: &str) -> u64 {
    let (_, body) = tokio::task::spawn_blocking(move || get(address, "/metrics")).await.unwrap();
    let line = format!("{counter}{{reason=\"{reason}\"}} ");
    body.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}
