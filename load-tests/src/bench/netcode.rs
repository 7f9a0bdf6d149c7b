//! The datagram channel at speed: what players have before them, and what that costs a server. Scenes are played one after the other by bots in
//! this process against a server in its own; those with a line run in a network namespace of their own, behind a TUN device that delays and
//! drops what datagrams and streams send alike.

mod ages;
mod ground;
mod measured;
mod outcome;
mod page;
mod part;
mod plain_quic;
mod player;
mod run;
mod scenes;
mod targets;
mod truth;
mod walk;
mod watch;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::cli::BenchNetcodeOptions;
use crate::link::tun::{FAR, NEAR, UNAVAILABLE};
use crate::process;
use crate::screen::say;
use crate::verdict;
use measured::Measured;
use outcome::Outcome;
pub use plain_quic::server::serve as serve_plain_quic;
use run::{Ends, HERE, measure};
use scenes::{Line, Scene};

/// Runs what is asked for; whether nobody was lost and nothing was wrong. Figures beside their targets are told, and fail nothing: they are
/// the machine's as well.
///
/// # Errors
/// What kept it from being run at all: the build, a name that is none, the report's file.
pub async fn run(options: &BenchNetcodeOptions) -> anyhow::Result<bool> {
    let scenes = scenes::only(scenes::all(options.players), &options.only)?;
    let time = Duration::from_secs(options.seconds.into());
    if options.inside {
        let [scene] = &*scenes else { bail!("one scene fits a namespace") };
        let ends = Ends { near: NEAR.into(), far: FAR.into() };
        let measured = measure(&process::built()?, scene, time, ends).await?;
        verdict::write_report(options.report.as_deref(), &measured)?;
        return Ok(true);
    }
    say("building the server; the first time takes a few minutes");
    let binary = process::build().await?;
    let mut outcome = Outcome::default();
    tokio::select! {
        () = all(&binary, &scenes, options, &mut outcome) => {}
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
    let allocations = match options.only.is_empty() {
        true => Some(process::passes("shallot-world", "allocations").await?),
        false => None,
    };
    outcome.close(allocations);
    say(&outcome.to_text());
    verdict::write_report(options.report.as_deref(), &outcome)?;
    Ok(verdict::passed(&outcome.problems))
}

async fn all(binary: &Path, scenes: &[Scene], options: &BenchNetcodeOptions, outcome: &mut Outcome) {
    let time = Duration::from_secs(options.seconds.into());
    for scene in scenes {
        say(&format!("{}: {}", scene.name, scene.what));
        let measured = match scene.line {
            None => measure(binary, scene, time, HERE).await,
            Some(line) => behind(line, scene, options).await,
        };
        match measured {
            Ok(measured) => say(&outcome.add(measured)),
            Err(error) => outcome.problems.push(format!("{}: {error:#}", scene.name)),
        }
    }
}

/// Plays a scene in a namespace of its own: this program again, behind the line.
async fn behind(line: Line, scene: &Scene, options: &BenchNetcodeOptions) -> anyhow::Result<Measured> {
    let own = std::env::current_exe().context("the path of this program")?;
    let folder = tempfile::tempdir().context("a folder for what it measures")?;
    let report = folder.path().join("measured.json");
    let mut command = Command::new(&own);
    command.args(["link", "tun", "--loss", &format!("{}%", line.loss_percent)]);
    command.args(["--delay", &format!("{}ms", line.delay.as_millis()), "--"]).arg(&own);
    command.args(["bench", "netcode", "--inside", "--only", scene.name, "--seconds", &options.seconds.to_string()]);
    command.args(["--players", &scene.players.to_string(), "--report"]).arg(&report);
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("starting it behind a line")?;
    match status.code() {
        Some(0) => {}
        Some(code) if code == i32::from(UNAVAILABLE) => bail!("there can be no line here"),
        _ => bail!("it ended with {status}"),
    }
    Ok(serde_json::from_slice(&std::fs::read(&report)?)?)
}
