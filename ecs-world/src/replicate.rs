//! What each client gets of a tick: one datagram at most, who appeared, what happened around it, and its own body when that
//! changed.

use bevy_ecs::prelude::{Local, Query, Res, ResMut};
use bevy_ecs::query::QueryData;
use bevy_ecs::system::SystemParam;
use shallot_wire::limits::{
    MAX_DATAGRAM, MAX_RECORDS, OWN_STATE_BYTES, PLACES, SNAPSHOT_HEADER_BYTES, TIME_ECHO_BYTES,
};
use shallot_wire::{
    EntityKind, Form, Group, NetId, OwnState, Places, Sequence, SnapshotHeader, SnapshotWriter, TimeEcho,
};

use crate::components::{Body, Fight, Life, Loot, Monster, Player, Tag, Viewer};
use crate::history::Spot;
use crate::inputs::InputRing;
use crate::interest::{Interest, Look};
use crate::limits::{
    BEHIND_TICKS, BUDGET_LEAST, CROWD_BYTES, CROWD_LOOKS, ECHO_TICKS, EVENTS_PER_CLIENT, FORGET_UNITS,
    FULL_VIEWS_PER_TICK, MID_UNITS, SWEEP_TICKS,
};
use crate::output::{Event, Outputs, Snapshot, What};
use crate::resources::{Happening, Happenings, Out, Setting};
use crate::scene::Scene;
use crate::slot_set::SlotSet;
use crate::slots::Kind;
use crate::stats::Stats;
use crate::systems::entry::vitals;
use crate::telling::Telling;
use crate::view::View;

/// A client's own body and what it was told.
#[derive(QueryData)]
#[query_data(mutable)]
pub(crate) struct Client {
    tag: &'static Tag,
    body: &'static Body,
    life: &'static Life,
    player: &'static Player,
    stats: &'static Stats,
    fight: &'static Fight,
    ring: &'static InputRing,
    viewer: &'static mut Viewer,
    view: &'static mut View,
}

/// What is told of an entity once.
#[derive(SystemParam)]
pub(crate) struct Cast<'w, 's> {
    players: Query<'w, 's, (&'static Player, &'static Life)>,
    monsters: Query<'w, 's, (&'static Monster, &'static Life)>,
    drops: Query<'w, 's, &'static Loot>,
}

/// Buffers that each tick uses again, and what one tick needs to know of the one before; no part of a checkpoint, as views are none.
#[derive(Debug)]
pub(crate) struct Scratch {
    interest: Interest,
    telling: Telling,
    appeared: Vec<Spot>,
    /// Full views in this tick so far, and in the one before.
    full_views: [usize; 2],
}

