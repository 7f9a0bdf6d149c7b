//! The starter set plays: scripted players kill, loot and level.

use std::collections::BTreeMap;

use shallot_masterdata::author::starter;
use shallot_masterdata::{ClassId, SkillKind, Slot};
use shallot_wire::{Absolute, CharacterId, EntityKind, NetId, Position, RequestId, Snapshot, heading_towards};
use shallot_world::{CharacterSheet, Command, Event, Reply};

use crate::stage::{CONFIG, Stage, character, sheet};

const PLAYERS: u8 = 50;
const TICKS: u16 = 1_200;

/// What a scripted player knows of what it sees.
#[derive(Default)]
struct Bot {
    id: Option<NetId>,
    seen: BTreeMap<NetId, (EntityKind, Position, u16)>,
    target: Option<NetId>,
    refused: BTreeMap<NetId, u16>,
    is_dead: bool,
}

impl Bot {
    fn look(&mut self, snapshot: &Snapshot<'_>, tick: u16) -> Position {
        for Absolute { group, record, .. } in snapshot.records() {
            self.seen.insert(record.entity, (record.kind, group.cell.position(record.place), tick));
        }
        self.seen.retain(|_, (_, _, seen_at)| tick - *seen_at <= 40);
        let own = snapshot.own.unwrap();
        self.is_dead = own.is_dead;
        own.position
    }

    fn nearest(&self, kind: EntityKind, at: Position) -> Option<(NetId, Position)> {
        let all = self.seen.iter().filter(|(id, (k, _, _))| *k == kind && !self.refused.contains_key(id));
        all.map(|(id, (_, p, _))| (*id, *p)).min_by_key(|(_, p)| p.distance_squared(at))
    }

    /// The monster it is after, else one of the nearest: not everybody the same.
    fn prey(&mut self, n: u8, at: Position) -> Option<(NetId, Position)> {
        if let Some((target, (_, p, _))) = self.target.and_then(|target| self.seen.get_key_value(&target)) {
            return Some((*target, *p));
        }
        let mut all: Vec<(i64, NetId, Position)> = Vec::new();
        for (id, (kind, p, _)) in &self.seen {
            if *kind == EntityKind::Monster {
                all.push((p.distance_squared(at), *id, *p));
            }
        }
        all.sort_unstable_by_key(|(distance, id, _)| (*distance, *id));
        let (_, id, p) = *all.get(usize::from(n) % all.len().clamp(1, 24))?;
        Some((id, p))
    }

    fn on_events(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Died { entity, .. } = event {
                self.seen.remove(entity);
                self.target = self.target.filter(|target| target != entity);
            }
        }
    }
}

fn sheet_of(stage: &Stage, n: u8) -> CharacterSheet {
    let class = ClassId(u16::from(n) % stage.data.classes.len() as u16);
    let row = stage.data.class(class);
    let place = |slot: &Slot| if *slot == Slot::TwoHand { Slot::MainHand } else { *slot };
    let worn = row.start_items.iter().filter_map(|(id, _)| Some((place(&stage.data.item(*id).slot?), *id))).collect();
    CharacterSheet { class, abilities: row.abilities, worn, position: None, ..sheet(Position::default()) }
}

fn act(stage: &mut Stage, n: u8, bot: &mut Bot, tick: u16) {
    let Some(id) = bot.id else { return };
    let at = bot.look(&stage.snapshot(n), tick);
    bot.on_events(&stage.events(n));
    let correlation = u64::from(n);
    let character = character(n);
    if bot.is_dead {
        return stage.push(Command::Respawn { character, correlation });
    }
    let drop = bot.nearest(EntityKind::Drop, at).filter(|(_, p)| at.is_within(15 * 4_096, *p));
    let goal = match drop {
        Some((drop, p)) if at.is_within(2 * 4_096, p) => {
            bot.refused.insert(drop, tick);
            stage.push(Command::PickUp { character, drop, request: RequestId([n; 16]), correlation });
            Some(p)
        }
        Some((_, p)) => Some(p),
        None => bot.prey(n, at).map(|(target, p)| {
            if bot.target != Some(target) {
                bot.target = Some(target);
                stage.push(Command::Attack { character, target: Some(target), correlation });
            }
            let class = ClassId(u16::from(n) % stage.data.classes.len() as u16);
            let skill = stage.data.skills.iter().position(|s| {
                s.class == class && s.level_req == 1 && matches!(s.kind, SkillKind::Melee | SkillKind::Ranged)
            });
            if let Some(skill) = skill.filter(|_| tick.is_multiple_of(20)) {
                let skill = shallot_masterdata::SkillId(skill as u16);
                stage.push(Command::UseSkill { character, skill, target: Some(target), at: p, correlation });
            }
            p
        }),
    };
    // Towards the goal, or outwards in a direction of one's own.
    let (heading, throttle) = match goal {
        Some(p) if at.is_within(4_096, p) => (0, 0),
        Some(p) => (heading_towards(at, p), 127),
        None => (n.wrapping_mul(41), 127),
    };
    stage.input(id, tick, heading, throttle);
}

#[test]
fn fifty_players_kill_loot_and_level_on_the_starter_set() {
    let mut stage = Stage::over(starter(), shallot_world::WorldConfig { region: starter().start_region(), ..CONFIG });
    let mut bots: Vec<Bot> = (0..PLAYERS).map(|_| Bot::default()).collect();
    for n in 0..PLAYERS {
        bots[usize::from(n)].id = Some(stage.enter(n, sheet_of(&stage, n)).entity);
    }
    let (mut kills, mut picked, mut levels, mut datagrams) = (0, 0, 0, 0_usize);
    for tick in 0..TICKS {
        for n in 0..PLAYERS {
            act(&mut stage, n, &mut bots[usize::from(n)], tick);
        }
        stage.step();
        let own = |to: &CharacterId, id: &NetId| {
            bots.iter().enumerate().any(|(n, bot)| *to == character(n as u8) && bot.id == Some(*id))
        };
        kills += stage.grants.iter().filter(|grant| grant.xp > 0).count();
        picked += stage.out.replies.iter().filter(|answer| matches!(answer.result, Ok(Reply::Picked { .. }))).count();
        let leveled =
            |(to, event): &&(CharacterId, Event)| matches!(event, Event::LeveledUp { entity, .. } if own(to, entity));
        levels += stage.out.events.iter().filter(leveled).count();
        datagrams += stage.out.bytes.len();
    }
    println!("{kills} shares, {picked} picked, {levels} levels, {} B a client and second", datagrams / 50 / 60);
    assert!(kills >= 50 && picked >= 30 && levels >= 5, "{kills} shares, {picked} picked, {levels} levels");
    let items: u64 = stage.stored.values().flat_map(|stored| stored.items.values()).sum();
    assert!(items > 0, "not only coins");
}
