//! Whether an entity is to be told again: it is not where the client is to think that it is by what it was told last, or that is too
//! long ago.

use shallot_wire::State;
use shallot_wire::limits::UNITS_PER_METRE;

use crate::interest::Ring;
use crate::limits::{
    FAR_AGE_TICKS, FAR_ERROR_UNITS, FAR_FACING_STEPS, MID_AGE_TICKS, MID_ERROR_UNITS, MID_FACING_STEPS, NEAR_AGE_TICKS,
    NEAR_ERROR_UNITS, NEAR_FACING_STEPS, REST_AGE_TICKS,
};

/// Steps of a state's place in a metre.
const STEPS_PER_METRE: i64 = 64;

/// How an entity compares with a state that was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// A bit for each ring: it is not as it may be thought to be there.
    off: u8,
    /// Whether it stood and stands.
    rests: bool,
}

impl Gate {
    /// Nothing is known of such a state: it is off everywhere.
    pub(crate) const UNKNOWN: Self = Self { off: u8::MAX, rests: false };

    /// Between a state of `age` ticks ago and the present one.
    pub(crate) fn between(had: &State, age: u32, now: &State) -> Self {
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
        let rests = had.speed == 0 && now.speed == 0;
        Self { off: bits.into_iter().fold(0, |all, bit| all | bit), rests }
    }

    /// Whether it is not as it is thought to be.
    pub(crate) fn is_off(self, ring: Ring) -> bool {
        self.off >> ring as u8 & 1 == 1
    }

    /// Whether it is to be told, in its turn: it is off, or at the next turn it would be more than its time. There is a snapshot in
    /// `every` ticks.
    pub(crate) fn is_due(self, ring: Ring, age: u32, every: u32) -> bool {
        self.is_off(ring) || age + ring.tell_period() * every > ring.age(self.rests)
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
            assert_eq!(Gate::between(&WALKING, age, &after(age)), Gate { off: 0, rests: false });
        }
    }

    #[test]
    fn who_is_off_is_so_by_ring() {
        let off = |ring: Ring, steps: i32| Gate::between(&WALKING, 2, &State { y: steps, ..after(2) }).is_off(ring);
        assert!(!off(Ring::Near, 1) && off(Ring::Near, 2) && off(Ring::Always, -2), "2 cm");
        assert!(!off(Ring::Mid, 6) && off(Ring::Mid, 7), "10 cm");
        assert!(!off(Ring::Far, -31) && off(Ring::Far, -33), "50 cm");
    }

    #[test]
    fn what_cannot_wait_is_told_in_all_rings() {
        let told = |now: State| Gate::between(&WALKING, 1, &now).is_off(Ring::Far);
        assert!(told(State { is_dead: true, ..after(1) }));
        assert!(told(State { animation: 3, ..after(1) }));
        assert!(told(State { speed: 0, ..after(1) }), "it came to rest");
        assert!(told(State { facing: 240 - 1, ..after(1) }) && !told(State { facing: 240, ..after(1) }));
        assert!(!told(State { speed: 18, ..after(1) }), "that shows in its place soon enough");
    }

    #[test]
    fn who_goes_on_or_rests_is_due_before_its_time_is_over() {
        let rest = State { speed: 0, heading: 0, ..WALKING };
        let (walks, rests) = (Gate::between(&WALKING, 3, &after(3)), Gate::between(&rest, 3, &rest));
        let due = |gate: Gate, ring: Ring| (0..100).find(|age| gate.is_due(ring, *age, 1));
        let rings = [Ring::Always, Ring::Near, Ring::Mid, Ring::Far];
        let ages = [NEAR_AGE_TICKS, NEAR_AGE_TICKS, MID_AGE_TICKS - 2, FAR_AGE_TICKS - 4];
        assert_eq!(rings.map(|ring| due(walks, ring)), ages.map(Some));
        let ages = [REST_AGE_TICKS, REST_AGE_TICKS, REST_AGE_TICKS - 2, REST_AGE_TICKS - 4];
        assert_eq!(rings.map(|ring| due(rests, ring)), ages.map(Some));
    }
}
