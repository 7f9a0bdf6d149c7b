//! A tick takes no memory: players walk, fight and use skills, monsters stroll, chase and strike, every client is told, and nothing
//! comes from the heap. A test program of its own, since what is counted is what the whole process takes.
//!
//! Left out is what makes or ends something, where memory changes hands: who comes and goes, and deaths with what comes of
//! them (experience, drops, pick-ups).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::alloc::System;
use std::sync::Arc;

use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId, MasterData, SkillId, SkillKind};
use shallot_wire::datagram::Ack;
use shallot_wire::{
    CharacterId, EntityKind, Input, InputWindow, Inputs, NetId, OwnerEpoch, Position, RegionEpoch, Snapshot, Tick,
};
use shallot_world::{CharacterSheet, Command, Event, Outputs, Reply, World, WorldConfig, journal};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PLAYERS: u32 = 1_000;
/// Players who enter in one tick.
const ENTER_A_TICK: u32 = 50;
/// Until all have met, and whoever fights fights.
const WARM_UP_TICKS: u32 = 600;
/// The tick of these at which a journal begins: late, so that many have not fought since.
const RENEWED_AT: u32 = WARM_UP_TICKS - 100;
/// That are counted.
const TICKS: u32 = 200;
/// Metres along each side of where they walk.
const SIDE: u32 = 400;
/// Ticks between two turns of a player.
const TURN_TICKS: u32 = 20;
/// Hit points that nobody loses in this time.
const ENDLESS: u32 = 100_000_000;

/// The starter set, in which nobody dies.
fn data() -> MasterData {
    let mut data = starter();
    data.monsters.iter_mut().for_each(|monster| monster.hp = ENDLESS);
    data.levels.iter_mut().for_each(|level| level.base_hp = ENDLESS);
    data
}

fn character(n: u32) -> CharacterId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&n.to_le_bytes());
    CharacterId(id)
}

struct Field {
    world: World,
    data: Arc<MasterData>,
    out: Outputs,
    entities: Vec<NetId>,
    /// Monsters that the players were told of last.
    monsters: Vec<Option<(NetId, Position)>>,
    /// What every other client acknowledges; the rest are told all in each tick.
    acks: Vec<Option<Ack>>,
    tick: u32,
    hits: u64,
    skills: u64,
    journal: Vec<u8>,
}

impl Field {
    fn new() -> Self {
        let data = Arc::new(data());
        let config =
            WorldConfig { seed: 42, region: data.start_region(), region_epoch: RegionEpoch(1), start_tick: Tick(0) };
        let world = World::new(config, Arc::clone(&data));
        let (entities, monsters) = (Vec::with_capacity(PLAYERS as usize), vec![None; PLAYERS as usize]);
        let acks = vec![None; PLAYERS as usize];
        let (out, journal) = (Outputs::default(), Vec::new());
        let mut field = Self { world, data, out, entities, monsters, acks, tick: 0, hits: 0, skills: 0, journal };
        for first in (0..PLAYERS).step_by(ENTER_A_TICK as usize) {
            (first..first + ENTER_A_TICK).for_each(|n| field.enter(n));
            field.step();
        }
        assert_eq!(field.entities.len(), PLAYERS as usize);
        field
    }

    fn enter(&mut self, n: u32) {
        let at = |salt: u32| i64::from(39_000 - SIDE * 50 + n.wrapping_mul(salt) % (SIDE * 100));
        let sheet = CharacterSheet {
            name: format!("Walker {n}"),
            class: ClassId((n % self.data.classes.len() as u32) as u16),
            level: 10,
            xp: 0,
            abilities: Abilities { str: 14, dex: 14, con: 14, int: 14, wis: 14, cha: 14 },
            abilities_version: 1,
            worn: Vec::new(),
            equipment_version: 1,
            position: Some(Position::from_cm(at(2_654_435_761), at(2_246_822_519))),
            hp: None,
        };
        let (character, owner_epoch, correlation) = (character(n), OwnerEpoch(1), u64::from(n));
        self.world.push(Command::Enter { character, owner_epoch, sheet: Box::new(sheet), correlation }).unwrap();
    }

