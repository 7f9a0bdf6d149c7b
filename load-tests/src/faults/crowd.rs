//! A crowd: a thousand players come into one place within ten seconds and stay, walking to and fro. Ticks must keep their time, no client may get
//! more than the path is made for, and those who are there already must not notice those who come.

mod onlooker;
mod outcome;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use shallot_masterdata::author;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::arrivals::{arrive, game, moments, players};
use crate::cli::CrowdOptions;
use crate::limits::CROWD_STAYS;
use crate::metrics_scrape;
use crate::process::{self, ServerProcess};
use crate::screen::say;
use crate::verdict;
use onlooker::look_on;
use outcome::Outcome;

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: the build, a folder, the report's file.
pub async fn run(options: &CrowdOptions) -> anyhow::Result<bool> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build().await?;
    let outcome = verdict::unless_interrupted(play(&binary, options)).await??;
    verdict::tell(options.report.as_deref(), &outcome, &outcome.failures(), &outcome.to_text())
}

async fn play(binary: &Path, options: &CrowdOptions) -> anyhow::Result<Outcome> {
    let mut server = ServerProcess::start(binary, None).await?;
    let tables = Arc::new(author::starter());
    // New characters all begin at the same place.
    let plans = players(&tables, options.clients, options.seed, 0);
    let game = game(&tables, &server, plans.len());
    let (mut coming, mut staying, mut outcome) = (JoinSet::new(), JoinSet::new(), Outcome::new(options));
    let (began, time) = (Instant::now(), Duration::from_secs(options.seconds.into()));
    for (plan, at) in plans.into_iter().zip(moments(time, options.seed)) {
        coming.spawn(arrive(Arc::clone(&game), plan, began, at));
    }
    let over = CancellationToken::new();
    while let Some(arrived) = coming.join_next().await {
        let (entered, arrival) = arrived.context("a client panicked")?;
        outcome.arrivals.add(arrival);
        if let Some(entered) = entered {
            staying.spawn(look_on(entered, over.clone()));
        }
    }
    sleep(CROWD_STAYS).await;
    let samples = metrics_scrape::samples(server.addresses().http).await?;
    over.cancel();
    while let Some(seen) = staying.join_next().await {
        outcome.add(seen.context("a client panicked")?);
    }
    outcome.server_cpu_s = server.sample().cpu_s;
    outcome.close(&samples);
    server.stop().await?;
    Ok(outcome)
}
