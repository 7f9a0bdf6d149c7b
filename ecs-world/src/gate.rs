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

/// The rings in which an entity is not as it may be thought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct RingsOff(u8);

impl RingsOff {
    pub(crate) fn has(self, ring: Ring) -> bool {
        self.0 >> ring as u8 & 1 == 1
    }
}

impl Ring {
    const ALL: [Self; 4] = [Self::Always, Self::Near, Self::Mid, Self::Far];

    /// How far off (units) and turned (steps of the 256) an entity may be.
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
}

/// Where an entity is off whose state the client has of `age` ticks ago.
pub(crate) fn rings_off(had: &State, age: u32, now: &State) -> RingsOff {
    let (x, y) = had.extrapolated(age);
    let (dx, dy) = (i64::from(now.x) - i64::from(x), i64::from(now.y) - i64::from(y));
    let units_per_step = i64::from(UNITS_PER_METRE) / STEPS_PER_METRE;
    let distance_squared = (dx * dx + dy * dy) * units_per_step * units_per_step;
    let turned = now.facing.wrapping_sub(had.facing).cast_signed().unsigned_abs();
    let has_stopped = now.speed == 0 && had.speed != 0;
    let is_other = (had.animation, had.is_dead, had.z) != (now.animation, now.is_dead, now.z);
    let bits = Ring::ALL.map(|ring| {
        let (error, facing) = ring.tolerance();
        let is_far_off = distance_squared > i64::from(error) * i64::from(error);
        u8::from(is_far_off || has_stopped || is_other || turned > facing) << ring as u8
    });
    RingsOff(bits.into_iter().fold(0, |all, bit| all | bit))
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
    fn who_goes_on_is_nowhere_off() {
        for age in 0..20 {
            assert_eq!(rings_off(&WALKING, age, &after(age)), RingsOff::default());
        }
    }

    #[test]
    fn who_is_off_is_so_by_ring() {
        let off = |ring: Ring, steps: i32| rings_off(&WALKING, 2, &State { y: steps, ..after(2) }).has(ring);
        assert!(!off(Ring::Near, 1) && off(Ring::Near, 2) && off(Ring::Always, -2), "2 cm");
        assert!(!off(Ring::Mid, 6) && off(Ring::Mid, 7), "10 cm");
        assert!(!off(Ring::Far, -31) && off(Ring::Far, -33), "50 cm");
    }

    #[test]
    fn what_cannot_wait_is_told_in_all_rings() {
        let told = |now: State| rings_off(&WALKING, 1, &now).has(Ring::Far);
        assert!(told(State { is_dead: true, ..after(1) }));
        assert!(told(State { animation: 3, ..after(1) }));
        assert!(told(State { speed: 0, ..after(1) }), "it came to rest");
        assert!(told(State { facing: 240 - 1, ..after(1) }) && !told(State { facing: 240, ..after(1) }));
        assert!(!told(State { speed: 18, ..after(1) }), "that shows in its place soon enough");
    }
}
