//! What entities are made of. Each field is state: it stands in every checkpoint and counts in the digest.

use std::sync::Arc;

use bevy_ecs::prelude::Component;
use shallot_masterdata::{Abilities, ClassId, ItemTemplateId, MonsterId, SkillId, Slot};
use shallot_wire::{CharacterId, GrantId, NetId, OwnerEpoch, Position, Tick, Velocity};
use wincode::{SchemaRead, SchemaWrite};

use crate::crowd::Turn;
use crate::limits::{COOLDOWNS, HURT_BY, WORN};
use crate::schema::{
    AbilitiesSchema, CharacterSchema, ClassSchema, GrantSchema, ItemSchema, MonsterSchema, NetIdSchema,
    OwnerEpochSchema, PositionSchema, SkillSchema, TextSchema, TickSchema, VelocitySchema,
};
use crate::slot_set::SlotSet;
use crate::view::View;

/// Every entity: its number on the wire.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Tag {
    #[wincode(with = "NetIdSchema")]
    pub(crate) id: NetId,
}

/// Every entity: where it is.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Body {
    #[wincode(with = "PositionSchema")]
    pub(crate) position: Position,
    /// The way it made in the last tick.
    #[wincode(with = "VelocitySchema")]
    pub(crate) velocity: Velocity,
    /// Where it looks, in 256 steps.
    pub(crate) facing: u8,
    /// One more (it wraps) each time it is put somewhere without having walked there.
    pub(crate) teleports: u8,
}

impl Body {
    pub(crate) fn at(position: Position, facing: u8) -> Self {
        Self { position, velocity: Velocity::ZERO, facing, teleports: 0 }
    }

    /// Goes on: `velocity` is the way from where it was.
    pub(crate) fn walk_to(&mut self, position: Position, velocity: Velocity, facing: u8) {
        (self.position, self.velocity, self.facing) = (position, velocity, facing);
    }

    /// Is put somewhere.
    pub(crate) fn teleport_to(&mut self, position: Position) {
        (self.position, self.velocity) = (position, Velocity::ZERO);
        self.teleports = self.teleports.wrapping_add(1);
    }
}

/// Players and monsters: their life.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Life {
    /// 0: dead.
    pub(crate) hp: u32,
    /// At least 1.
    pub(crate) max_hp: u32,
    /// When it died; players only, a dead monster is gone.
    #[wincode(with = "Option<TickSchema>")]
    pub(crate) dead_since: Option<Tick>,
    /// The last blow given or taken.
    #[wincode(with = "Option<TickSchema>")]
    pub(crate) last_blow: Option<Tick>,
    /// Who gave the last blow taken.
    #[wincode(with = "Option<NetIdSchema>")]
    pub(crate) struck_by: Option<NetId>,
}

impl Life {
    pub(crate) fn new(hp: u32, max_hp: u32) -> Self {
        Self { hp: hp.min(max_hp), max_hp, dead_since: None, last_blow: None, struck_by: None }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.hp == 0
    }

    /// Adds hit points up to the maximum; returns how many came back. The dead stay dead.
    pub(crate) fn heal(&mut self, amount: u32) -> u32 {
        if self.is_dead() {
            return 0;
        }
        let before = self.hp;
        self.hp = before.saturating_add(amount).min(self.max_hp);
        self.hp - before
    }
}

/// A player: who it is.
#[derive(Component, Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Player {
    #[wincode(with = "CharacterSchema")]
    pub(crate) character: CharacterId,
    /// What writes for it carry.
    #[wincode(with = "OwnerEpochSchema")]
    pub(crate) owner_epoch: OwnerEpoch,
    #[wincode(with = "TextSchema")]
    pub(crate) name: Arc<str>,
    #[wincode(with = "ClassSchema")]
    pub(crate) class: ClassId,
    /// From 1.
    pub(crate) level: u8,
    /// In all, as far as the store has told.
    pub(crate) xp: u64,
    /// Before worn effects.
    #[wincode(with = "AbilitiesSchema")]
    pub(crate) abilities: Abilities,
    pub(crate) abilities_version: u64,
    /// On its way out: the correlation of the `Leave`. Out of play from then on.
    pub(crate) leaving: Option<u64>,
    /// Its grants that wait for the store.
    pub(crate) grants_pending: u32,
}

/// A player: what it wears.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Gear {
    pub(crate) version: u64,
    #[wincode(with = "Option<ItemSchema>")]
    pub(crate) main_hand: Option<ItemTemplateId>,
    #[wincode(with = "Option<ItemSchema>")]
    pub(crate) off_hand: Option<ItemTemplateId>,
    /// In all other places.
    #[wincode(with = "Vec<ItemSchema>")]
    pub(crate) others: Vec<ItemTemplateId>,
}

impl Gear {
    /// Sorts what is worn by hand; more than [`WORN`] entries are left out.
    pub(crate) fn new(version: u64, worn: &[(Slot, ItemTemplateId)]) -> Self {
        let mut gear = Self { version, ..Self::default() };
        for &(place, item) in worn.iter().take(WORN) {
            match place {
                Slot::MainHand | Slot::TwoHand => gear.main_hand = Some(item),
                Slot::OffHand => gear.off_hand = Some(item),
                _ => gear.others.push(item),
            }
        }
        gear
    }

