//! Who leaves goes when all it was granted is settled; who stays is saved now and then.

use bevy_ecs::prelude::{Entity, World as Ecs};

use crate::components::{Body, Life, Player, Tag};
use crate::limits::SAVE_TICKS;
use crate::output::{CharacterSave, Reply};
use crate::resources::{Clock, Out, Roster};
use crate::slots::{Kind, Slots};

/// Saves each player once in [`SAVE_TICKS`], each in a tick of its own, and lets those go for whom nothing is pending.
pub(crate) fn departure(ecs: &mut Ecs) {
    let clock = *ecs.resource::<Clock>();
    let mut leaving = Vec::new();
    ecs.resource_scope::<Out, ()>(|ecs, mut out| {
        for entity in ecs.resource::<Slots>().each(Kind::Player) {
            let Some((player, tag)) = ecs.get::<Player>(entity).zip(ecs.get::<Tag>(entity)) else { continue };
            let goes = player.leaving.is_some() && player.grants_pending == 0;
            if goes {
                leaving.push(entity);
            }
            if goes || (player.leaving.is_none() && clock.is_turn_of(tag.id, SAVE_TICKS)) {
                out.0.saves.extend(save(ecs, entity, clock, goes));
            }
        }
    });
    for entity in leaving {
        go(ecs, entity, clock);
    }
}

fn save(ecs: &Ecs, entity: Entity, clock: Clock, final_: bool) -> Option<CharacterSave> {
    let player = ecs.get::<Player>(entity)?;
    Some(CharacterSave {
        character: player.character,
        owner_epoch: player.owner_epoch,
        position: ecs.get::<Body>(entity)?.position,
        hp: ecs.get::<Life>(entity)?.hp,
        tick: clock.tick,
        final_,
    })
}

fn go(ecs: &mut Ecs, entity: Entity, clock: Clock) {
    let Some((player, tag)) = ecs.get::<Player>(entity).zip(ecs.get::<Tag>(entity)) else { return };
    let (character, leaving, id) = (player.character, player.leaving, tag.id);
    ecs.despawn(entity);
    ecs.resource_mut::<Slots>().release(Kind::Player, id, clock.tick);
    ecs.resource_mut::<Roster>().0.remove(&character);
    if let Some(correlation) = leaving {
        ecs.resource_mut::<Out>().answer(character, correlation, Ok(Reply::Left));
    }
}
