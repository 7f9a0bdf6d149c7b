//! What is to be seen, by slot: the fields that interest, encoding and looking around need, copied once a tick from the
//! components. It follows from them, so it is no state; until the next copy it is as old as the last tick.

use bevy_ecs::prelude::{Query, Res, ResMut, Resource, With};
use shallot_wire::heading::quantize_velocity;
use shallot_wire::{EntityKind, Position, RecordBytes, Tick};

use crate::components::{Body, Life, Loot, Mind, Monster, Mood, Player, Tag};
use crate::grid::Grid;
use crate::history::{History, Spot};
use crate::limits::{ENTITIES, MONSTERS, SLOTS};
use crate::resources::Clock;
use crate::slots::{Kind, Slots};

/// The little of an entity that a choice needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glimpse {
    pub(crate) position: Position,
    pub(crate) slot: u16,
}

/// What is asked of an entity most often, for each client that sees it.
#[derive(Clone, Copy, Debug, Default)]
struct Here {
    position: Position,
    is_there: bool,
}

/// All that is to be seen.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) history: History,
    /// When it was copied.
    tick: Tick,
    /// By slot, whether somebody is there or not.
    heres: Vec<Here>,
    /// By slot: each as those are told whose view it enters.
    records: Vec<RecordBytes>,
    pub(crate) grid: Grid,
    /// In the grid's order, so that a viewer reads them one behind the other.
    glimpses: Vec<Glimpse>,
    /// Who is there, and in which cell.
    tenants: Vec<(u16, usize)>,
    /// Who was there in the tick before, and then: who of them is not there any more.
    vanished: Vec<u16>,
    /// Whom monsters are after, and which: slots, in order.
    chases: Vec<(u16, u16)>,
}

impl Scene {
    /// Nothing in a grid.
    pub(crate) fn new(grid: Grid) -> Self {
        Self {
            history: History::new(),
            tick: Tick(0),
            heres: vec![Here::default(); SLOTS],
            records: vec![RecordBytes::default(); SLOTS],
            grid,
            glimpses: Vec::with_capacity(ENTITIES),
            tenants: Vec::with_capacity(ENTITIES),
            vanished: Vec::with_capacity(ENTITIES),
            chases: Vec::with_capacity(MONSTERS),
        }
    }

    /// The entity of a slot, if it is to be seen.
    pub(crate) fn spot(&self, slot: u16) -> Option<&Spot> {
        self.history.at(self.tick, slot)
    }

    /// Who was in a slot so many ticks before; nobody, when that is not kept.
    pub(crate) fn spot_before(&self, slot: u16, ticks: u32) -> Option<&Spot> {
        self.history.at(self.tick.minus(ticks), slot)
    }

    fn here(&self, slot: u16) -> Option<&Here> {
        self.heres.get(usize::from(slot)).filter(|here| here.is_there)
    }

    /// Whether the entity of a slot is to be seen.
    pub(crate) fn is_there(&self, slot: u16) -> bool {
        self.here(slot).is_some()
    }

    /// Where the entity of a slot is.
    pub(crate) fn position(&self, slot: u16) -> Option<Position> {
        self.here(slot).map(|here| here.position)
    }

    /// The entity of a slot as a record of its cell.
    pub(crate) fn record(&self, slot: u16) -> Option<&RecordBytes> {
        self.records.get(usize::from(slot)).filter(|_| self.is_there(slot))
    }

    /// The slots of the monsters that are after one player.
    pub(crate) fn chasers(&self, of: u16) -> impl Iterator<Item = u16> + '_ {
        let first = self.chases.partition_point(|(prey, _)| *prey < of);
        self.chases.iter().skip(first).take_while(move |(prey, _)| *prey == of).map(|(_, chaser)| *chaser)
    }

    /// Who is in a cell, by slot.
    pub(crate) fn in_cell(&self, cell: usize) -> &[Glimpse] {
        self.glimpses.get(self.grid.range(cell)).unwrap_or_default()
    }

    /// Begins the copy of a tick.
    pub(crate) fn begin(&mut self, tick: Tick) {
        self.tick = tick;
        self.history.begin(tick);
        self.vanished.clear();
        for (slot, _) in self.tenants.drain(..) {
            self.vanished.push(slot);
            if let Some(here) = self.heres.get_mut(usize::from(slot)) {
                here.is_there = false;
            }
        }
        self.chases.clear();
    }

    /// Slots that somebody was in a tick ago, and nobody is now.
    pub(crate) fn vanished(&self) -> &[u16] {
        &self.vanished
    }

    /// Puts all into the grid.
    pub(crate) fn arrange(&mut self) {
        let Self { vanished, heres, .. } = self;
        vanished.retain(|slot| !heres.get(usize::from(*slot)).is_some_and(|here| here.is_there));
        self.grid.fill(&self.tenants);
        self.glimpses.clear();
        let spots = self.grid.slots().iter().filter_map(|slot| self.history.at(self.tick, *slot));
        self.glimpses.extend(spots.map(|spot| Glimpse { position: spot.position, slot: spot.id.index }));
        self.chases.sort_unstable();
    }

    /// Who was at most `reach` units away at the last copy, cell by cell.
    pub(crate) fn near(&self, p: Position, reach: i32) -> impl Iterator<Item = &Spot> {
        self.grid
            .in_span(self.grid.span(p, reach))
            .filter_map(|slot| self.spot(slot))
            .filter(move |spot| p.is_within(reach, spot.position))
    }

    pub(crate) fn add(&mut self, tag: &Tag, body: &Body, kind: EntityKind, is_dead: bool) {
        let (speed, heading) = quantize_velocity(body.velocity);
        let heading = if speed == 0 { 0 } else { heading };
        let (id, position, facing) = (tag.id, body.position, body.facing);
        let spot = Spot { id, kind, position, facing, speed, heading, is_dead };
        self.history.note(self.tick, spot);
        self.tenants.push((id.index, self.grid.index_of(position)));
        let slot = usize::from(id.index);
        if let Some((here, record)) = self.heres.get_mut(slot).zip(self.records.get_mut(slot)) {
            *here = Here { position, is_there: true };
            *record = spot.state().to_record(id, kind).2.to_bytes();
        }
    }
}

/// Copies what is to be seen: players in play, dead ones too, monsters and drops.
pub(crate) fn gather(
    mut scene: ResMut<'_, Scene>,
    clock: Res<'_, Clock>,
    slots: Res<'_, Slots>,
    players: Query<'_, '_, (&Tag, &Body, &Life, &Player)>,
    monsters: Query<'_, '_, (&Tag, &Body, &Mind), With<Monster>>,
    drops: Query<'_, '_, (&Tag, &Body), With<Loot>>,
) {
    let scene = &mut *scene;
    scene.begin(clock.tick);
    for (tag, body, life, player) in slots.each(Kind::Player).filter_map(|entity| players.get(entity).ok()) {
        if player.leaving.is_none() {
            scene.add(tag, body, EntityKind::Player, life.is_dead());
        }
    }
    for (tag, body, mind) in slots.each(Kind::Monster).filter_map(|entity| monsters.get(entity).ok()) {
        scene.add(tag, body, EntityKind::Monster, false);
        if let Mood::Chasing { target } = mind.mood {
            scene.chases.push((target.index, tag.id.index));
        }
    }
    for (tag, body) in slots.each(Kind::Drop).filter_map(|entity| drops.get(entity).ok()) {
        scene.add(tag, body, EntityKind::Drop, false);
    }
    scene.arrange();
}
