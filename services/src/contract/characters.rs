use shallot_proto::wire::{CharacterId, SessionEpoch};

use super::fixture::{CHARACTERS, body};
use super::{Adapters, Stage, reason_of};
use crate::character::{Caller, Position, Scores};
use crate::item::EquipSlot;

pub(super) async fn all(adapters: &Adapters) {
    let stage = Stage::new(adapters, 200);
    creating(&stage).await;
    names_are_unique_regardless_of_case(&stage).await;
    creating_twice(&stage).await;
    selecting(&stage).await;
    a_newer_session_counts(&stage).await;
    deleting(&stage).await;
    spending_points(&stage).await;
    stage.assert_conserved().await;
}

async fn creating(stage: &Stage) {
    let (_, caller) = stage.sign_in().await;
    for (name, class, reason) in [
        ("x", "fighter", "NAME_INVALID"),
        ("Bad\u{7}Name", "fighter", "NAME_INVALID"),
        ("Cara", "bard", "UNKNOWN_CLASS"),
    ] {
        let made = stage.characters.create(caller, &stage.data, &stage.request(), name, class).await;
        assert_eq!(reason_of(&made), reason, "{name:?}");
    }
    let player = stage.player("Cara", "fighter").await;
    let view = stage.characters.selected(player.caller, &stage.data).await.expect("selected");
    assert_eq!((view.record.name.as_str(), view.record.level, view.record.xp, view.record.hp), ("Cara", 1, 0, None));
    assert_eq!((view.record.region.as_str(), view.record.position), ("meadow", Position::from_metres((50, 50))));
    assert_eq!((view.scores.str, view.unspent_stat_points), (15, 10));
    // The two-handed axe would drive out the sword, so it waits in the bag.
    let mut worn = Vec::new();
    for item in stage.items(player).await {
        worn.push((item.worn_in, item.template, item.quantity));
    }
    worn.sort();
    let expected = [
        (None, "axe", 1),
        (None, "potion", 3),
        (Some(EquipSlot::MainHand), "sword", 1),
        (Some(EquipSlot::OffHand), "shield", 1),
    ];
    assert_eq!(worn, expected.map(|(slot, key, quantity)| (slot, key.to_owned(), quantity)));
}

async fn names_are_unique_regardless_of_case(stage: &Stage) {
    let (_, caller) = stage.sign_in().await;
    let create = |name: &'static str| {
        let request = stage.request();
        async move { stage.characters.create(caller, &stage.data, &request, name, "mage").await }
    };
    assert_eq!(reason_of(&create("Straße").await), "OK");
    let (_, other) = stage.sign_in().await;
    let taken = stage.characters.create(other, &stage.data, &stage.request(), "STRASSE", "mage").await;
    assert_eq!(reason_of(&taken), "NAME_TAKEN");
    for n in 1..CHARACTERS {
        assert_eq!(reason_of(&create(["", "Strand", "Strom"][n as usize]).await), "OK");
    }
    assert_eq!(reason_of(&create("Stroh").await), "TOO_MANY_CHARACTERS");
    let list = stage.characters.list(caller.account, &stage.data).await.expect("listed");
    let names: Vec<&str> = list.iter().map(|view| view.record.name.as_str()).collect();
    assert_eq!(names, ["Straße", "Strand", "Strom"], "oldest first");
}

async fn creating_twice(stage: &Stage) {
    let (_, caller) = stage.sign_in().await;
    let request = stage.request();
    let create = |name: &'static str| stage.characters.create(caller, &stage.data, &request, name, "fighter");
    let first = create("Dora").await.expect("a new name");
    let again = create("Dora").await.expect("the same request");
    assert_eq!((first.replayed, again.replayed, &again.reply), (false, true, &first.reply));
    assert_eq!(reason_of(&create("Dorb").await), "REQUEST_ID_REUSED");
    assert_eq!(stage.characters.list(caller.account, &stage.data).await.expect("listed").len(), 1);
}

async fn selecting(stage: &Stage) {
    let player = stage.player("Edda", "fighter").await;
    let (_, stranger) = stage.sign_in().await;
    for unknown in [player.character, CharacterId([1; 16])] {
        let selected = stage.characters.select(stranger, &stage.data, unknown).await;
        assert_eq!(reason_of(&selected), "UNKNOWN_CHARACTER");
    }
    assert_eq!(reason_of(&stage.inventory.list(stranger, &stage.data).await), "NO_CHARACTER");
    let twin = stage.create(player.caller, "Eddb", "mage").await;
    stage.characters.select(player.caller, &stage.data, twin).await.expect("its own");
    let selected = stage.characters.selected(player.caller, &stage.data).await.expect("selected");
    assert_eq!(selected.record.id, twin, "only the last one is selected");
}

