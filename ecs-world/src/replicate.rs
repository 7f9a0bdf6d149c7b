//! What each client gets of a tick: one datagram, who appeared, what happened around it, and its own body when that
//! changed.

use bevy_ecs::prelude::{Local, Query, Res, ResMut};
use bevy_ecs::query::QueryData;
use bevy_ecs::system::SystemParam;
use shallot_wire::limits::MAX_DATAGRAM;
use shallot_wire::{EntityKind, Group, NetId, OwnState, Sequence, SnapshotHeader, SnapshotWriter, TimeEcho};

use crate::components::{Body, Life, Loot, Monster, Player, Tag, Viewer};
use crate::inputs::InputRing;
use crate::interest::{Interest, Look, is_known, set_known};
use crate::limits::{ECHO_TICKS, EVENTS_PER_CLIENT, FORGET_UNITS, MID_UNITS, SWEEP_TICKS};
use crate::output::{Event, Outputs, Snapshot, What};
use crate::resources::{Happening, Happenings, Out, Setting};
use crate::scene::{Scene, Spot};
use crate::slots::Kind;
use crate::stats::Stats;
use crate::systems::entry::vitals;

/// A client's own body and what it was told.
#[derive(QueryData)]
#[query_data(mutable)]
pub(crate) struct Client {
    tag: &'static Tag,
    body: &'static Body,
    life: &'static Life,
    player: &'static Player,
    stats: &'static Stats,
    ring: &'static InputRing,
    viewer: &'static mut Viewer,
}

/// What is told of an entity once.
#[derive(SystemParam)]
pub(crate) struct Cast<'w, 's> {
    players: Query<'w, 's, (&'static Player, &'static Life)>,
    monsters: Query<'w, 's, (&'static Monster, &'static Life)>,
    drops: Query<'w, 's, &'static Loot>,
}

/// Buffers that each tick uses again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    interest: Interest,
    appeared: Vec<Spot>,
}

/// Each client in play, by slot.
pub(crate) fn replicate(
    setting: Setting<'_>,
    scene: Res<'_, Scene>,
    mut happenings: ResMut<'_, Happenings>,
    mut out: ResMut<'_, Out>,
    mut clients: Query<'_, '_, Client>,
    cast: Cast<'_, '_>,
    mut scratch: Local<'_, Scratch>,
) {
    for entity in setting.slots.each(Kind::Player) {
        let Ok(mut client) = clients.get_mut(entity) else { continue };
        if client.player.leaving.is_some() {
            continue;
        }
        sweep(&setting, &scene, &mut client);
        snapshot(&setting, &scene, &mut client, &mut scratch, &mut out.0);
        let character = client.player.character;
        for spot in scratch.appeared.drain(..) {
            out.0.events.extend(cast.introduce(&setting, &spot).map(|event| (character, event)));
        }
        tell(&happenings.0, &client, &mut out.0);
        let now = vitals(client.tag, client.life, client.player, client.stats);
        let told = Some((now.hp, now.max_hp, now.level, now.armor));
        if client.viewer.vitals != told {
            client.viewer.vitals = told;
            out.0.vitals.push((character, now));
        }
    }
    happenings.0.clear();
}

/// Forgets who is gone or far away, once in [`SWEEP_TICKS`]: before a slot has its next tenant.
fn sweep(setting: &Setting<'_>, scene: &Scene, client: &mut ClientItem<'_, '_>) {
    if !setting.clock.is_turn_of(client.tag.id, SWEEP_TICKS) {
        return;
    }
    let at = client.body.position;
    for (place, word) in client.viewer.known.iter_mut().enumerate().filter(|(_, word)| **word != 0) {
        let mut left = *word;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            let spot = u16::try_from(place * 64).ok().and_then(|first| scene.spot(first + bit as u16));
            if !spot.is_some_and(|spot| at.is_within(FORGET_UNITS, spot.position)) {
                *word &= !(1 << bit);
            }
        }
    }
}