    /// All that is worn.
    pub(crate) fn all(&self) -> impl Iterator<Item = ItemTemplateId> + '_ {
        self.main_hand.into_iter().chain(self.off_hand).chain(self.others.iter().copied())
    }
}

/// A player: what it is fighting.
#[derive(Component, Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Fight {
    /// Of basic attacks.
    #[wincode(with = "Option<NetIdSchema>")]
    pub(crate) target: Option<NetId>,
    /// No basic attack before; `None`: at once.
    #[wincode(with = "Option<TickSchema>")]
    pub(crate) attack_at: Option<Tick>,
    /// Skills that were used, and when each may be used again.
    #[wincode(with = "Vec<(SkillSchema, TickSchema)>")]
    pub(crate) cooldowns: Vec<(SkillId, Tick)>,
}

impl Fight {
    /// Nothing.
    pub(crate) fn new() -> Self {
        let mut fight = Self { target: None, attack_at: None, cooldowns: Vec::new() };
        fight.make_room();
        fight
    }

    /// For all that may be on cooldown: using a skill takes no memory, after a checkpoint either.
    pub(crate) fn make_room(&mut self) {
        self.cooldowns.reserve(COOLDOWNS.saturating_sub(self.cooldowns.len()));
    }
}

/// A monster: which one, and from where.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Monster {
    #[wincode(with = "MonsterSchema")]
    pub(crate) row: MonsterId,
    /// Its spawn row, by place in the region.
    pub(crate) spawn: u16,
    /// Where it was placed.
    #[wincode(with = "PositionSchema")]
    pub(crate) home: Position,
}

/// What a monster is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) enum Mood {
    /// Stands until then.
    Resting {
        #[wincode(with = "TickSchema")]
        until: Tick,
    },
    /// Walks there, or gives up then.
    Strolling {
        #[wincode(with = "PositionSchema")]
        to: Position,
        #[wincode(with = "TickSchema")]
        until: Tick,
    },
    /// After a player.
    Chasing {
        #[wincode(with = "NetIdSchema")]
        target: NetId,
    },
    /// Has given up; heals, and minds nobody until it is home.
    GoingHome,
}

/// A monster: what goes on in it.
#[derive(Component, Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Mind {
    pub(crate) mood: Mood,
    /// Where it walks in the next tick, in 256 steps.
    pub(crate) heading: u8,
    /// How fast, centimetres per second; 0 stands.
    pub(crate) speed: u32,
    /// Stuck: walks that way until then.
    #[wincode(with = "Option<(u8, TickSchema)>")]
    pub(crate) detour: Option<(u8, Tick)>,
    /// No round of attacks before; `None`: at once.
    #[wincode(with = "Option<TickSchema>")]
    pub(crate) attack_at: Option<Tick>,
    /// The attack row that comes next, if in reach.
    pub(crate) next_attack: u8,
    /// Who hurt it since it last was at home, and how much.
    #[wincode(with = "Vec<(CharacterSchema, u64)>")]
    pub(crate) hurt_by: Vec<(CharacterId, u64)>,
}

impl Mind {
    /// For all that it may remember: who comes into being may take memory, a blow may not.
    pub(crate) fn make_room(&mut self) {
        self.hurt_by.reserve(HURT_BY.saturating_sub(self.hurt_by.len()));
    }
}

/// Something on the ground.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Loot {
    #[wincode(with = "ItemSchema")]
    pub(crate) item: ItemTemplateId,
    /// At least 1.
    pub(crate) quantity: u32,
    /// Who alone may take it until `owned_until`.
    #[wincode(with = "Option<CharacterSchema>")]
    pub(crate) owner: Option<CharacterId>,
    #[wincode(with = "TickSchema")]
    pub(crate) owned_until: Tick,
    /// Gone then, unless it is being picked up.
    #[wincode(with = "TickSchema")]
    pub(crate) vanishes_at: Tick,
    /// The grant that is to store it; nobody else takes it meanwhile.
    #[wincode(with = "Option<GrantSchema>")]
    pub(crate) pending: Option<GrantId>,
}

/// A player: what its client was told, beside its [`View`].
#[derive(Component, Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[require(View)]
pub(crate) struct Viewer {
    /// Number of the next snapshot.
    pub(crate) sequence: u16,
    /// The client's newest time stamp, and how long it was held before the tick, milliseconds; `None` once it was sent
    /// back.
    pub(crate) stamp: Option<(u16, u16)>,
    /// The slots whose tenants the client has been told of.
    pub(crate) known: SlotSet,
    /// Who of a crowd was told last.
    pub(crate) crowd: Turn,
    /// Bytes of its datagrams at most.
    pub(crate) budget: u16,
    /// Hit points, maximum, level and armor as told last.
    pub(crate) vitals: Option<(u32, u32, u8, u32)>,
}
