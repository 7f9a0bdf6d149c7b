//! The crash test: a server is killed again and again while its bots are rewarded. After each kill every reward a bot was told of, in any
//! round, must be stored exactly once with the same content, no grant may be there twice or vanish, and at the next sign-in each character
//! must have what its grants make. On every second round the server waits between the commit of a grant and telling it, so that kills
//! fall there.

mod economy_check;
mod failpoint;
mod ledger;
mod outcome;
mod round;
mod scene;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use shallot_masterdata::author;
use tokio::task::JoinSet;

use crate::bot::entry;
use crate::cli::CrashOptions;
use crate::process;
use crate::reward_book::RewardBook;
use crate::screen::{complain, say};
use crate::verdict;
use ledger::Ledger;
use outcome::{Outcome, told_briefly};
use scene::{FIRST_ROUND, Scene};

/// Wait between commit and telling on every second round, milliseconds: grants come faster than that, so that most kills find one that
/// waits, and the wait still lets 5 a second through.
const DELAY_MS: u32 = 150;
/// Shortest play before a kill, percent of the longest.
const PLAY_PERCENT_MIN: u32 = 50;

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: the build, a folder, the report's file.
pub async fn run(options: &CrashOptions) -> anyhow::Result<bool> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build().await?;
    let folder =
        tempfile::Builder::new().prefix("shallot-crash-").tempdir().context("a folder for the server's data")?;
    let scene = Scene {
        binary,
        folder: folder.path().to_owned(),
        data: Arc::new(author::starter()),
        book: Arc::new(RewardBook::default()),
        bots: options.bots,
        seed: options.seed,
    };
    let outcome = verdict::unless_interrupted(all_rounds(&scene, options)).await?;
    let (failures, text) = (outcome.failures(), outcome.to_text());
    let passed = verdict::tell(options.report.as_deref(), &outcome.report(), &failures, &text)?;
    if !passed {
        complain(&format!("the server's data and logs are kept in {}", folder.keep().display()));
    }
    Ok(passed)
}

async fn all_rounds(scene: &Scene, options: &CrashOptions) -> Outcome {
    let CrashOptions { rounds, bots, seed, .. } = *options;
    let mut outcome = Outcome { rounds, bots, seed, played: Vec::new(), problems: Vec::new() };
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut stored = Ledger::default();
    for number in FIRST_ROUND..=rounds {
        let delay_ms = if number % 2 == 1 { DELAY_MS } else { 0 };
        let plan = round::Plan { number, delay_ms, play: play_time(options.seconds_per_round, &mut rng) };
        match round::run(scene, plan, &mut stored).await {
            Ok(round) => {
                say(&round.line());
                outcome.played.push(round);
            }
            Err(error) => {
                outcome.problems.push(format!("round {number}: {error}"));
                return outcome;
            }
        }
    }
    if let Err(error) = last_start(scene, &stored, &mut outcome.problems).await {
        outcome.problems.push(format!("last start: {error:#}"));
    }
    outcome
}

/// Drawn anew for each round.
fn play_time(seconds_at_most: u32, rng: &mut Pcg64) -> Duration {
    let longest = u64::from(seconds_at_most) * 1_000;
    let shortest = longest * u64::from(PLAY_PERCENT_MIN) / 100;
    Duration::from_millis(shortest + rng.next_u64() % (longest - shortest).max(1))
}

/// Starts once more, lets every bot sign in and look, and stops in order. Nothing may have changed by that.
async fn last_start(scene: &Scene, stored: &Ledger, problems: &mut Vec<String>) -> anyhow::Result<()> {
    const NAME: &str = "last";
    let server = scene.launch(NAME, 0).await?;
    let game = scene.game(&server);
    let mut bots = JoinSet::new();
    for plan in scene.plans(FIRST_ROUND) {
        let game = Arc::clone(&game);
        bots.spawn(async move { entry::look_in(&game, plan).await });
    }
    let mut failures = Vec::new();
    while let Some(looked) = bots.join_next().await {
        match looked {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => failures.push(format!("last start: {failure}")),
            Err(error) => failures.push(format!("last start: a bot panicked: {error}")),
        }
    }
    problems.extend(told_briefly(failures));
    server.stop().await?;
    round::holdings(scene, stored, problems);
    let after = scene.check(NAME).await?;
    problems.extend(told_briefly(after.vanished(stored)));
    if after.len() > stored.len() {
        problems.push(format!("last start: {} grants came out of nowhere", after.len() - stored.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn play_is_between_half_of_the_longest_and_all_of_it_and_differs() {
        let mut rng = Pcg64::seed_from_u64(1);
        let times: Vec<Duration> = (0..100).map(|_| play_time(8, &mut rng)).collect();
        assert!(times.iter().all(|time| (4_000..8_000).contains(&time.as_millis())), "{times:?}");
        assert!(times.iter().any(|time| time.as_millis() < 5_000) && times.iter().any(|time| time.as_millis() > 7_000));
        assert!(play_time(1, &mut rng).as_millis() >= 500);
    }
}