/// Writes the client's datagram, and notes who is in one for the first time.
fn snapshot(
    setting: &Setting<'_>,
    scene: &Scene,
    client: &mut ClientItem<'_, '_>,
    scratch: &mut Scratch,
    out: &mut Outputs,
) {
    let tick = setting.clock.tick;
    let header = SnapshotHeader {
        tick: tick.low16(),
        sequence: Sequence(client.viewer.sequence),
        baseline: None,
        last_input: client.ring.applied,
        buffer_depth: client.ring.depth(),
    };
    let is_echo_turn = setting.clock.is_turn_of(client.tag.id, ECHO_TICKS);
    let stamp = if is_echo_turn { client.viewer.stamp.take() } else { None };
    let echo = stamp.map(|(client_stamp_ms, hold_ms)| TimeEcho { client_stamp_ms, hold_ms });
    let start = out.bytes.len();
    out.bytes.resize(start + MAX_DATAGRAM, 0);
    let buffer = out.bytes.get_mut(start..).unwrap_or_default();
    let Ok(mut writer) = SnapshotWriter::new(buffer, &header, echo, Some(&own_state(client))) else {
        return out.bytes.truncate(start);
    };
    let look = Look { own: client.tag.id, at: client.body.position, tick };
    let (choices, is_complete) = scratch.interest.select(scene, look, &client.viewer.known, writer.room());
    if !is_complete {
        writer.mark_cut();
    }
    for cell in choices.chunk_by(|a, b| a.cell == b.cell) {
        let Some(first) = cell.first() else { continue };
        let group = Group { cell: scene.grid.cell_at(first.cell as usize), ring: first.ring, base_height: 0 };
        let mut group = writer.begin_cell(group);
        for spot in cell.iter().filter_map(|choice| scene.spot(choice.slot)) {
            let slot = spot.id.index;
            if group.push_absolute(&spot.packed).is_ok() && !is_known(&client.viewer.known, slot) {
                set_known(&mut client.viewer.known, slot, true);
                scratch.appeared.push(*spot);
            }
        }
    }
    let end = start + writer.finish();
    out.bytes.truncate(end);
    out.snapshots.push(Snapshot { character: client.player.character, range: start..end });
    client.viewer.sequence = client.viewer.sequence.wrapping_add(1);
}

fn own_state(client: &ClientItem<'_, '_>) -> OwnState {
    OwnState {
        entity: client.tag.id,
        position: client.body.position,
        z: 0,
        velocity: client.body.velocity,
        velocity_z: 0,
        facing: client.body.facing,
        animation: 0,
        is_dead: client.life.is_dead(),
        teleports: client.body.teleports,
    }
}

/// What happened near by to somebody the client knows, and all that it has part in; in the order it happened, at most
/// [`EVENTS_PER_CLIENT`], its own first in claim.
fn tell(happenings: &[Happening], client: &ClientItem<'_, '_>, out: &mut Outputs) {
    let (own, at, character) = (client.tag.id, client.body.position, client.player.character);
    let is_own = |happening: &Happening| happening.about.contains(&Some(own));
    let own_count = happenings.iter().filter(|happening| is_own(happening)).count();
    let mut left_for_others = EVENTS_PER_CLIENT.saturating_sub(own_count);
    let mut left_for_own = EVENTS_PER_CLIENT;
    let knows = |id: &NetId| is_known(&client.viewer.known, id.index);
    for happening in happenings {
        let left = if is_own(happening) {
            &mut left_for_own
        } else if at.is_within(MID_UNITS, happening.at) && happening.about.iter().flatten().any(knows) {
            &mut left_for_others
        } else {
            continue;
        };
        if *left > 0 {
            *left -= 1;
            out.events.push((character, happening.event.clone()));
        }
    }
}

impl Cast<'_, '_> {
    /// What the records do not say of an entity.
    fn introduce(&self, setting: &Setting<'_>, spot: &Spot) -> Option<Event> {
        let entity = spot.id;
        let (what, amount, life) = match spot.kind {
            EntityKind::Player => {
                let (player, life) = self.players.get(setting.slots.find(Kind::Player, entity)?).ok()?;
                (What::Player(player.name.clone()), u32::from(player.level), Some(*life))
            }
            EntityKind::Monster => {
                let (monster, life) = self.monsters.get(setting.slots.find(Kind::Monster, entity)?).ok()?;
                let level = setting.data().monster(monster.row).level;
                (What::Monster(monster.row), u32::from(level), Some(*life))
            }
            EntityKind::Drop => {
                let loot = self.drops.get(setting.slots.find(Kind::Drop, entity)?).ok()?;
                (What::Drop(loot.item), loot.quantity, None)
            }
            EntityKind::Other => return None,
        };
        let (hp, max_hp) = life.map_or((0, 0), |life| (life.hp, life.max_hp));
        Some(Event::Appeared { entity, what, amount, max_hp, hp })
    }
}
