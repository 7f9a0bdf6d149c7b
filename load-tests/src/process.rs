//! The server as a process: build it, start it on free ports, watch it, end it in order.

mod meter;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::limits::{LOG_TAIL_BYTES, LOG_TAIL_LINES, READY_TIME_LIMIT, STOP_TIME_LIMIT};
pub(crate) use meter::HostTime;
pub(crate) use meter::Meter;
pub use meter::{Usage, own_cpu};

/// Why there is no running server, or none that ended well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Where this program lies is unknown, so is where the server lies.
    #[error("the folder of this program cannot be found: {0}")]
    NoFolder(std::io::Error),
    /// cargo is not there.
    #[error("`{program}` could not be started to build the server: {source}")]
    NoCargo {
        /// What was run.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// cargo said why on its own.
    #[error("building the server failed ({0}); the compiler's messages stand above")]
    BuildFailed(ExitStatus),
    /// The binary is not beside this one.
    #[error("cargo built it, but there is nothing at {0}")]
    NoBinary(PathBuf),
    /// A temporary folder could not be made.
    #[error("no temporary folder for the server's data: {0}")]
    NoDataFolder(std::io::Error),
    /// It could not be started.
    #[error("{0} could not be started: {1}")]
    NotStarted(PathBuf, std::io::Error),
    /// It ended before it was ready.
    #[error("the server ended before it was ready ({status}); the end of its log:\n{log}")]
    EndedEarly {
        /// How.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// No ready line in time.
    #[error("the server was not ready within {READY_TIME_LIMIT:?}; the end of its log:\n{0}")]
    NotReady(String),
    /// It did not end in time and was killed.
    #[error(
        "the server did not end within {STOP_TIME_LIMIT:?} of its interrupt and was killed; the end of its log:\n{0}"
    )]
    DidNotStop(String),
    /// It ended with an error.
    #[error("the server ended with {status}; the end of its log:\n{log}")]
    EndedBadly {
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// It was to be killed and ended by itself before.
    #[error("the server ended by itself ({status}) before it was killed; the end of its log:\n{log}")]
    EndedByItself {
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The system did not let it be killed.
    #[error("the server could not be killed: {0}")]
    NotKilled(std::io::Error),
}

/// How a server is started: on free ports, with the limits for load.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Where it keeps what must outlive it.
    pub data: &'a Path,
    /// Its log is written there.
    pub log: &'a Path,
    /// Folder of tables; `None`: the set that it carries.
    pub masterdata: Option<&'a Path>,
    /// Variables beside those of this process.
    pub environment: &'a [(&'a str, String)],
    /// The address of this machine that it listens at.
    pub host: IpAddr,
}

/// Where servers listen that are for this machine alone.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where a ready server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// gRPC: unary services and the hub link.
    pub grpc: SocketAddr,
    /// `/metrics` and health.
    pub http: SocketAddr,
    /// Datagram channels.
    pub quic: SocketAddr,
}

/// Reads the line by which a server says that it is ready:
/// `shallot ready grpc=127.0.0.1:40001 http=127.0.0.1:40002 quic=127.0.0.1:40003`.
/// Further words are passed over.
#[must_use]
pub fn parse_ready(line: &str) -> Option<Addresses> {
    let words = line.trim().strip_prefix("shallot ready ")?;
    let address = |key: &str| {
        words.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).and_then(|a| a.parse().ok())
    };
    Some(Addresses { grpc: address("grpc")?, http: address("http")?, quic: address("quic")? })
}

/// Builds the server in the profile of this program and gives the path of its binary, which lies beside this one.
///
/// # Errors
/// When cargo is missing or fails, or the binary is not there afterwards.
pub async fn build() -> Result<PathBuf, ProcessError> {
    let folder = own_folder()?;
    let of_package = ["-p", "shallot-server"];
    let of_workspace = ["--workspace", "--bin", "shallot"];
    cargo_build(&folder, if is_debug(&folder) { &of_workspace } else { &of_package }).await?;
    built()
}

