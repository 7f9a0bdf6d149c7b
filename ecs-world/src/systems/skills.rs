//! Skills, in the order asked for.

use bevy_ecs::prelude::{Entity, Local, Res, ResMut};
use shallot_masterdata::{DamageType, MasterData, Skill, SkillKind};
use shallot_wire::space::units_from_cm;
use shallot_wire::{EntityKind, NetId, Position};

use crate::limits::COOLDOWNS;
use crate::output::{Event, Refusal, Reply};
use crate::resources::{Grants, Out, Requests, SkillRequest};
use crate::scene::Scene;
use crate::systems::arena::{Arena, Blow};

/// So much farther than its radius an area skill looks in the last tick's scene: who stood there may have walked since.
const LOOK_AROUND: i32 = shallot_wire::limits::MAX_STEP;

/// Uses each skill that was asked for, or refuses it.
///
/// - An attack roll, where the skill has one, is its `to_hit` + attack bonus + `spell_attack_bonus` + the bonus of the
///   class's primary ability against armor; without one it always hits.
/// - Damage is its dice + the primary ability's bonus + damage bonus; a heal is its dice + the primary ability's bonus,
///   at least 1.
/// - The target of a ranged skill counts where the caster saw it (`outlook.rs`).
/// - The cooldown is `cooldown_ticks` of the row, whatever comes of the roll.
///
/// Example: a healer of wisdom 16 with a heal of 2d4: 2d4 + 3. A mage (intelligence 16, `base_attack` 8, 4 points of it
/// for 1) with a bolt of `to_hit` 1: 1d20 + 1 + 2 + 3.
pub(crate) fn skills(
    mut arena: Arena<'_, '_>,
    scene: Res<'_, Scene>,
    grants: Res<'_, Grants>,
    mut requests: ResMut<'_, Requests>,
    mut out: ResMut<'_, Out>,
    mut struck: Local<'_, Vec<NetId>>,
) {
    let is_full = grants.is_full();
    for request in requests.skills.drain(..) {
        let result = if is_full { Err(Refusal::Busy) } else { use_skill(&mut arena, &scene, &request, &mut struck) };
        let reply = result.map(|cooldown_ticks| Reply::SkillUsed { cooldown_ticks });
        out.answer(request.character, request.correlation, reply);
    }
}

/// What a skill is used on.
enum Aim {
    Foe(Entity),
    Ally(Entity),
    Point(Position),
}

/// `struck` is a buffer that each use of an area skill uses again.
fn use_skill(
    arena: &mut Arena<'_, '_>,
    scene: &Scene,
    request: &SkillRequest,
    struck: &mut Vec<NetId>,
) -> Result<u32, Refusal> {
    let data = arena.setting.data.0.clone();
    let skill = data.skills.get(request.skill.index()).ok_or(Refusal::WrongClass)?;
    let aim = judge(arena, scene, &data, skill, request)?;
    let Ok(mut parts) = arena.players.get_mut(request.caster) else { return Err(Refusal::NotInWorld) };
    let tick = arena.setting.clock.tick;
    let cooldowns = &mut parts.fight.cooldowns;
    cooldowns.retain(|(known, until)| *known != request.skill && until.is_after(tick));
    if cooldowns.len() >= COOLDOWNS {
        cooldowns.remove(0);
    }
    cooldowns.push((request.skill, tick.plus(skill.cooldown_ticks)));
    let primary = parts.stats.bonus(data.class(parts.player.class).primary);
    let (id, at) = (parts.tag.id, parts.body.position);
    let event = Event::SkillUsed { caster: id, skill: request.skill, target: request.target };
    arena.told.note(event, [Some(id), request.target], at);
    match aim {
        Aim::Ally(ally) => {
            let rolled = i64::from(skill.dice.roll(&mut *arena.chance)) + i64::from(primary);
            arena.heal_player(ally, rolled.clamp(1, i64::from(u32::MAX)) as u32);
        }
        Aim::Foe(foe) => strike(arena, skill, request, primary, foe),
        Aim::Point(point) => {
            foes_around(arena, scene, point, units_from_cm(i64::from(skill.radius_cm)), struck);
            for foe in struck.drain(..) {
                if let Some((foe, _)) = arena.foe(foe) {
                    strike(arena, skill, request, primary, foe);
                }
            }
        }
    }
    Ok(skill.cooldown_ticks)
}

