//! Who has which number on the wire. Each kind of entity has a lane of slots; a slot rests between two tenants.

use std::collections::VecDeque;

use bevy_ecs::prelude::{Entity, Resource};
use shallot_wire::{NetId, Tick};
use wincode::{SchemaRead, SchemaWrite};

use crate::limits::{DROP_SLOTS, DROPS, MONSTER_SLOTS, MONSTERS, PLAYER_SLOTS, PLAYERS, SLOT_REST_TICKS};
use crate::schema::TickSchema;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A player's character.
    Player,
    /// A monster.
    Monster,
    /// Something on the ground.
    Drop,
}

/// The part of a lane that is state: which entities live in it follows from their own components.
#[derive(Clone, Debug, Default, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct LaneState {
    /// Of each slot that was ever used, in order.
    pub(crate) generations: Vec<u8>,
    /// Free slots (counted from the lane's first) and since when, oldest first.
    #[wincode(with = "VecDeque<(u16, TickSchema)>")]
    pub(crate) resting: VecDeque<(u16, Tick)>,
}

#[derive(Clone, Debug)]
struct Lane {
    first: u16,
    slots: usize,
    most: usize,
    state: LaneState,
    tenants: Vec<Option<Entity>>,
    taken: usize,
}

impl Lane {
    fn new(first: usize, slots: usize, most: usize) -> Self {
        let first = u16::try_from(first).expect("limits.rs: all slots fit in 16 bits");
        Self { first, slots, most, state: LaneState::default(), tenants: Vec::new(), taken: 0 }
    }

    fn place(&self, id: NetId) -> Option<usize> {
        let place = usize::from(id.index.checked_sub(self.first)?);
        (self.state.generations.get(place) == Some(&id.generation)).then_some(place)
    }

    fn take(&mut self, tick: Tick) -> Option<NetId> {
        if self.taken >= self.most {
            return None;
        }
        let rested = self.state.resting.front().is_some_and(|(_, since)| tick.since(*since) >= SLOT_REST_TICKS as i32);
        let place = if rested {
            usize::from(self.state.resting.pop_front()?.0)
        } else if self.state.generations.len() < self.slots {
            self.state.generations.push(0);
            self.tenants.push(None);
            self.state.generations.len() - 1
        } else {
            return None;
        };
        self.taken += 1;
        let generation = self.state.generations.get(place).copied()?;
        Some(NetId { index: self.first + u16::try_from(place).ok()?, generation })
    }
}

/// All slots.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Slots {
    lanes: [Lane; 3],
}

impl Slots {
    /// Nobody.
    pub(crate) fn new() -> Self {
        Self {
            lanes: [
                Lane::new(1, PLAYER_SLOTS, PLAYERS),
                Lane::new(1 + PLAYER_SLOTS, MONSTER_SLOTS, MONSTERS),
                Lane::new(1 + PLAYER_SLOTS + MONSTER_SLOTS, DROP_SLOTS, DROPS),
            ],
        }
    }

    /// The first slot of a kind's lane.
    pub(crate) fn first(kind: Kind) -> u16 {
        Self::new().lane(kind).first
    }

    fn lane(&self, kind: Kind) -> &Lane {
        &self.lanes[kind as usize]
    }

    fn lane_mut(&mut self, kind: Kind) -> &mut Lane {
        &mut self.lanes[kind as usize]
    }

    /// A number for a new entity; `None` when the kind's limit is reached or no slot has rested enough. The caller
    /// spawns the entity and calls [`Slots::settle`] in the same tick.
    pub(crate) fn take(&mut self, kind: Kind, tick: Tick) -> Option<NetId> {
        self.lane_mut(kind).take(tick)
    }

    /// Notes which entity has the number. False, with no effect, when it is not that kind's, or somebody has it.
    pub(crate) fn settle(&mut self, kind: Kind, id: NetId, entity: Entity) -> bool {
        let lane = self.lane_mut(kind);
        match lane.place(id).and_then(|place| lane.tenants.get_mut(place)) {
            Some(tenant @ None) => {
                *tenant = Some(entity);
                true
            }
            _ => false,
        }
    }

    /// The entity is gone; its slot rests from `tick` on.
    pub(crate) fn release(&mut self, kind: Kind, id: NetId, tick: Tick) {
        let lane = self.lane_mut(kind);
        let Some(place) = lane.place(id) else { return };
        let Some(tenant) = lane.tenants.get_mut(place) else { return };
        if tenant.take().is_none() {
            return;
        }
        if let (Some(generation), Ok(slot)) = (lane.state.generations.get_mut(place), u16::try_from(place)) {
            *generation = (*generation + 1) & 7;
            lane.state.resting.push_back((slot, tick));
            lane.taken -= 1;
        }
    }

