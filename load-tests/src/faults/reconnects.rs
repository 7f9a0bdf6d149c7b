//! A storm of those who come back: a server with many players in its regions is ended by force and started again on the same data, and all
//! of them sign in and enter anew within seconds. All must be in soon, and who is refused must know why.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use shallot_masterdata::author;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::arrivals::{self, Sum, arrive, first_snapshot, game, moments};
use crate::bot::entry::Entered;
use crate::bot::failure::Failure;
use crate::cli::ReconnectsOptions;
use crate::game::{BotPlan, Game};
use crate::limits::{ENTRIES_AT_ONCE, FIRST_ENTRY_ATTEMPTS, STORM_OVER, STORM_REFUSALS_PERCENT};
use crate::metrics_scrape;
use crate::process::{self, Launch, ServerProcess};
use crate::screen::say;
use crate::verdict;

/// So many of a hundred players are in the second region, as in the demo.
const SECOND_REGION_PERCENT: u32 = 20;

/// What a storm came to.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    clients: u32,
    seconds: u32,
    seed: u64,
    #[serde(flatten)]
    arrivals: Sum,
    /// Server's, from its second start.
    server_cpu_s: f64,
}

impl Outcome {
    fn failures(&self) -> Vec<String> {
        let limit = Duration::from_secs(self.seconds.into()) + STORM_OVER;
        self.arrivals.failures(limit, STORM_REFUSALS_PERCENT)
    }

    fn to_text(&self) -> String {
        let Self { clients, seconds, arrivals, server_cpu_s, .. } = self;
        let arrivals = arrivals.to_text();
        format!(
            "{clients} clients come back within {seconds} s of a restart\n{arrivals}\n  server       {server_cpu_s:.1} s CPU"
        )
    }
}

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: the build, a folder, the report's file.
pub async fn run(options: &ReconnectsOptions) -> anyhow::Result<bool> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build().await?;
    let outcome = verdict::unless_interrupted(play(&binary, options)).await??;
    verdict::tell(options.report.as_deref(), &outcome, &outcome.failures(), &outcome.to_text())
}

async fn play(binary: &Path, options: &ReconnectsOptions) -> anyhow::Result<Outcome> {
    let ReconnectsOptions { clients, seconds, seed, .. } = *options;
    let folder =
        tempfile::Builder::new().prefix("shallot-storm-").tempdir().context("a folder for the server's data")?;
    let (data, log) = (folder.path().join("data"), folder.path().join("server.log"));
    let launch = Launch { data: &data, log: &log, masterdata: None, environment: &[], host: process::LOOPBACK };
    let tables = Arc::new(author::starter());
    let plans = arrivals::players(&tables, clients, seed, SECOND_REGION_PERCENT);

    let server = ServerProcess::launch(binary, launch).await?;
    let game = game(&tables, &server, ENTRIES_AT_ONCE);
    let mut entering = JoinSet::new();
    for plan in plans.clone() {
        let game = Arc::clone(&game);
        entering.spawn(async move { come_in(&game, plan).await });
    }
    let mut inside = Vec::new();
    while let Some(entered) = entering.join_next().await {
        inside.push(entered.context("a client panicked")??);
    }
    server.kill().await?;
    drop(inside);

    let mut server = ServerProcess::launch(binary, launch).await?;
    let game = arrivals::game(&tables, &server, plans.len());
    let (mut returning, mut arrivals) = (JoinSet::new(), Sum::default());
    let (began, time) = (Instant::now(), Duration::from_secs(seconds.into()));
    for (plan, at) in plans.into_iter().zip(moments(time, seed)) {
        returning.spawn(arrive(Arc::clone(&game), plan, began, at));
    }
    // All stay until the last is in.
    let mut back = Vec::new();
    while let Some(arrived) = returning.join_next().await {
        let (entered, arrival) = arrived.context("a client panicked")?;
        back.extend(entered);
        arrivals.add(arrival);
    }
    arrivals.close(&metrics_scrape::samples(server.addresses().http).await?);
    let server_cpu_s = server.sample().cpu_s;
    drop(back);
    server.stop().await?;
    Ok(Outcome { clients, seconds, seed, arrivals, server_cpu_s })
}

/// The first time, when all is calm: a machine that is busy with other things may need more than one attempt.
async fn come_in(game: &Arc<Game>, plan: BotPlan) -> Result<Entered, Failure> {
    for _ in 1..FIRST_ENTRY_ATTEMPTS {
        if let Ok(entered) = first_snapshot(game, plan.clone()).await {
            return Ok(entered);
        }
    }
    first_snapshot(game, plan).await
}
