//! Phase one: takes the tick's commands in the order pushed. What moves, fights or takes is only noted here; later
//! phases do it.

use bevy_ecs::prelude::{Entity, World as Ecs};
use shallot_masterdata::{Abilities, ItemTemplateId, Slot, roll};
use shallot_wire::limits::MAX_DATAGRAM;
use shallot_wire::{CharacterId, InputWindow, NetId, OwnerEpoch};

use crate::chance::Chance;
use crate::command::Command;
use crate::components::{Body, Fight, Gear, Life, Player, Tag, Viewer};
use crate::inputs::InputRing;
use crate::limits::BUDGET_LEAST;
use crate::outlook::Outlook;
use crate::output::{Event, Refusal, Reply};
use crate::resources::{Clock, Data, Happenings, Inbox, Out, PickUpRequest, Requests, Roster, SkillRequest};
use crate::slots::{Kind, Slots};
use crate::stats::{self, Stats};
use crate::systems::{entry, recovery};
use crate::view::View;

/// Takes all commands.
pub(crate) fn intake(ecs: &mut Ecs) {
    let mut commands = std::mem::take(&mut ecs.resource_mut::<Inbox>().0);
    for command in commands.drain(..) {
        take(ecs, command);
    }
    ecs.resource_mut::<Inbox>().0 = commands; // its memory serves the next tick
}

fn take(ecs: &mut Ecs, command: Command) {
    match command {
        Command::Enter { character, owner_epoch, sheet, correlation } => {
            let result = entry::enter(ecs, character, owner_epoch, &sheet);
            answer(ecs, character, correlation, result.map(Reply::Entered));
        }
        Command::Leave { character, owner_epoch, correlation } => {
            if let Err(refusal) = leave(ecs, character, owner_epoch, correlation) {
                answer(ecs, character, correlation, Err(refusal));
            }
        }
        Command::Input { window, held_ms } => input(ecs, &window, held_ms),
        Command::Attack { character, target, correlation } => {
            let result = attack(ecs, character, target).map(|()| Reply::Attacking);
            answer(ecs, character, correlation, result);
        }
        Command::UseSkill { character, skill, target, at, correlation } => match in_play(ecs, character) {
            Ok(caster) => {
                let request = SkillRequest { caster, character, skill, target, at, correlation };
                ecs.resource_mut::<Requests>().skills.push(request);
            }
            Err(refusal) => answer(ecs, character, correlation, Err(refusal)),
        },
        Command::PickUp { character, drop, request, correlation } => match in_play(ecs, character) {
            Ok(picker) => {
                let request = PickUpRequest { picker, character, drop, request, correlation };
                ecs.resource_mut::<Requests>().pick_ups.push(request);
            }
            Err(refusal) => answer(ecs, character, correlation, Err(refusal)),
        },
        Command::Respawn { character, correlation } => {
            let result = respawn(ecs, character);
            answer(ecs, character, correlation, result);
        }
        Command::Equipment { character, version, worn } => equipment(ecs, character, version, &worn),
        Command::ItemUsed { character, template } => item_used(ecs, character, template),
        Command::Abilities { character, abilities, version } => new_abilities(ecs, character, abilities, version),
        Command::SnapshotBudget { character, owner_epoch, bytes } => {
            snapshot_budget(ecs, character, owner_epoch, bytes);
        }
        Command::GrantSettled { grant, outcome } => ecs.resource_mut::<Requests>().settled.push((grant, outcome)),
    }
}

fn answer(ecs: &mut Ecs, character: CharacterId, correlation: u64, result: Result<Reply, Refusal>) {
    ecs.resource_mut::<Out>().answer(character, correlation, result);
}

/// The entity of a character that is in the world and not on its way out.
fn in_play(ecs: &Ecs, character: CharacterId) -> Result<Entity, Refusal> {
    let entity = ecs.resource::<Roster>().0.get(&character).copied().ok_or(Refusal::NotInWorld)?;
    let player = ecs.get::<Player>(entity).ok_or(Refusal::NotInWorld)?;
    if player.leaving.is_some() { Err(Refusal::Leaving) } else { Ok(entity) }
}

/// Out of play from here on; the departure phase answers. A second `Leave` gets [`Refusal::Leaving`].
fn leave(ecs: &mut Ecs, character: CharacterId, owner_epoch: OwnerEpoch, correlation: u64) -> Result<(), Refusal> {
    let entity = in_play(ecs, character)?;
    let mut player = ecs.get_mut::<Player>(entity).ok_or(Refusal::NotInWorld)?;
    if owner_epoch < player.owner_epoch {
        return Err(Refusal::Fenced);
    }
    player.leaving = Some(correlation);
    Ok(())
}

/// Of a player who has left in the meantime, or has another client, it means nothing.
fn snapshot_budget(ecs: &mut Ecs, character: CharacterId, owner_epoch: OwnerEpoch, bytes: u16) {
    if let Ok(entity) = in_play(ecs, character)
        && ecs.get::<Player>(entity).is_some_and(|player| player.owner_epoch == owner_epoch)
        && let Some(mut viewer) = ecs.get_mut::<Viewer>(entity)
    {
        viewer.budget = bytes.clamp(BUDGET_LEAST as u16, MAX_DATAGRAM as u16);
    }
}

