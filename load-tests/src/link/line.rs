//! One way of a line: what becomes of each packet and when it arrives. No IO, no clock: the same seed, conditions, times and sizes
//! give the same fates.

use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::conditions::Conditions;

/// A packet that is held back arrives so much later.
pub const HELD_BACK: Duration = Duration::from_millis(20);

/// A way of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client.
    Up,
    /// To the client.
    Down,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost(Why),
    /// It arrives at this time, and perhaps once more at another.
    Arrives {
        /// The first time.
        at: Duration,
        /// The second.
        again: Option<Duration>,
    },
}

/// Why a packet is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// By chance.
    Chance,
    /// It is larger than the line carries.
    TooLarge,
    /// Too much waits for the line.
    QueueFull,
}

/// One way of a line.
#[derive(Clone, Debug)]
pub struct Line {
    dice: Pcg64,
    /// What waits for it is out by then.
    free_at: Duration,
    /// The newest arrival of a packet that was not held back.
    last: Duration,
}

impl Line {
    /// One on which nothing is under way.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { dice: Pcg64::seed_from_u64(seed), free_at: Duration::ZERO, last: Duration::ZERO }
    }

    /// A packet of so many bytes enters it. Times must not go back.
    pub fn fate(&mut self, conditions: &Conditions, now: Duration, bytes: usize) -> Fate {
        // As many draws for each packet, so that the dice of one never depend on what became of others.
        let [lost, doubled, held, jitter, later] = std::array::from_fn(|_| self.dice.next_u32());
        if conditions.max_size.is_some_and(|most| bytes > most.0) {
            return Fate::Lost(Why::TooLarge);
        }
        if conditions.loss.takes(lost) {
            return Fate::Lost(Why::Chance);
        }
        let Some(out) = self.pass(conditions, now, bytes) else { return Fate::Lost(Why::QueueFull) };
        let arrival = out + conditions.delay + part(conditions.jitter, jitter);
        let at = if conditions.reorder.takes(held) {
            arrival + HELD_BACK
        } else {
            self.last = self.last.max(arrival);
            self.last
        };
        let again = conditions.duplicates.takes(doubled).then(|| at + part(HELD_BACK, later));
        Fate::Arrives { at, again }
    }

    /// When a packet has passed the narrow place; `None`: it found no room before it.
    fn pass(&mut self, conditions: &Conditions, now: Duration, bytes: usize) -> Option<Duration> {
        let Some(rate) = conditions.rate else { return Some(now) };
        let per_second = rate.0.max(1);
        let waiting = self.free_at.saturating_sub(now).as_micros() * u128::from(per_second) / 1_000_000;
        if waiting + bytes as u128 > conditions.queue.0 as u128 {
            return None;
        }
        self.free_at = self.free_at.max(now) + Duration::from_micros(bytes as u64 * 1_000_000 / per_second);
        Some(self.free_at)
    }
}

/// From nothing to the whole, as the draw says.
fn part(whole: Duration, draw: u32) -> Duration {
    Duration::from_nanos(((whole.as_nanos() * u128::from(draw)) >> 32) as u64)
}

#[cfg(test)]
mod tests {
    use super::super::units::{Rate, Share, Size};
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A packet of 100 bytes each millisecond.
    fn fates(seed: u64, conditions: &Conditions, packets: u64) -> Vec<Fate> {
        let mut line = Line::new(seed);
        (0..packets).map(|n| line.fate(conditions, ms(n), 100)).collect()
    }

    fn arrivals(fates: &[Fate]) -> Vec<Duration> {
        let at = |fate: &Fate| match fate {
            Fate::Arrives { at, .. } => Some(*at),
            Fate::Lost(_) => None,
        };
        fates.iter().filter_map(at).collect()
    }

    fn rough() -> Conditions {
        Conditions {
            loss: Share::percent(2),
            delay: ms(25),
            jitter: ms(10),
            duplicates: Share::percent(1),
            reorder: Share::percent(3),
            ..Conditions::default()
        }
    }

