//! What lies on the ground: it falls, is picked up, or vanishes.

use bevy_ecs::prelude::{Entity, World as Ecs};
use shallot_masterdata::{ItemKind, MasterData};
use shallot_wire::space::units_from_cm;
use shallot_wire::{GrantId, Position, Tick};

use crate::components::{Body, Life, Loot, Player, Tag};
use crate::grant_id::{Ordinal, grant_id};
use crate::limits::DROPS;
use crate::output::{GrantProposal, GrantReason, Refusal};
use crate::resources::{Clock, Data, Grants, Out, PendingGrant, PickUpRequest, Requests};
use crate::slots::{Kind, Slots};

/// Lays something down. Where there is no room, something else goes: the oldest that belongs to nobody, else the oldest
/// of all, never one that is being picked up. If all are, or no slot has rested, this one is lost.
pub(crate) fn lay(ecs: &mut Ecs, loot: Loot, at: Position, tick: Tick) {
    if ecs.resource::<Slots>().count(Kind::Drop) >= DROPS
        && let Some(oldest) = oldest(ecs, tick)
    {
        remove(ecs, oldest, tick);
    }
    if let Some(id) = ecs.resource_mut::<Slots>().take(Kind::Drop, tick) {
        let entity = ecs.spawn((Tag { id }, Body::at(at, 0), loot)).id();
        ecs.resource_mut::<Slots>().settle(Kind::Drop, id, entity);
    }
}

fn oldest(ecs: &Ecs, tick: Tick) -> Option<Entity> {
    let all = ecs.resource::<Slots>().each(Kind::Drop);
    let free =
        all.filter_map(|entity| Some((entity, ecs.get::<Loot>(entity)?))).filter(|(_, loot)| loot.pending.is_none());
    let age = |(_, loot): &(Entity, &Loot)| {
        let is_owned = loot.owner.is_some() && loot.owned_until.is_after(tick);
        (is_owned, loot.vanishes_at.since(tick))
    };
    free.min_by_key(age).map(|(entity, _)| entity)
}

/// Takes a drop off the ground.
pub(crate) fn remove(ecs: &mut Ecs, entity: Entity, tick: Tick) {
    if let Some(id) = ecs.get::<Tag>(entity).map(|tag| tag.id) {
        ecs.despawn(entity);
        ecs.resource_mut::<Slots>().release(Kind::Drop, id, tick);
    }
}

/// Pick-ups in the order asked for, then what has lain long enough vanishes.
pub(crate) fn loot(ecs: &mut Ecs) {
    let clock = *ecs.resource::<Clock>();
    let mut requests = std::mem::take(&mut ecs.resource_mut::<Requests>().pick_ups);
    for request in requests.drain(..) {
        if let Err(refusal) = pick_up(ecs, &request, clock) {
            ecs.resource_mut::<Out>().answer(request.character, request.correlation, Err(refusal));
        }
    }
    ecs.resource_mut::<Requests>().pick_ups = requests;
    let vanished = |entity: &Entity| {
        ecs.get::<Loot>(*entity).is_some_and(|loot| loot.pending.is_none() && clock.has_come(Some(loot.vanishes_at)))
    };
    let gone: Vec<Entity> = ecs.resource::<Slots>().each(Kind::Drop).filter(vanished).collect();
    for entity in gone {
        remove(ecs, entity, clock.tick);
    }
}

/// Proposes a grant of the drop and marks it, so that nobody else takes it meanwhile. The picker must live and be
/// within `pickup_reach_cm`; for `drop_owner_ticks` it must be the owner.
///
/// Coins are minted, never items: a drop of kind currency grants `price_copper` × quantity. Example: 7 silver pieces
/// (price 10) grant 70 copper.
fn pick_up(ecs: &mut Ecs, request: &PickUpRequest, clock: Clock) -> Result<(), Refusal> {
    let data = ecs.resource::<Data>().0.clone();
    if ecs.get::<Life>(request.picker).is_none_or(Life::is_dead) {
        return Err(Refusal::Dead);
    }
    if ecs.resource::<Grants>().is_full() {
        return Err(Refusal::Busy);
    }
    let entity = ecs.resource::<Slots>().find(Kind::Drop, request.drop).ok_or(Refusal::Taken)?;
    let loot = *ecs.get::<Loot>(entity).ok_or(Refusal::Taken)?;
    let reach = units_from_cm(i64::from(data.balance.pickup_reach_cm));
    let both = ecs.get::<Body>(request.picker).zip(ecs.get::<Body>(entity));
    if !both.is_some_and(|(picker, drop)| picker.position.is_within(reach, drop.position)) {
        return Err(Refusal::OutOfReach);
    }
    if loot.pending.is_some() {
        return Err(Refusal::Taken);
    }
    let is_owned = loot.owned_until.is_after(clock.tick) && loot.owner.is_some_and(|owner| owner != request.character);
    if is_owned {
        return Err(Refusal::NotYoursYet);
    }
    let recipient = ecs.get::<Tag>(request.picker).ok_or(Refusal::NotInWorld)?.id;
    let mut player = ecs.get_mut::<Player>(request.picker).ok_or(Refusal::NotInWorld)?;
    player.grants_pending += 1;
    let id = grant_id(clock.region, clock.epoch, clock.tick, request.drop, recipient, Ordinal::PickUp);
    let proposal = proposal(&data, &player, request, &loot, id);
    if let Some(mut loot) = ecs.get_mut::<Loot>(entity) {
        loot.pending = Some(id);
    }
    let pending = PendingGrant { character: request.character, pick_up: Some((request.drop, request.correlation)) };
    ecs.resource_mut::<Grants>().0.insert(id, pending);
    ecs.resource_mut::<Out>().0.grants.push(proposal);
    Ok(())
}

fn proposal(data: &MasterData, player: &Player, request: &PickUpRequest, loot: &Loot, id: GrantId) -> GrantProposal {
    let row = data.item(loot.item);
    let (coins, items) = match row.kind {
        ItemKind::Currency => (row.price_copper.saturating_mul(i64::from(loot.quantity)), Vec::new()),
        _ => (0, vec![(loot.item, loot.quantity)]),
    };
    GrantProposal {
        id,
        character: request.character,
        owner_epoch: player.owner_epoch,
        reason: GrantReason::PickUp,
        request: Some(request.request),
        xp: 0,
        coins,
        items,
    }
}
