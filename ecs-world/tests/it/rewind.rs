//! Shots are judged by what the shooter saw.

use std::collections::VecDeque;

use shallot_masterdata::{MasterData, RegionSpawn, SkillId, Slot};
use shallot_wire::datagram::Ack;
use shallot_wire::{Input, InputWindow, Inputs, NetId, Position, Tick};
use shallot_world::{CharacterSheet, Command, Event, Refusal, Reply};

use crate::examples::{BOW, MAGE, RAT, one};
use crate::eye::Eye;
use crate::stage::{Stage, character, metres, sheet};

/// How far a bolt goes, and a bow shoots.
const BOLT_M: i32 = 10;
const BOW_M: i32 = 20;
/// What is told of somebody near is at most so far off, units: 10 cm and more.
const SURE: i32 = 500;

/// Something that hurts nobody, and strolls around the shooter at 3 m/s.
fn stroller(data: &mut MasterData) {
    let rat = &mut data.monsters[0];
    rat.attacks.clear();
    (rat.hp, rat.speed_cm_per_s) = (100_000_000, 600);
    data.balance.monster_wander_pause_ticks = 2;
    data.regions[0].spawns.push(RegionSpawn { radius_m: 40, ..one(RAT, 100, 100) });
}

/// A client that looks at the others some ticks behind the world.
struct Shooter {
    stage: Stage,
    me: NetId,
    eye: Eye,
    /// Ticks that it says it is behind.
    behind: u32,
    answers: bool,
    /// What it can acknowledge, and when.
    answer: VecDeque<Option<Ack>>,
    rat: Option<NetId>,
    /// Where the rat was after each tick, the newest last.
    way: Vec<Position>,
}

impl Shooter {
    fn new(worn: &[(Slot, shallot_masterdata::ItemTemplateId)], change: impl FnOnce(&mut MasterData)) -> Self {
        let mut stage = Stage::new(|data| {
            stroller(data);
            change(data);
        });
        let sheet = CharacterSheet { class: MAGE, worn: worn.to_vec(), ..sheet(metres(100, 100)) };
        let me = stage.enter(1, sheet).entity;
        // Two ticks there and back.
        let answer = VecDeque::from([None; 2]);
        Self { stage, me, eye: Eye::default(), behind: 4, answers: true, answer, rat: None, way: Vec::new() }
    }

    /// The tick that comes.
    fn next(&self) -> Tick {
        self.stage.world.tick().plus(1)
    }

    /// An input that stands still, for the tick that comes.
    fn input(&mut self) {
        let (tick, view_tick) = (self.next().low16(), self.next().minus(self.behind).low16());
        let ack = self.answer.pop_front().flatten().filter(|_| self.answers);
        let inputs = Inputs::new(&[Input::default()]).unwrap();
        let window = InputWindow { entity: self.me, ack, newest_tick: tick, view_tick, stamp_ms: 0, inputs };
        self.stage.push(Command::Input { window, held_ms: 0 });
    }

    fn see(&mut self) {
        let datagram = self.stage.datagram(1).to_vec();
        self.eye.take(&datagram);
        self.answer.push_back(self.eye.ack());
        if let Some((id, entry)) = self.eye.shown().into_iter().next() {
            self.rat = Some(id);
            let (x, y) = entry.state.extrapolated(entry.age(self.stage.world.tick()).unwrap());
            self.way.push(shallot_wire::State { x, y, ..entry.state }.position());
        }
    }

    fn step(&mut self) {
        self.input();
        self.stage.step();
        self.see();
    }

    /// Whether a bolt at the rat is let go in the tick that comes.
    fn bolt(&mut self) -> Result<Reply, Refusal> {
        self.input();
        let target = self.rat;
        let result = self.stage.skill(1, "bolt", target, metres(0, 0));
        self.see();
        result
    }

    /// Goes on until the rat runs out of a bolt's reach and, `ago` ticks before the one that comes, was in it yet. It walks straight on,
    /// as far as anybody can say.
    fn until_out_of_reach(&mut self, ago: usize) {
        let here = metres(100, 100);
        for _ in 0..20_000 {
            if let [.., before, last] = self.way[..] {
                let next = Position { x: 2 * last.x - before.x, y: 2 * last.y - before.y };
                let was = self.way.len().checked_sub(ago).and_then(|at| self.way.get(at));
                let is_in = was.is_some_and(|was| here.is_within(BOLT_M * 4_096 - SURE, *was));
                if is_in && !here.is_within(BOLT_M * 4_096 + SURE, next) {
                    return;
                }
            }
            self.step();
        }
        panic!("it never ran out of reach");
    }
}

#[test]
fn who_was_in_reach_when_the_shooter_saw_it_is_hit() {
    let mut shooter = Shooter::new(&[], |_| ());
    shooter.until_out_of_reach(4);
    assert!(shooter.bolt().is_ok());
    assert!(shooter.stage.events(1).iter().any(|event| matches!(event, Event::Hit { .. })));
}

