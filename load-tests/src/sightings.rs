//! What all bots saw together: each death once and each drop once, however many eyes were on it.

use std::collections::{BTreeMap, BTreeSet};

use shallot_client::wire::Tick;

use crate::bot::journal::Units;

/// A slot on the wire gets the same number again only after eight tenants that each rest 2 s: a drop that is told of again later
/// than this after it was taken is another one, ticks.
const SAME_NUMBER_AFTER: i32 = 200;
/// Deaths older than this, ticks, are not told of again.
const DEATHS_KEPT: i32 = 1_200;

/// A region by its place in the table, and an entity in it as on the wire.
type Place = (u32, u32);

#[derive(Clone, Debug)]
struct Drop {
    item: String,
    quantity: u32,
    seen: Tick,
    taken: Option<Tick>,
}

/// The shared record. Ticks are those of the region.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    deaths: BTreeSet<(Place, u32)>,
    kills: Units,
    drops: BTreeMap<Place, Drop>,
    dropped: Units,
    taken: Units,
}

impl Sightings {
    /// A monster died; `true` the first time that this death is told.
    pub fn died(&mut self, region: u32, entity: u32, tick: Tick, monster: &str) -> bool {
        if !self.deaths.insert(((region, entity), tick.0)) {
            return false;
        }
        *self.kills.entry(monster.to_owned()).or_default() += 1;
        true
    }

    /// Forgets deaths that nobody will tell of again.
    pub fn forget_before(&mut self, region: u32, now: Tick) {
        self.deaths.retain(|((of, _), tick)| *of != region || now.since(Tick(*tick)) < DEATHS_KEPT);
    }

    /// Something lies on the ground. It counts as dropped the first time that anyone sees it; `lifetime` is how long it lies at
    /// most, ticks.
    pub fn drop_appeared(&mut self, region: u32, entity: u32, tick: Tick, item: &str, quantity: u32, lifetime: u32) {
        let known = self.drops.get(&(region, entity)).is_some_and(|drop| {
            let same_thing = drop.item == item && drop.quantity == quantity;
            let still = match drop.taken {
                Some(taken) => tick.since(taken) < SAME_NUMBER_AFTER,
                None => i64::from(tick.since(drop.seen)) <= i64::from(lifetime),
            };
            same_thing && still
        });
        if known {
            return;
        }
        self.drops.insert((region, entity), Drop { item: item.to_owned(), quantity, seen: tick, taken: None });
        *self.dropped.entry(item.to_owned()).or_default() += u64::from(quantity);
    }

    /// A bot picked it up.
    pub fn drop_taken(&mut self, region: u32, entity: u32, tick: Tick) {
        if let Some(drop) = self.drops.get_mut(&(region, entity)).filter(|drop| drop.taken.is_none()) {
            drop.taken = Some(tick);
            *self.taken.entry(drop.item.clone()).or_default() += u64::from(drop.quantity);
        }
    }

    /// Deaths by key in monsters.csv.
    #[must_use]
    pub fn kills(&self) -> &Units {
        &self.kills
    }

    /// Units that were seen on the ground, by key in items.csv.
    #[must_use]
    pub fn dropped(&self) -> &Units {
        &self.dropped
    }

    /// Units that were seen and that no bot picked up.
    #[must_use]
    pub fn left(&self) -> u64 {
        let sum = |units: &Units| units.values().sum::<u64>();
        sum(&self.dropped) - sum(&self.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_counts_once_for_all_who_saw_it() {
        let mut seen = Sightings::default();
        assert!(seen.died(0, 8, Tick(100), "rat"));
        assert!(!seen.died(0, 8, Tick(100), "rat"));
        assert!(seen.died(1, 8, Tick(100), "rat"), "another region");
        assert!(seen.died(0, 8, Tick(900), "rat"), "its next life");
        assert_eq!(seen.kills().get("rat"), Some(&3));
    }

    #[test]
    fn old_deaths_are_forgotten_and_stay_counted() {
        let mut seen = Sightings::default();
        seen.died(0, 8, Tick(100), "rat");
        seen.forget_before(0, Tick(5_000));
        assert!(seen.deaths.is_empty());
        assert_eq!(seen.kills().get("rat"), Some(&1));
    }

    #[test]
    fn a_drop_counts_once_until_its_number_has_another_tenant() {
        let mut seen = Sightings::default();
        let mut appears = |tick| seen.drop_appeared(0, 8, Tick(tick), "fang", 2, 600);
        appears(100);
        appears(130);
        appears(700);
        appears(701);
        assert_eq!(seen.dropped().get("fang"), Some(&4));
        assert_eq!(seen.left(), 4);
    }

    #[test]
    fn a_drop_that_was_taken_is_not_left_and_a_late_sight_of_it_is_no_new_one() {
        let mut seen = Sightings::default();
        seen.drop_appeared(0, 8, Tick(100), "fang", 2, 600);
        seen.drop_taken(0, 8, Tick(120));
        seen.drop_taken(0, 8, Tick(121));
        seen.drop_appeared(0, 8, Tick(119), "fang", 2, 600);
        assert_eq!((seen.dropped().get("fang"), seen.left()), (Some(&2), 0));
        seen.drop_appeared(0, 8, Tick(400), "fang", 2, 600);
        assert_eq!((seen.dropped().get("fang"), seen.left()), (Some(&4), 2));
    }
}
