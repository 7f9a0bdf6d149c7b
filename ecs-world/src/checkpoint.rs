//! The whole state as bytes, and back. The digest is a hash of the same bytes, so a field that a checkpoint has, the
//! digest has; and since readers and writers are derived, a checkpoint has every field of every component.
//!
//! Not in it, because it follows from the rest: the land, the scene, who has which entity. Commands that wait for the
//! next step are not in it either, nor whom clients have in view: after a restore they are told all anew.

use bevy_ecs::prelude::{Bundle, Component, Entity, World as Ecs};
use shallot_masterdata::{MasterData, RegionIndex};
use shallot_wire::{CharacterId, GrantId, RegionEpoch, Tick};
use wincode::config::Configuration;
use wincode::{SchemaRead, SchemaWrite};

use crate::chance::Chance;
use crate::components::{Body, Fight, Gear, Life, Loot, Mind, Monster, Player, Tag, Viewer};
use crate::inputs::InputRing;
use crate::limits::{CHECKPOINT_BYTES, SEQUENCES_SKIPPED};
use crate::outlook::Outlook;
use crate::resources::{Clock, Data, Grants, Land, PendingGrant, Roster, Spawners};
use crate::schema::{GrantSchema, TickSchema};
use crate::slots::{Kind, LaneState, Slots};
use crate::stats::Stats;
use crate::world::RestoreError;

/// The layout's version: one more with each change of any state's fields.
pub(crate) const VERSION: u32 = 3;

/// All state of a world.
#[derive(SchemaRead, SchemaWrite)]
pub(crate) struct Saved {
    version: u32,
    /// Of the master data it was made over.
    data_hash: [u8; 32],
    region: u16,
    epoch: u64,
    #[wincode(with = "TickSchema")]
    tick: Tick,
    /// Seed, and words drawn.
    chance: (u64, u64),
    lanes: [LaneState; 3],
    spawners: Spawners,
    #[wincode(with = "Vec<(GrantSchema, PendingGrant)>")]
    grants: Vec<(GrantId, PendingGrant)>,
    /// Each by slot, as are the next two.
    players: Vec<SavedPlayer>,
    monsters: Vec<SavedMonster>,
    drops: Vec<SavedDrop>,
}

#[derive(Bundle, Clone, SchemaRead, SchemaWrite)]
struct SavedPlayer {
    tag: Tag,
    body: Body,
    life: Life,
    player: Player,
    gear: Gear,
    stats: Stats,
    fight: Fight,
    ring: InputRing,
    outlook: Outlook,
    viewer: Viewer,
}

#[derive(Bundle, Clone, SchemaRead, SchemaWrite)]
struct SavedMonster {
    tag: Tag,
    body: Body,
    life: Life,
    monster: Monster,
    mind: Mind,
}

#[derive(Bundle, Clone, SchemaRead, SchemaWrite)]
struct SavedDrop {
    tag: Tag,
    body: Body,
    loot: Loot,
}

type Config = Configuration<
    true,
    CHECKPOINT_BYTES,
    wincode::len::BincodeLen,
    wincode::int_encoding::LittleEndian,
    wincode::int_encoding::FixInt,
    u32,
    CHECKPOINT_BYTES,
>;

fn config() -> Config {
    Configuration::default()
        .with_preallocation_size_limit::<CHECKPOINT_BYTES>()
        .with_deserialization_size_limit::<CHECKPOINT_BYTES>()
}

/// All state as bytes.
pub(crate) fn write(ecs: &Ecs) -> Vec<u8> {
    let saved = Saved::of(ecs);
    wincode::config::serialize(&saved, config()).expect("limits.rs bounds every part far below the codec's limits")
}

