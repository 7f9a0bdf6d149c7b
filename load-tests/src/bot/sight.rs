//! What a bot sees: places out of snapshots, joined with what events told of each entity.

use std::collections::BTreeMap;

use shallot_client::proto::world::v1::{Appeared, appeared};
use shallot_masterdata::{ItemTemplateId, MasterData, MonsterId};

use super::place::Point;
use crate::limits::TOLD_MAX;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Another player.
    Player,
    /// A monster.
    Monster(MonsterId),
    /// Something on the ground.
    Drop {
        /// What.
        item: ItemTemplateId,
        /// Units.
        quantity: u32,
    },
}

/// One entity in view whose kind is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thing {
    /// As on the wire.
    pub entity: u32,
    /// What it is.
    pub what: What,
    /// Where it was in the newest state.
    pub at: Point,
    /// Hit points as last told; 0 for drops and the dead.
    pub hp: u32,
    /// At most.
    pub max_hp: u32,
    /// The bot's tick at which it was told of.
    pub since: u32,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    what: What,
    hp: u32,
    max_hp: u32,
    since: u32,
    dead: bool,
    /// Where it was when it was in view last, if it is no more.
    at: Option<Point>,
}

/// The memory behind it. Hit points follow the events.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    told: BTreeMap<u32, Told>,
    /// By number.
    places: Vec<(u32, Point)>,
    /// Those of the state before, for their room.
    before: Vec<(u32, Point)>,
}

impl Sight {
    /// Remembers what an event told of a new entity; a later tenant of the same number replaces an earlier one.
    /// `false`: of a kind or key that the set does not know.
    pub fn appeared(&mut self, data: &MasterData, event: &Appeared, tick: u32) -> bool {
        let what = match &event.what {
            Some(appeared::What::Player(_)) => Some(What::Player),
            Some(appeared::What::Monster(key)) => data.monster_by_key(key).map(What::Monster),
            Some(appeared::What::Drop(key)) => {
                data.item_by_key(key).map(|item| What::Drop { item, quantity: event.amount })
            }
            None => None,
        };
        let Some(what) = what else { return false };
        if self.told.len() >= TOLD_MAX {
            self.forget_oldest();
        }
        let told = Told { what, hp: event.hp, max_hp: event.max_hp, since: tick, dead: false, at: None };
        self.told.insert(event.entity, told);
        true
    }

    fn forget_oldest(&mut self) {
        let unseen = self.told.iter().filter(|(entity, _)| self.place(**entity).is_none());
        let oldest = unseen.min_by_key(|(_, told)| told.since).or_else(|| self.told.iter().next());
        if let Some(entity) = oldest.map(|(entity, _)| *entity) {
            self.told.remove(&entity);
        }
    }

    /// Replaces all places with those of the newest state, which come by number.
    pub fn see(&mut self, places: impl Iterator<Item = (u32, Point)>) {
        std::mem::swap(&mut self.places, &mut self.before);
        self.places.clear();
        self.places.extend(places);
        let mut still_there = self.places.iter().map(|(entity, _)| *entity).peekable();
        for (entity, at) in self.before.drain(..) {
            while still_there.next_if(|there| *there < entity).is_some() {}
            if still_there.peek() != Some(&entity)
                && let Some(told) = self.told.get_mut(&entity)
            {
                told.at = Some(at);
            }
        }
    }

    /// Where something was when it was in view last: who dies goes out of view, and of its death the bot may be told later.
    pub fn last_place(&self, entity: u32) -> Option<Point> {
        let told = self.told.get(&entity)?;
        self.place(entity).or(told.at)
    }

    fn place(&self, entity: u32) -> Option<Point> {
        let found = self.places.binary_search_by_key(&entity, |(entity, _)| *entity).ok()?;
        self.places.get(found).map(|(_, at)| *at)
    }

    /// Hit points as an event told them.
    pub fn hp(&mut self, entity: u32, hp: u32) {
        if let Some(told) = self.told.get_mut(&entity) {
            told.hp = hp;
        }
    }

    /// It is dead: no target any more, though its body may lie there for a moment.
    pub fn died(&mut self, entity: u32) {
        if let Some(told) = self.told.get_mut(&entity) {
            told.dead = true;
            told.hp = 0;
        }
    }

    /// It is gone from the ground.
    pub fn taken(&mut self, entity: u32) {
        self.told.remove(&entity);
    }

    /// One entity, when it is in view and known and alive.
    #[must_use]
    pub fn get(&self, entity: u32) -> Option<Thing> {
        self.thing(entity, self.place(entity)?)
    }