/// The path of the server that was built before, beside this program.
///
/// # Errors
/// When it is not there.
pub fn built() -> Result<PathBuf, ProcessError> {
    existing(own_folder()?.join(format!("shallot{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds a test of a crate in the profile of this program and runs it; whether it passed.
///
/// # Errors
/// As [`build`], where cargo itself is missing.
pub async fn passes(package: &str, test: &str) -> Result<bool, ProcessError> {
    let folder = own_folder()?;
    let status = cargo(&folder, &["test", "--quiet", "-p", package, "--test", test]).await?;
    Ok(status.success())
}

/// Builds an example of a crate in the profile of this program and gives the path of its binary.
///
/// # Errors
/// As [`build`].
pub async fn build_example(package: &str, name: &str) -> Result<PathBuf, ProcessError> {
    let folder = own_folder()?;
    let of_package = ["-p", package, "--example", name];
    let of_workspace = ["--workspace", "--example", name];
    cargo_build(&folder, if is_debug(&folder) { &of_workspace } else { &of_package }).await?;
    existing(folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// Where programs of this one's profile lie. Tests lie one folder deeper.
fn own_folder() -> Result<PathBuf, ProcessError> {
    let own = std::env::current_exe().map_err(ProcessError::NoFolder)?;
    let folder = own.parent().unwrap_or(Path::new("."));
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// Where tests run, the whole workspace is built already, with the features of all of it.
fn is_debug(folder: &Path) -> bool {
    profile_of(folder).is_empty()
}

fn existing(binary: PathBuf) -> Result<PathBuf, ProcessError> {
    if binary.is_file() { Ok(binary) } else { Err(ProcessError::NoBinary(binary)) }
}

async fn cargo_build(folder: &Path, what: &[&str]) -> Result<(), ProcessError> {
    let status = cargo(folder, &[&["build"], what].concat()).await?;
    if status.success() { Ok(()) } else { Err(ProcessError::BuildFailed(status)) }
}

/// Runs cargo in the profile of this program.
async fn cargo(folder: &Path, words: &[&str]) -> Result<ExitStatus, ProcessError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command.args(words).args(profile_of(folder)).stdin(Stdio::null());
    // Set by `cargo run`: the demo may be started from any folder of the workspace, or from outside of it.
    if let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.arg("--manifest-path").arg(Path::new(&folder).join("Cargo.toml"));
    }
    // Build scripts of libraries look at these. With another package's in them all that depends on such a library is built anew, here
    // and again at the next build outside.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
        .status()
        .await
        .map_err(|source| ProcessError::NoCargo { program: cargo.to_string_lossy().into_owned(), source })
}

/// A build with the same profile lands in the same folder.
fn profile_of(folder: &Path) -> Vec<OsString> {
    match folder.file_name() {
        Some(name) if name == "debug" => Vec::new(),
        Some(name) if name != "release" => vec!["--profile".into(), name.to_owned()],
        _ => vec!["--release".into()],
    }
}

/// A server that this program started. Dropping it kills the process; [`ServerProcess::stop`] ends it in order.
pub struct ServerProcess {
    child: Child,
    addresses: Addresses,
    log: PathBuf,
    /// Of a server whose data end with it.
    folder: Option<TempDir>,
    meter: Meter,
    drain: JoinSet<()>,
}

impl ServerProcess {
    /// Starts `binary` on free ports of the loopback with its data in a temporary folder, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready within [`READY_TIME_LIMIT`].
    pub async fn start(binary: &Path, masterdata: Option<&Path>) -> Result<Self, ProcessError> {
        let folder = tempfile::Builder::new().prefix("shallot-demo-").tempdir().map_err(ProcessError::NoDataFolder)?;
        let (data, log) = (folder.path().join("data"), folder.path().join("server.log"));
        let launch = Launch { data: &data, log: &log, masterdata, environment: &[], host: LOOPBACK };
        let mut server = Self::launch(binary, launch).await?;
        server.folder = Some(folder);
        Ok(server)
    }

    /// The same on a data folder that outlives it.
    ///
    /// # Errors
    /// As [`ServerProcess::start`].
    pub async fn launch(binary: &Path, launch: Launch<'_>) -> Result<Self, ProcessError> {
        let log = std::fs::File::create(launch.log).map_err(ProcessError::NoDataFolder)?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data").arg(launch.data).envs(launch.environment.iter().map(|(k, v)| (k, v)));
        for listener in ["--grpc", "--http", "--quic"] {
            command.arg(listener).arg(SocketAddr::new(launch.host, 0).to_string());
        }
        if let Some(masterdata) = launch.masterdata {
            command.arg("--masterdata").arg(masterdata);
        }
        command.args(["--limits", "load", "--log", "warn"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        // Ctrl-C in a terminal reaches the whole process group; the server must outlive the bots.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| ProcessError::NotStarted(binary.to_owned(), source))?;
        let mut drain = JoinSet::new();
        let ready = tokio::time::timeout(READY_TIME_LIMIT, first_ready_line(child.stdout.take(), &mut drain)).await;
        let tail = || log_tail(launch.log);
        let addresses = match ready {
            Ok(Some(addresses)) => addresses,
            Ok(None) => {
                let status = child.wait().await.map_or_else(|e| e.to_string(), |status| status.to_string());
                return Err(ProcessError::EndedEarly { status, log: tail() });
            }
            Err(_) => return Err(ProcessError::NotReady(tail())),
        };
        let meter = Meter::new(child.id());
        Ok(Self { child, addresses, log: launch.log.to_owned(), folder: None, meter, drain })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Looks at its CPU time and memory now. What it uses after the last look is in no report.
    pub fn sample(&mut self) -> Usage {
        self.meter.sample()
    }

    /// CPU time of its threads so far, by name up to the first space; of those that have ended nothing is known. Empty where the platform
    /// does not tell.
    pub fn cpu_by_thread(&mut self) -> BTreeMap<String, Duration> {
        self.meter.cpu_by_thread()
    }

    /// The last lines of its log; empty when it logged nothing.
    #[must_use]
    pub fn log_tail(&self) -> String {
        log_tail(&self.log)
    }

    /// Ends it by force, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub async fn kill(mut self) -> Result<(), ProcessError> {
        let by_itself = |status, log| Err(ProcessError::EndedByItself { status, log });
        if let Some(status) = self.child.try_wait().map_err(ProcessError::NotKilled)? {
            return by_itself(status, self.log_tail());
        }
        self.child.start_kill().map_err(ProcessError::NotKilled)?;
        let status = self.child.wait().await.map_err(ProcessError::NotKilled)?;
        self.drain.shutdown().await;
        if was_killed(status) { Ok(()) } else { by_itself(status, self.log_tail()) }
    }

    /// Asks it to end and waits until it saved everything and did.
    ///
    /// # Errors
    /// When it ends with an error, or not within [`STOP_TIME_LIMIT`]: then it is killed.
    pub async fn stop(mut self) -> Result<Usage, ProcessError> {
        let usage = self.meter.sample();
        terminate(&mut self.child);
        let Ok(ended) = tokio::time::timeout(STOP_TIME_LIMIT, self.child.wait()).await else {
            // A failure means that it is gone already.
            let _ = self.child.kill().await;
            return Err(ProcessError::DidNotStop(self.log_tail()));
        };
        self.drain.shutdown().await;
        match ended {
            Ok(status) if status.success() => Ok(usage),
            Ok(status) => Err(ProcessError::EndedBadly { status, log: self.log_tail() }),
            Err(error) => Err(ProcessError::EndedEarly { status: error.to_string(), log: self.log_tail() }),
        }
    }
}

/// Reads until the ready line and leaves a task behind that empties the pipe, so that the server never blocks on it.
async fn first_ready_line(stdout: Option<ChildStdout>, drain: &mut JoinSet<()>) -> Option<Addresses> {
    let mut lines = BufReader::new(stdout?).lines();
    loop {
        let line = lines.next_line().await.ok()??;
        if let Some(addresses) = parse_ready(&line) {
            drain.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(addresses);
        }
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}

#[cfg(not(unix))]
fn was_killed(status: ExitStatus) -> bool {
    !status.success()
}

/// As an orchestrator does. Not as Ctrl-C does: what a shell runs in the background, and all below it, is deaf to that unless it
/// listens again. rustix rather than nix: its wrapper is as safe and it is in the graph already, below tempfile.
#[cfg(unix)]
fn terminate(child: &mut Child) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // A failure means that the process is gone: the wait after it will tell.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// Where there are no signals the process is ended hard; an orderly end is then not checked.
#[cfg(not(unix))]
fn terminate(child: &mut Child) {
    let _ = child.start_kill();
}

fn log_tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("({}: {error})", path.display()));
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_TAIL_LINES)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read_in_any_order_and_with_more_words() {
        let line = "shallot ready quic=127.0.0.1:3 version=0.1.0 grpc=127.0.0.1:1 http=[::1]:2\n";
        let got = parse_ready(line).expect("ready");
        assert_eq!((got.grpc.port(), got.http.port(), got.quic.port()), (1, 2, 3));
    }

    #[test]
    fn other_lines_are_no_ready_line() {
        for line in
            ["", "shallot ready", "shallot ready grpc=127.0.0.1:1 http=127.0.0.1:2", "ready grpc=1 http=2 quic=3"]
        {
            assert_eq!(parse_ready(line), None, "{line:?}");
        }
        assert_eq!(parse_ready("shallot ready grpc=x http=127.0.0.1:2 quic=127.0.0.1:3"), None);
    }

    #[test]
    fn the_server_is_built_in_the_profile_of_this_program() {
        assert!(profile_of(Path::new("target/debug")).is_empty());
        assert_eq!(profile_of(Path::new("target/release")), ["--release"]);
        assert_eq!(profile_of(Path::new("target/profiling")), ["--profile", "profiling"]);
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("log");
        let text: String = (0..5_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, text).expect("write");
        let tail = log_tail(&path);
        assert_eq!(tail.lines().count(), LOG_TAIL_LINES);
        assert!(tail.ends_with("line 4999"));
    }

    #[cfg(unix)]
    mod with_a_script {
        use super::*;
        use std::os::unix::fs::PermissionsExt;

        fn script(folder: &Path, text: &str) -> PathBuf {
            let path = folder.join("server.sh");
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("script");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
            path
        }

        #[tokio::test]
        async fn a_server_is_started_watched_and_ended_in_order() {
            let folder = tempfile::tempdir().expect("folder");
            let text = "trap 'exit 0' TERM\n\
                        echo hello\n\
                        echo shallot ready grpc=127.0.0.1:1 http=127.0.0.1:2 quic=127.0.0.1:3\n\
                        while :; do read -r _ < /dev/null; sleep 0.01; done";
            let mut server = ServerProcess::start(&script(folder.path(), text), None).await.expect("start");
            assert_eq!(server.addresses().http.port(), 2);
            assert!(server.sample().peak_rss_bytes > 0);
            server.stop().await.expect("stop");
        }

        #[tokio::test]
        async fn one_that_is_killed_leaves_its_data_and_its_log() {
            let folder = tempfile::tempdir().expect("folder");
            let text = "trap '' TERM\n\
                        echo \"$SHALLOT__WORD\" > \"$3\"; echo a line >&2\n\
                        echo shallot ready grpc=127.0.0.1:1 http=127.0.0.1:2 quic=127.0.0.1:3\n\
                        while :; do sleep 0.01; done";
            let (data, log) = (folder.path().join("data"), folder.path().join("log"));
            let environment = [("SHALLOT__WORD", "kept".to_owned())];
            let launch = Launch { data: &data, log: &log, masterdata: None, environment: &environment, host: LOOPBACK };
            let server = ServerProcess::launch(&script(folder.path(), text), launch).await.expect("start");
            server.kill().await.expect("kill");
            assert_eq!(std::fs::read_to_string(&data).expect("data"), "kept\n");
            assert_eq!(std::fs::read_to_string(&log).expect("log"), "a line\n");
        }

        #[tokio::test]
        async fn one_that_ended_by_itself_was_not_killed() {
            let folder = tempfile::tempdir().expect("folder");
            let text = "echo shallot ready grpc=127.0.0.1:1 http=127.0.0.1:2 quic=127.0.0.1:3\n\
                        echo broken >&2; exit 5";
            let mut server = ServerProcess::start(&script(folder.path(), text), None).await.expect("start");
            server.child.wait().await.expect("its end");
            let Err(error) = server.kill().await else { panic!("it was killed") };
            assert!(error.to_string().contains("broken"), "{error}");
        }

        #[tokio::test]
        async fn one_that_ends_early_shows_its_log() {
            let folder = tempfile::tempdir().expect("folder");
            let path = script(folder.path(), "echo port in use >&2; exit 3");
            let Err(error) = ServerProcess::start(&path, None).await else { panic!("it started") };
            assert!(error.to_string().contains("port in use"), "{error}");
        }

        #[tokio::test]
        async fn one_that_ends_with_an_error_is_told() {
            let folder = tempfile::tempdir().expect("folder");
            let text = "trap 'echo could not save >&2; exit 4' TERM\n\
                        echo shallot ready grpc=127.0.0.1:1 http=127.0.0.1:2 quic=127.0.0.1:3\n\
                        while :; do sleep 0.01; done";
            let server = ServerProcess::start(&script(folder.path(), text), None).await.expect("start");
            let Err(error) = server.stop().await else { panic!("it ended well") };
            assert!(error.to_string().contains("could not save"), "{error}");
        }
    }
}
