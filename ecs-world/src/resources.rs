//! What there is once: the clock, the land, the tables, and what passes from phase to phase within a tick.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bevy_ecs::prelude::{Entity, Res, Resource};
use bevy_ecs::system::SystemParam;
use shallot_masterdata::{MasterData, RegionIndex, SkillId};
use shallot_wire::space::units_from_cm;
use shallot_wire::{CharacterId, GrantId, NetId, Position, Rect, RegionEpoch, RequestId, TerrainIndex, Tick};
use wincode::{SchemaRead, SchemaWrite};

use crate::command::{Command, GrantOutcome};
use crate::limits::{EVENTS_PER_TICK, GRANTS_PENDING, MONSTERS};
use crate::output::{Answer, Event, Outputs, Refusal, Reply};
use crate::schema::{CharacterSchema, NetIdSchema, TickSchema};
use crate::slots::Slots;

/// When and where this is.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    /// The tick at hand; between steps the last one.
    pub(crate) tick: Tick,
    pub(crate) region: RegionIndex,
    pub(crate) epoch: RegionEpoch,
}

impl Clock {
    /// Whether `at` has come; what was never set has.
    pub(crate) fn has_come(&self, at: Option<Tick>) -> bool {
        at.is_none_or(|at| !at.is_after(self.tick))
    }

    /// Whether so many ticks or more have passed since.
    pub(crate) fn is_past(&self, since: Tick, ticks: u32) -> bool {
        i64::from(self.tick.since(since)) >= i64::from(ticks)
    }

    /// True once in `period` ticks, at another one for each slot, so that work spreads.
    pub(crate) fn is_turn_of(&self, id: NetId, period: u32) -> bool {
        self.tick.0.wrapping_add(u32::from(id.index)).is_multiple_of(period)
    }
}

/// The tables in force.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Data(pub(crate) Arc<MasterData>);

/// The region's ground. Follows from the tables.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Land {
    pub(crate) terrain: TerrainIndex,
    /// Where characters appear.
    pub(crate) entry: Position,
    /// At most so far from there, units; 0: exactly there.
    pub(crate) entry_radius: i32,
}

impl Land {
    /// The ground of a region.
    pub(crate) fn of(data: &MasterData, region: RegionIndex) -> Self {
        let row = data.region(region);
        let rect = |r: &shallot_masterdata::Rect| Rect::from_metres(r.x, r.y, r.width, r.height);
        let blocks: Vec<Rect> = row.blocks.iter().map(rect).collect();
        let terrain = TerrainIndex::new(rect(&row.area), &blocks);
        let entry = Position::from_cm(i64::from(row.entry.0) * 100, i64::from(row.entry.1) * 100);
        Self { terrain, entry, entry_radius: units_from_cm(i64::from(row.entry_radius_m) * 100) }
    }
}

/// What most systems read.
#[derive(SystemParam)]
pub(crate) struct Setting<'w> {
    pub(crate) clock: Res<'w, Clock>,
    pub(crate) data: Res<'w, Data>,
    pub(crate) land: Res<'w, Land>,
    pub(crate) slots: Res<'w, Slots>,
}

impl Setting<'_> {
    pub(crate) fn data(&self) -> &MasterData {
        &self.data.0
    }
}

/// For each spawn row of the region, when its monsters that do not live are due, the next first.
#[derive(Resource, Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Spawners {
    #[wincode(with = "Vec<VecDeque<TickSchema>>")]
    pub(crate) due: Vec<VecDeque<Tick>>,
}

impl Spawners {
    /// All are due at once.
    pub(crate) fn of(data: &MasterData, region: RegionIndex, tick: Tick) -> Self {
        let most = |count: u32| (count as usize).min(MONSTERS);
        let due =
            data.region(region).spawns.iter().map(|row| VecDeque::from(vec![tick; most(row.count_max)])).collect();
        Self { due }
    }
}

/// A grant that waits for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct PendingGrant {
    #[wincode(with = "CharacterSchema")]
    pub(crate) character: CharacterId,
    /// The drop that is being picked up, and the correlation to answer; `None`: for a kill.
    #[wincode(with = "Option<(NetIdSchema, u64)>")]
    pub(crate) pick_up: Option<(NetId, u64)>,
}

/// All grants that wait for the store.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants(pub(crate) BTreeMap<GrantId, PendingGrant>);

impl Grants {
    /// Whether nothing should be begun that leads to more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= GRANTS_PENDING
    }
}

/// Which entity is whose. Follows from the players.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Roster(pub(crate) BTreeMap<CharacterId, Entity>);

/// Commands for the next tick.
#[derive(Resource, Debug, Default)]
pub(crate) struct Inbox(pub(crate) Vec<Command>);

/// What commands asked of later phases of this tick. Empty between steps.
#[derive(Resource, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) skills: Vec<SkillRequest>,
    pub(crate) pick_ups: Vec<PickUpRequest>,
    pub(crate) settled: Vec<(GrantId, GrantOutcome)>,
}

/// A skill to be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SkillRequest {
    pub(crate) caster: Entity,
    pub(crate) character: CharacterId,
    pub(crate) skill: SkillId,
    pub(crate) target: Option<NetId>,
    pub(crate) at: Position,
    pub(crate) correlation: u64,
}

/// A drop to be picked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PickUpRequest {
    pub(crate) picker: Entity,
    pub(crate) character: CharacterId,
    pub(crate) drop: NetId,
    pub(crate) request: RequestId,
    pub(crate) correlation: u64,
}

/// Something that happened in this tick, for those around.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub(crate) event: Event,
    /// Whom it is about: they are always told.
    pub(crate) about: [Option<NetId>; 2],
    pub(crate) at: Position,
}

/// All that happened in this tick. Empty between steps.
#[derive(Resource, Debug, Default)]
pub(crate) struct Happenings(pub(crate) Vec<Happening>);

impl Happenings {
    /// Notes it, unless the tick is too full of events.
    pub(crate) fn note(&mut self, event: Event, about: [Option<NetId>; 2], at: Position) {
        if self.0.len() < EVENTS_PER_TICK {
            self.0.push(Happening { event, about, at });
        }
    }
}

/// The caller's buffers while a tick runs. Empty between steps.
#[derive(Resource, Debug, Default)]
pub(crate) struct Out(pub(crate) Outputs);

impl Out {
    /// Answers a command.
    pub(crate) fn answer(&mut self, character: CharacterId, correlation: u64, result: Result<Reply, Refusal>) {
        self.0.replies.push(Answer { correlation, character, result });
    }
}
