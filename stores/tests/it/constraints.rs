use shallot_proto::wire::CharacterId;
use shallot_services::amount::Amount;
use shallot_services::character::CharacterState;
use shallot_services::holdings::{Change, ItemWrite};
use shallot_services::item::{EquipSlot, ItemRecord};
use shallot_services::ledger::{LedgerAccount, Posting, SinkRule};
use shallot_services::limits::{DOCUMENT_MAX, WALLET_MAX};
use shallot_services::ports::{
    CharacterStore, CreateError, DeleteError, DocumentStore, EconomyAudit, Guard, Keys, StoreError,
};
use shallot_services::refusal::{ChangeError, Refusal};
use sqlx::SqlitePool;

use crate::fixture::{
    CALLER, HERO, NOW, TWIN, World, coins, grant, item, minted, new_character, nothing, put, request, spoils,
};

/// Rises whenever another connection commits.
async fn commits(raw: &SqlitePool) -> i64 {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(raw).await.unwrap()
}

/// Spoils that are in order, with one more line that is not.
fn broken(state: &CharacterState, breakage: impl FnOnce(&mut Change)) -> Change {
    let mut change = spoils(state, 60);
    breakage(&mut change);
    change
}

#[tokio::test]
async fn a_change_that_breaks_a_constraint_leaves_nothing() {
    let world = World::with_hero().await;
    world.change(10, |state| spoils(state, 10)).await;
    let worn = item(20, 1, Some(EquipSlot::Head));
    world.change(11, |state| Change { items: vec![put(&worn)], events: vec![minted(&worn)], ..nothing(state) }).await;
    let raw = world.raw().await;
    let (before, hero) = (commits(&raw).await, world.hero().await);

    let out = |copper| {
        let amount = Amount::new(copper).unwrap();
        Posting::transfer([70; 16], LedgerAccount::Wallet(HERO), LedgerAccount::Sink(SinkRule::Use), amount).unwrap()
    };
    let stranger = LedgerAccount::Wallet(CharacterId([0xEE; 16]));
    let to_stranger =
        Posting::transfer([71; 16], LedgerAccount::Wallet(HERO), stranger, Amount::new(1).unwrap()).unwrap();
    let other_template = ItemRecord { template: "bolt".to_owned(), ..item(10, 5, None) };
    type Breakage<'a> = Box<dyn Fn(&mut Change) + Send + Sync + 'a>;
    let breakages: Vec<(&str, Breakage<'_>)> = vec![
        ("no units", Box::new(|change| change.items.push(put(&item(61, 0, None))))),
        ("a slot twice", Box::new(|change| change.items.push(put(&item(61, 1, Some(EquipSlot::Head)))))),
        ("an item that is not there", Box::new(|change| change.items.push(ItemWrite::Remove(item(61, 1, None).id)))),
        ("an item becomes another", Box::new(|change| change.items.push(put(&other_template)))),
        ("a balance below zero", Box::new(|change| change.postings.push(out(51)))),
        ("a balance above the cap", Box::new(|change| change.postings.push(coins(72, WALLET_MAX)))),
        ("a posting twice", Box::new(|change| change.postings.push(coins(10, 1)))),
        ("a wallet that is not there", Box::new(|change| change.postings.push(to_stranger.clone()))),
        ("no level", Box::new(|change| change.level = 0)),
        ("more experience than is counted", Box::new(|change| change.xp = u64::MAX)),
    ];
    let keys = Keys { request: Some(request(60)), grant: Some(grant(60)) };
    for (what, breakage) in &breakages {
        let rule = |state: &CharacterState| Ok(broken(state, breakage));
        let failed = world.stores.change(Guard::Session(CALLER), keys, NOW, &rule).await;
        assert!(matches!(failed, Err(ChangeError::Store(_))), "{what}: {failed:?}");
        assert_eq!(world.hero().await, hero, "{what}");
        assert_eq!(commits(&raw).await, before, "{what}: something was committed");
    }
    let refused = world.stores.change(Guard::Session(CALLER), keys, NOW, &|_| Err(Refusal::BagFull)).await;
    assert!(matches!(refused, Err(ChangeError::Refused(Refusal::BagFull))), "{refused:?}");
    assert_eq!(commits(&raw).await, before);

    // The same keys are still free, and the same lines without a broken one go through.
    let applied = world.stores.change(Guard::Session(CALLER), keys, NOW, &|state| Ok(spoils(state, 60))).await.unwrap();
    assert!(!applied.replayed);
    assert_ne!(commits(&raw).await, before);
    assert_eq!(world.stores.violations().await.unwrap(), []);
}

