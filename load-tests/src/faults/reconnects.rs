//! A storm of those who come back: a server with many players in its regions is ended by force and started again on the same data, and all
//! of them sign in and enter anew within seconds. All must be in soon, and who is refused must know why.

mod outcome;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use shallot_client::Trust;
use shallot_masterdata::{MasterData, author};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::bot::entry::{self, Entered};
use crate::bot::failure::Failure;
use crate::cli::ReconnectsOptions;
use crate::game::{BotPlan, Game, SignIn, plans};
use crate::limits::{ALL_BACK_TIME_LIMIT, ENTRIES_AT_ONCE, FIRST_SNAPSHOT_TIME_LIMIT, RETRY_AFTER_MS, SECONDS_MAX};
use crate::metrics_scrape;
use crate::process::{self, Launch, ServerProcess};
use crate::screen::{complain, say};
use outcome::{Comeback, Outcome};

/// So many of a hundred players are in the second region, as in the demo.
const SECOND_REGION_PERCENT: u32 = 20;

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: the build, a folder, the report's file.
pub async fn run(options: &ReconnectsOptions) -> anyhow::Result<bool> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build().await?;
    let outcome = tokio::select! {
        outcome = play(&binary, options) => outcome?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    if let Some(path) = &options.report {
        let json = serde_json::to_string_pretty(&outcome)?;
        std::fs::write(path, json + "\n").with_context(|| format!("writing the report to {}", path.display()))?;
    }
    let failures = outcome.failures();
    for failure in &failures {
        complain(&format!("failed: {failure}"));
    }
    say(&outcome.to_text());
    Ok(failures.is_empty())
}

async fn play(binary: &Path, options: &ReconnectsOptions) -> anyhow::Result<Outcome> {
    let folder =
        tempfile::Builder::new().prefix("shallot-storm-").tempdir().context("a folder for the server's data")?;
    let (data, log) = (folder.path().join("data"), folder.path().join("server.log"));
    let launch = Launch { data: &data, log: &log, masterdata: None, environment: &[] };
    let tables = Arc::new(author::starter());
    let plans = players(&tables, options.clients, options.seed);

    let server = ServerProcess::launch(binary, launch).await?;
    let game = game(&tables, &server, ENTRIES_AT_ONCE);
    let mut entering = JoinSet::new();
    for plan in plans.clone() {
        let game = Arc::clone(&game);
        entering.spawn(async move { first_snapshot(&game, plan).await });
    }
    let mut inside = Vec::new();
    while let Some(entered) = entering.join_next().await {
        inside.push(entered.context("a client panicked")??);
    }
    server.kill().await?;
    drop(inside);

    let mut server = ServerProcess::launch(binary, launch).await?;
    let game = self::game(&tables, &server, plans.len());
    let began = Instant::now();
    let mut returning = JoinSet::new();
    let mut moments = Pcg64::seed_from_u64(options.seed);
    for plan in plans {
        let share = f64::from(moments.next_u32()) / f64::from(u32::MAX);
        let at = began + Duration::from_secs(options.seconds.into()).mul_f64(share);
        returning.spawn(come_back(Arc::clone(&game), plan, at));
    }
    let mut outcome = Outcome::new(options);
    // All stay until the last is in.
    let mut back = Vec::new();
    while let Some(comeback) = returning.join_next().await {
        let (entered, comeback) = comeback.context("a client panicked")?;
        back.extend(entered);
        outcome.add(comeback);
    }
    outcome.all_in_ms = millis(began.elapsed());
    let samples = metrics_scrape::samples(server.addresses().http).await?;
    outcome.turned_away(&samples);
    outcome.server_cpu_s = server.sample().cpu_s;
    drop(back);
    server.stop().await?;
    Ok(outcome)
}

/// Who plays: each by a device key, so that it finds its character again.
fn players(tables: &MasterData, clients: u32, seed: u64) -> Vec<BotPlan> {
    let mut keys = Pcg64::seed_from_u64(seed);
    let mut plans = plans(tables, clients, seed, SECOND_REGION_PERCENT);
    for plan in &mut plans {
        let mut key = [0; 32];
        keys.fill_bytes(&mut key);
        plan.sign_in = SignIn::Device(key);
    }
    plans
}

fn game(tables: &Arc<MasterData>, server: &ServerProcess, at_once: usize) -> Arc<Game> {
    let address = server.addresses().grpc.to_string();
    let game = Game::new(Arc::clone(tables), address, Trust::Development, SECONDS_MAX);
    Arc::new(Game { doors: Semaphore::new(at_once), ..game })
}

/// Signs in, enters, and waits for the first state.
async fn first_snapshot(game: &Arc<Game>, plan: BotPlan) -> Result<Entered, Failure> {
    let entered = entry::enter(game, plan).await?;
    let entered = entered.ok_or_else(|| Failure::new("entry", "STOPPED", "the run was ended"))?;
    match timeout(FIRST_SNAPSHOT_TIME_LIMIT, entered.channel.receive()).await {
        Ok(Ok(_)) => Ok(entered),
        Ok(Err(lost)) => Err(Failure::new("channel", "LOST", lost)),
        Err(_) => Err(Failure::new("channel", "NO_SNAPSHOT", format!("none within {FIRST_SNAPSHOT_TIME_LIMIT:?}"))),
    }
}

/// Tries from `at` on until it is in, or its time is over.
async fn come_back(game: Arc<Game>, mut plan: BotPlan, at: Instant) -> (Option<Entered>, Comeback) {
    sleep_until(at).await;
    let mut comeback = Comeback::default();
    while at.elapsed() < ALL_BACK_TIME_LIMIT {
        let left = ALL_BACK_TIME_LIMIT.saturating_sub(at.elapsed());
        match timeout(left, first_snapshot(&game, plan.clone())).await {
            Ok(Ok(entered)) => {
                comeback.took_ms = Some(millis(at.elapsed()));
                return (Some(entered), comeback);
            }
            Ok(Err(failure)) => comeback.refusals.push(failure.kind()),
            Err(_) => break,
        }
        let wait = RETRY_AFTER_MS / 2 + u64::from(plan.rng.next_u32()) % (RETRY_AFTER_MS / 2);
        sleep(Duration::from_millis(wait)).await;
    }
    (None, comeback)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
