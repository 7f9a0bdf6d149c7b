use std::fs;

use shallot_proto::wire::{OwnerEpoch, RegionEpoch};
use shallot_services::character::Position;
use shallot_services::item::EquipSlot;
use shallot_services::ports::{
    Applied, CharacterSave, CharacterStore, DocumentStore, EconomyAudit, Guard, Keys, RegionStore,
};
use shallot_services::refusal::{ChangeError, Refusal};
use shallot_stores::SqliteStores;
use tempfile::TempDir;

use crate::fixture::{CALLER, HERO, NOW, REGION, World, grant, item, minted, nothing, put, request, spoils};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let world = World::with_hero().await;
    let sword = item(20, 1, Some(EquipSlot::MainHand));
    world.change(10, |state| spoils(state, 10)).await;
    world
        .change(11, |state| {
            let mut change = nothing(state);
            (change.items, change.events) = (vec![put(&sword)], vec![minted(&sword)]);
            (change.level, change.xp, change.added.str) = (2, 900, 1);
            change
        })
        .await;
    let owner_epoch = world.enter().await;
    let save = CharacterSave {
        character: HERO,
        owner_epoch,
        region: REGION.to_owned(),
        position: Position { x: -7, y: 9 },
        hp: 4,
    };
    assert!(world.stores.leave(&save).await.unwrap());
    world.stores.put_document("notes", "one", r#"{"a":1}"#).await.unwrap();
    let (hero, totals) = (world.hero().await, world.stores.totals().await.unwrap());
    assert_eq!((hero.character.position, hero.character.hp, hero.items.len()), (save.position, Some(4), 2));

    let world = world.reopened().await;
    assert_eq!(world.hero().await, hero);
    assert_eq!(world.stores.totals().await.unwrap(), totals);
    assert_eq!(world.stores.violations().await.unwrap(), []);
    assert_eq!(world.stores.document("notes", "one").await.unwrap().as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(world.stores.region_epoch(REGION).await.unwrap(), Some(RegionEpoch(1)));
    assert!(!world.stores.leave(&save).await.unwrap(), "an epoch that was given up stays given up");
}

#[tokio::test]
async fn what_was_answered_is_in_the_files_before_the_answer() {
    let world = World::with_hero().await;
    let owner = Guard::Owner(HERO, world.enter().await);
    let keys = Keys { request: None, grant: Some(grant(1)) };
    let applied = world.stores.change(owner, keys, NOW, &|state| Ok(spoils(state, 10))).await.unwrap();
    assert_eq!(applied, Applied { reply: vec![10; 3], replayed: false });

    // The files as a kill would leave them: nothing closed, nothing checkpointed.
    let after_kill = TempDir::new().unwrap();
    for name in ["shallot.db", "shallot.db-wal"] {
        fs::copy(world.folder.path().join(name), after_kill.path().join(name)).unwrap();
    }
    let stores = SqliteStores::open(after_kill.path()).await.unwrap();
    assert_eq!(stores.selected(CALLER).await.unwrap(), world.hero().await);
    assert_eq!(stores.violations().await.unwrap(), []);
    let again = stores.change(owner, keys, NOW, &|_| Err(Refusal::BagFull)).await.unwrap();
    assert_eq!(again, Applied { reply: vec![10; 3], replayed: true });
}

#[tokio::test]
async fn a_grant_is_answered_from_its_record_after_a_restart() {
    let world = World::with_hero().await;
    let owner = Guard::Owner(HERO, world.enter().await);
    let keys = Keys { request: None, grant: Some(grant(1)) };
    world.stores.change(owner, keys, NOW, &|state| Ok(spoils(state, 10))).await.unwrap();
    let hero = world.hero().await;
    let world = world.reopened().await;
    let again = world.stores.change(owner, keys, NOW, &|state| Ok(spoils(state, 11))).await.unwrap();
    assert_eq!(again, Applied { reply: vec![10; 3], replayed: true });
    assert_eq!(world.hero().await, hero);
    assert_eq!(world.stores.totals().await.unwrap().grants, 1);
}

#[tokio::test]
async fn a_region_that_starts_anew_takes_its_characters_from_the_earlier_run() {
    let world = World::with_hero().await;
    let first = world.enter().await;
    assert!(world.hero().await.in_world);
    let world = world.reopened().await;
    assert_eq!(world.stores.start_region(REGION).await.unwrap(), RegionEpoch(2));
    assert!(!world.hero().await.in_world);
    for epoch in [first, first.next(), OwnerEpoch(0)] {
        let keys = Keys { request: Some(request(40)), grant: None };
        let refused = world.stores.change(Guard::Owner(HERO, epoch), keys, NOW, &|state| Ok(nothing(state))).await;
        assert!(matches!(refused, Err(ChangeError::Fenced)), "{refused:?}");
    }
}
