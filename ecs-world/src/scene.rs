//! What is to be seen, by slot: the fields that interest, encoding and looking around need, copied once a tick from the
//! components. It follows from them, so it is no state; until the next copy it is as old as the last tick.

use bevy_ecs::prelude::{Query, Res, ResMut, Resource, With};
use shallot_wire::heading::quantize_velocity;
use shallot_wire::{Cell, EntityKind, NetId, PackedRecord, Position, Record, Velocity};

use crate::components::{Body, Life, Loot, Monster, Player, Tag};
use crate::grid::Grid;
use crate::limits::{QUIET_AFTER_TICKS, SLOTS};
use crate::slots::{Kind, Slots};

/// One entity as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) id: NetId,
    pub(crate) kind: EntityKind,
    pub(crate) position: Position,
    /// What a datagram says of it, the same to all who see it.
    pub(crate) packed: PackedRecord,
    /// Nothing about it has changed for a while.
    pub(crate) is_quiet: bool,
}

/// The little of an entity that a choice needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glimpse {
    pub(crate) position: Position,
    pub(crate) slot: u16,
    pub(crate) is_quiet: bool,
}

/// All that is to be seen.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Scene {
    spots: Vec<Option<Spot>>,
    pub(crate) grid: Grid,
    /// In the grid's order, so that a viewer reads them one behind the other.
    glimpses: Vec<Glimpse>,
    tenants: Vec<(u16, usize)>,
}

impl Scene {
    /// Nothing in a grid.
    pub(crate) fn new(grid: Grid) -> Self {
        Self { spots: vec![None; SLOTS], grid, glimpses: Vec::new(), tenants: Vec::new() }
    }

    /// The entity of a slot, if it is to be seen.
    pub(crate) fn spot(&self, slot: u16) -> Option<&Spot> {
        self.spots.get(usize::from(slot))?.as_ref()
    }

    /// Who is in a cell, by slot.
    pub(crate) fn in_cell(&self, cell: usize) -> &[Glimpse] {
        self.glimpses.get(self.grid.range(cell)).unwrap_or_default()
    }

    /// Puts all into the grid.
    fn arrange(&mut self) {
        self.grid.fill(&self.tenants);
        self.glimpses.clear();
        let spots = self.grid.slots().iter().filter_map(|slot| self.spots.get(usize::from(*slot))?.as_ref());
        self.glimpses.extend(spots.map(|spot| Glimpse {
            position: spot.position,
            slot: spot.id.index,
            is_quiet: spot.is_quiet,
        }));
    }

    /// Who was at most `reach` units away at the last copy, cell by cell.
    pub(crate) fn near(&self, p: Position, reach: i32) -> impl Iterator<Item = &Spot> {
        self.grid
            .in_span(self.grid.span(p, reach))
            .filter_map(|slot| self.spot(slot))
            .filter(move |spot| p.is_within(reach, spot.position))
    }

    fn add(&mut self, tag: &Tag, body: &Body, kind: EntityKind, is_dead: bool) {
        let (speed, heading) = quantize_velocity(body.velocity);
        let record = Record {
            entity: tag.id,
            place: Cell::of(body.position).quantize(body.position),
            z: 0,
            facing: body.facing,
            speed,
            heading: if body.velocity == Velocity::ZERO { 0 } else { heading },
            animation: 0,
            kind,
            is_dead,
            age: 0,
        };
        let packed = record.pack();
        let spot =
            Spot { id: tag.id, kind, position: body.position, packed, is_quiet: body.still >= QUIET_AFTER_TICKS };
        if let Some(place) = self.spots.get_mut(usize::from(tag.id.index)) {
            *place = Some(spot);
            self.tenants.push((tag.id.index, self.grid.index_of(body.position)));
        }
    }
}

/// Copies what is to be seen: players in play, dead ones too, monsters and drops.
pub(crate) fn gather(
    mut scene: ResMut<'_, Scene>,
    slots: Res<'_, Slots>,
    players: Query<'_, '_, (&Tag, &Body, &Life, &Player)>,
    monsters: Query<'_, '_, (&Tag, &Body), With<Monster>>,
    drops: Query<'_, '_, (&Tag, &Body), With<Loot>>,
) {
    let scene = &mut *scene;
    for (slot, _) in scene.tenants.drain(..) {
        if let Some(spot) = scene.spots.get_mut(usize::from(slot)) {
            *spot = None;
        }
    }
    for (tag, body, life, player) in slots.each(Kind::Player).filter_map(|entity| players.get(entity).ok()) {
        if player.leaving.is_none() {
            scene.add(tag, body, EntityKind::Player, life.is_dead());
        }
    }
    for (tag, body) in slots.each(Kind::Monster).filter_map(|entity| monsters.get(entity).ok()) {
        scene.add(tag, body, EntityKind::Monster, false);
    }
    for (tag, body) in slots.each(Kind::Drop).filter_map(|entity| drops.get(entity).ok()) {
        scene.add(tag, body, EntityKind::Drop, false);
    }
    scene.arrange();
}
