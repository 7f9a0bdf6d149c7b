//! A character comes in.

use bevy_ecs::prelude::{Entity, World as Ecs};
use shallot_masterdata::{ItemTemplateId, MasterData, Slot};
use shallot_wire::limits::MAX_DATAGRAM;
use shallot_wire::{CharacterId, OwnerEpoch, Position};

use crate::chance::Chance;
use crate::command::CharacterSheet;
use crate::components::{Body, Fight, Gear, Life, Player, Tag, Viewer};
use crate::crowd::Turn;
use crate::inputs::InputRing;
use crate::limits::{BUDGET_LEAST, NAME_BYTES, SLOTS};
use crate::outlook::Outlook;
use crate::output::{Entered, Refusal, Vitals};
use crate::resources::{Clock, Data, Land, Roster};
use crate::slot_set::SlotSet;
use crate::slots::{Kind, Slots};
use crate::stats::{self, Stats};
use crate::systems::spawning::place_within;
use crate::view::View;

/// Puts a character into the world, or takes the one over that is there.
///
/// Example: a character saved in a block appears around the region's entry; one saved with 0 hit points lies dead and may
/// stand up `respawn_delay_ticks` later.
pub(crate) fn enter(
    ecs: &mut Ecs,
    character: CharacterId,
    owner_epoch: OwnerEpoch,
    sheet: &CharacterSheet,
) -> Result<Entered, Refusal> {
    let there = ecs.resource::<Roster>().0.get(&character).copied();
    let entity = match there {
        Some(entity) => take_over(ecs, entity, owner_epoch)?,
        None => appear(ecs, character, owner_epoch, sheet)?,
    };
    entered(ecs, entity).ok_or(Refusal::NotInWorld)
}

fn entered(ecs: &Ecs, entity: Entity) -> Option<Entered> {
    let (tag, body) = (ecs.get::<Tag>(entity)?, ecs.get::<Body>(entity)?);
    Some(Entered {
        entity: tag.id,
        position: body.position,
        tick: ecs.resource::<Clock>().tick,
        vitals: vitals(tag, ecs.get::<Life>(entity)?, ecs.get::<Player>(entity)?, ecs.get::<Stats>(entity)?),
    })
}

/// A player's body as its client is told.
pub(crate) fn vitals(tag: &Tag, life: &Life, player: &Player, stats: &Stats) -> Vitals {
    Vitals { entity: tag.id, hp: life.hp, max_hp: life.max_hp, level: player.level, armor: stats.armor }
}

/// A new client for a body that is there: told everything anew, its inputs begin anew.
fn take_over(ecs: &mut Ecs, entity: Entity, owner_epoch: OwnerEpoch) -> Result<Entity, Refusal> {
    let mut player = ecs.get_mut::<Player>(entity).ok_or(Refusal::NotInWorld)?;
    if player.leaving.is_some() {
        return Err(Refusal::Leaving);
    }
    if owner_epoch < player.owner_epoch {
        return Err(Refusal::Fenced);
    }
    player.owner_epoch = owner_epoch;
    if let Some(mut viewer) = ecs.get_mut::<Viewer>(entity) {
        // Its numbers go on, so that no acknowledgement of what the old client had can mean a snapshot of the new one.
        *viewer = Viewer { sequence: viewer.sequence, ..Viewer::new() };
    }
    if let Some(mut view) = ecs.get_mut::<View>(entity) {
        *view = View::default();
    }
    if let Some(mut ring) = ecs.get_mut::<InputRing>(entity) {
        *ring = InputRing::default();
    }
    if let Some(mut outlook) = ecs.get_mut::<Outlook>(entity) {
        *outlook = Outlook::default();
    }
    Ok(entity)
}

fn appear(
    ecs: &mut Ecs,
    character: CharacterId,
    owner_epoch: OwnerEpoch,
    sheet: &CharacterSheet,
) -> Result<Entity, Refusal> {
    let clock = *ecs.resource::<Clock>();
    let id = ecs.resource_mut::<Slots>().take(Kind::Player, clock.tick).ok_or(Refusal::RegionFull)?;
    let player = player_of(character, owner_epoch, sheet, ecs.resource::<Data>());
    let data = &ecs.resource::<Data>().0;
    let gear = known_gear(data, sheet.equipment_version, &sheet.worn);
    let (stats, max_hp) = stats::derive(data, player.class, player.level, player.abilities, &gear);
    let mut life = Life::new(sheet.hp.unwrap_or(max_hp), max_hp);
    life.dead_since = life.is_dead().then_some(clock.tick);
    let saved = sheet.position.filter(|position| ecs.resource::<Land>().terrain.is_free(*position));
    let position = saved.unwrap_or_else(|| place_at_entry(ecs));
    let parts = (Tag { id }, Body::at(position, 0), life, player, gear, stats);
    let entity = ecs.spawn((parts, Fight::new(), InputRing::default(), Outlook::default(), Viewer::new())).id();
    ecs.resource_mut::<Slots>().settle(Kind::Player, id, entity);
    ecs.resource_mut::<Roster>().0.insert(character, entity);
    Ok(entity)
}

/// Where a player appears who has no other place: a free one by chance within the region's `entry_radius_m` of its entry, each as likely;
/// the entry itself when `PLACE_TRIES` find none. A radius of 0 is the entry and asks no chance.
pub(crate) fn place_at_entry(ecs: &mut Ecs) -> Position {
    ecs.resource_scope::<Chance, _>(|ecs, mut chance| {
        let Land { terrain, entry, entry_radius } = ecs.resource::<Land>();
        if *entry_radius == 0 { *entry } else { place_within(&mut *chance, *entry, *entry_radius, terrain) }
    })
}

fn player_of(character: CharacterId, owner_epoch: OwnerEpoch, sheet: &CharacterSheet, data: &Data) -> Player {
    let highest = u8::try_from(data.0.levels.len()).unwrap_or(u8::MAX);
    let known_class = data.0.classes.get(sheet.class.index()).map(|_| sheet.class);
    Player {
        character,
        owner_epoch,
        name: cut(&sheet.name).into(),
        class: known_class.unwrap_or(shallot_masterdata::ClassId(0)),
        level: sheet.level.clamp(1, highest),
        xp: sheet.xp,
        abilities: sheet.abilities,
        abilities_version: sheet.abilities_version,
        leaving: None,
        grants_pending: 0,
    }
}

/// The beginning of a name that is not longer than [`NAME_BYTES`].
fn cut(name: &str) -> &str {
    let end = (0..=NAME_BYTES.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// What is worn, without templates that the set in force does not have.
pub(crate) fn known_gear(data: &MasterData, version: u64, worn: &[(Slot, ItemTemplateId)]) -> Gear {
    let known: Vec<_> = worn.iter().copied().filter(|(_, item)| data.items.get(item.index()).is_some()).collect();
    Gear::new(version, &known)
}

impl Viewer {
    /// One whose client was told nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            sequence: 0,
            stamp: None,
            known: SlotSet::new(SLOTS),
            crowd: Turn::default(),
            budget: MAX_DATAGRAM as u16,
            vitals: None,
        }
    }

    /// Whether its parts keep to their limits, so that nothing of a checkpoint can lead astray.
    pub(crate) fn is_sound(&self) -> bool {
        usize::from(self.budget) >= BUDGET_LEAST && self.known.is_for(SLOTS)
    }
}
