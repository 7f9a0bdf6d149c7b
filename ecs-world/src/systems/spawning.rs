//! Monsters come where the region's spawn rows say.

use bevy_ecs::prelude::World as Ecs;
use rand_core::Rng;
use shallot_masterdata::{RegionSpawn, roll};
use shallot_wire::limits::UNITS_PER_METRE;
use shallot_wire::space::units_from_metres;
use shallot_wire::{Position, TerrainIndex, Tick};

use crate::chance::Chance;
use crate::components::{Body, Life, Mind, Monster, Mood, Tag};
use crate::limits::PLACE_TRIES;
use crate::resources::{Clock, Data, Land, Spawners};
use crate::slots::{Kind, Slots};

/// Up to `count_max` monsters of a row live at once; one that died is due again `respawn_s` later. Each appears at a
/// place by chance within `radius_m` of the row's centre, in no block, with full hit points. Where the shard is full
/// they wait.
///
/// Example: `count_max` 14 and `respawn_s` 45: the first tick brings 14, and a death in tick 1,000 brings one in tick
/// 1,900.
pub(crate) fn spawning(ecs: &mut Ecs) {
    let clock = *ecs.resource::<Clock>();
    let data = ecs.resource::<Data>().0.clone();
    for (number, row) in data.region(clock.region).spawns.iter().enumerate() {
        while is_due(ecs, number, clock.tick) && spawn(ecs, clock, number, row) {
            if let Some(due) = ecs.resource_mut::<Spawners>().due.get_mut(number) {
                due.pop_front();
            }
        }
    }
}

fn is_due(ecs: &Ecs, number: usize, tick: Tick) -> bool {
    let due = ecs.resource::<Spawners>().due.get(number).and_then(|due| due.front());
    due.is_some_and(|at| !at.is_after(tick))
}

fn spawn(ecs: &mut Ecs, clock: Clock, number: usize, row: &RegionSpawn) -> bool {
    let (Ok(spawn), Some(id)) = (u16::try_from(number), ecs.resource_mut::<Slots>().take(Kind::Monster, clock.tick))
    else {
        return false;
    };
    let data = ecs.resource::<Data>().0.clone();
    let hp = data.monster(row.monster).hp.max(1);
    let (home, facing, pause) = ecs.resource_scope::<Chance, _>(|ecs, mut chance| {
        let home = place_around(&mut *chance, row, &ecs.resource::<Land>().terrain);
        let facing = roll::below(&mut *chance, 256) as u8;
        (home, facing, pause(&mut *chance, data.balance.monster_wander_pause_ticks))
    });
    let mut mind = Mind {
        mood: Mood::Resting { until: clock.tick.plus(pause) },
        heading: facing,
        speed: 0,
        detour: None,
        attack_at: None,
        next_attack: 0,
        hurt_by: Vec::new(),
    };
    mind.make_room();
    let monster = Monster { row: row.monster, spawn, home };
    let entity = ecs.spawn((Tag { id }, Body::at(home, facing), Life::new(hp, hp), monster, mind)).id();
    ecs.resource_mut::<Slots>().settle(Kind::Monster, id, entity)
}

/// A pause between two strolls: 1 to twice the mean, each as likely.
pub(crate) fn pause<R: Rng + ?Sized>(chance: &mut R, mean: u32) -> u32 {
    roll::between(chance, 1, mean.saturating_mul(2))
}

/// A free place by chance within a spawn row's radius; its centre when many tries find none.
pub(crate) fn place_around<R: Rng + ?Sized>(chance: &mut R, row: &RegionSpawn, terrain: &TerrainIndex) -> Position {
    let (x, y) = row.center;
    let centre = Position { x: units_from_metres(x), y: units_from_metres(y) };
    let radius = row.radius_m.min(i32::MAX.unsigned_abs() / (4 * UNITS_PER_METRE.unsigned_abs())) as i32;
    place_within(chance, centre, units_from_metres(radius), terrain)
}

/// A free place by chance, each as likely, at most `radius` units from `centre`; the centre when
/// [`PLACE_TRIES`] find none.
pub(crate) fn place_within<R: Rng + ?Sized>(
    chance: &mut R,
    centre: Position,
    radius: i32,
    terrain: &TerrainIndex,
) -> Position {
    let side = radius.unsigned_abs() * 2;
    for _ in 0..PLACE_TRIES {
        let x = roll::between(chance, 0, side) as i32 - radius;
        let y = roll::between(chance, 0, side) as i32 - radius;
        let place = Position { x: centre.x.saturating_add(x), y: centre.y.saturating_add(y) };
        if centre.is_within(radius, place) && terrain.is_free(place) {
            return place;
        }
    }
    centre
}