/// State from bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Saved, RestoreError> {
    if bytes.len() > CHECKPOINT_BYTES {
        return Err(RestoreError::TooLong(bytes.len()));
    }
    let saved: Result<Saved, _> = wincode::config::deserialize_exact(bytes, config());
    let saved = saved.map_err(|error| RestoreError::Unreadable(error.to_string()))?;
    match saved.version {
        VERSION => Ok(saved),
        other => Err(RestoreError::Unreadable(format!("version {other}, not {VERSION}"))),
    }
}

/// A hash in which any changed word changes the outcome: each step can be undone, so it loses nothing.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash ^ hash >> 32
    };
    let (words, rest) = bytes.as_chunks();
    let hash = words.iter().map(|word| u64::from_le_bytes(*word)).fold(mix(0, bytes.len() as u64), mix);
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    if rest.is_empty() { hash } else { mix(hash, u64::from_le_bytes(last)) }
}

impl Saved {
    fn of(ecs: &Ecs) -> Self {
        let (clock, slots) = (ecs.resource::<Clock>(), ecs.resource::<Slots>());
        Self {
            version: VERSION,
            data_hash: ecs.resource::<Data>().0.hash,
            region: clock.region.0,
            epoch: clock.epoch.0,
            tick: clock.tick,
            chance: ecs.resource::<Chance>().state(),
            lanes: slots.state(),
            spawners: ecs.resource::<Spawners>().clone(),
            grants: ecs.resource::<Grants>().0.iter().map(|(id, grant)| (*id, *grant)).collect(),
            players: slots.each(Kind::Player).filter_map(|entity| saved_player(ecs, entity)).collect(),
            monsters: slots.each(Kind::Monster).filter_map(|entity| saved_monster(ecs, entity)).collect(),
            drops: slots.each(Kind::Drop).filter_map(|entity| saved_drop(ecs, entity)).collect(),
        }
    }

    /// Which region it is of; checked against the set by [`Saved::check`].
    pub(crate) fn region(&self) -> RegionIndex {
        RegionIndex(self.region)
    }

    /// Whether it is of this master data and its parts name only rows of it.
    pub(crate) fn check(&self, data: &MasterData) -> Result<(), RestoreError> {
        if self.data_hash != data.hash {
            return Err(RestoreError::OtherMasterData);
        }
        let Some(region) = data.regions.get(usize::from(self.region)) else {
            return Err(RestoreError::Unsound("no such region"));
        };
        let bounds = Land::of(data, self.region()).terrain.bounds();
        let has_item = |item: &shallot_masterdata::ItemTemplateId| item.index() < data.items.len();
        let player = |saved: &SavedPlayer| {
            saved.player.class.index() < data.classes.len()
                && saved.gear.all().all(|item| has_item(&item))
                && saved.viewer.is_sound()
                && bounds.contains(saved.body.position)
        };
        let monster = |saved: &SavedMonster| {
            saved.monster.row.index() < data.monsters.len() && bounds.contains(saved.body.position)
        };
        let drop = |saved: &SavedDrop| has_item(&saved.loot.item) && bounds.contains(saved.body.position);
        let checks = [
            (self.spawners.due.len() == region.spawns.len(), "spawn rows"),
            (self.players.iter().all(player), "a player"),
            (self.monsters.iter().all(monster), "a monster"),
            (self.drops.iter().all(drop), "a drop"),
        ];
        checks.into_iter().find(|(is_sound, _)| !is_sound).map_or(Ok(()), |(_, what)| Err(RestoreError::Unsound(what)))
    }

