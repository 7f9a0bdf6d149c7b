use std::sync::Arc;

use shallot_proto::wire::ItemId;
use tokio::task::JoinSet;

use super::fixture::{BAG_SLOTS, ids_of};
use super::{Adapters, Player, Stage, reason_of};
use crate::desk::Outcome;
use crate::inventory::InventoryChange;
use crate::item::EquipSlot;
use crate::refusal::ChangeError;

/// Equal requests at once.
const RACERS: usize = 100;

type Changed = Result<Outcome<InventoryChange>, ChangeError>;

pub(super) async fn all(adapters: &Adapters) {
    let stage = Stage::new(adapters, 400);
    listing(&stage).await;
    wearing_what_one_may(&stage).await;
    hands(&stage).await;
    rings_and_binding(&stage).await;
    stacks_are_worn_by_one(&stage).await;
    a_full_bag(&stage).await;
    using(&stage).await;
    splitting_and_merging(&stage).await;
    destroying(&stage).await;
    others_items_are_unknown(&stage).await;
    a_request_has_one_effect(&stage).await;
    a_hundred_equal_requests_have_one_effect(&stage).await;
    stage.assert_conserved().await;
}

async fn equip(stage: &Stage, player: Player, item: ItemId, slot: Option<EquipSlot>) -> Changed {
    stage.inventory.equip(player.caller, &stage.data, &stage.request(), item, slot).await
}

async fn equip_first(stage: &Stage, player: Player, template: &str, slot: Option<EquipSlot>) -> Changed {
    let items = stage.items(player).await;
    let item = items.iter().find(|item| item.template == template && item.worn_in.is_none());
    equip(stage, player, item.expect("it is in the bag").id, slot).await
}

fn worn(change: &InventoryChange) -> Vec<(EquipSlot, &str)> {
    change.worn.iter().map(|worn| (worn.slot, worn.template.as_str())).collect()
}

async fn listing(stage: &Stage) {
    let player = stage.player("Mara", "fighter").await;
    let view = stage.inventory.list(player.caller, &stage.data).await.expect("listed");
    assert_eq!((view.wallet.copper(), view.bag_slots, view.version, view.items.len()), (0, BAG_SLOTS, 1, 4));
    assert!(view.items.windows(2).all(|pair| pair[0].id < pair[1].id), "by id");
}

async fn wearing_what_one_may(stage: &Stage) {
    let mage = stage.player("Nele", "mage").await;
    stage.give(mage, &[("sword", 1), ("axe", 1), ("plate", 1), ("helm", 1), ("rope", 1), ("bow", 1)]).await;
    for (template, slot, reason) in [
        ("axe", None, "WRONG_CLASS"),
        ("plate", None, "WRONG_CLASS"),
        ("bow", None, "WRONG_CLASS"),
        ("helm", None, "LEVEL_TOO_LOW"),
        ("rope", None, "NOT_WEARABLE"),
        ("sword", Some(EquipSlot::Head), "SLOT_MISMATCH"),
        ("sword", Some(EquipSlot::OffHand), "SLOT_MISMATCH"),
        ("sword", None, "OK"),
    ] {
        let before = stage.inventory.list(mage.caller, &stage.data).await.expect("listed");
        let result = equip_first(stage, mage, template, slot).await;
        assert_eq!(reason_of(&result), reason, "{template}");
        let after = stage.inventory.list(mage.caller, &stage.data).await.expect("listed");
        assert_eq!(before == after, reason != "OK", "a refusal has no effect");
    }
    // A set may change under a character: strength is asked for after the class.
    let strict = {
        let mut data = (*stage.data).clone();
        for item in &mut data.items {
            item.str_req = Some(16);
        }
        data
    };
    let fighter = stage.player("Nils", "fighter").await;
    let axe = stage.item(fighter, "axe").await.id;
    let weak = stage.inventory.equip(fighter.caller, &strict, &stage.request(), axe, None).await;
    assert_eq!(reason_of(&weak), "STRENGTH_TOO_LOW");
}

