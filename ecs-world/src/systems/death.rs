//! Monsters and players whose hit points are gone.

use bevy_ecs::prelude::{Entity, World as Ecs};
use rand_core::Rng;
use shallot_masterdata::{ItemTemplateId, MasterData, MonsterId};
use shallot_wire::space::units_from_cm;
use shallot_wire::{CharacterId, NetId, Position, TICKS_PER_SECOND};

use crate::chance::Chance;
use crate::components::{Body, Fight, Life, Loot, Mind, Monster, Player, Tag};
use crate::grant_id::{Ordinal, grant_id};
use crate::limits::{DROPS_PER_DEATH, SCATTER_UNITS};
use crate::output::{Event, GrantProposal, GrantReason};
use crate::resources::{Clock, Data, Grants, Happenings, Land, Out, PendingGrant, Roster, Spawners};
use crate::slots::{Kind, Slots};
use crate::systems::loot;
use crate::systems::spawning::place_within;

/// Every body without hit points, by slot. A monster's is gone at once: experience is proposed, drops fall, its spawn
/// row gets its next turn. A player lies there until it asks to stand up; whoever chased it gives up.
pub(crate) fn death(ecs: &mut Ecs) {
    let clock = *ecs.resource::<Clock>();
    let dead = |ecs: &Ecs, kind| {
        let all = ecs.resource::<Slots>().each(kind);
        let dead = all
            .filter(|entity| ecs.get::<Life>(*entity).is_some_and(|life| life.is_dead() && life.dead_since.is_none()));
        dead.collect::<Vec<Entity>>()
    };
    for player in dead(ecs, Kind::Player) {
        player_dies(ecs, player, clock);
    }
    for monster in dead(ecs, Kind::Monster) {
        if monster_dies(ecs, monster, clock).is_none() {
            ecs.despawn(monster); // never without its parts; were it, it must not die again each tick
        }
    }
}

fn player_dies(ecs: &mut Ecs, entity: Entity, clock: Clock) {
    let Some(mut life) = ecs.get_mut::<Life>(entity) else { return };
    life.dead_since = Some(clock.tick);
    let killer = life.struck_by;
    if let Some(mut fight) = ecs.get_mut::<Fight>(entity) {
        fight.target = None;
    }
    let Some((tag, body)) = ecs.get::<Tag>(entity).zip(ecs.get::<Body>(entity)) else { return };
    let (id, at) = (tag.id, body.position);
    ecs.resource_mut::<Happenings>().note(Event::Died { entity: id, killer, monster: None }, [Some(id), killer], at);
}

/// What is left of a monster.
struct Corpse {
    id: NetId,
    row: MonsterId,
    at: Position,
    hurt_by: Vec<(CharacterId, u64)>,
}

fn monster_dies(ecs: &mut Ecs, entity: Entity, clock: Clock) -> Option<()> {
    let data = ecs.resource::<Data>().0.clone();
    let killer = ecs.get::<Life>(entity)?.struck_by;
    let monster = *ecs.get::<Monster>(entity)?;
    let corpse = Corpse {
        id: ecs.get::<Tag>(entity)?.id,
        row: monster.row,
        at: ecs.get::<Body>(entity)?.position,
        hurt_by: std::mem::take(&mut ecs.get_mut::<Mind>(entity)?.hurt_by),
    };
    ecs.despawn(entity);
    ecs.resource_mut::<Slots>().release(Kind::Monster, corpse.id, clock.tick);
    let event = Event::Died { entity: corpse.id, killer, monster: Some(monster.row) };
    ecs.resource_mut::<Happenings>().note(event, [Some(corpse.id), killer], corpse.at);
    if let Some(spawn) = data.region(clock.region).spawns.get(usize::from(monster.spawn)) {
        let next = clock.tick.plus(spawn.respawn_s.saturating_mul(TICKS_PER_SECOND));
        if let Some(due) = ecs.resource_mut::<Spawners>().due.get_mut(usize::from(monster.spawn)) {
            due.push_back(next);
        }
    }
    share_experience(ecs, &data, &corpse, clock);
    drop_loot(ecs, &data, &corpse, clock);
    Some(())
}

