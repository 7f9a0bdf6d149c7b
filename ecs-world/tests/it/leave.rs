//! Coming, being saved, going.

use shallot_masterdata::Slot;
use shallot_wire::OwnerEpoch;
use shallot_world::limits::{COMMANDS_PER_TICK, PLAYERS, SAVE_TICKS};
use shallot_world::{CharacterSheet, Command, Event, Refusal, Reply, What};

use crate::examples::{ARCHER, LONGSWORD, RAT, one};
use crate::stage::{Stage, character, metres, sheet};

fn leave(stage: &mut Stage, n: u8) -> Option<Result<Reply, Refusal>> {
    let character = character(n);
    stage.ask(|correlation| Command::Leave { character, owner_epoch: OwnerEpoch(9), correlation })
}

#[test]
fn who_leaves_is_saved_once_more_and_gone() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, CharacterSheet { hp: Some(20), ..sheet(metres(50, 60)) });
    assert_eq!(leave(&mut stage, 1), Some(Ok(Reply::Left)));
    let save = *stage.out.saves.last().unwrap();
    assert_eq!((save.position, save.hp, save.final_), (metres(50, 60), 20, true));
    assert_eq!((save.character, save.owner_epoch, save.tick), (character(1), OwnerEpoch(1), stage.world.tick()));
    assert_eq!(stage.world.counts().players, 0);
    assert_eq!(stage.out.snapshots, []);
    assert_eq!(leave(&mut stage, 1), Some(Err(Refusal::NotInWorld)));
}

#[test]
fn who_stays_is_saved_every_five_seconds() {
    let mut stage = Stage::new(|_| ());
    for n in 1..=10 {
        stage.enter(n, sheet(metres(50, 60)));
    }
    let (mut saves, mut most) = (0, 0);
    for _ in 0..2 * SAVE_TICKS {
        stage.step();
        assert!(stage.out.saves.iter().all(|save| !save.final_));
        saves += stage.out.saves.len();
        most = most.max(stage.out.saves.len());
    }
    assert_eq!((saves, most), (20, 1), "each twice, each in a tick of its own");
}

#[test]
fn leaving_waits_for_grants_and_nobody_hurts_who_leaves() {
    let mut stage = Stage::new(|data| {
        data.regions[0].spawns.push(one(RAT, 101, 100));
        data.regions[0].spawns.push(one(ARCHER, 100, 112));
    });
    stage.settles = false;
    let worn = vec![(Slot::MainHand, LONGSWORD)];
    stage.enter(1, CharacterSheet { worn, ..sheet(metres(100, 100)) });
    let rat = stage.monsters(1)[0];
    stage.attack(1, Some(rat)).unwrap();
    stage.until(100, |stage| !stage.grants.is_empty());
    let grant = stage.grants[0].clone();
    let asked = stage.correlation();
    stage.push(Command::Leave { character: character(1), owner_epoch: OwnerEpoch(9), correlation: asked });
    for _ in 0..100 {
        stage.step();
        assert_eq!(stage.answer(asked), None);
        assert!(stage.out.events.is_empty() && stage.out.snapshots.is_empty());
    }
    assert_eq!(leave(&mut stage, 1), Some(Err(Refusal::Leaving)));
    assert_eq!(stage.enter_as(1, 2, sheet(metres(1, 1))), Err(Refusal::Leaving));
    stage.commit(&grant);
    stage.step();
    assert_eq!(stage.answer(asked), Some(Ok(Reply::Left)));
}

#[test]
fn entering_again_takes_the_body_over_and_tells_all_anew() {
    let mut stage = Stage::new(|_| ());
    stage.enter(2, CharacterSheet { name: "Bo".to_owned(), ..sheet(metres(101, 100)) });
    let first = stage.enter_as(1, 5, sheet(metres(100, 100))).unwrap();
    stage.steps(5);
    assert_eq!(stage.enter_as(1, 4, sheet(metres(1, 1))), Err(Refusal::Fenced));
    let again = stage.enter_as(1, 6, sheet(metres(1, 1))).unwrap();
    assert_eq!((again.entity, again.position), (first.entity, metres(100, 100)));
    let told = |event: &Event| matches!(event, Event::Appeared { what: What::Player(name), .. } if &**name == "Bo");
    assert!(stage.events(1).iter().any(told), "{:?}", stage.events(1));
    assert!(stage.vitals(1).is_some());
    leave(&mut stage, 1);
    assert_eq!(stage.out.saves.last().unwrap().owner_epoch, OwnerEpoch(6));
}

#[test]
fn a_full_mailbox_gives_the_command_back() {
    let mut stage = Stage::new(|_| ());
    let command = Command::Leave { character: character(1), owner_epoch: OwnerEpoch(9), correlation: 1 };
    for _ in 0..COMMANDS_PER_TICK {
        stage.push(command.clone());
    }
    assert_eq!(stage.world.push(command.clone()), Err(Box::new(command.clone())));
    stage.step();
    assert_eq!(stage.world.push(command), Ok(()));
}

#[test]
fn a_full_region_refuses() {
    let mut stage = Stage::new(|_| ());
    let enter = |n: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_le_bytes());
        let (character, sheet) = (shallot_wire::CharacterId(id), Box::new(sheet(metres(100, 100))));
        Command::Enter { character, owner_epoch: OwnerEpoch(1), sheet, correlation: n as u64 }
    };
    for n in 0..=PLAYERS {
        stage.push(enter(n));
    }
    stage.step();
    let refused: Vec<u64> = stage
        .out
        .replies
        .iter()
        .filter(|answer| answer.result == Err(Refusal::RegionFull))
        .map(|a| a.correlation)
        .collect();
    assert_eq!(refused, [PLAYERS as u64]);
    assert_eq!(stage.world.counts().players, PLAYERS);
    assert!(stage.out.snapshots.iter().all(|snapshot| snapshot.range.len() <= 1_150));
}

#[test]
fn a_long_name_is_cut_between_letters() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, CharacterSheet { name: "ä".repeat(40), ..sheet(metres(100, 100)) });
    stage.enter(2, sheet(metres(101, 100)));
    let name = |event: &Event| match event {
        Event::Appeared { what: What::Player(name), .. } => Some(name.clone()),
        _ => None,
    };
    assert_eq!(stage.events(2).iter().find_map(name).as_deref(), Some("ä".repeat(32).as_str()));
}

#[test]
fn the_leave_of_a_stay_that_is_over_takes_nobody_out() {
    let mut stage = Stage::new(|_| ());
    stage.enter_as(1, 5, sheet(metres(50, 60))).unwrap();
    stage.enter_as(1, 6, sheet(metres(50, 60))).unwrap();
    let late =
        stage.ask(|correlation| Command::Leave { character: character(1), owner_epoch: OwnerEpoch(5), correlation });
    assert_eq!(late, Some(Err(Refusal::Fenced)));
    assert_eq!(stage.world.counts().players, 1);
    assert_eq!(leave(&mut stage, 1), Some(Ok(Reply::Left)));
}