    /// The entity with the number, if it is of that kind and still there.
    pub(crate) fn find(&self, kind: Kind, id: NetId) -> Option<Entity> {
        let lane = self.lane(kind);
        lane.tenants.get(lane.place(id)?).copied().flatten()
    }

    /// All of a kind, by slot: the order in which everything that draws chance is done.
    pub(crate) fn each(&self, kind: Kind) -> impl Iterator<Item = Entity> + '_ {
        self.lane(kind).tenants.iter().copied().flatten()
    }

    /// How many of a kind there are.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.lane(kind).taken
    }

    /// The state of each lane: players, monsters, drops.
    pub(crate) fn state(&self) -> [LaneState; 3] {
        [Kind::Player, Kind::Monster, Kind::Drop].map(|kind| self.lane(kind).state.clone())
    }

    /// Slots as they were, without their tenants: [`Slots::settle`] brings those. `None` when the state is not one that
    /// lanes can be in.
    pub(crate) fn restore(states: [LaneState; 3]) -> Option<Self> {
        let mut slots = Self::new();
        for (lane, state) in slots.lanes.iter_mut().zip(states) {
            let sound = state.generations.len() <= lane.slots
                && state.generations.iter().all(|generation| *generation < 8)
                && state.resting.iter().all(|(slot, _)| usize::from(*slot) < state.generations.len());
            if !sound {
                return None;
            }
            lane.tenants = vec![None; state.generations.len()];
            lane.taken = state.generations.len().checked_sub(state.resting.len())?;
            lane.state = state;
        }
        Some(slots)
    }

    /// Whether each slot either rests or has its tenant: true after a sound restore.
    pub(crate) fn is_whole(&self) -> bool {
        self.lanes.iter().all(|lane| {
            lane.taken == lane.tenants.iter().flatten().count()
                && lane.state.resting.iter().all(|(slot, _)| lane.tenants.get(usize::from(*slot)) == Some(&None))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Slots};
    use crate::limits::{DROPS, SLOT_REST_TICKS};
    use bevy_ecs::prelude::World as Ecs;
    use shallot_wire::{NetId, Tick};

    #[test]
    fn a_slot_rests_between_tenants() {
        let mut slots = Slots::new();
        let entity = Ecs::new().spawn_empty().id();
        let first = slots.take(Kind::Player, Tick(0)).unwrap();
        assert_eq!(first, NetId { index: 1, generation: 0 });
        assert!(slots.settle(Kind::Player, first, entity));
        assert!(!slots.settle(Kind::Player, first, entity));
        assert_eq!(slots.find(Kind::Player, first), Some(entity));
        assert_eq!(slots.find(Kind::Monster, first), None);
        slots.release(Kind::Player, first, Tick(10));
        assert_eq!(slots.find(Kind::Player, first), None);

        let second = slots.take(Kind::Player, Tick(10 + SLOT_REST_TICKS - 1)).unwrap();
        assert_eq!(second.index, 2, "slot 1 still rests");
        let third = slots.take(Kind::Player, Tick(10 + SLOT_REST_TICKS)).unwrap();
        assert_eq!(third, NetId { index: 1, generation: 1 });
    }

    #[test]
    fn a_lane_ends_at_its_limit() {
        let mut slots = Slots::new();
        for _ in 0..DROPS {
            assert!(slots.take(Kind::Drop, Tick(0)).is_some());
        }
        assert_eq!(slots.take(Kind::Drop, Tick(0)), None);
        assert_eq!(slots.count(Kind::Drop), DROPS);
    }

    #[test]
    fn lanes_do_not_meet() {
        let mut slots = Slots::new();
        let entity = Ecs::new().spawn_empty().id();
        let monster = slots.take(Kind::Monster, Tick(0)).unwrap();
        assert!(slots.settle(Kind::Monster, monster, entity));
        for kind in [Kind::Player, Kind::Drop] {
            assert_eq!(slots.find(kind, monster), None);
        }
    }

    #[test]
    fn unsound_states_are_refused() {
        let mut states = Slots::new().state();
        states[0].resting.push_back((0, Tick(0)));
        assert!(Slots::restore(states).is_none(), "a slot rests that never was");
        let mut states = Slots::new().state();
        states[1].generations.push(8);
        assert!(Slots::restore(states).is_none(), "no such generation");
    }
}
