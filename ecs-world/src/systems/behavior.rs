//! What monsters want: rest, stroll, notice, chase, give up, go home. They decide here and walk in the next tick's
//! movement.

use bevy_ecs::prelude::{Query, Res, ResMut, Without};
use shallot_masterdata::{Monster as MonsterRow, roll};
use shallot_wire::space::units_from_cm;
use shallot_wire::{EntityKind, NetId, Position, TICKS_PER_SECOND, heading_towards};

use crate::chance::Chance;
use crate::components::{Body, Life, Mind, Monster, Mood, Player, Tag};
use crate::limits::{ARRIVED_UNITS, DETOUR_TICKS, LOOK_TICKS, STROLL_TICKS};
use crate::resources::Setting;
use crate::scene::Scene;
use crate::slots::{Kind, Slots};
use crate::systems::combat::attack_reach_cm;
use crate::systems::spawning::{pause, place_around};

type Players<'w, 's> = Query<'w, 's, (&'static Body, &'static Life, &'static Player), Without<Monster>>;

/// Each monster, by slot:
///
/// - rests for 1 to twice `monster_wander_pause_ticks`, then strolls to a place in its spawn circle at
///   `monster_wander_speed_ppm` of its speed;
/// - meanwhile looks around each [`LOOK_TICKS`]: the nearest living player within `monster_notice_cm` with a clear line
///   is chased (by monsters that have attacks);
/// - chases straight on until an attack is in reach with a clear line; stuck, it walks aside for [`DETOUR_TICKS`];
/// - gives up when it is more than `monster_leash_cm` from home, or its target is dead, gone or that far from it: goes
///   home, forgets who hurt it, heals, and minds nobody until it is there.
///
/// Example: leash 3,000, home at x = 0: a chase that brings it to x = 30.1 m ends there.
pub(crate) fn behavior(
    setting: Setting<'_>,
    slots: Res<'_, Slots>,
    scene: Res<'_, Scene>,
    mut chance: ResMut<'_, Chance>,
    players: Players<'_, '_>,
    mut monsters: Query<'_, '_, (&Tag, &Body, &Life, &Monster, &mut Mind), Without<Player>>,
) {
    for entity in slots.each(Kind::Monster) {
        let Ok((tag, body, life, monster, mut mind)) = monsters.get_mut(entity) else { continue };
        if life.is_dead() {
            continue;
        }
        let mut thought = Thought { setting: &setting, scene: &scene, chance: &mut chance, players: &players };
        thought.decide(tag.id, body, monster, &mut mind);
    }
}

/// What a monster has to think with.
struct Thought<'t, 'w, 's> {
    setting: &'t Setting<'w>,
    scene: &'t Scene,
    chance: &'t mut Chance,
    players: &'t Players<'w, 's>,
}