async fn hands(stage: &Stage) {
    let player = stage.player("Olaf", "fighter").await;
    let axe = equip_first(stage, player, "axe", None).await.expect("both hands").reply;
    assert_eq!(worn(&axe), [(EquipSlot::MainHand, "axe")], "sword and shield went to the bag");
    assert_eq!(axe.changed.len(), 3);
    let shield = equip_first(stage, player, "shield", None).await.expect("the off hand").reply;
    assert_eq!(worn(&shield), [(EquipSlot::OffHand, "shield")], "it drove the axe out");
    assert_eq!(shield.version, axe.version + 1);
    let again = equip(stage, player, stage.item(player, "shield").await.id, None).await.expect("nothing to do").reply;
    assert!(again.changed.is_empty() && again.version == shield.version);
    let off = |slot| stage.inventory.unequip(player.caller, &stage.data, "", slot);
    assert_eq!(reason_of(&off(EquipSlot::OffHand).await), "REQUEST_ID_INVALID");
    let request = stage.request();
    let off = stage.inventory.unequip(player.caller, &stage.data, &request, EquipSlot::OffHand).await;
    assert!(off.expect("taken off").reply.worn.is_empty());
    let none = stage.inventory.unequip(player.caller, &stage.data, &stage.request(), EquipSlot::OffHand).await;
    assert_eq!(reason_of(&none), "SLOT_EMPTY");
}

async fn rings_and_binding(stage: &Stage) {
    let player = stage.player("Pia", "mage").await;
    stage.give(player, &[("ring", 3)]).await;
    for (expected, rings) in [(EquipSlot::Ring1, 1), (EquipSlot::Ring2, 2), (EquipSlot::Ring1, 2)] {
        let change = equip_first(stage, player, "ring", None).await.expect("two places").reply;
        assert_eq!(worn(&change).iter().filter(|(_, key)| *key == "ring").count(), rings);
        assert!(change.changed.iter().any(|item| item.worn_in == Some(expected) && item.bound));
    }
    let second = stage.items(player).await.into_iter().find(|item| item.worn_in == Some(EquipSlot::Ring2));
    let moved = equip(stage, player, second.expect("worn").id, Some(EquipSlot::Ring1)).await.expect("its place").reply;
    assert!(worn(&moved).contains(&(EquipSlot::Ring1, "ring")) && !worn(&moved).contains(&(EquipSlot::Ring2, "ring")));
    assert!(stage.items(player).await.iter().filter(|item| item.template == "ring").all(|item| item.bound));
}

async fn stacks_are_worn_by_one(stage: &Stage) {
    let player = stage.player("Rolf", "fighter").await;
    stage.give(player, &[("dagger", 3), ("arrow", 40)]).await;
    let dagger = equip_first(stage, player, "dagger", Some(EquipSlot::OffHand)).await.expect("light").reply;
    let quantities: Vec<u32> = dagger.changed.iter().filter(|i| i.template == "dagger").map(|i| i.quantity).collect();
    assert_eq!(quantities, [2, 1], "one of the stack");
    let arrows = equip_first(stage, player, "arrow", None).await.expect("a quiver").reply;
    assert_eq!(arrows.changed.iter().map(|item| item.quantity).collect::<Vec<_>>(), [40], "all of the stack");
}

async fn a_full_bag(stage: &Stage) {
    let player = stage.player("Siri", "fighter").await;
    // Axe and potions lie there already.
    stage.give(player, &[("ring", BAG_SLOTS - 2)]).await;
    assert_eq!(reason_of(&equip_first(stage, player, "axe", None).await), "BAG_FULL", "one goes out, two come in");
    let off = stage.inventory.unequip(player.caller, &stage.data, &stage.request(), EquipSlot::MainHand).await;
    assert_eq!(reason_of(&off), "BAG_FULL");
    let potion = stage.item(player, "potion").await.id;
    let split = stage.inventory.split(player.caller, &stage.data, &stage.request(), potion, 1).await;
    assert_eq!(reason_of(&split), "BAG_FULL");
    equip_first(stage, player, "ring", None).await.expect("what leaves the bag needs no room");
}

