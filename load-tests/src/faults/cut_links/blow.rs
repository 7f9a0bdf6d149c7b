//! What happens to links and when: drawn by a seed, without IO.

use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// A way of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client.
    Up,
    /// To the client.
    Down,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Both ends are reset at once.
    Reset,
    /// One way carries nothing any more; after so long both close.
    Half(Way, Duration),
    /// Of what is carried next this way only a part arrives, then both close.
    MidMessage(Way),
}

/// What the line does after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It carries the next connection.
    Carry,
    /// It cuts the next connection too, when so many bytes were carried: while that is opened and the session taken up.
    CutInHandshake(u64),
    /// It cuts the next connection too, so soon.
    CutAgain(Duration),
    /// It lets no connection come about for so long.
    StayAway(Duration),
}

/// A cut with what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blow {
    pub(super) cut: Cut,
    pub(super) then: Then,
}

impl Blow {
    /// Cuts that it makes in all.
    pub(super) fn cuts(&self) -> u32 {
        match self.then {
            Then::Carry | Then::StayAway(_) => 1,
            Then::CutInHandshake(_) | Then::CutAgain(_) => 2,
        }
    }
}

/// When to strike which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroke {
    /// From the beginning of the cuts.
    pub(super) at: Duration,
    /// This one, or the next after it that stands.
    pub(super) line: u32,
    pub(super) blow: Blow,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) seed: u64,
    pub(super) lines: u32,
    pub(super) cuts: u32,
    /// How many are kept away for longer than the server waits, and for how long; as many are for half of what it waits.
    pub(super) away: u32,
    pub(super) away_for: Duration,
    pub(super) grace: Duration,
    /// All falls in here.
    pub(super) time: Duration,
}

/// Longest stall of one way.
const STALL_MS: u64 = 1_500;
/// Longest time to the second of two cuts close upon each other.
const AGAIN_MS: u64 = 300;
/// Bytes of both ways from the opening of a connection to the end of what a resume replays, about.
const HANDSHAKE_BYTES: u64 = 1_500;

/// As many cuts as the scope says, in the order of their time. Those who are kept away are so in the first half, and see traffic
/// after it.
pub(super) fn plan(scope: Scope) -> Vec<Stroke> {
    let mut draw = Draw(Pcg64::seed_from_u64(scope.seed));
    let time_ms = u64::try_from(scope.time.as_millis()).unwrap_or(u64::MAX);
    let (mut strokes, mut left) = (Vec::new(), scope.cuts);
    while left > 0 {
        let strokes_so_far = u32::try_from(strokes.len()).unwrap_or(u32::MAX);
        let is_away = strokes_so_far < 2 * scope.away;
        let then = match strokes_so_far {
            long if long < scope.away => Then::StayAway(scope.away_for),
            _ if is_away => Then::StayAway(scope.grace / 2),
            _ => draw.then(left),
        };
        let blow = Blow { cut: draw.cut(), then };
        left -= blow.cuts();
        let at = Duration::from_millis(draw.up_to(if is_away { time_ms / 2 } else { time_ms }));
        let line = u32::try_from(draw.up_to(u64::from(scope.lines) - 1)).unwrap_or_default();
        strokes.push(Stroke { at, line, blow });
    }
    strokes.sort_by_key(|stroke| stroke.at);
    strokes
}

struct Draw(Pcg64);

impl Draw {
    /// Between 0 and this, both included.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0.next_u64() % (most + 1)
    }

    fn way(&mut self) -> Way {
        if self.up_to(1) == 0 { Way::Up } else { Way::Down }
    }

    fn cut(&mut self) -> Cut {
        match self.up_to(2) {
            0 => Cut::Reset,
            1 => Cut::Half(self.way(), Duration::from_millis(1 + self.up_to(STALL_MS))),
            _ => Cut::MidMessage(self.way()),
        }
    }

    /// Two of five cuts are followed by another, while so many are left.
    fn then(&mut self, left: u32) -> Then {
        match self.up_to(4) {
            0 if left > 1 => Then::CutInHandshake(1 + self.up_to(HANDSHAKE_BYTES)),
            1 if left > 1 => Then::CutAgain(Duration::from_millis(self.up_to(AGAIN_MS))),
            _ => Then::Carry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(seed: u64) -> Scope {
        let [away_for, grace, time] = [12, 10, 60].map(Duration::from_secs);
        Scope { seed, lines: 200, cuts: 1_000, away: 10, away_for, grace, time }
    }

    #[test]
    fn a_plan_has_as_many_cuts_as_were_asked_for_and_all_kinds_of_them() {
        for seed in 0..50 {
            let strokes = plan(scope(seed));
            assert_eq!(strokes.iter().map(|stroke| stroke.blow.cuts()).sum::<u32>(), 1_000);
            assert!(strokes.is_sorted_by_key(|stroke| stroke.at) && strokes.iter().all(|stroke| stroke.line < 200));
            let count = |is: fn(&Blow) -> bool| strokes.iter().filter(|stroke| is(&stroke.blow)).count();
            for time in [12, 5].map(Duration::from_secs) {
                assert_eq!(strokes.iter().filter(|stroke| stroke.blow.then == Then::StayAway(time)).count(), 10);
            }
            for of_a_kind in [
                count(|blow| blow.cut == Cut::Reset),
                count(|blow| matches!(blow.cut, Cut::Half(Way::Up, _))),
                count(|blow| matches!(blow.cut, Cut::Half(Way::Down, _))),
                count(|blow| blow.cut == Cut::MidMessage(Way::Up)),
                count(|blow| blow.cut == Cut::MidMessage(Way::Down)),
                count(|blow| matches!(blow.then, Then::CutInHandshake(_))),
                count(|blow| matches!(blow.then, Then::CutAgain(_))),
            ] {
                assert!(of_a_kind > 50, "{of_a_kind} of a kind");
            }
        }
    }

    #[test]
    fn the_same_seed_plans_the_same() {
        assert_eq!(plan(scope(7)), plan(scope(7)));
        assert_ne!(plan(scope(7)), plan(scope(8)));
    }

    #[test]
    fn few_cuts_are_as_many_as_were_asked_for() {
        for cuts in 1..20 {
            let strokes = plan(Scope { cuts, lines: 1, away: 1, ..scope(u64::from(cuts)) });
            assert_eq!(strokes.iter().map(|stroke| stroke.blow.cuts()).sum::<u32>(), cuts);
        }
    }
}