/// Experience of a kill: the row's `xp` × `xp_gain_ppm`, rounded down, split among all who hurt it, live, are in play
/// and within `xp_share_cm`, by the damage each did; each share rounded down, at least 1. Who is away leaves its part
/// to those there.
///
/// Example: 100 experience at 500,000 ppm are 50; damage 20 and 10 get floor(33.3) = 33 and floor(16.6) = 16.
fn share_experience(ecs: &mut Ecs, data: &MasterData, corpse: &Corpse, clock: Clock) {
    let gained = u64::from(data.monster(corpse.row).xp) * u64::from(data.balance.xp_gain_ppm) / 1_000_000;
    if gained == 0 {
        return;
    }
    let reach = units_from_cm(i64::from(data.balance.xp_share_cm));
    let sharers: Vec<(Entity, u64)> = corpse
        .hurt_by
        .iter()
        .filter_map(|(character, damage)| Some((sharer(ecs, *character, corpse.at, reach)?, *damage)))
        .collect();
    let damages: Vec<u64> = sharers.iter().map(|(_, damage)| *damage).collect();
    for ((entity, _), xp) in sharers.iter().zip(shares(gained, &damages)) {
        propose(ecs, *entity, corpse, xp, clock);
    }
}

/// `total` by weight, each rounded down, each at least 1.
fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let share = |weight: &u64| (u128::from(total) * u128::from(*weight) / sum.max(1)).max(1);
    weights.iter().map(|weight| u64::try_from(share(weight)).unwrap_or(u64::MAX)).collect()
}

fn sharer(ecs: &Ecs, character: CharacterId, at: Position, reach: i32) -> Option<Entity> {
    let entity = *ecs.resource::<Roster>().0.get(&character)?;
    let is_in_play = ecs.get::<Player>(entity)?.leaving.is_none() && !ecs.get::<Life>(entity)?.is_dead();
    (is_in_play && ecs.get::<Body>(entity)?.position.is_within(reach, at)).then_some(entity)
}

fn propose(ecs: &mut Ecs, entity: Entity, corpse: &Corpse, xp: u64, clock: Clock) {
    let Some(recipient) = ecs.get::<Tag>(entity).map(|tag| tag.id) else { return };
    let Some(mut player) = ecs.get_mut::<Player>(entity) else { return };
    player.grants_pending += 1;
    let proposal = GrantProposal {
        id: grant_id(clock.region, clock.epoch, clock.tick, corpse.id, recipient, Ordinal::Kill),
        character: player.character,
        owner_epoch: player.owner_epoch,
        reason: GrantReason::Kill { monster: corpse.row },
        request: None,
        xp,
        coins: 0,
        items: Vec::new(),
    };
    let pending = PendingGrant { character: proposal.character, pick_up: None };
    ecs.resource_mut::<Grants>().0.insert(proposal.id, pending);
    ecs.resource_mut::<Out>().0.grants.push(proposal);
}

/// What the row's drop table yields falls around the corpse. It is whose damage was most (of equals, who struck first)
/// for `drop_owner_ticks`, and lies for `drop_lifetime_ticks`.
fn drop_loot(ecs: &mut Ecs, data: &MasterData, corpse: &Corpse, clock: Clock) {
    let Some(table) = data.monster(corpse.row).drop_table else { return };
    let mut rolled: Vec<(ItemTemplateId, u32)> = Vec::new();
    data.roll_drops(table, &mut *ecs.resource_mut::<Chance>(), &mut rolled);
    let most = corpse.hurt_by.iter().rev().max_by_key(|(_, damage)| *damage).map(|(character, _)| *character);
    for (item, quantity) in rolled.into_iter().take(DROPS_PER_DEATH) {
        let at =
            ecs.resource_scope::<Chance, _>(|ecs, mut chance| scatter(&mut *chance, corpse.at, ecs.resource::<Land>()));
        let drop = Loot {
            item,
            quantity,
            owner: most,
            owned_until: clock.tick.plus(data.balance.drop_owner_ticks),
            vanishes_at: clock.tick.plus(data.balance.drop_lifetime_ticks),
            pending: None,
        };
        loot::lay(ecs, drop, at, clock.tick);
    }
}

fn scatter<R: Rng + ?Sized>(chance: &mut R, at: Position, land: &Land) -> Position {
    place_within(chance, at, SCATTER_UNITS, &land.terrain)
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn shares_as_in_the_example() {
        assert_eq!(shares(50, &[20, 10]), [33, 16]);
        assert_eq!(shares(50, &[7]), [50]);
        assert_eq!(shares(1, &[5, 5, 5]), [1, 1, 1], "at least 1 each");
        assert_eq!(shares(u64::MAX, &[u64::MAX, u64::MAX]), [u64::MAX / 2; 2]);
    }
}
