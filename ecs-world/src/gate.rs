//! Whether an entity is to be told again: against what the client is known to have, not against what it was sent. So a change is
//! repeated until its arrival is acknowledged, and a loss needs no other care.

use shallot_wire::State;
use shallot_wire::limits::UNITS_PER_METRE;

use crate::interest::Ring;
use crate::limits::{
    FAR_AGE_TICKS, FAR_ERROR_UNITS, FAR_FACING_STEPS, MID_AGE_TICKS, MID_ERROR_UNITS, MID_FACING_STEPS, NEAR_AGE_TICKS,
    NEAR_ERROR_UNITS, NEAR_FACING_STEPS, REST_AGE_TICKS,
};

/// Steps of a state's place in a metre.
const STEPS_PER_METRE: i64 = 64;

/// Why an entity is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is not as it was thought to be.
    Changed,
    /// It was not told for a while.
    Old,
}

impl Ring {
    /// How far off and turned an entity may be.
    fn tolerance(self) -> (i32, u8) {
        match self {
            Self::Always | Self::Near => (NEAR_ERROR_UNITS, NEAR_FACING_STEPS),
            Self::Mid => (MID_ERROR_UNITS, MID_FACING_STEPS),
            Self::Far => (FAR_ERROR_UNITS, FAR_FACING_STEPS),
        }
    }

    /// Ticks after which an entity is told that moves, or that rests.
    pub(crate) fn age(self, rests: bool) -> u32 {
        match self {
            _ if rests => REST_AGE_TICKS,
            Self::Always | Self::Near => NEAR_AGE_TICKS,
            Self::Mid => MID_AGE_TICKS,
            Self::Far => FAR_AGE_TICKS,
        }
    }

    /// Why an entity is to be told whose state the client has of `age` ticks ago; `None`: it need not be.
    pub(crate) fn reason(self, had: &State, age: u32, now: &State, is_turn: bool) -> Option<Reason> {
        let is_old = age >= self.age(had.speed == 0 && now.speed == 0);
        if (is_turn || is_old) && self.has_changed(had, age, now) {
            return Some(Reason::Changed);
        }
        is_old.then_some(Reason::Old)
    }

    fn has_changed(self, had: &State, age: u32, now: &State) -> bool {
        let (error, facing) = self.tolerance();
        let (x, y) = had.extrapolated(age);
        let (dx, dy) = (i64::from(now.x) - i64::from(x), i64::from(now.y) - i64::from(y));
        let units_per_step = i64::from(UNITS_PER_METRE) / STEPS_PER_METRE;
        let is_off = (dx * dx + dy * dy) * units_per_step * units_per_step > i64::from(error) * i64::from(error);
        let turned = now.facing.wrapping_sub(had.facing).cast_signed().unsigned_abs();
        let has_stopped = now.speed == 0 && had.speed != 0;
        let is_other = (had.animation, had.is_dead, had.z) != (now.animation, now.is_dead, now.z);
        is_off || has_stopped || is_other || turned > facing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1.5 m/s to the east, looking there.
    const WALKING: State = State { x: 0, y: 0, z: 0, facing: 0, speed: 19, heading: 0, animation: 0, is_dead: false };

    fn after(ticks: u32) -> State {
        let (x, y) = WALKING.extrapolated(ticks);
        State { x, y, ..WALKING }
    }

    #[test]
    fn who_goes_on_is_told_in_its_time() {
        for (ring, age) in [(Ring::Always, 5), (Ring::Near, 5), (Ring::Mid, 10), (Ring::Far, 20)] {
            assert_eq!(ring.reason(&WALKING, age - 1, &after(age - 1), true), None);
            assert_eq!(ring.reason(&WALKING, age, &after(age), false), Some(Reason::Old));
            let standing = State { speed: 0, ..WALKING };
            assert_eq!(ring.reason(&standing, 19, &standing, true), None);
            assert_eq!(ring.reason(&standing, 20, &standing, true), Some(Reason::Old));
        }
    }

    #[test]
    fn who_is_off_is_told_by_its_ring() {
        let off = |ring: Ring, steps: i32| {
            ring.reason(&WALKING, 2, &State { y: steps, ..after(2) }, true) == Some(Reason::Changed)
        };
        assert!(!off(Ring::Near, 1) && off(Ring::Near, 2), "2 cm");
        assert!(!off(Ring::Mid, 6) && off(Ring::Mid, 7), "10 cm");
        assert!(!off(Ring::Far, -31) && off(Ring::Far, -33), "50 cm");
        let other_turn = Ring::Mid.reason(&WALKING, 2, &State { y: 40, ..after(2) }, false);
        assert_eq!(other_turn, None, "in its turn");
    }

    #[test]
    fn what_cannot_wait_is_told() {
        let told = |now: State| Ring::Far.reason(&WALKING, 1, &now, true) == Some(Reason::Changed);
        assert!(told(State { is_dead: true, ..after(1) }));
        assert!(told(State { animation: 3, ..after(1) }));
        assert!(told(State { speed: 0, ..after(1) }), "it came to rest");
        assert!(told(State { facing: 240 - 1, ..after(1) }) && !told(State { facing: 240, ..after(1) }));
        assert!(!told(State { speed: 18, ..after(1) }), "that shows in its place soon enough");
    }
}