async fn a_newer_session_counts(stage: &Stage) {
    let key: [u8; 32] = stage.ids.random();
    let (_, old) = stage.sign_in_with(&key).await;
    let character = stage.create(old, "Fina", "fighter").await;
    stage.characters.select(old, &stage.data, character).await.expect("its own");
    let (_, new) = stage.sign_in_with(&key).await;
    assert_eq!(
        reason_of(&stage.inventory.list(new, &stage.data).await),
        "NO_CHARACTER",
        "the new session selects first"
    );
    stage.characters.select(new, &stage.data, character).await.expect("its own");

    let potion = stage.item(super::Player { caller: new, character }, "potion").await.id;
    let request = stage.request();
    let reasons = [
        reason_of(&stage.inventory.list(old, &stage.data).await),
        reason_of(&stage.inventory.destroy(old, &stage.data, &request, potion, 1).await),
        reason_of(&stage.characters.select(old, &stage.data, character).await),
        reason_of(&stage.characters.create(old, &stage.data, &request, "Finb", "mage").await),
        reason_of(&stage.characters.delete(old, &stage.data, &request, character).await),
        reason_of(&stage.characters.spend_stat_points(old, &stage.data, &request, Scores::default()).await),
    ];
    assert_eq!(reasons, ["SESSION_REPLACED"; 6]);
    let epoch = stage.adapters.regions.start_region("meadow").await.expect("started");
    let entered = stage.characters.enter_world(old, &stage.data, "meadow", epoch).await;
    assert_eq!(reason_of(&entered), "SESSION_REPLACED");
    assert_eq!(stage.inventory.list(new, &stage.data).await.expect("unharmed").version, 1);
}

async fn deleting(stage: &Stage) {
    let player = stage.player("Gerd", "fighter").await;
    let (_, stranger) = stage.sign_in().await;
    let foreign = stage.characters.delete(stranger, &stage.data, &stage.request(), player.character).await;
    assert_eq!(reason_of(&foreign), "UNKNOWN_CHARACTER");

    stage.give(player, &[("gold", 3), ("rope", 4)]).await;
    let entered = stage.enter(player, "meadow").await;
    let request = stage.request();
    let delete = || stage.characters.delete(player.caller, &stage.data, &request, player.character);
    assert_eq!(reason_of(&delete().await), "CHARACTER_IN_WORLD");
    stage.characters.leave_world(&body(player, entered.owner_epoch, 1, 1)).await.expect("it left");
    assert_eq!(reason_of(&delete().await), "OK");
    assert_eq!(reason_of(&delete().await), "OK", "a repeated request gets its reply");
    let again = stage.characters.delete(player.caller, &stage.data, &stage.request(), player.character).await;
    assert_eq!(reason_of(&again), "UNKNOWN_CHARACTER");
    assert_eq!(reason_of(&stage.inventory.list(player.caller, &stage.data).await), "NO_CHARACTER");
    // The name is free, and the account's epoch is remembered without any character.
    let stale = Caller { epoch: SessionEpoch(player.caller.epoch.0 - 1), ..player.caller };
    let late = stage.characters.create(stale, &stage.data, &stage.request(), "Gerd", "mage").await;
    assert_eq!(reason_of(&late), "SESSION_REPLACED");
    stage.create(player.caller, "Gerd", "mage").await;

    // A shard that died does not keep its characters.
    let crashed = stage.player("Gerta", "mage").await;
    stage.enter(crashed, "meadow").await;
    stage.adapters.regions.start_region("meadow").await.expect("started");
    let deleted = stage.characters.delete(crashed.caller, &stage.data, &stage.request(), crashed.character).await;
    assert_eq!(reason_of(&deleted), "OK");
}

async fn spending_points(stage: &Stage) {
    let player = stage.player("Hedy", "fighter").await;
    let spend = |request: String, add: Scores| async move {
        stage.characters.spend_stat_points(player.caller, &stage.data, &request, add).await
    };
    let str = |str: u8| Scores { str, ..Scores::default() };
    let int = |int: u8| Scores { int, ..Scores::default() };
    assert_eq!(reason_of(&spend(stage.request(), str(11)).await), "NOT_ENOUGH_POINTS");
    assert_eq!(reason_of(&spend(stage.request(), int(6)).await), "SCORE_TOO_HIGH", "25 and 6 are more than 30");
    let request = stage.request();
    for replayed in [false, true] {
        let spent = spend(request.clone(), int(5)).await.expect("25 and 5 are 30");
        assert_eq!((spent.replayed, spent.reply.scores.int, spent.reply.unspent_stat_points), (replayed, 30, 5));
    }
    assert_eq!(reason_of(&spend(request, str(5)).await), "REQUEST_ID_REUSED");
    assert_eq!(reason_of(&spend(stage.request(), str(255)).await), "NOT_ENOUGH_POINTS");
    let view = stage.characters.selected(player.caller, &stage.data).await.expect("selected");
    assert_eq!((view.scores.str, view.scores.int, view.unspent_stat_points), (15, 30, 5));
    assert_eq!(view.record.inventory_version, 1, "points are no items");
}
