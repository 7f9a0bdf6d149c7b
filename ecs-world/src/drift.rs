//! What has become of an entity since a state of it that a client has. That is the same for all clients who have that state, so it
//! is worked out once a tick, when the first of them asks.

use shallot_wire::limits::MAX_STATE_AGE;
use shallot_wire::{Change, Coded, Delta};

use crate::gate::{self, RingsOff};
use crate::interest::Ring;
use crate::limits::SLOTS;
use crate::scene::Scene;

/// From a state of some ticks ago to the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    /// What leads from one to the other; [`Coded::GONE`], when it is too far off for that.
    pub(crate) coded: Coded,
    rings_off: RingsOff,
    /// Whether it stood and stands.
    rests: bool,
}

impl Drift {
    /// Whether it is not as it was thought to be.
    pub(crate) fn is_off(&self, ring: Ring) -> bool {
        self.rings_off.has(ring)
    }

    /// Whether it is to be told: it is not as it was thought to be, and it is its turn, or its state is `age` ticks old and so its time.
    pub(crate) fn is_due(&self, ring: Ring, age: u32, is_turn: bool) -> bool {
        age >= ring.age(self.rests) || is_turn && self.is_off(ring)
    }

    /// `None`: there is no state so old of the one who is in the slot now.
    fn work_out(scene: &Scene, slot: u16, age: u32) -> Option<Self> {
        let (had, now) = (scene.spot_before(slot, age)?, scene.spot(slot)?);
        if had.id != now.id {
            return None;
        }
        let (from, to) = (had.state(), now.state());
        let coded = Delta::between(&from, age, &to).map_or(Coded::GONE, |delta| Change::To(delta).coded());
        let rests = from.speed == 0 && to.speed == 0;
        Some(Self { coded, rings_off: gate::rings_off(&from, age, &to), rests })
    }
}

/// Of all slots and ages, as far as somebody has asked.
#[derive(Debug)]
pub(crate) struct Drifts {
    /// Age by age, each with its slots, since few ages are asked for and those lie close together; with the number of the round it was
    /// worked out in.
    table: Vec<(u32, Option<Drift>)>,
    /// One a tick; 0 is none.
    round: u32,
}

/// Ages of a state: 0 to [`MAX_STATE_AGE`].
const AGES: usize = MAX_STATE_AGE as usize + 1;

impl Default for Drifts {
    fn default() -> Self {
        Self { table: vec![(0, None); SLOTS * AGES], round: 0 }
    }
}

impl Drifts {
    /// Another tick: nothing is known yet.
    pub(crate) fn begin(&mut self) {
        self.round = self.round.checked_add(1).unwrap_or_else(|| {
            self.table.fill((0, None));
            1
        });
    }

    /// Of the one in a slot since its state of `age` ticks ago; `None`: there is none, or it was somebody else's.
    pub(crate) fn of(&mut self, scene: &Scene, slot: u16, age: u32) -> Option<&Drift> {
        let place = Some(usize::from(slot)).filter(|slot| *slot < SLOTS)? + age as usize * SLOTS;
        let (round, drift) = self.table.get_mut(place)?;
        if *round != self.round {
            (*round, *drift) = (self.round, Drift::work_out(scene, slot, age));
        }
        drift.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use shallot_wire::{EntityKind, NetId, Position, Rect, Tick, Velocity};

    use super::*;
    use crate::components::{Body, Tag};
    use crate::grid::Grid;
    use crate::limits::{FAR_AGE_TICKS, MID_AGE_TICKS, NEAR_AGE_TICKS, REST_AGE_TICKS};

    const SLOT: u16 = 7;

    struct Walk {
        scene: Scene,
        body: Body,
        tick: Tick,
    }

    impl Walk {
        fn new() -> Self {
            let scene = Scene::new(Grid::new(Rect::from_metres(0, 0, 400, 400)));
            Self { scene, body: Body::at(Position::from_cm(10_000, 10_000), 0), tick: Tick(u32::MAX - 20) }
        }

        /// Goes on eastwards by so many units in one tick.
        fn step(&mut self, units: i32, generation: u8) {
            let position = Position { x: self.body.position.x + units, ..self.body.position };
            self.body.walk_to(position, Velocity { x: units, y: 0 }, 0);
            self.tick = self.tick.plus(1);
            self.scene.begin(self.tick);
            let tag = Tag { id: NetId { index: SLOT, generation } };
            self.scene.add(&tag, &self.body, EntityKind::Player, false);
            self.scene.arrange();
        }
    }

    #[test]
    fn who_goes_on_or_rests_is_due_in_its_time() {
        for (units, ages) in
            [(304, [NEAR_AGE_TICKS, NEAR_AGE_TICKS, MID_AGE_TICKS, FAR_AGE_TICKS]), (0, [REST_AGE_TICKS; 4])]
        {
            let (mut walk, mut drifts) = (Walk::new(), Drifts::default());
            (0..30).for_each(|_| walk.step(units, 0));
            drifts.begin();
            for (ring, age) in [Ring::Always, Ring::Near, Ring::Mid, Ring::Far].into_iter().zip(ages) {
                assert!(!drifts.of(&walk.scene, SLOT, age - 1).unwrap().is_due(ring, age - 1, true));
                assert!(drifts.of(&walk.scene, SLOT, age).unwrap().is_due(ring, age, false));
            }
        }
    }

    #[test]
    fn who_is_off_is_due_in_its_turn() {
        let (mut walk, mut drifts) = (Walk::new(), Drifts::default());
        (0..5).for_each(|_| walk.step(304, 0));
        drifts.begin();
        assert!(!drifts.of(&walk.scene, SLOT, 2).unwrap().is_due(Ring::Mid, 2, true));
        (0..2).for_each(|_| walk.step(-304, 0));
        drifts.begin();
        let drift = drifts.of(&walk.scene, SLOT, 2).unwrap();
        assert!(drift.is_due(Ring::Mid, 2, true) && !drift.is_due(Ring::Mid, 2, false));
        assert!(!drift.coded.is_unchanged());
    }

    #[test]
    fn nobody_has_drifted_out_of_another_or_from_before_all_that_is_known() {
        let (mut walk, mut drifts) = (Walk::new(), Drifts::default());
        (0..3).for_each(|_| walk.step(304, 0));
        walk.step(304, 1);
        drifts.begin();
        assert!(drifts.of(&walk.scene, SLOT, 0).is_some());
        for age in [1, 3, 4, 31, 32, u32::MAX] {
            assert_eq!(drifts.of(&walk.scene, SLOT, age), None);
        }
        assert_eq!(drifts.of(&walk.scene, SLOT + 1, 0), None);
        assert_eq!(drifts.of(&walk.scene, u16::MAX, 0), None);
    }
}
