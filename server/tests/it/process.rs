//! A server process for one test.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a server may take to be ready, or to end: a busy machine must not fail a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) quic: SocketAddr,
    pub(crate) log: PathBuf,
}

/// How a server is started.
pub(crate) fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shallot"));
    command.arg("serve").arg("--data").arg(data.join("data"));
    if !args.contains(&"--log") {
        command.args(["--log", "info"]);
    }
    for listener in ["--grpc", "--http", "--quic"] {
        if !args.contains(&listener) {
            command.args([listener, "127.0.0.1:0"]);
        }
    }
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

impl Server {
    /// A server with its data in `folder`.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_with(folder, args, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(folder, args);
        command.envs(environment.iter().copied());
        Self::launch(folder, command)
    }

    /// The same with so many file descriptors at most.
    pub(crate) fn start_with_descriptors(folder: &Path, args: &[&str], descriptors: u32) -> Self {
        let server = command(folder, args);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")]);
        shell.arg(server.get_program()).args(server.get_args()).env_remove("RUST_LOG").stdin(Stdio::null());
        Self::launch(folder, shell)
    }

    fn launch(folder: &Path, mut command: Command) -> Self {
        let log = folder.join("server.log");
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let (told, ready) = mpsc::sync_channel(1);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if line.starts_with("shallot ready ") && told.send(line).is_err() {
                    return;
                }
            }
        });
        let line = ready.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            drop(child.kill());
            panic!("the server was not ready:\n{}", std::fs::read_to_string(&log).unwrap_or_default())
        });
        let address = |key: &str| {
            let word = line.split_whitespace().find_map(|word| word.strip_prefix(key)).unwrap();
            word.parse().unwrap()
        };
        Self { child, grpc: address("grpc="), http: address("http="), quic: address("quic="), log }
    }

    /// Ctrl-C; it must end in order.
    pub(crate) fn stop(self) {
        self.interrupt();
        self.ends_in_order();
    }

    pub(crate) fn interrupt(&self) {
        interrupt(&self.child);
    }

    /// Waits for the end of a server that was asked to stop.
    pub(crate) fn ends_in_order(mut self) {
        let status = wait(&mut self.child);
        assert!(status.success(), "{status}:\n{}", self.log_text());
    }

    /// Waits for the end of a server that was told twice to stop; its exit status and its log.
    pub(crate) fn ends_at_once(mut self) -> (ExitStatus, String) {
        (wait(&mut self.child), self.log_text())
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What one metric shows now; 0 when it is not there. `series` is its name and, in braces, its labels.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// Waits for a process with a limit.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let step = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(waited < PATIENCE, "the server did not end");
        std::thread::sleep(step);
        waited += step;
    }
}

/// Runs a server that must not start; its exit status and what it said on standard error.
pub(crate) fn refused(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> (ExitStatus, String) {
    let mut command = command(folder, args);
    let child = command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}