#[test]
fn who_looks_at_the_present_or_was_never_answered_is_judged_by_the_present() {
    let mut shooter = Shooter { behind: 0, ..Shooter::new(&[], |_| ()) };
    shooter.until_out_of_reach(4);
    assert_eq!(shooter.bolt(), Err(Refusal::OutOfRange));
    let mut silent = Shooter { answers: false, ..Shooter::new(&[], |_| ()) };
    silent.until_out_of_reach(4);
    assert_eq!(silent.bolt(), Err(Refusal::OutOfRange));
}

#[test]
fn nobody_is_believed_more_than_a_quarter_of_a_second() {
    for says in [8, 40, 4_000] {
        let mut shooter = Shooter { behind: says, ..Shooter::new(&[], |_| ()) };
        // It was in reach eight ticks ago, and out of it five ticks ago.
        shooter.until_out_of_reach(2);
        (0..5).for_each(|_| shooter.step());
        assert_eq!(shooter.bolt(), Err(Refusal::OutOfRange), "{says}");
    }
}

/// Hits with a bow that shoots each tick, in so many ticks of a client that says in each how far it is behind.
fn hits(ticks: u32, mut says: impl FnMut(&Shooter) -> u32) -> u32 {
    let mut shooter = Shooter::new(&[(Slot::TwoHand, BOW)], |data| data.balance.player_attack_period_ticks = 1);
    (0..30).for_each(|_| shooter.step());
    let attack = Command::Attack { character: character(1), target: shooter.rat, correlation: 0 };
    shooter.stage.push(attack);
    let mut hits = 0;
    for _ in 0..ticks {
        shooter.behind = says(&shooter);
        shooter.step();
        hits += shooter.stage.events(1).iter().filter(|event| matches!(event, Event::Hit { .. })).count() as u32;
    }
    hits
}

/// One that says in each tick what is best for it. What it can choose from is a quarter of a second of its target's way.
#[test]
fn a_cheat_about_what_it_sees_gains_at_most_a_hundredth() {
    let honest = hits(12_000, |_| 4);
    assert!((3_000..9_000).contains(&honest), "{honest} hits: the target is now in reach, now out of it");
    let here = metres(100, 100);
    let best = |shooter: &Shooter| {
        let ago = |ticks: u32| shooter.way.len().checked_sub(ticks as usize).and_then(|at| shooter.way.get(at));
        let is_in = |ticks: &u32| ago(*ticks).is_some_and(|at| here.is_within(BOW_M * 4_096, *at));
        (1..=5).find(is_in).unwrap_or(0)
    };
    for (what, cheat) in [("looks far back", hits(12_000, |_| 60)), ("looks where it is best", hits(12_000, best))] {
        assert!(cheat * 100 <= honest * 101, "{what}: {cheat} hits for {honest}");
    }
}

/// Hits with bare hands and bolts in so many ticks.
fn blows(ticks: u32, mut sends: impl FnMut(&mut Stage, NetId, SkillId)) -> usize {
    let mut stage = Stage::new(|data| {
        data.regions[0].spawns.push(one(crate::examples::STATUE, 101, 100));
        data.monsters[1].hp = 100_000_000;
    });
    stage.enter(1, CharacterSheet { class: MAGE, ..sheet(metres(100, 100)) });
    let statue = stage.monsters(1)[0];
    let bolt = stage.data.skill_by_key("bolt").unwrap();
    let mut hits = 0;
    for _ in 0..ticks {
        sends(&mut stage, statue, bolt);
        stage.step();
        hits += stage.events(1).iter().filter(|event| matches!(event, Event::Hit { .. })).count();
    }
    hits
}

#[test]
fn who_fires_at_double_the_rate_hits_no_more() {
    let strike = |stage: &mut Stage, statue: NetId, bolt: SkillId, times: u32| {
        for _ in 0..times {
            for target in [None, Some(statue)] {
                stage.push(Command::Attack { character: character(1), target, correlation: 0 });
            }
            let (character, at) = (character(1), metres(0, 0));
            let target = Some(statue);
            stage.push(Command::UseSkill { character, skill: bolt, target, at, correlation: 0 });
        }
    };
    let mut tick = 0;
    let honest = blows(2_000, |stage, statue, bolt| {
        // In time for its cooldown of 40 ticks, to the tick.
        if tick % 40 == 0 {
            strike(stage, statue, bolt, 1);
        }
        tick += 1;
    });
    assert_eq!(honest, 2_000 / 20 + 2_000 / 40);
    for times in [1, 2, 10] {
        let cheat = blows(2_000, |stage, statue, bolt| strike(stage, statue, bolt, times));
        assert!(cheat * 100 <= honest * 101, "{times} times a tick: {cheat} hits for {honest}");
    }
}
