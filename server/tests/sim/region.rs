//! The real world with players in it, and where each of them was at each tick.

use std::collections::BTreeMap;
use std::sync::Arc;

use shallot_client::interpolation::Moment;
use shallot_client::wire::{
    CharacterId, Input, InputWindow, Inputs, NetId, OwnState, OwnerEpoch, Position, RegionEpoch, Snapshot, TICK_MS,
    Tick,
};
use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId, MasterData, Region as Land};
use shallot_world::{CharacterSheet, Command, Outputs, Reply, World, WorldConfig};

pub(crate) const START: Tick = Tick(70_000);

/// One tick's truth of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) position: Position,
    /// The client tick of the last input that was applied.
    pub(crate) last_input: Option<u16>,
}

impl Truth {
    fn told(snapshot: &[u8]) -> Self {
        let snapshot = Snapshot::decode(snapshot).unwrap();
        Self { position: snapshot.own.unwrap().position, last_input: snapshot.header.last_input }
    }
}

pub(crate) struct Region {
    pub(crate) data: Arc<MasterData>,
    pub(crate) ids: Vec<NetId>,
    world: World,
    out: Outputs,
    /// Since the last tick, with the time each arrived.
    arrived: Vec<(u64, InputWindow)>,
    /// By player, one for each tick.
    truths: Vec<Vec<Truth>>,
}

fn character(n: usize) -> CharacterId {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&n.to_le_bytes());
    CharacterId(id)
}

fn sheet(n: usize, at: Position) -> CharacterSheet {
    CharacterSheet {
        name: format!("Walker {n}"),
        class: ClassId(0),
        level: 10,
        xp: 0,
        abilities: Abilities { str: 14, dex: 14, con: 14, int: 14, wis: 14, cha: 14 },
        abilities_version: 1,
        worn: Vec::new(),
        equipment_version: 1,
        position: Some(at),
        hp: None,
    }
}

impl Region {
    /// The starter's first region without monsters, and a player at each of these places.
    pub(crate) fn new(places: &[Position]) -> Self {
        Self::with(places, |_| ())
    }

    /// The same in a region that is changed before.
    pub(crate) fn with(places: &[Position], change: impl FnOnce(&mut Land)) -> Self {
        let mut data = starter();
        let region = data.start_region();
        let land = &mut data.regions[usize::from(region.0)];
        land.spawns.clear();
        change(land);
        let data = Arc::new(data);
        let config = WorldConfig { seed: 42, region, region_epoch: RegionEpoch(1), start_tick: START };
        let (world, truths) = (World::new(config, Arc::clone(&data)), vec![Vec::new(); places.len()]);
        let mut region = Self { data, ids: Vec::new(), world, out: Outputs::default(), arrived: Vec::new(), truths };
        for (n, at) in places.iter().enumerate() {
            let (character, sheet) = (character(n), Box::new(sheet(n, *at)));
            let command = Command::Enter { character, owner_epoch: OwnerEpoch(1), sheet, correlation: n as u64 };
            region.world.push(command).unwrap();
        }
        region.step(0);
        let replies = region.out.replies.iter();
        let mut entered: Vec<(u64, NetId)> = replies
            .filter_map(|answer| match &answer.result {
                Ok(Reply::Entered(entered)) => Some((answer.correlation, entered.entity)),
                _ => None,
            })
            .collect();
        entered.sort_unstable_by_key(|(n, _)| *n);
        region.ids = entered.into_iter().map(|(_, id)| id).collect();
        assert_eq!(region.ids.len(), places.len(), "everybody is in");
        region
    }

    pub(crate) fn tick(&self) -> Tick {
        self.world.tick()
    }

    /// A datagram of a client came.
    pub(crate) fn take(&mut self, now_ms: u64, datagram: &[u8]) {
        self.arrived.push((now_ms, InputWindow::decode(datagram).unwrap()));
    }

    /// The input of a player without a client: it is there when it is needed.
    pub(crate) fn input(&mut self, now_ms: u64, n: usize, input: Input) {
        let window = InputWindow {
            entity: self.ids[n],
            ack: None,
            newest_tick: self.tick().low16(),
            view_tick: 0,
            stamp_ms: 0,
            inputs: Inputs::new(&[input]).unwrap(),
        };
        self.arrived.push((now_ms, window));
    }

    pub(crate) fn step(&mut self, now_ms: u64) {
        for (at, window) in std::mem::take(&mut self.arrived) {
            let held_ms = (now_ms - at).min(u64::from(TICK_MS)) as u16;
            self.world.push(Command::Input { window, held_ms }).unwrap();
        }
        self.out.clear();
        self.world.step(&mut self.out);
        for n in 0..self.truths.len() {
            // In a tick in which its client is told nothing, since it has not answered for long, it counts as told last.
            let truth = self.snapshot(n).map_or_else(|| *self.truths[n].last().unwrap(), Truth::told);
            self.truths[n].push(truth);
        }
    }

    /// What the last tick owes a player's client, if anything.
    pub(crate) fn snapshot(&self, n: usize) -> Option<&[u8]> {
        let mine = self.out.snapshots.iter().find(|snapshot| snapshot.character == character(n))?;
        Some(self.out.datagram(mine))
    }

    /// What the last snapshot says of a player's own body.
    pub(crate) fn own(&self, n: usize) -> OwnState {
        Snapshot::decode(self.snapshot(n).unwrap()).unwrap().own.unwrap()
    }

    /// Since the first tick.
    pub(crate) fn truths(&self, n: usize) -> &[Truth] {
        &self.truths[n]
    }

    /// Where a player was at a moment.
    pub(crate) fn truth_at(&self, n: usize, at: Moment) -> Option<Position> {
        let tick = usize::try_from(at.tick.since(START.plus(1))).ok()?;
        let (from, to) = (self.truths[n].get(tick)?.position, self.truths[n].get(tick + 1)?.position);
        let along = |from: i32, to: i32| from + (i64::from(to - from) * i64::from(at.us) / 50_000) as i32;
        Some(Position { x: along(from.x, to.x), y: along(from.y, to.y) })
    }

    /// By the tick of the player's client: where the body was when its input had just been applied.
    pub(crate) fn by_input(&self, n: usize) -> BTreeMap<u16, Position> {
        let pairs = self.truths[n].iter().zip(self.truths[n].iter().skip(1));
        let fresh = pairs.filter(|(before, after)| before.last_input != after.last_input);
        fresh.filter_map(|(_, after)| Some((after.last_input?, after.position))).collect()
    }
}