/// Whether the skill can be used like that, and on what. The first that fails, in the order below, is told.
fn judge(
    arena: &Arena<'_, '_>,
    scene: &Scene,
    data: &MasterData,
    skill: &Skill,
    request: &SkillRequest,
) -> Result<Aim, Refusal> {
    let Ok(parts) = arena.players.get(request.caster) else { return Err(Refusal::NotInWorld) };
    if parts.life.is_dead() {
        return Err(Refusal::Dead);
    }
    if skill.class != parts.player.class {
        return Err(Refusal::WrongClass);
    }
    if parts.player.level < skill.level_req {
        return Err(Refusal::LevelTooLow);
    }
    let tick = arena.setting.clock.tick;
    let cooldown = parts.fight.cooldowns.iter().find(|(known, until)| *known == request.skill && until.is_after(tick));
    if let Some((_, until)) = cooldown {
        return Err(Refusal::OnCooldown { ticks_left: until.since(tick).unsigned_abs() });
    }
    let caster_at = parts.body.position;
    let (aim, at) = aim(arena, skill, request, parts.tag.id, caster_at)?;
    let at = match (skill.kind, request.target) {
        (SkillKind::Ranged, Some(target)) => arena.seen(scene, parts.outlook, target, at),
        _ => at,
    };
    let reach_cm = match skill.kind {
        SkillKind::Melee => skill.range_cm.max(data.balance.player_reach_cm),
        SkillKind::Ranged | SkillKind::Area | SkillKind::Heal => skill.range_cm,
    };
    if !caster_at.is_within(units_from_cm(i64::from(reach_cm)), at) {
        return Err(Refusal::OutOfRange);
    }
    if !arena.setting.land.terrain.line_is_clear(caster_at, at) {
        return Err(Refusal::NoLineOfSight);
    }
    Ok(aim)
}

/// What is aimed at, and where it is. A heal without a target is for the caster; an area skill of range 0 lies around
/// the caster.
fn aim(
    arena: &Arena<'_, '_>,
    skill: &Skill,
    request: &SkillRequest,
    caster: NetId,
    caster_at: Position,
) -> Result<(Aim, Position), Refusal> {
    let foe = |target| arena.foe(target).ok_or(Refusal::BadTarget);
    match (skill.kind, request.target) {
        (SkillKind::Heal, target) => {
            let (ally, at) = arena.ally(target.unwrap_or(caster)).ok_or(Refusal::BadTarget)?;
            Ok((Aim::Ally(ally), at))
        }
        (SkillKind::Area, _) if skill.range_cm == 0 => Ok((Aim::Point(caster_at), caster_at)),
        (SkillKind::Area, None) if arena.setting.land.terrain.bounds().contains(request.at) => {
            Ok((Aim::Point(request.at), request.at))
        }
        (SkillKind::Area, Some(target)) => foe(target).map(|(_, at)| (Aim::Point(at), at)),
        (SkillKind::Melee | SkillKind::Ranged, Some(target)) => foe(target).map(|(foe, at)| (Aim::Foe(foe), at)),
        (SkillKind::Area | SkillKind::Melee | SkillKind::Ranged, None) => Err(Refusal::BadTarget),
    }
}

fn strike(arena: &mut Arena<'_, '_>, skill: &Skill, request: &SkillRequest, primary: i32, foe: Entity) {
    let Ok(parts) = arena.players.get(request.caster) else { return };
    let stats = parts.stats;
    let roll = |to_hit: i32| {
        to_hit.saturating_add(stats.attack_bonus).saturating_add(stats.skill_attack_bonus).saturating_add(primary)
    };
    let blow = Blow {
        striker: parts.tag.id,
        character: request.character,
        bonus: skill.to_hit.map(roll),
        dice: Some(skill.dice),
        flat: primary.saturating_add(stats.damage_bonus),
        kind: skill.damage_type.unwrap_or(DamageType::Untyped),
    };
    arena.strike_monster(blow, request.caster, foe);
}

/// All living monsters within `radius` units of a point, in the order of their slots.
fn foes_around(arena: &Arena<'_, '_>, scene: &Scene, point: Position, radius: i32, found: &mut Vec<NetId>) {
    let near = scene.near(point, radius.saturating_add(LOOK_AROUND));
    let monsters = near.filter(|spot| spot.kind == EntityKind::Monster).map(|spot| spot.id);
    let is_struck = |id: &NetId| arena.foe(*id).is_some_and(|(_, at)| point.is_within(radius, at));
    found.extend(monsters.filter(is_struck));
    found.sort_unstable();
}
