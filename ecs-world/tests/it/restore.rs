//! Checkpoints: what a new epoch forgets, and what is refused.

use std::sync::Arc;

use proptest::prelude::{any, prop, proptest};
use shallot_masterdata::Slot;
use shallot_wire::{EntityKind, OwnerEpoch, RegionEpoch};
use shallot_world::limits::CHECKPOINT_BYTES;
use shallot_world::{CharacterSheet, Command, RestoreError, World};

use crate::examples::{LONGSWORD, RAT, one};
use crate::eye::Eye;
use crate::stage::{Stage, character, metres, sheet};

/// A world with a player whose kill waits for the store, drops on the ground, and one of them being picked up.
fn busy() -> Stage {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(RAT, 101, 100)));
    stage.settles = false;
    let worn = vec![(Slot::MainHand, LONGSWORD)];
    stage.enter(1, CharacterSheet { worn, ..sheet(metres(100, 100)) });
    stage.until(20, |stage| stage.snapshot(1).records().count() == 1);
    let rat = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(rat)).unwrap();
    stage.until(60, |stage| stage.world.counts().drops == 2);
    let drop = stage.snapshot(1).records().find(|told| told.record.kind == EntityKind::Drop).unwrap().record.entity;
    assert_eq!(stage.pick_up(1, drop), None);
    assert_eq!(stage.world.counts().grants_pending, 2);
    stage
}

#[test]
fn the_same_epoch_brings_everything_back() {
    let stage = busy();
    let world = World::restore(&stage.world.checkpoint(), stage.data.clone(), RegionEpoch(1)).unwrap();
    assert_eq!(world.counts(), stage.world.counts());
    assert_eq!(world.tick(), stage.world.tick());
    assert_eq!(world.digest(), stage.world.digest());
    assert_eq!(world.characters().collect::<Vec<_>>(), stage.world.characters().collect::<Vec<_>>());
}

#[test]
fn a_new_epoch_forgets_drops_and_pending_grants_and_keeps_the_players() {
    let stage = busy();
    let world = World::restore(&stage.world.checkpoint(), stage.data.clone(), RegionEpoch(2)).unwrap();
    let counts = world.counts();
    assert_eq!((counts.players, counts.drops, counts.grants_pending), (1, 0, 0));
    let mut after = Stage::around(world, stage.data);
    // Nothing pending holds it back any more.
    let correlation = after.correlation();
    after.push(Command::Leave { character: character(1), owner_epoch: OwnerEpoch(9), correlation });
    after.step();
    assert!(after.answer(correlation).is_some());
    // And it lives on: the rat comes again.
    after.until(200, |stage| stage.world.counts().monsters == 1);
}

#[test]
fn clients_are_told_all_anew_after_a_restore() {
    let mut stage = Stage::new(|_| ());
    let me = stage.enter(1, sheet(metres(100, 100))).entity;
    let other = stage.enter(2, sheet(metres(110, 100))).entity;
    let mut eye = Eye::default();
    let look = |stage: &mut Stage, eye: &mut Eye| {
        stage.look_back(me, eye);
        stage.step();
        assert!(eye.take(stage.datagram(1)));
        let header = stage.snapshot(1).header;
        assert_eq!(eye.shown().into_keys().collect::<Vec<_>>(), [other]);
        header.baseline.map(|baseline| header.sequence.since(baseline))
    };
    let before: Vec<_> = (0..4).map(|_| look(&mut stage, &mut eye)).collect();
    assert_eq!(before[1..], [Some(1); 3]);
    let checkpoint = stage.world.checkpoint();
    let world = World::restore(&checkpoint, stage.data.clone(), RegionEpoch(1)).unwrap();
    let mut after = Stage::around(world, stage.data.clone());
    assert_eq!(look(&mut after, &mut eye), None, "what was acknowledged is not known any more");
    assert_eq!(look(&mut after, &mut eye), Some(1));
    // After a crash its numbers go on beyond all that the client has seen meanwhile, so that each is news.
    for _ in 0..20 {
        look(&mut after, &mut eye);
    }
    let world = World::restore(&checkpoint, stage.data.clone(), RegionEpoch(2)).unwrap();
    let mut crashed = Stage::around(world, stage.data);
    assert_eq!((0..3).map(|_| look(&mut crashed, &mut eye)).collect::<Vec<_>>(), [None, Some(1), Some(1)]);
    assert_eq!(eye.without_baseline, 0);
}

#[test]
fn what_cannot_be_a_checkpoint_is_refused() {
    let stage = busy();
    let bytes = stage.world.checkpoint();
    let restore = |bytes: &[u8]| World::restore(bytes, stage.data.clone(), RegionEpoch(1)).map(|world| world.tick());
    assert!(matches!(restore(&[]), Err(RestoreError::Unreadable(_))));
    assert!(matches!(restore(&bytes[..bytes.len() - 1]), Err(RestoreError::Unreadable(_))));
    assert!(matches!(restore(&[&bytes[..], &[0]].concat()), Err(RestoreError::Unreadable(_))));
    assert_eq!(restore(&vec![0; CHECKPOINT_BYTES + 1]), Err(RestoreError::TooLong(CHECKPOINT_BYTES + 1)));
    let mut other = (*stage.data).clone();
    other.hash = [8; 32];
    let result = World::restore(&bytes, Arc::new(other), RegionEpoch(1)).map(|world| world.tick());
    assert_eq!(result, Err(RestoreError::OtherMasterData));
}

proptest! {
    /// A damaged checkpoint is refused, or is a world that can be stepped; it never brings the process down.
    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let stage = busy();
        let mut bytes = stage.world.checkpoint();
        let place = at.index(bytes.len());
        bytes[place] = to;
        if let Ok(mut world) = World::restore(&bytes, stage.data, RegionEpoch(1)) {
            let mut out = shallot_world::Outputs::default();
            for _ in 0..3 {
                world.step(&mut out);
            }
        }
    }
}
