//! A world with a driver around it, for tests: it settles grants as a store would, and keeps what came out.

use std::collections::BTreeMap;
use std::sync::Arc;

use shallot_masterdata::{Abilities, ItemTemplateId, MasterData, RegionIndex, Slot};
use shallot_wire::datagram::Ack;
use shallot_wire::{
    CharacterId, EntityKind, Input, InputWindow, Inputs, NetId, OwnerEpoch, Position, RegionEpoch, RequestId, Tick,
};
use shallot_world::{
    Answer, CharacterSheet, Command, Entered, Event, GrantOutcome, GrantProposal, Outputs, Refusal, Reply, Vitals,
    World, WorldConfig,
};

use crate::examples;
use crate::eye::Eye;

/// What a store would have of a character.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) xp: u64,
    pub(crate) coins: i64,
    pub(crate) items: BTreeMap<u16, u64>,
    pub(crate) grants: usize,
}

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) data: Arc<MasterData>,
    /// Of the last step.
    pub(crate) out: Outputs,
    /// Whether grants are committed in the next tick by themselves.
    pub(crate) settles: bool,
    pub(crate) stored: BTreeMap<CharacterId, Stored>,
    /// Proposals of the last step.
    pub(crate) grants: Vec<GrantProposal>,
    correlation: u64,
}

pub(crate) const CONFIG: WorldConfig =
    WorldConfig { seed: 42, region: RegionIndex(0), region_epoch: RegionEpoch(1), start_tick: Tick(1_000) };

pub(crate) fn character(n: u8) -> CharacterId {
    CharacterId([n; 16])
}

pub(crate) fn metres(x: i32, y: i32) -> Position {
    Position::from_cm(i64::from(x) * 100, i64::from(y) * 100)
}

pub(crate) fn sheet(at: Position) -> CharacterSheet {
    CharacterSheet {
        name: "Ada".to_owned(),
        class: examples::FIGHTER,
        level: 1,
        xp: 0,
        abilities: Abilities { str: 14, dex: 14, con: 14, int: 14, wis: 14, cha: 14 },
        abilities_version: 1,
        worn: Vec::new(),
        equipment_version: 1,
        position: Some(at),
        hp: None,
    }
}

impl Stage {
    /// A world over the example set, changed as the test needs it.
    pub(crate) fn new(change: impl FnOnce(&mut MasterData)) -> Self {
        let mut data = examples::data();
        change(&mut data);
        Self::over(data, CONFIG)
    }

    pub(crate) fn over(data: MasterData, config: WorldConfig) -> Self {
        let data = Arc::new(data);
        Self::around(World::new(config, data.clone()), data)
    }

    pub(crate) fn around(world: World, data: Arc<MasterData>) -> Self {
        let (out, stored) = (Outputs::default(), BTreeMap::new());
        Self { world, data, out, settles: true, stored, grants: Vec::new(), correlation: 0 }
    }

    pub(crate) fn push(&mut self, command: Command) {
        self.world.push(command).unwrap();
    }

    pub(crate) fn step(&mut self) {
        self.out.clear();
        self.world.step(&mut self.out);
        self.grants = self.out.grants.clone();
        if self.settles {
            for grant in self.grants.clone() {
                self.commit(&grant);
            }
        }
    }

    /// Stores a proposal and tells the world.
    pub(crate) fn commit(&mut self, grant: &GrantProposal) {
        let stored = self.stored.entry(grant.character).or_default();
        stored.xp += grant.xp;
        stored.coins += grant.coins;
        stored.grants += 1;
        for (item, quantity) in &grant.items {
            *stored.items.entry(item.0).or_default() += u64::from(*quantity);
        }
        let outcome = GrantOutcome::Committed { xp_total: stored.xp, level: self.data.level_for_xp(stored.xp) };
        self.push(Command::GrantSettled { grant: grant.id, outcome });
    }

    pub(crate) fn steps(&mut self, count: u32) {
        for _ in 0..count {
            self.step();
        }
    }

    /// Steps until the last step's outcome is so, which it may be already; all events of that time.
    pub(crate) fn until(&mut self, most: u32, mut is_there: impl FnMut(&Self) -> bool) -> Vec<(CharacterId, Event)> {
        let mut events = self.out.events.clone();
        for _ in 0..most {
            if is_there(self) {
                return events;
            }
            self.step();
            events.extend(self.out.events.iter().cloned());
        }
        panic!("it did not happen within {most} ticks");
    }

    /// All that a character's client is told of while the longest time between two tellings near by passes.
    pub(crate) fn look(&mut self, n: u8) -> BTreeMap<NetId, (EntityKind, Position)> {
        let mut seen = BTreeMap::new();
        for _ in 0..6 {
            self.step();
            let snapshot = self.snapshot(n);
            let spot = |group: shallot_wire::Group, place| group.cell.position(place);
            seen.extend(
                snapshot
                    .records()
                    .map(|told| (told.record.entity, (told.record.kind, spot(told.group, told.record.place)))),
            );
        }
        seen
    }

