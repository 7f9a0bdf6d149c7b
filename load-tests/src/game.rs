//! What all bots of a run share, and how they differ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use shallot_client::{Trust, clock};
use shallot_masterdata::{ClassId, MasterData, RegionIndex};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::limits::ENTRIES_AT_ONCE;
use crate::reward_book::RewardBook;
use crate::schedule::Schedule;
use crate::tally::Tally;

/// A second region is for beginners when its advised levels begin at most here.
const BEGINNERS_LEVEL: u8 = 3;
/// One of so many bots signs in by password, the others by a device key.
const PASSWORD_EVERY: u32 = 20;

/// Shared by all bots of a run.
pub struct Game {
    /// The set the server plays on.
    pub data: Arc<MasterData>,
    /// gRPC address.
    pub server: String,
    /// How the datagram channel's certificate is checked.
    pub trust: Trust,
    /// Phases of the run.
    pub schedule: Schedule,
    /// When the run began.
    pub began: Instant,
    /// The sums.
    pub tally: Tally,
    /// Bots that may sign in at the same time.
    pub doors: Semaphore,
    /// Cancelled: all leave at once.
    pub stop: CancellationToken,
    /// Cancelled: the server is ended by force; from now on lost connections are no errors.
    pub cut: CancellationToken,
    /// Keeps each reward beyond this run, for those who look into the store themselves.
    pub book: Option<Arc<RewardBook>>,
}

impl Game {
    /// Of a run that begins now.
    #[must_use]
    pub fn new(data: Arc<MasterData>, server: String, trust: Trust, seconds: u32) -> Self {
        Self {
            data,
            server,
            trust,
            schedule: Schedule::new(seconds),
            began: clock::now(),
            tally: Tally::default(),
            doors: Semaphore::new(ENTRIES_AT_ONCE),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
            book: None,
        }
    }

    /// The same with a book.
    #[must_use]
    pub fn with_book(self, book: Arc<RewardBook>) -> Self {
        Self { book: Some(book), ..self }
    }

    /// Time since the run began.
    #[must_use]
    pub fn now(&self) -> Duration {
        clock::now().saturating_duration_since(self.began)
    }
}

/// How a bot signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// By a device key that it makes.
    NewDevice,
    /// By a login name and a password that it makes.
    NewLogin,
    /// By this device key; whose account has a character plays that one.
    Device([u8; 32]),
}

/// How one bot differs from the next.
#[derive(Clone, Debug)]
pub struct BotPlan {
    /// From 0.
    pub number: u32,
    /// Its way in.
    pub sign_in: SignIn,
    /// Neither drinks nor throws away what it carries.
    pub is_thrifty: bool,
    /// What it plays.
    pub class: ClassId,
    /// Where it enters; `None`: where new characters appear.
    pub region: Option<RegionIndex>,
    /// All its choices come from here.
    pub rng: Pcg64,
}

/// Plans for all bots: classes in turn, one in twenty by password, and so many of a hundred in a second region when the set has one for
/// beginners.
#[must_use]
pub fn plans(data: &MasterData, bots: u32, seed: u64, second_region_percent: u32) -> Vec<BotPlan> {
    let classes = u32::try_from(data.classes.len()).unwrap_or(1).max(1);
    let second = second_region(data);
    let mut seeds = Pcg64::seed_from_u64(seed);
    (0..bots)
        .map(|number| {
            // Spread evenly over the numbers, so that classes and doors mix in both regions.
            let share_before = u64::from(number) * u64::from(second_region_percent) / 100;
            let share_after = u64::from(number + 1) * u64::from(second_region_percent) / 100;
            BotPlan {
                number,
                sign_in: if number % PASSWORD_EVERY == 0 { SignIn::NewLogin } else { SignIn::NewDevice },
                is_thrifty: false,
                class: ClassId(u16::try_from(number % classes).unwrap_or(0)),
                region: second.filter(|_| share_after > share_before),
                rng: Pcg64::seed_from_u64(seeds.next_u64()),
            }
        })
        .collect()
}

/// The region beside the first that beginners get along best in.
fn second_region(data: &MasterData) -> Option<RegionIndex> {
    (0_u16..)
        .map(RegionIndex)
        .zip(&data.regions)
        .filter(|(_, region)| !region.is_start && region.levels.0 <= BEGINNERS_LEVEL && !region.spawns.is_empty())
        .min_by_key(|(_, region)| region.levels.0)
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::fixture;

    fn two_regions(second_from_level: u8) -> MasterData {
        let mut data = fixture::set();
        let mut second = data.regions.first().expect("a region").clone();
        (second.is_start, second.levels) = (false, (second_from_level, 9));
        data.regions.push(second);
        data
    }

    #[test]
    fn the_share_of_the_second_region_is_kept_and_spread() {
        let plans = plans(&two_regions(2), 50, 1, 20);
        let there: Vec<u32> = plans.iter().filter(|plan| plan.region.is_some()).map(|plan| plan.number).collect();
        assert_eq!(there, [4, 9, 14, 19, 24, 29, 34, 39, 44, 49]);
        assert_eq!(plans.iter().filter(|plan| plan.sign_in == SignIn::NewLogin).count(), 3);
    }

    #[test]
    fn a_set_with_one_region_or_a_dangerous_second_keeps_all_together() {
        for data in [fixture::set(), two_regions(9)] {
            assert!(plans(&data, 50, 1, 20).iter().all(|plan| plan.region.is_none()));
        }
    }

    #[test]
    fn the_same_seed_plans_the_same_and_another_differs() {
        let draws = |seed| -> Vec<u64> {
            plans(&fixture::set(), 5, seed, 0).into_iter().map(|mut plan| plan.rng.next_u64()).collect()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }
}
