//! What falls, and who gets it.

use shallot_masterdata::Slot;
use shallot_wire::{NetId, RequestId};
use shallot_world::{CharacterSheet, Command, Event, GrantOutcome, GrantReason, GrantRefusal, Refusal, Reply, What};

use crate::examples::{LONGSWORD, RAT, SILVER, STONE, one};
use crate::stage::{Stage, character, metres, sheet};

/// A player who has just killed a rat, and what lies there: the stone and the silver.
fn after_the_kill() -> (Stage, NetId, NetId) {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(RAT, 101, 100)));
    let worn = vec![(Slot::MainHand, LONGSWORD)];
    stage.enter(1, CharacterSheet { worn, ..sheet(metres(100, 100)) });
    stage.until(20, |stage| stage.snapshot(1).records().count() == 1);
    let rat = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(rat)).unwrap();
    let events = stage.until(60, |stage| stage.world.counts().drops == 2);
    let of = |item| {
        let is_it = |event: &Event| match event {
            Event::Appeared { entity, what: What::Drop(dropped), .. } if *dropped == item => Some(*entity),
            _ => None,
        };
        events.iter().find_map(|(_, event)| is_it(event)).unwrap()
    };
    let found = (of(STONE), of(SILVER));
    (stage, found.0, found.1)
}

#[test]
fn an_item_is_granted_told_and_gone() {
    let (mut stage, stone, _) = after_the_kill();
    assert_eq!(stage.pick_up(1, stone), None, "not before it is stored");
    let grant = stage.grants[0].clone();
    assert_eq!((grant.items.clone(), grant.coins, grant.xp), (vec![(STONE, 1)], 0, 0));
    assert_eq!((grant.reason, grant.request), (GrantReason::PickUp, Some(RequestId([1; 16]))));
    assert_eq!(stage.world.counts().grants_pending, 1);
    stage.step();
    let picked = Ok(Reply::Picked { grant: grant.id });
    assert!(stage.out.replies.iter().any(|answer| answer.result == picked));
    assert_eq!(stage.world.counts().drops, 1);
    assert_eq!(stage.world.counts().grants_pending, 0);
    assert_eq!(stage.pick_up(1, stone), Some(Err(Refusal::Taken)));
}

#[test]
fn coins_are_minted() {
    let (mut stage, _, silver) = after_the_kill();
    stage.pick_up(1, silver);
    assert_eq!((stage.grants[0].coins, stage.grants[0].items.len()), (70, 0), "7 silver of 10 copper");
}

#[test]
fn for_a_while_it_belongs_to_the_killer() {
    let (mut stage, stone, silver) = after_the_kill();
    stage.enter(2, sheet(metres(101, 100)));
    assert_eq!(stage.pick_up(2, stone), Some(Err(Refusal::NotYoursYet)));
    stage.steps(100);
    assert_eq!(stage.pick_up(2, stone), None);
    assert_eq!(stage.grants[0].character, character(2));
    assert_eq!(stage.pick_up(1, silver), None, "and still to the killer");
}

#[test]
fn out_of_reach() {
    let (mut stage, stone, _) = after_the_kill();
    stage.enter(2, sheet(metres(106, 100)));
    stage.steps(100);
    assert_eq!(stage.pick_up(2, stone), Some(Err(Refusal::OutOfReach)));
}

#[test]
fn one_that_is_being_picked_up_is_nobody_else_s_and_does_not_vanish() {
    let (mut stage, stone, _) = after_the_kill();
    stage.enter(2, sheet(metres(101, 100)));
    stage.settles = false;
    let asked = stage.correlation();
    let (picker, request) = (character(1), RequestId([1; 16]));
    stage.push(Command::PickUp { character: picker, drop: stone, request, correlation: asked });
    stage.step();
    let grant = stage.grants[0].clone();
    stage.steps(500);
    assert_eq!(stage.world.counts().drops, 1, "the silver's time is over, the stone waits");
    assert_eq!(stage.pick_up(2, stone), Some(Err(Refusal::Taken)));
    assert_eq!(stage.pick_up(1, stone), Some(Err(Refusal::Taken)));
    // Refused: it lies there again, and its time has passed.
    let outcome = GrantOutcome::Refused(GrantRefusal::BagFull);
    stage.push(Command::GrantSettled { grant: grant.id, outcome });
    stage.step();
    assert_eq!(stage.answer(asked), Some(Err(Refusal::BagFull)));
    assert_eq!(stage.world.counts().drops, 1);
    stage.step();
    assert_eq!(stage.world.counts().drops, 0);
    // The same outcome told twice changes nothing.
    stage.push(Command::GrantSettled { grant: grant.id, outcome });
    stage.step();
    assert_eq!(stage.out.replies, []);
}

#[test]
fn a_refused_one_can_be_asked_for_again() {
    let (mut stage, stone, _) = after_the_kill();
    stage.settles = false;
    stage.pick_up(1, stone);
    let first = stage.grants[0].id;
    let outcome = GrantOutcome::Refused(GrantRefusal::Failed);
    stage.push(Command::GrantSettled { grant: first, outcome });
    stage.step();
    assert_eq!(stage.out.replies.last().unwrap().result, Err(Refusal::StoreFailed));
    assert_eq!(stage.pick_up(1, stone), None);
    assert_ne!(stage.grants[0].id, first, "another tick, another grant");
}

#[test]
fn the_ground_has_room_for_so_many() {
    use shallot_masterdata::{DropEntry, DropYield, RegionSpawn};
    use shallot_world::limits::DROPS;

    let mut stage = Stage::new(|data| {
        // A rat that leaves 32 things; 200 rats in a swarm that a blast kills.
        let thing = DropEntry { yields: DropYield::Item(STONE), chance_ppm: 1_000_000, qty_min: 1, qty_max: 1 };
        data.drop_tables[0].groups[0].entries = vec![thing; 40];
        data.monsters[0].attacks.clear();
        data.monsters[0].attacks_per_round = 0;
        data.balance.drop_lifetime_ticks = 100_000;
        data.skills[0].level_req = 1;
        data.skills[0].radius_cm = 5_000;
        data.skills[0].dice = crate::examples::exactly(100);
        data.regions[0].spawns.push(RegionSpawn { count_max: 200, radius_m: 9, ..one(RAT, 100, 100) });
    });
    stage.enter(1, CharacterSheet { class: crate::examples::MAGE, ..sheet(metres(100, 100)) });
    stage.steps(2);
    stage.skill(1, "blast", None, metres(100, 100)).unwrap();
    assert_eq!(stage.world.counts().monsters, 0);
    assert!(stage.world.counts().drops <= DROPS);
    assert!(stage.world.counts().drops > DROPS - 100, "{}", stage.world.counts().drops);
}
