//! Many who come in within seconds, each at a moment of its own: it tries until it is in and sees something, and notes what it was refused.

mod sum;

use std::sync::Arc;
use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use shallot_client::Trust;
use shallot_masterdata::MasterData;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::bot::entry::{self, Entered};
use crate::bot::failure::Failure;
use crate::game::{BotPlan, Game, SignIn, plans};
use crate::limits::{ARRIVAL_TIME_LIMIT, FIRST_SNAPSHOT_TIME_LIMIT, RETRY_AFTER_MS, SECONDS_MAX};
use crate::process::ServerProcess;
pub(super) use sum::Sum;

/// How one of them came in.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrival {
    /// From the beginning of all to its first attempt.
    pub(super) at: Duration,
    /// From its first attempt to its first state; `None`: it never had one.
    pub(super) took: Option<Duration>,
    /// Attempts that failed, by kind.
    pub(super) refusals: Vec<String>,
}

/// Who comes: each by a device key, so that it finds its character again. So many of a hundred go to a second region.
pub(super) fn players(tables: &MasterData, clients: u32, seed: u64, second_region_percent: u32) -> Vec<BotPlan> {
    let mut keys = Pcg64::seed_from_u64(seed);
    let mut plans = plans(tables, clients, seed, second_region_percent);
    for plan in &mut plans {
        let mut key = [0; 32];
        keys.fill_bytes(&mut key);
        plan.sign_in = SignIn::Device(key);
    }
    plans
}

/// What they share; so many may be on their way in at once.
pub(super) fn game(tables: &Arc<MasterData>, server: &ServerProcess, at_once: usize) -> Arc<Game> {
    let address = server.addresses().grpc.to_string();
    let game = Game::new(Arc::clone(tables), address, Trust::Development, SECONDS_MAX);
    Arc::new(Game { doors: Semaphore::new(at_once), ..game })
}

/// A moment for each, equally spread over so long, as the seed says.
pub(super) fn moments(time: Duration, seed: u64) -> impl Iterator<Item = Duration> {
    let mut draws = Pcg64::seed_from_u64(seed);
    std::iter::repeat_with(move || time.mul_f64(f64::from(draws.next_u32()) / f64::from(u32::MAX)))
}

/// Signs in, enters, and waits for the first state.
pub(super) async fn first_snapshot(game: &Arc<Game>, plan: BotPlan) -> Result<Entered, Failure> {
    let entered = entry::enter(game, plan).await?;
    let entered = entered.ok_or_else(|| Failure::new("entry", "STOPPED", "the run was ended"))?;
    match timeout(FIRST_SNAPSHOT_TIME_LIMIT, entered.channel.receive()).await {
        Ok(Ok(_)) => Ok(entered),
        Ok(Err(lost)) => Err(Failure::new("channel", "LOST", lost)),
        Err(_) => Err(Failure::new("channel", "NO_SNAPSHOT", format!("none within {FIRST_SNAPSHOT_TIME_LIMIT:?}"))),
    }
}

/// Tries from its moment on until it is in, or its time is over.
pub(super) async fn arrive(
    game: Arc<Game>,
    mut plan: BotPlan,
    began: Instant,
    at: Duration,
) -> (Option<Entered>, Arrival) {
    let first = began + at;
    sleep_until(first).await;
    let mut arrival = Arrival { at, ..Arrival::default() };
    while let Some(left) = ARRIVAL_TIME_LIMIT.checked_sub(first.elapsed()) {
        let retry_after = match timeout(left, first_snapshot(&game, plan.clone())).await {
            Ok(Ok(entered)) => {
                arrival.took = Some(first.elapsed());
                return (Some(entered), arrival);
            }
            Ok(Err(failure)) => {
                arrival.refusals.push(failure.kind());
                failure.retry_after.unwrap_or_default()
            }
            Err(_) => break,
        };
        let wait = RETRY_AFTER_MS / 2 + u64::from(plan.rng.next_u32()) % (RETRY_AFTER_MS / 2);
        sleep(retry_after + Duration::from_millis(wait)).await;
    }
    (None, arrival)
}