    /// Forgets what cannot be known after a crash, for a start under a new epoch. What lies on the ground may have been
    /// picked up after the checkpoint: it goes, for granting it twice would be worse. Grants that were pending are
    /// answered to nobody; their ids never come again. Snapshots go on with numbers that no client has seen. Free slots go on four generations, past any tenant that came
    /// after the checkpoint.
    pub(crate) fn forget_the_unknowable(&mut self, epoch: RegionEpoch) {
        if RegionEpoch(self.epoch) == epoch {
            return;
        }
        self.epoch = epoch.0;
        self.grants.clear();
        for saved in &mut self.players {
            saved.player.grants_pending = 0;
            saved.viewer.sequence = saved.viewer.sequence.wrapping_add(SEQUENCES_SKIPPED);
        }
        let [_, _, drops] = &mut self.lanes;
        for saved in self.drops.drain(..) {
            let place = saved.tag.id.index.checked_sub(Slots::first(Kind::Drop));
            drops.resting.extend(place.map(|place| (place, self.tick)));
        }
        for lane in &mut self.lanes {
            for (place, _) in &lane.resting {
                if let Some(generation) = lane.generations.get_mut(usize::from(*place)) {
                    *generation = (*generation + 4) & 7;
                }
            }
        }
    }

    /// Puts it all into an empty ECS world that has its master data and land.
    pub(crate) fn load(self, ecs: &mut Ecs) -> Result<(), RestoreError> {
        let slots = Slots::restore(self.lanes).ok_or(RestoreError::Unsound("slots"))?;
        ecs.insert_resource(slots);
        ecs.insert_resource(Clock {
            tick: self.tick,
            region: RegionIndex(self.region),
            epoch: RegionEpoch(self.epoch),
        });
        ecs.insert_resource(Chance::resume(self.chance.0, self.chance.1));
        ecs.insert_resource(self.spawners);
        ecs.insert_resource(Grants(self.grants.into_iter().collect()));
        let mut roster = Roster::default();
        for mut saved in self.players {
            saved.fight.make_room();
            let character: CharacterId = saved.player.character;
            let (id, entity) = (saved.tag.id, ecs.spawn(saved).id());
            let is_new = roster.0.insert(character, entity).is_none();
            if !is_new || !ecs.resource_mut::<Slots>().settle(Kind::Player, id, entity) {
                return Err(RestoreError::Unsound("a player's slot"));
            }
        }
        ecs.insert_resource(roster);
        for mut saved in self.monsters {
            saved.mind.make_room();
            let (id, entity) = (saved.tag.id, ecs.spawn(saved).id());
            if !ecs.resource_mut::<Slots>().settle(Kind::Monster, id, entity) {
                return Err(RestoreError::Unsound("a monster's slot"));
            }
        }
        for saved in self.drops {
            let (id, entity) = (saved.tag.id, ecs.spawn(saved).id());
            if !ecs.resource_mut::<Slots>().settle(Kind::Drop, id, entity) {
                return Err(RestoreError::Unsound("a drop's slot"));
            }
        }
        if ecs.resource::<Slots>().is_whole() {
            Ok(())
        } else {
            Err(RestoreError::Unsound("a slot without its tenant"))
        }
    }
}

fn part<T: Component + Clone>(ecs: &Ecs, entity: Entity) -> Option<T> {
    ecs.get::<T>(entity).cloned()
}

fn saved_player(ecs: &Ecs, entity: Entity) -> Option<SavedPlayer> {
    Some(SavedPlayer {
        tag: part(ecs, entity)?,
        body: part(ecs, entity)?,
        life: part(ecs, entity)?,
        player: part(ecs, entity)?,
        gear: part(ecs, entity)?,
        stats: part(ecs, entity)?,
        fight: part(ecs, entity)?,
        ring: part(ecs, entity)?,
        outlook: part(ecs, entity)?,
        viewer: part(ecs, entity)?,
    })
}

fn saved_monster(ecs: &Ecs, entity: Entity) -> Option<SavedMonster> {
    Some(SavedMonster {
        tag: part(ecs, entity)?,
        body: part(ecs, entity)?,
        life: part(ecs, entity)?,
        monster: part(ecs, entity)?,
        mind: part(ecs, entity)?,
    })
}

fn saved_drop(ecs: &Ecs, entity: Entity) -> Option<SavedDrop> {
    Some(SavedDrop { tag: part(ecs, entity)?, body: part(ecs, entity)?, loot: part(ecs, entity)? })
}

#[cfg(test)]
mod tests;
