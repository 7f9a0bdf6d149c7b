//! The demo: a server, bots on it, a line every few seconds and a report at the end.

mod outcome;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use anyhow::bail;
use shallot_client::{Api, Trust};
use shallot_masterdata::{MasterData, author};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::bot;
use crate::cli::DemoOptions;
use crate::game::{Game, plans};
use crate::limits::{PROGRESS_EVERY, USAGE_EVERY};
use crate::metrics_scrape::{ServerFigures, scrape};
use crate::process::{self, ServerProcess, Usage};
use crate::screen::{complain, say};
use crate::verdict;

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: master data, the server, the report's file.
pub async fn run(options: &DemoOptions) -> anyhow::Result<bool> {
    let data = Arc::new(load(options.masterdata.as_deref())?);
    let (mut server, grpc) = match &options.server {
        Some(address) => {
            // Once for all bots.
            Api::connect(address, &Trust::Development).await?;
            (None, address.clone())
        }
        None => {
            let server = start(options.masterdata.as_deref()).await?;
            let grpc = server.addresses().grpc.to_string();
            (Some(server), grpc)
        }
    };
    let metrics = options.metrics.or(server.as_ref().map(|server| server.addresses().http));
    let before = figures(metrics).await;
    let game = Arc::new(Game::new(data, grpc, Trust::Development, options.seconds));
    let usage = play(&game, options, server.as_mut()).await;
    let seconds = game.now().as_secs_f64();
    let after = figures(metrics).await;
    if let Some(server) = server
        && let Err(error) = server.stop().await
    {
        game.tally.error("server end", &error.to_string());
    }
    let report = outcome::report(&game, options.bots, seconds, usage, (before, after));
    say(&report.to_text());
    for example in game.tally.examples() {
        complain(&format!("error: {example}"));
    }
    verdict::write_report(options.report.as_deref(), &report)?;
    let mut failures = report.failures();
    if game.stop.is_cancelled() {
        failures.push("it was interrupted".to_owned());
    }
    Ok(verdict::passed(&failures))
}

fn load(folder: Option<&Path>) -> anyhow::Result<MasterData> {
    let Some(folder) = folder else { return Ok(author::starter()) };
    if !folder.is_dir() {
        bail!("{} is no folder with master data", folder.display());
    }
    match author::load_dir(folder) {
        Ok((data, _)) => Ok(data),
        Err(report) => bail!("the master data in {} cannot be played:\n{report}", folder.display()),
    }
}

async fn start(masterdata: Option<&Path>) -> anyhow::Result<ServerProcess> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build().await?;
    let server = tokio::select! {
        server = ServerProcess::start(&binary, masterdata) => server?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    let at = server.addresses();
    say(&format!("server ready: gRPC {}, HTTP {}, QUIC {}", at.grpc, at.http, at.quic));
    Ok(server)
}

/// A page that cannot be had leaves its figures out; the report says so.
async fn figures(metrics: Option<std::net::SocketAddr>) -> ServerFigures {
    let Some(address) = metrics else { return ServerFigures::default() };
    match scrape(address).await {
        Ok(figures) => figures,
        Err(error) => {
            complain(&error.to_string());
            ServerFigures::default()
        }
    }
}

/// Lets the bots play and leave. The first Ctrl-C makes them leave at once, the second ends them where they are.
async fn play(game: &Arc<Game>, options: &DemoOptions, mut server: Option<&mut ServerProcess>) -> Option<Usage> {
    let mut bots = JoinSet::new();
    for plan in plans(&game.data, options.bots, options.seed, options.second_region) {
        bots.spawn(bot::run(Arc::clone(game), plan));
    }
    let mut progress = outcome::Progress::new(game.now());
    let (mut lines, mut looks) = (interval(PROGRESS_EVERY), interval(USAGE_EVERY));
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    lines.tick().await;
    let mut usage = None;
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            ended = bots.join_next() => match ended {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => game.tally.error("bot panicked", &error.to_string()),
            },
            _ = lines.tick() => say(&progress.line(game)),
            _ = looks.tick() => usage = server.as_mut().map(|server| server.sample()),
            heard = &mut interrupted => {
                if heard.is_err() || game.stop.is_cancelled() {
                    bots.shutdown().await;
                    break;
                }
                say("leaving; once more ends it at once");
                game.stop.cancel();
                interrupted.set(tokio::signal::ctrl_c());
            }
        }
    }
    server.map(ServerProcess::sample).or(usage)
}