fn input(ecs: &mut Ecs, window: &InputWindow, held_ms: u16) {
    let Some(entity) = ecs.resource::<Slots>().find(Kind::Player, window.entity) else { return };
    let now = ecs.resource::<Clock>().tick;
    let is_newest = ecs.get_mut::<InputRing>(entity).is_some_and(|mut ring| ring.offer(window, held_ms));
    if let Some(mut viewer) = ecs.get_mut::<Viewer>(entity) {
        viewer.stamp = Some((window.stamp_ms, held_ms));
    }
    let mut view = ecs.get_mut::<View>(entity);
    let answered = window.ack.zip(view.as_mut()).and_then(|(ack, view)| view.acknowledge(ack));
    if let Some(mut outlook) = ecs.get_mut::<Outlook>(entity) {
        if let Some(sent) = answered {
            outlook.answered(now.since(sent).unsigned_abs(), now);
        }
        if is_newest {
            outlook.look_at(window.view_tick, now);
        }
    }
}

fn attack(ecs: &mut Ecs, character: CharacterId, target: Option<NetId>) -> Result<(), Refusal> {
    let entity = in_play(ecs, character)?;
    if ecs.get::<Life>(entity).is_none_or(Life::is_dead) {
        return Err(Refusal::Dead);
    }
    if target.is_some_and(|target| ecs.resource::<Slots>().find(Kind::Monster, target).is_none()) {
        return Err(Refusal::BadTarget);
    }
    if let Some(mut fight) = ecs.get_mut::<Fight>(entity) {
        fight.target = target;
    }
    Ok(())
}

/// Stands up around the region's entry: not before `respawn_delay_ticks`, with `respawn_hp_ppm` of the maximum (rounded
/// down, at least 1).
///
/// Example: a maximum of 74 and 500,000 ppm give 37.
fn respawn(ecs: &mut Ecs, character: CharacterId) -> Result<Reply, Refusal> {
    let entity = in_play(ecs, character)?;
    let clock = *ecs.resource::<Clock>();
    let balance = ecs.resource::<Data>().0.balance;
    let mut life = ecs.get_mut::<Life>(entity).ok_or(Refusal::NotInWorld)?;
    let since = life.dead_since.ok_or(Refusal::NotDead)?;
    if !clock.is_past(since, balance.respawn_delay_ticks) {
        return Err(Refusal::TooEarly);
    }
    let hp = recovery::share_ppm(life.max_hp, balance.respawn_hp_ppm);
    *life = Life::new(hp, life.max_hp);
    let position = entry::place_at_entry(ecs);
    if let Some(mut body) = ecs.get_mut::<Body>(entity) {
        body.teleport_to(position);
    }
    Ok(Reply::Respawned { position })
}

fn equipment(ecs: &mut Ecs, character: CharacterId, version: u64, worn: &[(Slot, ItemTemplateId)]) {
    let Ok(entity) = in_play(ecs, character) else { return };
    let gear = entry::known_gear(&ecs.resource::<Data>().0, version, worn);
    match ecs.get_mut::<Gear>(entity) {
        Some(mut old) if version > old.version => *old = gear,
        _ => return,
    }
    renew_stats(ecs, entity);
}

fn new_abilities(ecs: &mut Ecs, character: CharacterId, abilities: Abilities, version: u64) {
    let Ok(entity) = in_play(ecs, character) else { return };
    match ecs.get_mut::<Player>(entity) {
        Some(mut player) if version > player.abilities_version => {
            (player.abilities, player.abilities_version) = (abilities, version);
        }
        _ => return,
    }
    renew_stats(ecs, entity);
}

/// Figures anew after a change of level, scores or gear. A higher maximum brings no hit points, a lower one takes them.
pub(crate) fn renew_stats(ecs: &mut Ecs, entity: Entity) {
    let Some((player, gear)) = ecs.get::<Player>(entity).zip(ecs.get::<Gear>(entity)) else { return };
    let data = &ecs.resource::<Data>().0;
    let (stats, max_hp) = stats::derive(data, player.class, player.level, player.abilities, gear);
    if let Some(mut old) = ecs.get_mut::<Stats>(entity) {
        *old = stats;
    }
    if let Some(mut life) = ecs.get_mut::<Life>(entity) {
        life.max_hp = max_hp;
        life.hp = life.hp.min(max_hp);
    }
}

/// A used item heals `heal_min` to `heal_max`, each as likely; it does nothing for the dead.
fn item_used(ecs: &mut Ecs, character: CharacterId, template: ItemTemplateId) {
    let Ok(entity) = in_play(ecs, character) else { return };
    let data = ecs.resource::<Data>().0.clone();
    let amount = {
        if data.items.get(template.index()).is_none() {
            return;
        }
        let bound = |stat: &str| stats::effect_of(&data, template, stat).max(0).unsigned_abs();
        let (min, max) = (bound("heal_min"), bound("heal_max"));
        if max == 0 {
            return;
        }
        roll::between(&mut *ecs.resource_mut::<Chance>(), min, max)
    };
    let Some(mut life) = ecs.get_mut::<Life>(entity) else { return };
    if life.is_dead() {
        return;
    }
    let (amount, hp) = (life.heal(amount), life.hp);
    let Some((tag, body)) = ecs.get::<Tag>(entity).zip(ecs.get::<Body>(entity)) else { return };
    let (id, at) = (tag.id, body.position);
    ecs.resource_mut::<Happenings>().note(Event::Healed { entity: id, amount, hp }, [Some(id), None], at);
}
