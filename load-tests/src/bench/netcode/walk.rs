//! Where a player of the benchmark goes: a turn every 0.5 to 1.5 s, three turns in ten it stands, and never far from where it belongs.

use rand_pcg::Pcg64;
use shallot_client::wire::limits::FULL_THROTTLE;
use shallot_client::wire::{Input, Position, heading_towards};
use shallot_masterdata::roll;

/// Ticks from one turn to the next, least and beyond.
const TURN_TICKS: (u32, u32) = (10, 21);
/// So many turns of a hundred are a stand.
const STAND_PERCENT: u32 = 30;
/// One who fights keeps so near to its foe, units: a metre.
const AT_FOE: i32 = 4_096;

/// One player's.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    rng: Pcg64,
    input: Input,
    left: u32,
    /// The middle of where it belongs, and how far it strays from there, units.
    home: Position,
    stray: i32,
}

impl Walk {
    /// Begins standing.
    #[must_use]
    pub(super) fn new(rng: Pcg64, home: Position, stray_m: i32) -> Self {
        Self { rng, input: Input::default(), left: 0, home, stray: stray_m.saturating_mul(4_096) }
    }

    /// It belongs elsewhere from now on, and turns at once.
    pub(super) fn move_home(&mut self, home: Position) {
        (self.home, self.left) = (home, 0);
    }

    /// The next tick's input, from where it is; towards a foe when it has one.
    pub(super) fn next(&mut self, at: Position, foe: Option<Position>) -> Input {
        if let Some(foe) = foe.filter(|_| at.is_within(self.stray, self.home)) {
            let heading = heading_towards(at, foe);
            let throttle = if at.is_within(AT_FOE, foe) { 0 } else { FULL_THROTTLE };
            (self.input, self.left) = (Input { heading, throttle, facing: heading }, 0);
            return self.input;
        }
        if self.left == 0 {
            self.turn(at);
        }
        self.left -= 1;
        self.input
    }

    fn turn(&mut self, at: Position) {
        let is_astray = !at.is_within(self.stray, self.home);
        let heading = if is_astray { heading_towards(at, self.home) } else { roll::below(&mut self.rng, 256) as u8 };
        let stands = !is_astray && roll::below(&mut self.rng, 100) < STAND_PERCENT;
        let throttle = if stands { 0 } else { FULL_THROTTLE };
        self.input = Input { heading, throttle, facing: heading };
        self.left = TURN_TICKS.0 + roll::below(&mut self.rng, TURN_TICKS.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;

    const HOME: Position = Position { x: 100 * 4_096, y: 50 * 4_096 };

    fn walk(stray_m: i32) -> Walk {
        Walk::new(Pcg64::seed_from_u64(5), HOME, stray_m)
    }

    #[test]
    fn turns_come_every_half_to_one_and_a_half_seconds_and_three_in_ten_stand() {
        let mut walk = walk(1_000);
        let inputs: Vec<Input> = (0..40_000).map(|_| walk.next(HOME, None)).collect();
        let still = inputs.iter().filter(|input| input.throttle == 0).count();
        assert!((11_000..13_000).contains(&still), "{still}");
        let lengths: Vec<usize> = inputs.chunk_by(|a, b| a == b).map(<[Input]>::len).collect();
        // Two turns alike in a row are one run of inputs, twice as long, and rare.
        assert!(lengths.iter().filter(|length| !(10..=30).contains(*length)).count() < lengths.len() / 50);
    }

    #[test]
    fn who_strays_comes_home_and_who_has_a_foe_goes_there() {
        let mut walk = walk(20);
        let far = Position { x: HOME.x + 30 * 4_096, y: HOME.y };
        let back = walk.next(far, Some(HOME));
        assert_eq!((back.heading, back.throttle), (128, FULL_THROTTLE));
        let foe = Position { x: HOME.x, y: HOME.y + 5 * 4_096 };
        let there = walk.next(HOME, Some(foe));
        assert_eq!((there.heading, there.throttle), (64, FULL_THROTTLE));
        assert_eq!(walk.next(foe, Some(foe)).throttle, 0);
        walk.move_home(Position { x: HOME.x, y: HOME.y - 100 * 4_096 });
        assert_eq!(walk.next(HOME, Some(foe)).heading, 192);
    }
}