impl Default for Scratch {
    fn default() -> Self {
        let appeared = Vec::with_capacity(PLACES + MAX_RECORDS);
        Self { interest: Interest::default(), telling: Telling::default(), appeared, full_views: [0; 2] }
    }
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
    scratch.telling.begin();
    scratch.full_views = [0, scratch.full_views[0]];
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

/// Forgets who is gone, or far away and not in view, once in [`SWEEP_TICKS`]: before a slot has its next tenant.
fn sweep(setting: &Setting<'_>, scene: &Scene, client: &mut ClientItem<'_, '_>) {
    if !setting.clock.is_turn_of(client.tag.id, SWEEP_TICKS) {
        return;
    }
    let at = client.body.position;
    let view = &client.view;
    client.viewer.known.retain(|slot| {
        let spot = scene.spot(slot);
        spot.is_some_and(|spot| view.has(slot) || at.is_within(FORGET_UNITS, spot.position))
    });
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
    let mut look = Look { own: client.tag.id, at: client.body.position, tick, every: 1 };
    let target = client.fight.target.map(|target| target.index);
    let bound = target.into_iter().chain(scene.chasers(look.own.index));
    let Scratch { interest, telling, appeared, full_views: [full_views, full_before] } = scratch;
    let (viewer, view) = (&mut *client.viewer, &mut *client.view);
    interest.update(scene, look, bound, view);
    let is_crowded = view.taken() == Places::ALL;
    *full_views += usize::from(is_crowded);
    // A narrow path costs little as it is, and its gateway counts on one a tick.
    let is_wide = usize::from(viewer.budget) > BUDGET_LEAST;
    let full = if is_wide && is_crowded { (*full_views).max(*full_before) } else { 1 };
    let turns = full.div_ceil(FULL_VIEWS_PER_TICK);
    look.every = (turns as u32).max(if is_wide && view.ledger.is_far_behind() { BEHIND_TICKS } else { 1 });
    if !look.is_told() {
        return;
    }

    let is_echo_turn = look.count() % ECHO_TICKS < look.every;
    let stamp = if is_echo_turn { viewer.stamp.take() } else { None };
    let echo = stamp.map(|(client_stamp_ms, hold_ms)| TimeEcho { client_stamp_ms, hold_ms });
    let budget = usize::from(viewer.budget).min(MAX_DATAGRAM);
    let front = SNAPSHOT_HEADER_BYTES + OWN_STATE_BYTES + echo.map_or(0, |_| TIME_ECHO_BYTES);
    let crowd = if is_crowded { (CROWD_BYTES.min(budget / 4) * turns).min(budget / 2) } else { 0 };
    let sequence = Sequence(viewer.sequence);
    let baseline = view.ledger.baseline(sequence, view.taken());
    telling.compose(scene, look, view, baseline.is_some(), budget.saturating_sub(front + crowd));

    let header = SnapshotHeader {
        tick: tick.low16(),
        sequence,
        baseline,
        last_input: client.ring.applied,
        buffer_depth: client.ring.depth(),
    };
    let start = out.bytes.len();
    out.bytes.resize(start + budget, 0);
    let buffer = out.bytes.get_mut(start..).unwrap_or_default();
    let own = own_state(client.tag, client.body, client.life);
    let changes = (telling.changed, telling.changes.as_slice());
    let Ok(mut writer) = SnapshotWriter::new(buffer, &header, echo, Some(&own), changes) else {
        return out.bytes.truncate(start);
    };
    let mut on_told = |known: &mut SlotSet, slot: u16| {
        if !known.contains(slot) {
            known.insert(slot);
            appeared.extend(scene.spot(slot).copied());
        }
    };
    for cell in telling.entering.chunk_by(|a, b| a.cell == b.cell) {
        let Some(first) = cell.first() else { continue };
        let mut group = writer.begin_cell(Group { cell: first.cell, form: Form::Entering, base_height: 0 });
        for entering in cell {
            let record = scene.record(entering.slot);
            let is_written = record.is_some_and(|record| group.push(entering.place, record).is_ok());
            debug_assert!(is_written, "the telling fits its room");
            on_told(&mut viewer.known, entering.slot);
        }
    }
    if is_crowded {
        let mut turn = viewer.crowd;
        turn.go_on(scene, look, view, (CROWD_LOOKS * turns, &mut writer), |slot| on_told(&mut viewer.known, slot));
        viewer.crowd = turn;
    }
    let end = start + writer.finish();
    out.bytes.truncate(end);
    out.snapshots.push(Snapshot { character: client.player.character, range: start..end });
    view.ledger.note(sequence, tick, telling.told(), telling.left_out, baseline.is_none());
    viewer.sequence = viewer.sequence.wrapping_add(1);
}

fn own_state(tag: &Tag, body: &Body, life: &Life) -> OwnState {
    OwnState {
        entity: tag.id,
        position: body.position,
        z: 0,
        velocity: body.velocity,
        velocity_z: 0,
        facing: body.facing,
        animation: 0,
        is_dead: life.is_dead(),
        teleports: body.teleports,
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
    let knows = |id: &NetId| client.viewer.known.contains(id.index);
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
