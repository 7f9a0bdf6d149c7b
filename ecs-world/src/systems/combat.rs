//! Basic attacks of players and rounds of monsters. Everybody's turn comes by slot, players first, so that chance falls
//! alike in each replay. `blows.rs` has the rolls.

use bevy_ecs::prelude::{Entity, Res};
use shallot_masterdata::{DamageType, Monster as MonsterRow, MonsterAttack};
use shallot_wire::space::units_from_cm;
use shallot_wire::{NetId, Position};

use crate::components::Mood;
use crate::resources::Grants;
use crate::scene::Scene;
use crate::slots::{Kind, Slots};
use crate::stats;
use crate::systems::arena::{Arena, Blow, MonsterBlow};

/// Each player with a target strikes once in `player_attack_period_ticks`, while the target is in reach of the weapon
/// with a clear line; then each monster that chases strikes in rounds. A ranged weapon's target counts where the player saw it
/// (`outlook.rs`).
///
/// A blow's attack bonus is attack bonus + ability bonus, its damage the weapon's dice (the two-handed ones where
/// nothing is in the off hand) + ability bonus + damage bonus; `stats.rs` has these. Example: level 1 of the sample set
/// (`base_attack` 8), strength 16, a longsword in both hands, 4 points of `base_attack` for a point of attack and 8 for
/// one of damage: 1d20 + 5 against armor, and 1d10 + 4 damage.
pub(crate) fn combat(mut arena: Arena<'_, '_>, scene: Res<'_, Scene>, slots: Res<'_, Slots>, grants: Res<'_, Grants>) {
    if !grants.is_full() {
        for player in slots.each(Kind::Player) {
            basic_attack(&mut arena, &scene, player);
        }
    }
    for monster in slots.each(Kind::Monster) {
        round(&mut arena, monster);
    }
}

fn basic_attack(arena: &mut Arena<'_, '_>, scene: &Scene, striker: Entity) {
    let Ok(parts) = arena.players.get(striker) else { return };
    let Some(target) = parts.fight.target else { return };
    let Some((foe, foe_at)) = arena.foe(target) else { return forget_target(arena, striker) };
    let can = !parts.life.is_dead() && parts.player.leaving.is_none();
    if !can || !arena.setting.clock.has_come(parts.fight.attack_at) {
        return;
    }
    let data = arena.setting.data();
    let weapon = stats::weapon(data, parts.stats, parts.gear);
    let foe_at = if weapon.is_ranged { arena.seen(scene, parts.outlook, target, foe_at) } else { foe_at };
    if !is_in_reach(arena, parts.body.position, foe_at, weapon.reach_cm) {
        return;
    }
    let dice = weapon.damage.map(|damage| damage.two_handed.filter(|_| weapon.in_both_hands).unwrap_or(damage.dice));
    let blow = Blow {
        striker: parts.tag.id,
        character: parts.player.character,
        bonus: Some(parts.stats.attack_bonus.saturating_add(weapon.ability_bonus)),
        dice,
        flat: parts.stats.damage_bonus.saturating_add(weapon.ability_bonus),
        kind: weapon.damage.map_or(DamageType::Bludgeoning, |damage| damage.damage_type),
    };
    let next = arena.setting.clock.tick.plus(data.balance.player_attack_period_ticks);
    arena.strike_monster(blow, striker, foe);
    if let Ok(mut parts) = arena.players.get_mut(striker) {
        parts.fight.attack_at = Some(next);
    }
}

fn forget_target(arena: &mut Arena<'_, '_>, striker: Entity) {
    if let Ok(mut parts) = arena.players.get_mut(striker) {
        parts.fight.target = None;
    }
}

/// Whether a blow over `reach_cm` gets from one to the other: near enough, and nothing between.
pub(crate) fn is_in_reach(arena: &Arena<'_, '_>, from: Position, to: Position, reach_cm: u32) -> bool {
    from.is_within(units_from_cm(i64::from(reach_cm)), to) && arena.setting.land.terrain.line_is_clear(from, to)
}

/// How far an attack of a monster goes, centimetres: the longer of reach and range.
pub(crate) fn attack_reach_cm(attack: &MonsterAttack) -> u32 {
    attack.reach_cm.unwrap_or(0).max(attack.range_cm.unwrap_or(0))
}

/// A monster's round, once in `monster_attack_period_ticks`: `attacks_per_round` attacks, taken in turn from the rows
/// in reach.
///
/// Example: two attacks a round, bite (reach 152) and sling (range 914), the target 3 m away: two stones; at 1 m: bite
/// and stone.
fn round(arena: &mut Arena<'_, '_>, monster: Entity) {
    let Ok(parts) = arena.monsters.get(monster) else { return };
    let Mood::Chasing { target } = parts.mind.mood else { return };
    if parts.life.is_dead() || !arena.setting.clock.has_come(parts.mind.attack_at) {
        return;
    }
    let Some((victim, victim_at)) = arena.ally(target) else { return };
    let data = arena.setting.data.0.clone();
    let row = data.monster(parts.monster.row);
    let (id, at, first) = (parts.tag.id, parts.body.position, usize::from(parts.mind.next_attack));
    if !row.attacks.iter().any(|attack| is_in_reach(arena, at, victim_at, attack_reach_cm(attack))) {
        return;
    }
    let next = strike_in_turn(arena, row, (id, at), (victim, victim_at), first);
    if let Ok(mut parts) = arena.monsters.get_mut(monster) {
        let period = data.balance.monster_attack_period_ticks;
        parts.mind.attack_at = Some(arena.setting.clock.tick.plus(period));
        parts.mind.next_attack = u8::try_from(next).unwrap_or(0);
        parts.life.last_blow = Some(arena.setting.clock.tick);
    }
}

/// Makes the attacks of a round, beginning with row `turn` or the first one in reach after it; returns whose turn is
/// next.
fn strike_in_turn(
    arena: &mut Arena<'_, '_>,
    row: &MonsterRow,
    (striker, at): (NetId, Position),
    (victim, victim_at): (Entity, Position),
    mut turn: usize,
) -> usize {
    let (count, reach) = (row.attacks.len(), at.distance_squared(victim_at));
    let goes = |attack: &MonsterAttack| {
        let units = i64::from(units_from_cm(i64::from(attack_reach_cm(attack))));
        units * units >= reach
    };
    for _ in 0..row.attacks_per_round {
        let rows = (0..count).map(|ahead| (turn + ahead) % count);
        let Some((place, attack)) = rows.filter_map(|n| Some((n, row.attacks.get(n)?))).find(|(_, a)| goes(a)) else {
            break;
        };
        turn = (place + 1) % count;
        let blow = MonsterBlow {
            striker,
            bonus: attack.to_hit,
            damage: (attack.damage, attack.damage_type),
            extra: attack.extra,
        };
        arena.strike_player(blow, victim);
    }
    turn
}
