//! Where to go when nothing is in view.

use rand_core::Rng;
use shallot_masterdata::{RegionSpawn, roll};

use super::fight::fighter;
use super::{Mind, View};
use crate::bot::odds;
use crate::bot::place::{Obstacle, Point};

/// So many of the best places are chosen from, so that bots spread.
const CHOICES: usize = 6;
/// A goal is reached this near, centimetres.
const ARRIVED: u32 = 300;
/// A goal is given up after so many ticks.
const GIVE_UP_AFTER: u32 = 20 * 180;
/// One of so many new goals is at another place.
const MOVE_ON: u32 = 3;
/// Goals keep so far from the region's edge and from blocks, centimetres.
const MARGIN_CM: i32 = 200;
/// Tries to find a goal that no block covers.
const TRIES: usize = 8;

/// A point to walk to, and the spawn (by its place in the table) that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    at: Point,
    spawn: Option<usize>,
    until: u32,
}

impl Mind {
    pub(super) fn roam<R: Rng>(&mut self, view: &View<'_>, rng: &mut R) -> Point {
        let before = self.goal;
        if let Some(goal) = before.filter(|goal| goal.at.distance(view.me.at) > ARRIVED && view.tick < goal.until) {
            return goal.at;
        }
        let stay = before.and_then(|goal| goal.spawn).filter(|_| roll::below(rng, MOVE_ON) > 0);
        let spawn = stay.or_else(|| choose_spawn(view, before.and_then(|goal| goal.spawn), rng));
        let row = spawn.and_then(|spawn| view.region.spawns.get(spawn));
        let at = match row {
            Some(row) => somewhere_at(view, row, rng),
            None => anywhere(view, rng),
        };
        self.goal = Some(Goal { at, spawn, until: view.tick + GIVE_UP_AFTER });
        at
    }
}

/// One of the best places, the better the likelier; not the one it comes from when there is another.
fn choose_spawn<R: Rng>(view: &View<'_>, from: Option<usize>, rng: &mut R) -> Option<usize> {
    let me = fighter(view);
    let worth = |spawn: &RegionSpawn| {
        let way = Point::of_metres(spawn.center).distance(view.me.at);
        odds::worth(view.data, &me, view.data.monster(spawn.monster), way)
    };
    let mut places: Vec<(usize, f64)> =
        view.region.spawns.iter().enumerate().filter_map(|(i, spawn)| Some((i, worth(spawn)?))).collect();
    if places.len() > 1 {
        places.retain(|(i, _)| Some(*i) != from);
    }
    places.sort_by(|a, b| b.1.total_cmp(&a.1));
    places.truncate(CHOICES);
    let weight = |worth: f64| (worth * 1_000.0).clamp(1.0, 1e6) as u32;
    let mut point = roll::below(rng, places.iter().map(|(_, worth)| weight(*worth)).sum());
    for (i, worth) in &places {
        match point.checked_sub(weight(*worth)) {
            Some(rest) => point = rest,
            None => return Some(*i),
        }
    }
    None
}

fn somewhere_at<R: Rng>(view: &View<'_>, spawn: &RegionSpawn, rng: &mut R) -> Point {
    let radius = spawn.radius_m.saturating_mul(100).min(100_000);
    let centre = Point::of_metres(spawn.center);
    free_point(view, || {
        let mut stray = || roll::below(rng, 2 * radius + 1) as i32 - radius as i32;
        centre.offset(stray(), stray())
    })
}

/// No monster here is for this bot: it walks about.
fn anywhere<R: Rng>(view: &View<'_>, rng: &mut R) -> Point {
    let area = view.region.area;
    let along = |from: i32, length: i32, rng: &mut R| {
        let metres = from + roll::below(rng, u32::try_from(length).unwrap_or(1)) as i32;
        metres.saturating_mul(100)
    };
    free_point(view, || Point { x: along(area.x, area.width, rng), y: along(area.y, area.height, rng) })
}

fn free_point(view: &View<'_>, mut draw: impl FnMut() -> Point) -> Point {
    let covered =
        |point: Point| view.region.blocks.iter().any(|block| Obstacle::around(*block, MARGIN_CM).contains(point));
    let mut point = view.me.at;
    for _ in 0..TRIES {
        point = draw().within(view.region.area, MARGIN_CM);
        if !covered(point) {
            break;
        }
    }
    point
}
