use shallot_services::holdings::{Change, ItemWrite};
use shallot_services::item::EquipSlot;
use shallot_services::ledger::LedgerAccount;
use shallot_services::ports::{EconomyAudit, Totals};

use crate::fixture::{HERO, World, item, item_id, minted, nothing, put, spoils};

/// A hero with two stacks of arrows, coins and a past.
async fn played() -> World {
    let world = World::with_hero().await;
    for n in [10, 11] {
        world.change(n, |state| spoils(state, n)).await;
    }
    let gone = item(12, 1, None);
    world.change(12, |state| Change { items: vec![put(&gone)], events: vec![minted(&gone)], ..nothing(state) }).await;
    world
        .change(13, |state| {
            let mut used = minted(&gone);
            used.delta = -1;
            used.cause = shallot_services::holdings::ItemCause::Sink(shallot_services::ledger::SinkRule::Use);
            Change { items: vec![ItemWrite::Remove(gone.id)], events: vec![used], ..nothing(state) }
        })
        .await;
    world
}

#[tokio::test]
async fn totals_are_sums_over_everything() {
    let world = played().await;
    assert_eq!(world.stores.violations().await.unwrap(), []);
    let expected = Totals {
        characters: 2,
        levels: 2,
        xp: 100,
        coins: 50,
        items: [("arrow".to_owned(), 10)].into(),
        minted: [("kill".to_owned(), 11)].into(),
        ..Totals::default()
    };
    assert_eq!(world.stores.totals().await.unwrap(), expected);
}

#[tokio::test]
async fn each_planted_break_is_found_and_named() {
    let arrows = |n| format!("item {}", item_id(n));
    let posting = format!("posting {}", shallot_proto::wire::ItemId([10; 16]));
    let wallet = LedgerAccount::Wallet(HERO).to_string();
    let template = "template arrow".to_owned();
    type Named = Vec<(&'static str, String)>;
    let cases: [(&str, &str, Named); 9] = [
        (
            "coins from nowhere in the ledger",
            "DROP TRIGGER ledger_entries_keep;
             UPDATE ledger_entries SET copper = copper + 1 WHERE account = 'mint:kill' AND posting = x'0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'",
            vec![("I1", posting.clone())],
        ),
        (
            "one line of a posting is lost",
            "DROP TRIGGER ledger_entries_stay;
             DELETE FROM ledger_entries WHERE account GLOB 'wallet:*' AND posting = x'0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'",
            vec![("I1", posting), ("I2", wallet.clone())],
        ),
        (
            "a balance without entries",
            "UPDATE wallets SET copper = copper + 7 WHERE copper > 0",
            vec![("I2", wallet.clone())],
        ),
        (
            "a debt that is well entered",
            "INSERT INTO ledger_entries SELECT x'07070707070707070707070707070707', 0, account, -51, 0 FROM wallets WHERE copper > 0;
             INSERT INTO ledger_entries VALUES (x'07070707070707070707070707070707', 1, 'sink:use', 51, 0);
             UPDATE wallets SET copper = copper - 51 WHERE copper > 0",
            vec![("I2", wallet)],
        ),
        (
            "an item that lies with nobody",
            "UPDATE items SET character = x'ffffffffffffffffffffffffffffffff' WHERE hex(id) LIKE '%0A0A'",
            vec![("I3", arrows(10)), ("I4", arrows(10))],
        ),
        (
            "two items in one slot",
            "DROP INDEX items_one_in_a_slot; UPDATE items SET worn_in = 4",
            vec![("I3", arrows(10)), ("I3", arrows(11))],
        ),
        (
            "units from nowhere",
            "UPDATE items SET quantity = quantity + 1 WHERE hex(id) LIKE '%0B0B'",
            vec![("I4", arrows(11)), ("I4", template.clone())],
        ),
        ("an item is lost", "DELETE FROM items WHERE hex(id) LIKE '%0A0A'", vec![("I4", arrows(10)), ("I4", template)]),
        (
            "an item changed hands past its log",
            "UPDATE items SET character = x'c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2' WHERE hex(id) LIKE '%0A0A'",
            vec![("I4", arrows(10))],
        ),
    ];
    for (what, plant, expected) in cases {
        let world = played().await;
        let raw = world.raw().await;
        sqlx::raw_sql(plant).execute(&raw).await.unwrap();
        let found = world.stores.violations().await.unwrap();
        let named: Named = found.iter().map(|v| (v.invariant, v.subject.clone())).collect();
        assert_eq!(named, expected, "{what}: {found:?}");
    }
}

#[tokio::test]
async fn a_slot_that_no_body_has_is_found() {
    let world = played().await;
    let ring = item(20, 1, Some(EquipSlot::Ring1));
    world.change(20, |state| Change { items: vec![put(&ring)], events: vec![minted(&ring)], ..nothing(state) }).await;
    assert_eq!(world.stores.violations().await.unwrap(), []);
    let raw = world.raw().await;
    sqlx::raw_sql("UPDATE items SET worn_in = 14 WHERE worn_in = 11").execute(&raw).await.unwrap();
    let found = world.stores.violations().await.unwrap();
    assert_eq!(found.iter().map(|v| v.invariant).collect::<Vec<_>>(), ["I3"], "{found:?}");
}