    /// One input of each player; one in five fights what is near.
    fn feed(&mut self) {
        for n in 0..self.entities.len() {
            let (number, entity) = (n as u32, self.entities[n]);
            let heading = (number * 37 + self.tick / TURN_TICKS * 91) as u8;
            let inputs = Inputs::new(&[Input { heading, throttle: 127, facing: heading }]).unwrap();
            let tick = self.tick as u16;
            let ack = self.acks.get(n).copied().flatten();
            let window = InputWindow { entity, ack, newest_tick: tick, view_tick: tick, stamp_ms: tick, inputs };
            self.world.push(Command::Input { window, held_ms: 0 }).unwrap();
            if number.is_multiple_of(5) {
                self.fight(number);
            }
        }
    }

    fn fight(&mut self, n: u32) {
        let Some((target, at)) = self.monsters[n as usize] else { return };
        let (character, correlation, target) = (character(n), u64::from(n), Some(target));
        match (self.tick + n) % 20 {
            0 => self.world.push(Command::Attack { character, target, correlation }).unwrap(),
            10 => {
                let class = ClassId((n % self.data.classes.len() as u32) as u16);
                let of_class = |row: &&shallot_masterdata::Skill| row.class == class && row.kind != SkillKind::Heal;
                let turn = (self.tick / 20 % 3) as usize;
                let row = self.data.skills.iter().filter(of_class).nth(turn);
                let skill = row.and_then(|row| self.data.skills.iter().position(|other| other.key == row.key));
                let Some(skill) = skill.map(|place| SkillId(place as u16)) else { return };
                self.world.push(Command::UseSkill { character, skill, target, at, correlation }).unwrap();
            }
            _ => {}
        }
    }

    fn step(&mut self) {
        self.journal.clear();
        journal::tick(&mut self.journal, &self.world);
        self.out.clear();
        self.world.step(&mut self.out);
        self.tick += 1;
        for answer in &self.out.replies {
            match &answer.result {
                Ok(Reply::Entered(entered)) => self.entities.push(entered.entity),
                Ok(Reply::SkillUsed { .. }) => self.skills += 1,
                _ => {}
            }
        }
        for (ack, told) in self.acks.iter_mut().zip(&self.out.snapshots).skip(1).step_by(2) {
            let newest = Snapshot::decode(self.out.datagram(told)).unwrap().header.sequence;
            *ack = Some(Ack { newest, mask: 0 });
        }
        self.hits += self.out.events.iter().filter(|(_, event)| matches!(event, Event::Hit { .. })).count() as u64;
    }

    /// What each player could fight.
    fn look(&mut self) {
        for (monster, snapshot) in self.monsters.iter_mut().zip(&self.out.snapshots) {
            let decoded = Snapshot::decode(self.out.datagram(snapshot)).unwrap();
            let own = decoded.own.unwrap().position;
            let monsters = decoded.records().filter(|told| told.record.kind == EntityKind::Monster);
            let near = monsters.map(|told| (told.record.entity, told.group.cell.position(told.record.place)));
            *monster = near.min_by_key(|(_, at)| at.distance_squared(own)).or(*monster);
        }
    }
}

#[test]
fn a_tick_takes_no_memory() {
    let mut field = Field::new();
    for tick in 0..WARM_UP_TICKS {
        if tick == RENEWED_AT {
            // A world that goes on as its checkpoint has the same room.
            journal::begin(&mut Vec::new(), &mut field.world).unwrap();
        }
        field.feed();
        field.step();
        if tick % 10 == 0 {
            field.look();
        }
    }
    let (hits, skills) = (field.hits, field.skills);
    let mut taken = Vec::with_capacity(TICKS as usize);
    for _ in 0..TICKS {
        let region = Region::new(ALLOCATOR);
        field.feed();
        field.step();
        let change = region.change();
        taken.push(change.allocations + change.reallocations);
    }
    println!("allocations by tick: {taken:?}; {} hits, {} skills", field.hits - hits, field.skills - skills);
    assert!(field.hits > hits && field.skills > skills, "they fought");
    assert_eq!(taken.iter().sum::<usize>(), 0);
}