    /// The monsters among what a client is told of, by slot.
    pub(crate) fn monsters(&mut self, n: u8) -> Vec<NetId> {
        let seen = self.look(n).into_iter();
        seen.filter(|(_, (kind, _))| *kind == EntityKind::Monster).map(|(id, _)| id).collect()
    }

    /// The correlation for the next command.
    pub(crate) fn correlation(&mut self) -> u64 {
        self.correlation += 1;
        self.correlation
    }

    /// The answer in the last step.
    pub(crate) fn answer(&self, correlation: u64) -> Option<Result<Reply, Refusal>> {
        let mut all = self.out.replies.iter().filter(|answer| answer.correlation == correlation);
        let first: Option<&Answer> = all.next();
        assert!(all.next().is_none(), "one command, one answer");
        first.map(|answer| answer.result.clone())
    }

    /// Pushes a command with its correlation, steps, and returns the answer of that step.
    pub(crate) fn ask(&mut self, command: impl FnOnce(u64) -> Command) -> Option<Result<Reply, Refusal>> {
        let correlation = self.correlation();
        self.push(command(correlation));
        self.step();
        self.answer(correlation)
    }

    pub(crate) fn enter(&mut self, n: u8, sheet: CharacterSheet) -> Entered {
        self.enter_as(n, 1, sheet).unwrap()
    }

    pub(crate) fn enter_as(&mut self, n: u8, epoch: u64, sheet: CharacterSheet) -> Result<Entered, Refusal> {
        let (character, owner_epoch, sheet) = (character(n), OwnerEpoch(epoch), Box::new(sheet));
        match self.ask(|correlation| Command::Enter { character, owner_epoch, sheet, correlation }) {
            Some(Ok(Reply::Entered(entered))) => Ok(entered),
            Some(Err(refusal)) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn attack(&mut self, n: u8, target: Option<NetId>) -> Result<Reply, Refusal> {
        let character = character(n);
        self.ask(|correlation| Command::Attack { character, target, correlation }).unwrap()
    }

    pub(crate) fn skill(&mut self, n: u8, key: &str, target: Option<NetId>, at: Position) -> Result<Reply, Refusal> {
        let (character, skill) = (character(n), self.data.skill_by_key(key).unwrap());
        self.ask(|correlation| Command::UseSkill { character, skill, target, at, correlation }).unwrap()
    }

    /// Asks for a drop; the answer of that step, if there is one yet.
    pub(crate) fn pick_up(&mut self, n: u8, drop: NetId) -> Option<Result<Reply, Refusal>> {
        let (character, request) = (character(n), RequestId([n; 16]));
        self.ask(|correlation| Command::PickUp { character, drop, request, correlation })
    }

    pub(crate) fn respawn(&mut self, n: u8) -> Result<Reply, Refusal> {
        let character = character(n);
        self.ask(|correlation| Command::Respawn { character, correlation }).unwrap()
    }

    pub(crate) fn wear(&mut self, n: u8, version: u64, worn: &[(Slot, ItemTemplateId)]) {
        self.push(Command::Equipment { character: character(n), version, worn: worn.to_vec() });
    }

    /// One input for the client's tick.
    pub(crate) fn input(&mut self, player: NetId, tick: u16, heading: u8, throttle: u8) {
        self.input_with(player, tick, (heading, throttle), None);
    }

    /// The same with an acknowledgement.
    pub(crate) fn input_with(&mut self, entity: NetId, tick: u16, (heading, throttle): (u8, u8), ack: Option<Ack>) {
        let inputs = Inputs::new(&[Input { heading, throttle, facing: heading }]).unwrap();
        let window = InputWindow { entity, ack, newest_tick: tick, view_tick: 0, stamp_ms: 7, inputs };
        self.push(Command::Input { window, held_ms: 20 });
    }

    /// An input that stands still, with what an eye acknowledges.
    pub(crate) fn look_back(&mut self, player: NetId, eye: &Eye) {
        self.input_with(player, eye.tick.low16(), (0, 0), eye.ack());
    }

    /// What the client of a character was told of its body in the last step.
    pub(crate) fn vitals(&self, n: u8) -> Option<Vitals> {
        self.out.vitals.iter().find(|(to, _)| *to == character(n)).map(|(_, vitals)| *vitals)
    }

    /// What the client of a character was told in the last step.
    pub(crate) fn events(&self, n: u8) -> Vec<Event> {
        self.out.events.iter().filter(|(to, _)| *to == character(n)).map(|(_, event)| event.clone()).collect()
    }

    /// The snapshot of a character's client in the last step.
    pub(crate) fn snapshot(&self, n: u8) -> shallot_wire::Snapshot<'_> {
        shallot_wire::Snapshot::decode(self.datagram(n)).unwrap()
    }

    /// The bytes of it.
    pub(crate) fn datagram(&self, n: u8) -> &[u8] {
        self.datagram_if_any(n).unwrap()
    }

    /// The same of one that is not told in each tick.
    pub(crate) fn datagram_if_any(&self, n: u8) -> Option<&[u8]> {
        let mine = self.out.snapshots.iter().find(|snapshot| snapshot.character == character(n))?;
        Some(self.out.datagram(mine))
    }

    pub(crate) fn position(&self, n: u8) -> Position {
        self.snapshot(n).own.unwrap().position
    }
}