#[tokio::test]
async fn a_wallet_holds_exactly_what_the_services_say() {
    let world = World::with_hero().await;
    world.change(10, |state| Change { postings: vec![coins(10, WALLET_MAX)], ..nothing(state) }).await;
    assert_eq!(world.hero().await.character.wallet, Amount::MAX);
}

#[tokio::test]
async fn nobody_writes_to_what_another_character_has() {
    let world = World::with_hero().await;
    world.change(10, |state| spoils(state, 10)).await;
    let hero = world.hero().await;
    world.stores.select(CALLER, TWIN).await.unwrap();
    for write in [put(&item(10, 4, None)), ItemWrite::Remove(item(10, 5, None).id)] {
        let keys = Keys { request: Some(request(11)), grant: None };
        let rule = |state: &CharacterState| Ok(Change { items: vec![write.clone()], ..nothing(state) });
        let failed = world.stores.change(Guard::Session(CALLER), keys, NOW, &rule).await;
        assert!(
            matches!(failed, Err(ChangeError::Store(StoreError::RowCount { rows: 0, expected: 1, .. }))),
            "{failed:?}"
        );
    }
    world.stores.select(CALLER, HERO).await.unwrap();
    assert_eq!(world.hero().await, hero);
}

#[tokio::test]
async fn a_character_goes_only_with_empty_hands_and_its_name_is_free_again() {
    let world = World::with_hero().await;
    let arrows = item(20, 5, None);
    let only_items = |state: &_| Change { items: vec![put(&arrows)], events: vec![minted(&arrows)], ..nothing(state) };
    let only_coins = |state: &_| Change {
        items: vec![ItemWrite::Remove(arrows.id)],
        postings: vec![coins(20, 25)],
        ..nothing(state)
    };
    type Gift<'a> = &'a (dyn Fn(&CharacterState) -> Change + Send + Sync);
    for (n, gift) in [(21, &only_items as Gift<'_>), (22, &only_coins)] {
        world.change(n, gift).await;
        let hero = world.hero().await;
        let keeps_all = world.stores.delete(CALLER, request(11), HERO, NOW, &|state| Ok(nothing(state))).await;
        assert!(matches!(keeps_all, Err(DeleteError::Store(_))), "{keeps_all:?}");
        assert_eq!(world.hero().await, hero);
    }

    world.stores.delete(CALLER, request(12), TWIN, NOW, &|state| Ok(nothing(state))).await.unwrap();
    let taken = world.stores.create(CALLER, request(13), &new_character(HERO), NOW).await;
    assert!(matches!(taken, Err(CreateError::NameTaken)), "{taken:?}");
    let mut successor = new_character(CharacterId([0xC3; 16]));
    successor.folded_name = new_character(TWIN).folded_name;
    world.stores.create(CALLER, request(14), &successor, NOW).await.unwrap();
}

#[tokio::test]
async fn history_and_epochs_are_kept_by_the_database_itself() {
    let world = World::with_hero().await;
    world.change(10, |state| spoils(state, 10)).await;
    world.enter().await;
    let keys = Keys { request: None, grant: Some(grant(1)) };
    world.stores.change(Guard::Session(CALLER), keys, NOW, &|state| Ok(nothing(state))).await.unwrap();
    let raw = world.raw().await;
    for forbidden in [
        "UPDATE item_events SET delta = delta + 1",
        "DELETE FROM item_events",
        "UPDATE ledger_entries SET copper = copper + 1",
        "DELETE FROM ledger_entries",
        "UPDATE grants SET reply = x'00'",
        "DELETE FROM grants",
        "UPDATE fencing SET owner_epoch = owner_epoch - 1",
        "UPDATE fencing SET session_epoch = session_epoch - 1",
        "DELETE FROM fencing",
        "UPDATE regions SET epoch = epoch - 1",
    ] {
        let refused = sqlx::query(forbidden).execute(&raw).await;
        assert!(refused.is_err(), "{forbidden}");
    }
}

#[tokio::test]
async fn a_document_is_json_of_a_limited_size() {
    let world = World::empty().await;
    let of_size = |bytes: usize| format!("\"{}\"", "é".repeat((bytes - 2) / 2));
    for no_document in ["", "{", "{'a':1}", "nul", &of_size(DOCUMENT_MAX + 2)] {
        let refused = world.stores.put_document("notes", "one", no_document).await;
        assert!(matches!(refused, Err(StoreError::Driver { .. })), "{no_document:.20}");
    }
    assert_eq!(world.stores.document("notes", "one").await.unwrap(), None);
    let largest = of_size(DOCUMENT_MAX);
    assert_eq!(largest.len(), DOCUMENT_MAX);
    world.stores.put_document("notes", "one", &largest).await.unwrap();
    assert_eq!(world.stores.document("notes", "one").await.unwrap(), Some(largest));
}
