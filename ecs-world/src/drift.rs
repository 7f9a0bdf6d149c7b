//! How an entity has gone on since a state of it that a client was told: whether it is not where it is thought to be, and the change that
//! leads to where it is. Both are the same for all clients who were told that state, so they are worked out once a tick, when the
//! first of them asks.

use shallot_wire::limits::MAX_STATE_AGE;
use shallot_wire::{Change, Coded, Delta, State};

use crate::gate::Gate;
use crate::limits::SLOTS;
use crate::scene::Scene;

/// Of all slots and ages, as far as somebody has asked. Age by age, each with its slots, since few ages are asked for and
/// those lie close together. At 8 and 20 bytes for each they take 14.4 MB a region.
#[derive(Debug)]
pub(crate) struct Drifts {
    /// Each with the number of the round it was worked out in.
    gates: Vec<(u32, Gate)>,
    changes: Vec<(u32, Option<Coded>)>,
    /// One a tick; 0 is none.
    round: u32,
}

/// Ages of a state: 0 to [`MAX_STATE_AGE`].
const AGES: usize = MAX_STATE_AGE as usize + 1;

impl Default for Drifts {
    fn default() -> Self {
        Self { gates: vec![(0, Gate::UNKNOWN); SLOTS * AGES], changes: vec![(0, None); SLOTS * AGES], round: 0 }
    }
}

impl Drifts {
    /// Another tick: nothing is known yet.
    pub(crate) fn begin(&mut self) {
        self.round = self.round.checked_add(1).unwrap_or_else(|| {
            self.gates.fill((0, Gate::UNKNOWN));
            self.changes.fill((0, None));
            1
        });
    }

    /// Where the one in a slot is off from its state of `age` ticks ago.
    pub(crate) fn gate(&mut self, scene: &Scene, slot: u16, age: u32) -> Gate {
        let Some((round, gate)) = index(slot, age).and_then(|index| self.gates.get_mut(index)) else {
            return Gate::UNKNOWN;
        };
        if *round != self.round {
            let states = states(scene, slot, age);
            (*round, *gate) = (self.round, states.map_or(Gate::UNKNOWN, |(had, now)| Gate::between(&had, age, &now)));
        }
        *gate
    }

    /// What leads there from that state; `None`: it is too far off for that, or there is no such state of this one.
    pub(crate) fn change(&mut self, scene: &Scene, slot: u16, age: u32) -> Option<Coded> {
        let (round, change) = self.changes.get_mut(index(slot, age)?)?;
        if *round != self.round {
            let delta = states(scene, slot, age).and_then(|(had, now)| Delta::between(&had, age, &now));
            (*round, *change) = (self.round, delta.map(|delta| Change::To(delta).coded()));
        }
        *change
    }
}

fn index(slot: u16, age: u32) -> Option<usize> {
    (usize::from(slot) < SLOTS && age <= MAX_STATE_AGE).then_some(usize::from(slot) + age as usize * SLOTS)
}

const _: () = assert!(size_of::<(u32, Gate)>() == 8 && size_of::<(u32, Option<Coded>)>() == 20, "what their doc says");

/// Of the one in a slot, so many ticks ago and now.
fn states(scene: &Scene, slot: u16, age: u32) -> Option<(State, State)> {
    let (had, now) = (scene.spot_before(slot, age)?, scene.spot(slot)?);
    (had.id == now.id).then(|| (had.state(), now.state()))
}

#[cfg(test)]
mod tests {
    use shallot_wire::{EntityKind, NetId, Position, Rect, Tick, Velocity};

    use super::*;
    use crate::components::{Body, Tag};
    use crate::grid::Grid;
    use crate::interest::Ring;

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
    fn who_goes_on_is_not_off_and_who_turned_is() {
        let (mut walk, mut drifts) = (Walk::new(), Drifts::default());
        (0..5).for_each(|_| walk.step(304, 0));
        drifts.begin();
        assert!(!drifts.gate(&walk.scene, SLOT, 2).is_off(Ring::Near));
        let on = drifts.change(&walk.scene, SLOT, 2).unwrap();
        (0..2).for_each(|_| walk.step(-304, 0));
        assert!(!drifts.gate(&walk.scene, SLOT, 2).is_off(Ring::Near), "that was worked out for the tick before");
        drifts.begin();
        assert!(drifts.gate(&walk.scene, SLOT, 2).is_off(Ring::Mid));
        let turned = drifts.change(&walk.scene, SLOT, 2).unwrap();
        assert!(turned.bits() > on.bits());
    }

    #[test]
    fn nobody_has_drifted_out_of_another_or_from_before_all_that_is_known() {
        let (mut walk, mut drifts) = (Walk::new(), Drifts::default());
        (0..3).for_each(|_| walk.step(304, 0));
        walk.step(304, 1);
        drifts.begin();
        assert!(drifts.change(&walk.scene, SLOT, 0).is_some());
        for age in [1, 3, 4, 31, 32, u32::MAX] {
            assert_eq!(drifts.change(&walk.scene, SLOT, age), None);
            assert_eq!(drifts.gate(&walk.scene, SLOT, age), Gate::UNKNOWN);
        }
        assert_eq!(drifts.change(&walk.scene, SLOT + 1, 0), None);
        assert_eq!(drifts.change(&walk.scene, u16::MAX, 0), None);
    }

    #[test]
    fn rounds_begin_anew() {
        let (mut walk, mut drifts) = (Walk::new(), Drifts { round: u32::MAX - 1, ..Drifts::default() });
        (0..5).for_each(|_| walk.step(304, 0));
        for _ in 0..3 {
            drifts.begin();
            assert!(drifts.change(&walk.scene, SLOT, 2).is_some());
        }
        assert_eq!(drifts.round, 2);
    }
}