async fn using(stage: &Stage) {
    let player = stage.player("Tim", "fighter").await;
    let use_it = |request: String, item| async move {
        stage.inventory.use_item(player.caller, &stage.data, &request, item).await
    };
    let (potion, axe) = (stage.item(player, "potion").await.id, stage.item(player, "axe").await.id);
    assert_eq!(reason_of(&use_it(stage.request(), potion).await), "NOT_IN_WORLD");
    stage.enter(player, "meadow").await;
    assert_eq!(reason_of(&use_it(stage.request(), axe).await), "NOT_USABLE");
    let request = stage.request();
    let used = use_it(request.clone(), potion).await.expect("it heals");
    assert_eq!((used.reply.used.as_deref(), used.reply.changed[0].quantity), (Some("potion"), 2));
    let again = use_it(request, potion).await.expect("the same request");
    assert!(again.replayed && again.reply == used.reply);
    use_it(stage.request(), potion).await.expect("the second");
    let last = use_it(stage.request(), potion).await.expect("the last").reply;
    assert!(last.changed.is_empty() && last.gone.iter().map(|gone| gone.0).eq([potion]));
    assert_eq!(reason_of(&use_it(stage.request(), potion).await), "UNKNOWN_ITEM");
}

async fn splitting_and_merging(stage: &Stage) {
    let player = stage.player("Ute", "fighter").await;
    let (caller, data) = (player.caller, &stage.data);
    let potion = stage.item(player, "potion").await.id;
    for quantity in [0, 3, 4, u32::MAX] {
        let split = stage.inventory.split(caller, data, &stage.request(), potion, quantity).await;
        assert_eq!(reason_of(&split), "QUANTITY_INVALID", "{quantity}");
    }
    let split = stage.inventory.split(caller, data, &stage.request(), potion, 1).await.expect("one of three").reply;
    let small = split.changed.iter().find(|item| item.id != potion).expect("a new stack").id;
    let merge = |from, to, quantity| {
        let request = stage.request();
        async move { stage.inventory.merge(caller, data, &request, from, to, quantity).await }
    };
    let axe = stage.item(player, "axe").await.id;
    assert_eq!(reason_of(&merge(potion, axe, 1).await), "STACK_MISMATCH");
    assert_eq!(reason_of(&merge(potion, potion, 1).await), "STACK_MISMATCH");
    assert_eq!(reason_of(&merge(small, potion, 2).await), "QUANTITY_INVALID");
    assert_eq!(reason_of(&merge(potion, small, 1).await), "OK");
    let merged = merge(small, potion, 0).await.expect("as many as fit").reply;
    assert_eq!((merged.gone.len(), merged.changed[0].quantity), (1, 3));
    stage.give(player, &[("potion", 7)]).await;
    let stacks = ids_of(&stage.items(player).await, "potion");
    assert_eq!(stacks.len(), 2, "five and five");
    assert_eq!(reason_of(&merge(stacks[0], stacks[1], 0).await), "STACK_FULL");
}

async fn destroying(stage: &Stage) {
    let player = stage.player("Vera", "fighter").await;
    let destroy = |item, quantity| {
        let request = stage.request();
        async move { stage.inventory.destroy(player.caller, &stage.data, &request, item, quantity).await }
    };
    let (potion, sword) = (stage.item(player, "potion").await.id, stage.item(player, "sword").await.id);
    assert_eq!(reason_of(&destroy(potion, 4).await), "QUANTITY_INVALID");
    assert_eq!(destroy(potion, 2).await.expect("two of three").reply.changed[0].quantity, 1);
    assert_eq!(destroy(potion, 0).await.expect("the rest").reply.gone.len(), 1);
    let unarmed = destroy(sword, 0).await.expect("also what is worn").reply;
    assert_eq!(worn(&unarmed), [(EquipSlot::OffHand, "shield")]);
}