impl Thought<'_, '_, '_> {
    fn decide(&mut self, id: NetId, body: &Body, monster: &Monster, mind: &mut Mind) {
        let data = self.setting.data.0.clone();
        let row = data.monster(monster.row);
        let full_speed = row.speed_cm_per_s.max(row.fly_cm_per_s);
        let is_idle = matches!(mind.mood, Mood::Resting { .. } | Mood::Strolling { .. });
        if is_idle
            && !row.attacks.is_empty()
            && self.setting.clock.is_turn_of(id, LOOK_TICKS)
            && let Some(target) = self.notice(body.position)
        {
            mind.mood = Mood::Chasing { target };
        }
        match mind.mood {
            Mood::Resting { until } => self.rest(until, monster, mind),
            Mood::Strolling { to, until } => {
                let pace = u64::from(full_speed) * u64::from(data.balance.monster_wander_speed_ppm) / 1_000_000;
                self.stroll(to, until, body, pace as u32, mind);
            }
            Mood::Chasing { target } => self.chase(target, body, monster, row, full_speed, mind),
            Mood::GoingHome => self.go_home(body, monster, full_speed, mind),
        }
    }

    /// The nearest player to chase; of two as near, the one of the lower slot.
    fn notice(&self, from: Position) -> Option<NetId> {
        let reach = units_from_cm(i64::from(self.setting.data().balance.monster_notice_cm));
        let spots = self.scene.near(from, reach).filter(|spot| spot.kind == EntityKind::Player);
        let seen = spots.filter_map(|spot| Some((self.prey(spot.id)?, spot.id)));
        let near = seen.filter(|(at, _)| from.is_within(reach, *at));
        let clear = near.filter(|(at, _)| self.setting.land.terrain.line_is_clear(from, *at));
        clear.min_by_key(|(at, id)| (from.distance_squared(*at), id.index)).map(|(_, id)| id)
    }

    /// Where a player is that can be chased: alive and in play.
    fn prey(&self, id: NetId) -> Option<Position> {
        let (body, life, player) = self.players.get(self.setting.slots.find(Kind::Player, id)?).ok()?;
        (!life.is_dead() && player.leaving.is_none()).then_some(body.position)
    }

    fn rest(&mut self, until: shallot_wire::Tick, monster: &Monster, mind: &mut Mind) {
        mind.speed = 0;
        let clock = &self.setting.clock;
        if !clock.has_come(Some(until)) {
            return;
        }
        let region = self.setting.data().region(clock.region);
        let Some(spawn) = region.spawns.get(usize::from(monster.spawn)) else { return };
        let to = place_around(self.chance, spawn, &self.setting.land.terrain);
        mind.mood = Mood::Strolling { to, until: clock.tick.plus(STROLL_TICKS) };
    }

    fn stroll(&mut self, to: Position, until: shallot_wire::Tick, body: &Body, pace: u32, mind: &mut Mind) {
        let is_over = self.setting.clock.has_come(Some(until));
        if is_over || pace == 0 || body.position.is_within(ARRIVED_UNITS, to) {
            self.begin_rest(mind);
        } else {
            self.walk(to, body, pace, mind);
        }
    }

    fn begin_rest(&mut self, mind: &mut Mind) {
        let pause = pause(self.chance, self.setting.data().balance.monster_wander_pause_ticks);
        mind.mood = Mood::Resting { until: self.setting.clock.tick.plus(pause) };
        (mind.speed, mind.detour) = (0, None);
    }

    fn chase(
        &mut self,
        target: NetId,
        body: &Body,
        monster: &Monster,
        row: &MonsterRow,
        full_speed: u32,
        mind: &mut Mind,
    ) {
        let leash = units_from_cm(i64::from(self.setting.data().balance.monster_leash_cm));
        let prey = self.prey(target).filter(|at| body.position.is_within(leash, *at));
        let Some(at) = prey.filter(|_| monster.home.is_within(leash, body.position)) else {
            mind.mood = Mood::GoingHome;
            mind.hurt_by.clear();
            (mind.detour, mind.next_attack) = (None, 0);
            return self.go_home(body, monster, full_speed, mind);
        };
        let can_strike = row
            .attacks
            .iter()
            .any(|attack| body.position.is_within(units_from_cm(i64::from(attack_reach_cm(attack))), at));
        if can_strike && self.setting.land.terrain.line_is_clear(body.position, at) {
            mind.heading = heading_towards(body.position, at);
            (mind.speed, mind.detour) = (0, None);
        } else {
            self.walk(at, body, full_speed, mind);
        }
    }

    fn go_home(&mut self, body: &Body, monster: &Monster, full_speed: u32, mind: &mut Mind) {
        if full_speed == 0 || body.position.is_within(ARRIVED_UNITS, monster.home) {
            self.begin_rest(mind);
        } else {
            self.walk(monster.home, body, full_speed, mind);
        }
    }

    /// Heads for a point; who wanted to walk and did not get a quarter of the way is stuck and walks aside, left or
    /// right by chance.
    fn walk(&mut self, to: Position, body: &Body, speed: u32, mind: &mut Mind) {
        let clock = &self.setting.clock;
        if let Some((heading, until)) = mind.detour {
            if !clock.has_come(Some(until)) {
                (mind.heading, mind.speed) = (heading, speed);
                return;
            }
            mind.detour = None;
        }
        let way = i64::from(units_from_cm(i64::from(mind.speed))) / i64::from(TICKS_PER_SECOND);
        let velocity = Position { x: body.velocity.x, y: body.velocity.y };
        let made = velocity.distance_squared(Position::default());
        mind.heading = heading_towards(body.position, to);
        if mind.speed > 0 && made * 16 < way * way {
            let side = if roll::below(self.chance, 2) == 0 { 64 } else { 192 };
            mind.heading = mind.heading.wrapping_add(side);
            mind.detour = Some((mind.heading, clock.tick.plus(DETOUR_TICKS)));
        }
        mind.speed = speed;
    }
}
