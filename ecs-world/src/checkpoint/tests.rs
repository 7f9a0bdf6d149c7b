//! Each field of each component and of all other state changes the digest. Every list below takes its component apart
//! without `..`: a new field does not compile until it is here too.

use std::sync::Arc;

use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId, DamageType, ItemTemplateId, MonsterId, SkillId};
use shallot_wire::{CharacterId, GrantId, Input, NetId, OwnerEpoch, Position, RegionEpoch, Tick, Velocity};

use super::{Saved, config, digest};
use crate::components::{Body, Fight, Gear, Life, Loot, Mind, Monster, Mood, Player, Tag, Viewer};
use crate::crowd::Turn;
use crate::inputs::InputRing;
use crate::outlook::Outlook;
use crate::resources::{PendingGrant, Spawners};
use crate::slots::LaneState;
use crate::stats::Stats;
use crate::world::{World, WorldConfig};
use crate::{CharacterSheet, Command, Outputs};

const ID: NetId = NetId { index: 9_999, generation: 5 };
const TICK: Tick = Tick(77);
const WHO: CharacterId = CharacterId([3; 16]);

/// A world with a player, monsters, a drop and a pending grant.
fn saved() -> Saved {
    let data = Arc::new(starter());
    let region = data.start_region();
    let config = WorldConfig { seed: 1, region, region_epoch: RegionEpoch(1), start_tick: Tick(0) };
    let mut world = World::new(config, data);
    let sheet = CharacterSheet {
        name: "Ada".to_owned(),
        class: ClassId(0),
        level: 1,
        xp: 0,
        abilities: Abilities::default(),
        abilities_version: 0,
        worn: Vec::new(),
        equipment_version: 0,
        position: None,
        hp: None,
    };
    let enter = Command::Enter { character: WHO, owner_epoch: OwnerEpoch(1), sheet: Box::new(sheet), correlation: 0 };
    world.push(enter).unwrap();
    world.step(&mut Outputs::default());
    let mut saved = super::read(&world.checkpoint()).unwrap();
    let loot = Loot {
        item: ItemTemplateId(0),
        quantity: 1,
        owner: None,
        owned_until: Tick(0),
        vanishes_at: Tick(0),
        pending: None,
    };
    let tag = Tag { id: NetId { index: 1, generation: 0 } };
    saved.drops.push(super::SavedDrop { tag, body: Body::at(Position::default(), 0), loot });
    saved.grants.push((GrantId([0; 16]), PendingGrant { character: CharacterId([0; 16]), pick_up: None }));
    saved
}

fn digest_of(saved: &Saved) -> u64 {
    digest(&wincode::config::serialize(saved, config()).unwrap())
}

/// Changes one thing after another, each in a fresh state, and sees the digest change and the change come back.
fn check(name: &str, change: impl Fn(&mut Saved, usize) -> bool) {
    let untouched = digest_of(&saved());
    let mut fields = 0;
    loop {
        let mut state = saved();
        if !change(&mut state, fields) {
            break;
        }
        assert_ne!(digest_of(&state), untouched, "field {fields} of {name}");
        let bytes = wincode::config::serialize(&state, config()).unwrap();
        let again = super::read(&bytes).unwrap();
        assert_eq!(digest_of(&again), digest_of(&state), "field {fields} of {name} comes back");
        fields += 1;
    }
    assert!(fields > 0, "{name} has no fields");
}

#[test]
fn tags() {
    check("Tag", |saved, field| {
        let Tag { id } = &mut saved.players[0].tag;
        match field {
            0 => id.index = 5,
            1 => id.generation = 5,
            _ => return false,
        }
        true
    });
}

#[test]
fn bodies() {
    check("Body", |saved, field| {
        let Body { position, velocity, facing, teleports } = &mut saved.monsters[0].body;
        match field {
            0 => position.x += 1,
            1 => position.y += 1,
            2 => *velocity = Velocity { x: 9, ..*velocity },
            3 => *velocity = Velocity { y: 9, ..*velocity },
            4 => *facing ^= 1,
            5 => *teleports ^= 1,
            _ => return false,
        }
        true
    });
}

#[test]
fn lives() {
    check("Life", |saved, field| {
        let Life { hp, max_hp, dead_since, last_blow, struck_by } = &mut saved.players[0].life;
        match field {
            0 => *hp -= 1,
            1 => *max_hp += 1,
            2 => *dead_since = Some(TICK),
            3 => *last_blow = Some(TICK),
            4 => *struck_by = Some(ID),
            _ => return false,
        }
        true
    });
}

#[test]
fn players() {
    check("Player", |saved, field| {
        let Player {
            character,
            owner_epoch,
            name,
            class,
            level,
            xp,
            abilities,
            abilities_version,
            leaving,
            grants_pending,
        } = &mut saved.players[0].player;
        match field {
            0 => character.0[15] ^= 1,
            1 => owner_epoch.0 += 1,
            2 => *name = "Bo".into(),
            3 => class.0 += 1,
            4 => *level += 1,
            5 => *xp += 1,
            6..12 => {
                let Abilities { str, dex, con, int, wis, cha } = abilities;
                *[str, dex, con, int, wis, cha][field - 6] += 1;
            }
            12 => *abilities_version += 1,
            13 => *leaving = Some(0),
            14 => *grants_pending += 1,
            _ => return false,
        }
        true
    });
}