async fn others_items_are_unknown(stage: &Stage) {
    let (victim, thief) = (stage.player("Willa", "fighter").await, stage.player("Xaver", "fighter").await);
    let (theirs, own) = (stage.item(victim, "potion").await.id, stage.item(thief, "potion").await.id);
    let (caller, data) = (thief.caller, &stage.data);
    stage.enter(thief, "meadow").await;
    for item in [theirs, ItemId([1; 16])] {
        let reasons = [
            reason_of(&stage.inventory.equip(caller, data, &stage.request(), item, None).await),
            reason_of(&stage.inventory.use_item(caller, data, &stage.request(), item).await),
            reason_of(&stage.inventory.split(caller, data, &stage.request(), item, 1).await),
            reason_of(&stage.inventory.merge(caller, data, &stage.request(), item, own, 1).await),
            reason_of(&stage.inventory.merge(caller, data, &stage.request(), own, item, 1).await),
            reason_of(&stage.inventory.destroy(caller, data, &stage.request(), item, 0).await),
        ];
        assert_eq!(reasons, ["UNKNOWN_ITEM"; 6]);
    }
    assert_eq!(stage.item(victim, "potion").await.quantity, 3);
}

async fn a_request_has_one_effect(stage: &Stage) {
    let player = stage.player("Yann", "fighter").await;
    let (potion, axe) = (stage.item(player, "potion").await.id, stage.item(player, "axe").await.id);
    let (caller, data, request) = (player.caller, &stage.data, stage.request());
    let first = stage.inventory.destroy(caller, data, &request, potion, 1).await.expect("one of three");
    let again = stage.inventory.destroy(caller, data, &request, potion, 1).await.expect("the stored reply");
    assert_eq!((first.replayed, again.replayed, &again.reply), (false, true, &first.reply));
    let others = [
        reason_of(&stage.inventory.destroy(caller, data, &request, potion, 2).await),
        reason_of(&stage.inventory.destroy(caller, data, &request, axe, 1).await),
        reason_of(&stage.inventory.split(caller, data, &request, potion, 1).await),
    ];
    assert_eq!(others, ["REQUEST_ID_REUSED"; 3]);
    assert_eq!(stage.item(player, "potion").await.quantity, 2);
    // A refused request left no record: it may be tried again when it can succeed.
    let request = stage.request();
    assert_eq!(reason_of(&stage.inventory.use_item(caller, data, &request, potion).await), "NOT_IN_WORLD");
    stage.enter(player, "meadow").await;
    assert_eq!(reason_of(&stage.inventory.use_item(caller, data, &request, potion).await), "OK");
    // The same id of another account is another request.
    let other = stage.player("Yara", "fighter").await;
    let theirs = stage.item(other, "potion").await.id;
    assert_eq!(reason_of(&stage.inventory.destroy(other.caller, data, &request, theirs, 1).await), "OK");
}

async fn a_hundred_equal_requests_have_one_effect(stage: &Stage) {
    let player = stage.player("Zita", "fighter").await;
    let (potion, request) = (stage.item(player, "potion").await.id, stage.request());
    let mut racers = JoinSet::new();
    for _ in 0..RACERS {
        let (inventory, data, request) = (Arc::clone(&stage.inventory), Arc::clone(&stage.data), request.clone());
        racers.spawn(async move { inventory.destroy(player.caller, &data, &request, potion, 1).await });
    }
    let done: Vec<_> = racers.join_all().await.into_iter().map(|result| result.expect("an equal request")).collect();
    assert_eq!(done.iter().filter(|outcome| !outcome.replayed).count(), 1);
    assert!(done.iter().all(|outcome| outcome.reply == done[0].reply));
    assert_eq!(stage.item(player, "potion").await.quantity, 2);

    // A hundred different requests for what is there twice.
    let mut racers = JoinSet::new();
    for _ in 0..RACERS {
        let (inventory, data, request) = (Arc::clone(&stage.inventory), Arc::clone(&stage.data), stage.request());
        racers.spawn(async move { inventory.destroy(player.caller, &data, &request, potion, 1).await });
    }
    let done: Vec<&str> = racers.join_all().await.iter().map(reason_of).collect();
    assert_eq!(done.iter().filter(|reason| **reason == "OK").count(), 2);
    assert_eq!(done.iter().filter(|reason| **reason == "UNKNOWN_ITEM").count(), RACERS - 2);
}
