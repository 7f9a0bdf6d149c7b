//! A line below the kernel's own TCP and UDP: a TUN device in a network namespace. What a client sends to [`FAR`] is sent back to it as if it
//! had come from there, so that a server at [`NEAR`] answers; both ways pass the line.

#[cfg(target_os = "linux")]
mod device;

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::Context as _;
use tokio::process::Command;

use super::probe;
use crate::cli::TunOptions;
use crate::screen::{complain, say};
use crate::verdict;

/// Where servers listen.
pub const NEAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Where clients find them.
pub const FAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// Exit code where there can be no such line.
pub const UNAVAILABLE: u8 = 3;
/// Exit code of a command that a signal ended.
const ENDED_BY_SIGNAL: u8 = 128;

/// Why there can be no such line here.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// TUN devices of this kind are Linux'.
    #[error("it needs Linux")]
    Platform,
    /// A namespace or a device needs rights that this user does not have.
    #[error("it needs root")]
    NotRoot,
    /// There is no TUN driver.
    #[error("there is no /dev/net/tun")]
    NoDevice,
    /// A tool that it uses is missing.
    #[error("`{0}` could not be run: {1}")]
    NoTool(&'static str, io::Error),
    /// No namespace, as inside some containers.
    #[error("no network namespace could be made: {0}")]
    NoNamespace(String),
    /// The device was refused.
    #[error("no TUN device could be opened: {0}")]
    Refused(String),
}

/// Runs the command, or the probe, behind the line; its exit code, or [`UNAVAILABLE`] after a line that says why.
///
/// # Errors
/// When the line broke while it was used.
pub async fn run(options: &TunOptions) -> anyhow::Result<ExitCode> {
    let ran = if options.inside { inside(options).await } else { outside().await };
    match ran {
        Ok(code) => Ok(code),
        Err(error) => match error.downcast::<Unavailable>() {
            Ok(why) => {
                complain(&format!("link tun cannot run here: {why}"));
                Ok(ExitCode::from(UNAVAILABLE))
            }
            Err(other) => Err(other),
        },
    }
}

/// Starts this very program again in a namespace.
async fn outside() -> anyhow::Result<ExitCode> {
    check_rights()?;
    let tried = Command::new("unshare").args(["--net", "--", "true"]).stdin(Stdio::null()).output().await;
    let tried = tried.map_err(|error| Unavailable::NoTool("unshare", error))?;
    if !tried.status.success() {
        return Err(Unavailable::NoNamespace(String::from_utf8_lossy(&tried.stderr).trim().to_owned()).into());
    }
    let own = std::env::current_exe().context("the path of this program")?;
    // Behind `link tun`.
    let arguments: Vec<OsString> = std::env::args_os().skip(3).collect();
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(own).args(["link", "tun", "--inside"]).args(arguments);
    wait(command).await
}

#[cfg(target_os = "linux")]
fn check_rights() -> Result<(), Unavailable> {
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Err(Unavailable::NoDevice);
    }
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(Unavailable::NotRoot) }
}

#[cfg(not(target_os = "linux"))]
fn check_rights() -> Result<(), Unavailable> {
    Err(Unavailable::Platform)
}

#[cfg(target_os = "linux")]
async fn inside(options: &TunOptions) -> anyhow::Result<ExitCode> {
    let device = device::Device::open()?;
    // A server's packets to its own address pass the loopback device, which is down in a new namespace.
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).stdin(Stdio::null()).output().await;
    let up = up.map_err(|error| Unavailable::NoTool("ip", error))?;
    anyhow::ensure!(up.status.success(), "ip link set lo up: {}", String::from_utf8_lossy(&up.stderr));
    tokio::select! {
        broken = device.carry(&options.conditions, options.seed) => {
            Err(broken).context("the TUN device broke")
        }
        code = work(options) => code,
    }
}

#[cfg(not(target_os = "linux"))]
async fn inside(_: &TunOptions) -> anyhow::Result<ExitCode> {
    Err(Unavailable::Platform.into())
}

async fn work(options: &TunOptions) -> anyhow::Result<ExitCode> {
    if let Some((program, arguments)) = options.command.split_first() {
        let mut command = Command::new(program);
        command.args(arguments);
        return wait(command).await;
    }
    let found = probe::probe(NEAR.into(), FAR.into()).await?;
    verdict::write_report(options.report.as_deref(), &found)?;
    say(&found.to_text(&options.conditions));
    Ok(ExitCode::SUCCESS)
}

/// Runs a command to its end. Ctrl-C reaches it too, and it decides what follows.
async fn wait(mut command: Command) -> anyhow::Result<ExitCode> {
    let program = command.as_std().get_program().to_owned();
    let mut child =
        command.kill_on_drop(true).spawn().with_context(|| format!("cannot run {}", program.to_string_lossy()))?;
    loop {
        tokio::select! {
            ended = child.wait() => return Ok(code(ended.context("waiting for the command")?)),
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

fn code(ended: ExitStatus) -> ExitCode {
    ExitCode::from(ended.code().map_or(ENDED_BY_SIGNAL, |code| u8::try_from(code).unwrap_or(u8::MAX)))
}