    #[test]
    fn the_same_seed_gives_each_packet_the_same_fate() {
        assert_eq!(fates(7, &rough(), 10_000), fates(7, &rough(), 10_000));
        assert_ne!(fates(7, &rough(), 10_000), fates(8, &rough(), 10_000));
    }

    #[test]
    fn a_condition_more_does_not_change_which_packets_another_takes() {
        let lost = |conditions: &Conditions| -> Vec<bool> {
            fates(7, conditions, 5_000).iter().map(|fate| *fate == Fate::Lost(Why::Chance)).collect()
        };
        let plain = Conditions { loss: Share::percent(2), ..Conditions::default() };
        assert_eq!(lost(&plain), lost(&rough()));
    }

    #[test]
    fn a_line_without_conditions_does_nothing() {
        let all = fates(1, &Conditions::default(), 1_000);
        assert!((0..1_000).zip(&all).all(|(n, fate)| *fate == Fate::Arrives { at: ms(n), again: None }));
    }

    #[test]
    fn shares_and_times_are_what_was_asked_for() {
        let all = fates(3, &rough(), 100_000);
        let count = |is: fn(&Fate) -> bool| all.iter().filter(|fate| is(fate)).count();
        let lost = count(|fate| *fate == Fate::Lost(Why::Chance));
        assert!((1_850..=2_150).contains(&lost), "{lost} lost");
        let doubled = count(|fate| matches!(fate, Fate::Arrives { again: Some(_), .. }));
        assert!((880..=1_100).contains(&doubled), "{doubled} doubled");
        let arrivals = arrivals(&all);
        let overtaken = arrivals.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((2_600..=3_300).contains(&overtaken), "{overtaken} overtaken");
        let took: Vec<Duration> = (0..)
            .zip(&all)
            .filter_map(|(n, fate)| match fate {
                Fate::Arrives { at, .. } => Some(*at - ms(n)),
                Fate::Lost(_) => None,
            })
            .collect();
        assert!(took.iter().all(|took| (ms(25)..=ms(25 + 10 + 20)).contains(took)));
    }

    #[test]
    fn jitter_alone_keeps_the_order() {
        let conditions = Conditions { jitter: ms(50), ..Conditions::default() };
        assert!(arrivals(&fates(5, &conditions, 10_000)).is_sorted());
    }

    #[test]
    fn a_rate_makes_a_queue_and_a_full_queue_loses() {
        // 100 bytes a millisecond into 10 bytes a millisecond, with room for ten packets.
        let conditions = Conditions { rate: Some(Rate(10_000)), queue: Size(1_000), ..Conditions::default() };
        let all = fates(1, &conditions, 1_000);
        let arrivals = arrivals(&all);
        // One second at that rate, and the queue.
        assert!((100..=111).contains(&arrivals.len()), "{} arrived", arrivals.len());
        assert!(arrivals.windows(2).all(|pair| pair[1] - pair[0] == ms(10)));
        assert!(all.iter().all(|fate| !matches!(fate, Fate::Lost(Why::Chance | Why::TooLarge))));
        // Nothing waits longer than the queue is.
        let longest = (0..).zip(&all).filter_map(|(n, fate)| match fate {
            Fate::Arrives { at, .. } => Some(*at - ms(n)),
            Fate::Lost(_) => None,
        });
        assert!(longest.max().unwrap() <= ms(100));
    }

    #[test]
    fn what_is_too_large_is_lost_and_nothing_else() {
        let conditions = Conditions { max_size: Some(Size(1_000)), ..Conditions::default() };
        let mut line = Line::new(1);
        assert_eq!(line.fate(&conditions, ms(0), 1_001), Fate::Lost(Why::TooLarge));
        assert_eq!(line.fate(&conditions, ms(0), 1_000), Fate::Arrives { at: ms(0), again: None });
    }
}
