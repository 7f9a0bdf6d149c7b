//! From the simulation's words to the contract's.

use shallot_masterdata::MasterData;
use shallot_proto::wire::NetId;
use shallot_proto::world::v1 as wire;
use shallot_proto::world::v1::appeared::What as AppearedWhat;
use shallot_proto::world::v1::world_event::Event as WireEvent;
use shallot_services::grants::GrantReply;
use shallot_world::{Event, Vitals, What};

/// Nobody on the wire is 0.
fn entity_or_nobody(entity: Option<NetId>) -> u32 {
    entity.map_or(0, NetId::to_bits)
}

pub(crate) fn vitals(vitals: &Vitals) -> wire::Vitals {
    wire::Vitals {
        entity: vitals.entity.to_bits(),
        hp: vitals.hp,
        max_hp: vitals.max_hp,
        level: u32::from(vitals.level),
        armor: vitals.armor,
    }
}

/// One event, with the keys of the master data that its ids are rows of.
pub(crate) fn event(event: &Event, data: &MasterData) -> wire::WorldEvent {
    let event = match event {
        Event::Appeared { entity, what, amount, max_hp, hp } => WireEvent::Appeared(wire::Appeared {
            entity: entity.to_bits(),
            amount: *amount,
            max_hp: *max_hp,
            hp: *hp,
            what: Some(appeared(what, data)),
        }),
        Event::Hit { attacker, target, damage, critical, hp_left } => WireEvent::Hit(wire::Hit {
            attacker: attacker.to_bits(),
            target: target.to_bits(),
            damage: *damage,
            critical: *critical,
            hp_left: *hp_left,
        }),
        Event::Died { entity, killer, monster } => WireEvent::Died(wire::Died {
            entity: entity.to_bits(),
            killer: entity_or_nobody(*killer),
            monster: monster.map_or_else(String::new, |id| key(data.monsters.get(id.index()).map(|row| &row.key))),
        }),
        Event::Healed { entity, amount, hp } => {
            WireEvent::Healed(wire::Healed { entity: entity.to_bits(), amount: *amount, hp: *hp })
        }
        Event::LeveledUp { entity, level } => {
            WireEvent::LeveledUp(wire::LeveledUp { entity: entity.to_bits(), level: u32::from(*level) })
        }
        Event::SkillUsed { caster, skill, target } => WireEvent::SkillUsed(wire::SkillUsed {
            caster: caster.to_bits(),
            skill: key(data.skills.get(skill.index()).map(|row| &row.key)),
            target: entity_or_nobody(*target),
        }),
    };
    wire::WorldEvent { event: Some(event) }
}

fn appeared(what: &What, data: &MasterData) -> AppearedWhat {
    match what {
        What::Player(name) => AppearedWhat::Player(name.to_string()),
        What::Monster(id) => AppearedWhat::Monster(key(data.monsters.get(id.index()).map(|row| &row.key))),
        What::Drop(id) => AppearedWhat::Drop(key(data.items.get(id.index()).map(|row| &row.key))),
    }
}

fn key(row: Option<&String>) -> String {
    row.cloned().unwrap_or_default()
}

/// What was stored, as the client is told; `monster`: whose death it is for, empty for a pick-up.
pub(crate) fn reward(granted: &GrantReply, monster: String) -> wire::Reward {
    let items = granted.items.iter();
    wire::Reward {
        grant_id: granted.grant_id.to_string(),
        xp: granted.xp,
        xp_total: granted.xp_total,
        level: u32::from(granted.level),
        levels_gained: u32::from(granted.levels_gained),
        coins: granted.coins.copper(),
        wallet_copper: granted.wallet.copper(),
        items: items
            .map(|item| wire::RewardItem { template: item.template.clone(), quantity: item.quantity })
            .collect(),
        monster,
    }
}
