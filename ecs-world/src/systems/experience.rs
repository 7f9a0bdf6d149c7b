//! What the store has answered: rewards that are stored, levels that came with them, drops that stay or go.

use bevy_ecs::prelude::{Entity, World as Ecs};
use shallot_wire::{GrantId, NetId};

use crate::command::{GrantOutcome, GrantRefusal};
use crate::components::{Body, Life, Loot, Player, Tag};
use crate::output::{Event, Refusal, Reply};
use crate::resources::{Clock, Grants, Happenings, Out, Requests, Roster};
use crate::slots::{Kind, Slots};
use crate::systems::{intake, loot};

/// Every settled grant, in the order told. An id that is not pending is passed over: the same outcome may be told
/// twice.
pub(crate) fn experience(ecs: &mut Ecs) {
    let mut settled = std::mem::take(&mut ecs.resource_mut::<Requests>().settled);
    for (grant, outcome) in settled.drain(..) {
        settle(ecs, grant, outcome);
    }
    ecs.resource_mut::<Requests>().settled = settled;
}

fn settle(ecs: &mut Ecs, grant: GrantId, outcome: GrantOutcome) {
    let Some(pending) = ecs.resource_mut::<Grants>().0.remove(&grant) else { return };
    let entity = ecs.resource::<Roster>().0.get(&pending.character).copied();
    if let Some(entity) = entity {
        if let Some(mut player) = ecs.get_mut::<Player>(entity) {
            player.grants_pending = player.grants_pending.saturating_sub(1);
        }
        if let GrantOutcome::Committed { xp_total, level } = outcome {
            gain(ecs, entity, xp_total, level);
        }
    }
    if let Some((drop, correlation)) = pending.pick_up {
        let result = settle_drop(ecs, drop, grant, outcome);
        ecs.resource_mut::<Out>().answer(pending.character, correlation, result);
    }
}

/// A stored drop is gone; any other lies there again.
fn settle_drop(ecs: &mut Ecs, drop: NetId, grant: GrantId, outcome: GrantOutcome) -> Result<Reply, Refusal> {
    let tick = ecs.resource::<Clock>().tick;
    let entity = ecs.resource::<Slots>().find(Kind::Drop, drop);
    let marked = entity.filter(|entity| ecs.get::<Loot>(*entity).is_some_and(|loot| loot.pending == Some(grant)));
    match outcome {
        GrantOutcome::Committed { .. } => {
            if let Some(entity) = marked {
                loot::remove(ecs, entity, tick);
            }
            Ok(Reply::Picked { grant })
        }
        GrantOutcome::Refused(refusal) => {
            if let Some(mut loot) = marked.and_then(|entity| ecs.get_mut::<Loot>(entity)) {
                loot.pending = None;
            }
            Err(match refusal {
                GrantRefusal::BagFull => Refusal::BagFull,
                GrantRefusal::Fenced => Refusal::Fenced,
                GrantRefusal::Failed => Refusal::StoreFailed,
            })
        }
    }
}

/// Experience and level as stored; outcomes may overtake one another, so neither ever falls. A higher level brings its
/// figures, and the hit points that the maximum gained (not to the dead).
///
/// Example: 40 of 60 hit points at level 1, level 2 has 74: 54 of 74.
fn gain(ecs: &mut Ecs, entity: Entity, xp_total: u64, level: u8) {
    let Some(mut player) = ecs.get_mut::<Player>(entity) else { return };
    player.xp = player.xp.max(xp_total);
    if level <= player.level {
        return;
    }
    player.level = level;
    let before = ecs.get::<Life>(entity).map_or(0, |life| life.max_hp);
    intake::renew_stats(ecs, entity);
    if let Some(mut life) = ecs.get_mut::<Life>(entity) {
        let gained = life.max_hp.saturating_sub(before);
        life.heal(gained);
    }
    let Some((tag, body)) = ecs.get::<Tag>(entity).zip(ecs.get::<Body>(entity)) else { return };
    let (id, at) = (tag.id, body.position);
    ecs.resource_mut::<Happenings>().note(Event::LeveledUp { entity: id, level }, [Some(id), None], at);
}