#[test]
fn gear_and_stats() {
    check("Gear", |saved, field| {
        let Gear { version, main_hand, off_hand, others } = &mut saved.players[0].gear;
        match field {
            0 => *version += 1,
            1 => *main_hand = Some(ItemTemplateId(1)),
            2 => *off_hand = Some(ItemTemplateId(1)),
            3 => others.push(ItemTemplateId(1)),
            _ => return false,
        }
        true
    });
    check("Stats", |saved, field| {
        let Stats { armor, attack_bonus, skill_attack_bonus, damage_bonus, ability_bonus, resist, deals, against } =
            &mut saved.players[0].stats;
        match field {
            0 => *armor += 1,
            1 => *attack_bonus += 1,
            2 => *skill_attack_bonus += 1,
            3 => *damage_bonus += 1,
            4 => against.push(("giant".to_owned(), 1)),
            5..11 => ability_bonus[field - 5] += 1,
            _ => match field - 11 {
                n if n < DamageType::COUNT => resist[n] += 1,
                n if n < 2 * DamageType::COUNT => deals[n - DamageType::COUNT] += 1,
                _ => return false,
            },
        }
        true
    });
}

#[test]
fn fights_and_viewers() {
    check("Fight", |saved, field| {
        let Fight { target, attack_at, cooldowns } = &mut saved.players[0].fight;
        match field {
            0 => *target = Some(ID),
            1 => *attack_at = Some(TICK),
            2 => cooldowns.push((SkillId(1), TICK)),
            _ => return false,
        }
        true
    });
    check("Viewer", |saved, field| {
        let Viewer { sequence, stamp, known, crowd, budget, vitals } = &mut saved.players[0].viewer;
        let Turn { cell, slot } = crowd;
        match field {
            0 => *sequence += 1,
            1 => *stamp = Some((1, 2)),
            2 => known.insert(9_999),
            3 => *vitals = None,
            4 => *cell += 1,
            5 => *slot += 1,
            6 => *budget -= 1,
            _ => return false,
        }
        true
    });
}

#[test]
fn rings() {
    check("InputRing", |saved, field| {
        let InputRing { waiting, expected, applied, last, missed, newest } = &mut saved.players[0].ring;
        let Input { heading, throttle, facing } = last;
        match field {
            0 => waiting[7] = Some(Input::default()),
            1 => *expected = Some(0),
            2 => *applied = Some(0),
            3 => *heading ^= 1,
            4 => *throttle ^= 1,
            5 => *facing ^= 1,
            6 => *missed += 1,
            7 => *newest = Some((0, 0)),
            _ => return false,
        }
        true
    });
}

#[test]
fn outlooks() {
    check("Outlook", |saved, field| {
        let Outlook { behind, changed, trips, began } = &mut saved.players[0].outlook;
        match field {
            0 => *behind = Some(1),
            1 => trips[0] = Some(3),
            2 => trips[1] = Some(3),
            3 => *began = TICK,
            4 => *changed = TICK,
            _ => return false,
        }
        true
    });
}

#[test]
fn monsters() {
    check("Monster", |saved, field| {
        let Monster { row, spawn, home } = &mut saved.monsters[0].monster;
        match field {
            0 => *row = MonsterId(row.0 ^ 1),
            1 => *spawn ^= 1,
            2 => home.x ^= 1,
            3 => home.y ^= 1,
            _ => return false,
        }
        true
    });
    check("Mind", |saved, field| {
        let Mind { mood, heading, speed, detour, attack_at, next_attack, hurt_by } = &mut saved.monsters[0].mind;
        match field {
            0 => *mood = Mood::Resting { until: TICK },
            1 => *mood = Mood::Strolling { to: Position::default(), until: TICK },
            2 => *mood = Mood::Chasing { target: ID },
            3 => *mood = Mood::GoingHome,
            4 => *heading ^= 1,
            5 => *speed += 1,
            6 => *detour = Some((1, TICK)),
            7 => *attack_at = Some(TICK),
            8 => *next_attack += 1,
            9 => hurt_by.push((WHO, 1)),
            _ => return false,
        }
        true
    });
}

#[test]
fn drops() {
    check("Loot", |saved, field| {
        let Loot { item, quantity, owner, owned_until, vanishes_at, pending } = &mut saved.drops[0].loot;
        match field {
            0 => item.0 += 1,
            1 => *quantity += 1,
            2 => *owner = Some(WHO),
            3 => *owned_until = TICK,
            4 => *vanishes_at = TICK,
            5 => *pending = Some(GrantId([1; 16])),
            _ => return false,
        }
        true
    });
}

#[test]
fn all_else() {
    check("Saved", |saved, field| {
        let Saved {
            version: _, // another version is not read back
            data_hash,
            region,
            epoch,
            tick,
            chance,
            lanes,
            spawners,
            grants,
            players,
            monsters,
            drops,
        } = saved;
        let Spawners { due } = spawners;
        let LaneState { generations, resting } = &mut lanes[1];
        let (id, PendingGrant { character, pick_up }) = &mut grants[0];
        match field {
            0 => data_hash[31] ^= 1,
            1 => *region ^= 1,
            2 => *epoch += 1,
            3 => tick.0 += 1,
            4 => chance.0 += 1,
            5 => chance.1 += 1,
            6 => generations[0] ^= 1,
            7 => resting.push_back((0, TICK)),
            8 => due[0].push_back(TICK),
            9 => id.0[0] ^= 1,
            10 => character.0[0] ^= 1,
            11 => *pick_up = Some((ID, 0)),
            12 => players.clear(),
            13 => monsters.truncate(1),
            14 => drops.clear(),
            _ => return false,
        }
        true
    });
}