    /// All of them, by number.
    pub fn things(&self) -> impl Iterator<Item = Thing> + '_ {
        self.places.iter().filter_map(|(entity, at)| self.thing(*entity, *at))
    }

    fn thing(&self, entity: u32, at: Point) -> Option<Thing> {
        let told = self.told.get(&entity).filter(|told| !told.dead)?;
        Some(Thing { entity, what: told.what, at, hp: told.hp, max_hp: told.max_hp, since: told.since })
    }

    /// Living monsters in view.
    pub fn monsters(&self) -> impl Iterator<Item = (Thing, MonsterId)> + '_ {
        self.things().filter_map(|thing| match thing.what {
            What::Monster(id) => Some((thing, id)),
            _ => None,
        })
    }

    /// Drops in view.
    pub fn drops(&self) -> impl Iterator<Item = Thing> + '_ {
        self.things().filter(|thing| matches!(thing.what, What::Drop { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::fixture::{self, FANG, RAT};

    fn monster(entity: u32, hp: u32) -> Appeared {
        Appeared { entity, what: Some(appeared::What::Monster("rat".to_owned())), amount: 1, max_hp: 7, hp }
    }

    fn at(x: i32) -> Point {
        Point { x, y: 0 }
    }

    #[test]
    fn a_thing_needs_both_a_name_and_a_place() {
        let (data, mut sight) = (fixture::set(), Sight::default());
        sight.see([(8, at(1))].into_iter());
        assert_eq!(sight.things().count(), 0);
        assert!(sight.appeared(&data, &monster(8, 7), 3));
        assert_eq!(sight.monsters().map(|(thing, id)| (thing.entity, thing.hp, id)).collect::<Vec<_>>(), [(8, 7, RAT)]);
        sight.see(std::iter::empty());
        assert_eq!(sight.get(8), None);
    }

    #[test]
    fn hit_points_follow_and_the_dead_are_no_targets() {
        let (data, mut sight) = (fixture::set(), Sight::default());
        sight.appeared(&data, &monster(8, 7), 0);
        sight.see([(8, at(1))].into_iter());
        sight.hp(8, 2);
        assert_eq!(sight.get(8).map(|thing| thing.hp), Some(2));
        sight.died(8);
        assert_eq!(sight.get(8), None);
        sight.appeared(&data, &monster(8, 7), 9);
        assert_eq!(sight.get(8).map(|thing| thing.since), Some(9), "the next tenant of the number");
    }

    #[test]
    fn where_something_was_is_known_when_it_is_gone() {
        let (data, mut sight) = (fixture::set(), Sight::default());
        assert_eq!(sight.last_place(8), None);
        sight.appeared(&data, &monster(8, 7), 0);
        sight.see([(8, at(1))].into_iter());
        sight.see([(7, at(5)), (8, at(2)), (9, at(6))].into_iter());
        assert_eq!(sight.last_place(8), Some(at(2)), "it is in view");
        sight.see([(7, at(5)), (9, at(6))].into_iter());
        assert_eq!((sight.get(8), sight.last_place(8)), (None, Some(at(2))));
        sight.see(std::iter::empty());
        assert_eq!(sight.last_place(8), Some(at(2)));
        sight.appeared(&data, &monster(8, 7), 9);
        assert_eq!(sight.last_place(8), None, "the next tenant of the number");
    }

    #[test]
    fn drops_are_there_until_taken() {
        let (data, mut sight) = (fixture::set(), Sight::default());
        let what = Some(appeared::What::Drop("fang".to_owned()));
        assert!(sight.appeared(&data, &Appeared { entity: 8, what, amount: 3, max_hp: 0, hp: 0 }, 0));
        sight.see([(8, at(1))].into_iter());
        let whats: Vec<What> = sight.drops().map(|thing| thing.what).collect();
        assert_eq!(whats, [What::Drop { item: FANG, quantity: 3 }]);
        sight.taken(8);
        assert_eq!(sight.drops().count(), 0);
    }

    #[test]
    fn an_unknown_key_is_told_and_memory_is_bounded() {
        let (data, mut sight) = (fixture::set(), Sight::default());
        let what = Some(appeared::What::Monster("unheard_of".to_owned()));
        assert!(!sight.appeared(&data, &Appeared { entity: 8, what, ..Appeared::default() }, 0));
        for entity in 0..2 * TOLD_MAX as u32 {
            sight.appeared(&data, &monster(entity, 7), entity);
        }
        assert_eq!(sight.told.len(), TOLD_MAX);
        assert!(sight.told.contains_key(&(2 * TOLD_MAX as u32 - 1)));
    }
}
