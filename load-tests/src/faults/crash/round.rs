//! One round: a server on the common data folder, bots on it, a kill while rewards flow, and a look at what is stored.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::failpoint::Fired;
use super::ledger::Ledger;
use super::outcome::{Round, told_briefly};
use super::scene::Scene;
use crate::bot;
use crate::game::Game;
use crate::limits::{CUT_OFF_TIME_LIMIT, ENTRY_TIME_LIMIT};
use crate::process::{ProcessError, ServerProcess};

/// From one look at who is in to the next.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a round goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// From 1.
    pub(super) number: u32,
    /// Wait between commit and telling, milliseconds.
    pub(super) delay_ms: u32,
    /// From when all bots are in to the kill.
    pub(super) play: Duration,
}

/// Plays a round on top of what `before` found; `before` becomes what is stored now.
///
/// # Errors
/// When the server does not start.
pub(super) async fn run(scene: &Scene, plan: Plan, before: &mut Ledger) -> Result<Round, ProcessError> {
    let name = plan.number.to_string();
    let server = scene.launch(&name, plan.delay_ms).await?;
    let mut round = Round { number: plan.number, delay_ms: plan.delay_ms, ..Round::default() };
    let told_before = scene.book.pages().told.len() as u64;
    let game = scene.game(&server);
    let flowing = play_until_killed(scene, plan, &game, server, &mut round).await;
    round.seconds = flowing.as_secs_f64();
    round.told = scene.book.pages().told.len() as u64 - told_before;
    for example in game.tally.examples() {
        round.problems.push(format!("bot: {example}"));
    }
    // What the store said when the bots signed in must be what was stored at the end of the round before.
    holdings(scene, before, &mut round.problems);
    match scene.log_text(&name) {
        Ok(log) => round.fired = Fired::in_log(&log),
        Err(error) => round.problems.push(format!("the server's log cannot be read: {error}")),
    }
    look(scene, &name, before, &mut round).await;
    if round.committed == 0 {
        round.problems.push("no grant was stored in this round: the kill proves nothing".to_owned());
    }
    Ok(round)
}

/// How long grants could flow: from when the first bot was in to the kill.
async fn play_until_killed(
    scene: &Scene,
    plan: Plan,
    game: &Arc<Game>,
    server: ServerProcess,
    round: &mut Round,
) -> Duration {
    let mut bots = JoinSet::new();
    for bot_plan in scene.plans(plan.number) {
        bots.spawn(bot::run(Arc::clone(game), bot_plan));
    }
    let first_in = all_in(game, scene.bots, &mut bots).await;
    let online = game.tally.online();
    if online < scene.bots.into() {
        round.problems.push(format!("only {online} of {} bots came in", scene.bots));
    }
    sleep(plan.play).await;
    game.cut.cancel();
    let flowing = game.now().saturating_sub(first_in);
    if let Err(error) = server.kill().await {
        round.problems.push(error.to_string());
    }
    let parted = timeout(CUT_OFF_TIME_LIMIT * 2, async {
        while let Some(ended) = bots.join_next().await {
            if let Err(error) = ended {
                game.tally.error("bot panicked", &error.to_string());
            }
        }
    });
    if parted.await.is_err() {
        round.problems.push(format!("{} bots did not end after the kill", bots.len()));
    }
    flowing
}

/// Waits until all bots are in, one has ended (then its error is told), or the time for it is over; when the first one came in.
async fn all_in(game: &Game, wanted: u32, bots: &mut JoinSet<()>) -> Duration {
    let (mut first_in, mut looks) = (None, interval(LOOK_EVERY));
    loop {
        looks.tick().await;
        let (online, now) = (game.tally.online(), game.now());
        if online > 0 {
            first_in.get_or_insert(now);
        }
        if online >= wanted.into() || bots.try_join_next().is_some() || now >= ENTRY_TIME_LIMIT {
            return first_in.unwrap_or(now);
        }
    }
}

/// Compares what characters had when they signed in last with what `stored` makes of what they had first.
pub(super) fn holdings(scene: &Scene, stored: &Ledger, problems: &mut Vec<String>) {
    let level_of = |xp| scene.data.level_for_xp(xp).into();
    problems.extend(told_briefly(stored.holdings(&scene.book.pages(), level_of)));
}

/// Looks into the store after the kill.
async fn look(scene: &Scene, name: &str, before: &mut Ledger, round: &mut Round) {
    let ledger = match scene.check(name).await {
        Ok(ledger) => ledger,
        Err(error) => {
            round.problems.push(error.to_string());
            return;
        }
    };
    let pages = scene.book.pages();
    round.committed = ledger.len().saturating_sub(before.len());
    round.untold = ledger.untold(&pages.told);
    for problems in [ledger.doubles(), ledger.losses(&pages.told), ledger.vanished(before), pages.broken.clone()] {
        round.problems.extend(told_briefly(problems));
    }
    *before = ledger;
}
