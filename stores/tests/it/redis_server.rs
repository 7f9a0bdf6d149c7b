//! A Redis for tests: the one that `scripts/test` has started, or one of our own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Where `scripts/test` says that its Redis listens: `host:port`.
const SHARED: &str = "SHALLOT_TEST_REDIS";

/// The URL of the Redis that all tests may share, and the server behind it when nobody else has started one. Tests keep out of each
/// other's way by the name of their cluster.
pub(crate) fn shared() -> (String, Option<RedisServer>) {
    match std::env::var(SHARED) {
        Ok(address) => (format!("redis://{address}"), None),
        Err(_) => {
            let server = RedisServer::start();
            (server.url(), Some(server))
        }
    }
}

/// A Redis of one test's own, with its data in a temporary folder. Dropping it ends it.
pub(crate) struct RedisServer {
    port: u16,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// On a free port. One line says what to do where there is no such program.
    pub(crate) fn start() -> Self {
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = Self { port, folder: tempfile::tempdir().unwrap(), process: None };
            // Somebody else may have taken the port meanwhile.
            if server.again() {
                return server;
            }
        }
        panic!("redis-server takes no port");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it on its port, again after [`kill`](Self::kill); whether it took the port.
    pub(crate) fn again(&mut self) -> bool {
        let started = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = started.unwrap_or_else(|error| {
            panic!(
                "redis-server cannot be run ({error}): install it (apt-get install redis-server), or run scripts/test"
            )
        });
        let said = BufReader::new(process.stdout.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line.contains("Ready to accept connections"));
        // What it says later goes where nobody reads it, and must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        self.process = Some(process);
        is_ready
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }
}
