use std::sync::Arc;

use shallot_proto::wire::{CharacterId, OwnerEpoch};
use tokio::task::JoinSet;

use super::fixture::{BAG_SLOTS, ids_of};
use super::{Adapters, Stage, reason_of};
use crate::grants::Grant;
use crate::ledger::MintRule;
use crate::limits::{GRANT_COINS_MAX, GRANTS_BURST, WALLET_MAX};
use crate::reason::Reason;

/// Equal grants at once.
const RACERS: usize = 100;

pub(super) async fn all(adapters: &Adapters) {
    let stage = Stage::new(adapters, 500);
    a_kill(&stage).await;
    a_pick_up(&stage).await;
    coins_are_no_items(&stage).await;
    stacks_are_filled_first(&stage).await;
    a_full_bag_refuses_all_of_it(&stage).await;
    too_much_at_once(&stage).await;
    only_the_owner_grants(&stage).await;
    a_hundred_equal_grants_have_one_effect(&stage).await;
    a_rule_is_capped_by_rate(&stage).await;
    stage.assert_conserved().await;
}

async fn a_kill(stage: &Stage) {
    let player = stage.player("Kill Anna", "fighter").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let kill = Grant { coins: 7, ..stage.grant(player, owner_epoch, 299, &[]) };
    let first = stage.grants.grant(&kill, &stage.data).await.expect("stored").reply;
    assert_eq!((first.xp, first.xp_total, first.level, first.levels_gained), (299, 299, 1, 0));
    assert_eq!((first.coins.copper(), first.wallet.copper(), first.inventory_version), (7, 7, 1), "coins are no items");
    let second =
        stage.grants.grant(&stage.grant(player, owner_epoch, 601, &[]), &stage.data).await.expect("stored").reply;
    assert_eq!((second.xp_total, second.level, second.levels_gained), (900, 3, 2));
    let again = stage.grants.grant(&kill, &stage.data).await.expect("the stored reply");
    assert!(again.replayed && again.reply == first, "as it was the first time");
    let view = stage.characters.selected(player.caller, &stage.data).await.expect("read");
    assert_eq!((view.record.xp, view.record.level, view.unspent_stat_points), (900, 3, 16));
    let most =
        stage.grants.grant(&stage.grant(player, owner_epoch, u64::MAX, &[]), &stage.data).await.expect("stored").reply;
    assert_eq!((most.xp_total, most.xp), (i64::MAX as u64, i64::MAX as u64 - 900), "what does not count is not told");
}

async fn a_pick_up(stage: &Stage) {
    let player = stage.player("Pick Bert", "fighter").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let request_id = Some(stage.request());
    let drop = stage.grant(player, owner_epoch, 0, &[("rope", 2)]);
    let pick_up = Grant { rule: MintRule::Pickup, request_id: request_id.clone(), ..drop };
    let first = stage.grants.grant(&pick_up, &stage.data).await.expect("stored");
    assert_eq!((first.reply.items[0].template.as_str(), first.reply.items[0].quantity), ("rope", 2));
    for repeated in [pick_up.clone(), Grant { request_id: Some(stage.request()), ..pick_up.clone() }] {
        let again = stage.grants.grant(&repeated, &stage.data).await.expect("the same grant");
        assert!(again.replayed && again.reply == first.reply);
    }
    let other = Grant { request_id: request_id.clone(), ..stage.grant(player, owner_epoch, 0, &[("rope", 1)]) };
    assert_eq!(reason_of(&stage.grants.grant(&other, &stage.data).await), "REQUEST_ID_REUSED");
    let request = request_id.and_then(|id| id.parse().ok()).expect("an id");
    let told = stage.grants.told_before(player.caller.account, request).await.expect("asked");
    assert_eq!(told, Some(first.reply));
    let (stranger, _) = stage.sign_in().await;
    assert_eq!(stage.grants.told_before(stranger.account, request).await.expect("asked"), None);
    let bad = Grant { request_id: Some("no id".to_owned()), ..other };
    assert_eq!(reason_of(&stage.grants.grant(&bad, &stage.data).await), "REQUEST_ID_INVALID");
    assert_eq!(stage.item(player, "rope").await.quantity, 2);
}

async fn coins_are_no_items(stage: &Stage) {
    let player = stage.player("Coin Cleo", "mage").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let grant = Grant { coins: 3, ..stage.grant(player, owner_epoch, 0, &[("gold", 4), ("copper", 5), ("rope", 1)]) };
    let reply = stage.grants.grant(&grant, &stage.data).await.expect("stored").reply;
    assert_eq!((reply.coins.copper(), reply.items.len()), (408, 1));
    let view = stage.inventory.list(player.caller, &stage.data).await.expect("listed");
    assert_eq!((view.wallet.copper(), view.items.len()), (408, 2), "dagger and rope");
}

async fn stacks_are_filled_first(stage: &Stage) {
    let player = stage.player("Fill Dirk", "fighter").await;
    stage.give(player, &[("potion", 4)]).await;
    let stacks = |items: &[crate::item::ItemRecord]| {
        let mut quantities: Vec<u32> = items.iter().filter(|i| i.template == "potion").map(|i| i.quantity).collect();
        quantities.sort_unstable();
        quantities
    };
    assert_eq!(stacks(&stage.items(player).await), [2, 5], "three were there, five fit");
    stage.give(player, &[("kit", 1)]).await;
    let items = stage.items(player).await;
    assert_eq!((stacks(&items), ids_of(&items, "kit").len()), (vec![4, 5], 0), "a bundle arrives as its parts");
    assert_eq!(stage.item(player, "arrow").await.quantity, 20);
    let helmet = stage.player("Fill Dora", "mage").await;
    stage.give(helmet, &[("helm", 1)]).await;
    assert_eq!(stage.item(helmet, "helm").await.durability, Some(50));
}

async fn a_full_bag_refuses_all_of_it(stage: &Stage) {
    let player = stage.player("Full Emma", "mage").await;
    stage.give(player, &[("ring", BAG_SLOTS)]).await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let grant = Grant { coins: 9, ..stage.grant(player, owner_epoch, 5, &[("gold", 1), ("rope", 1)]) };
    for _ in 0..2 {
        assert_eq!(reason_of(&stage.grants.grant(&grant, &stage.data).await), "BAG_FULL");
    }
    let view = stage.characters.selected(player.caller, &stage.data).await.expect("read");
    assert_eq!((view.record.xp, view.record.wallet.copper()), (0, 0), "no part of it");
    let ring = stage.item(player, "ring").await.id;
    stage.inventory.destroy(player.caller, &stage.data, &stage.request(), ring, 0).await.expect("thrown away");
    assert_eq!(reason_of(&stage.grants.grant(&grant, &stage.data).await), "OK", "the same grant, with room");
}

async fn too_much_at_once(stage: &Stage) {
    let player = stage.player("Huge Fred", "mage").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let refused = |grant: Grant| async move { reason_of(&stage.grants.grant(&grant, &stage.data).await) };
    let grant = |items: &[(&str, u32)]| stage.grant(player, owner_epoch, 0, items);
    assert_eq!(refused(grant(&[("rope", u32::MAX)])).await, "GRANT_TOO_LARGE");
    assert_eq!(refused(grant(&[("gold", u32::MAX)])).await, "GRANT_TOO_LARGE");
    assert_eq!(refused(grant(&[("rope", 1); 33])).await, "GRANT_TOO_LARGE");
    assert_eq!(refused(grant(&[("rope", 100_000)])).await, "BAG_FULL");
    assert_eq!(refused(grant(&[("family", 1)])).await, "UNKNOWN_TEMPLATE", "a family is no thing");
    for coins in [-1, i64::MIN, GRANT_COINS_MAX + 1, i64::MAX, WALLET_MAX] {
        assert_eq!(refused(Grant { coins, ..grant(&[]) }).await, "GRANT_TOO_LARGE");
    }
    assert_eq!(refused(Grant { coins: GRANT_COINS_MAX, ..grant(&[]) }).await, "OK");
}

async fn only_the_owner_grants(stage: &Stage) {
    let player = stage.player("Own Gina", "mage").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    for other in [OwnerEpoch(owner_epoch.0 - 1), owner_epoch.next()] {
        let grant = stage.grant(player, other, 5, &[("gold", 1)]);
        assert_eq!(reason_of(&stage.grants.grant(&grant, &stage.data).await), "FENCED");
    }
    let nobody = Grant { character: CharacterId([3; 16]), ..stage.grant(player, owner_epoch, 5, &[]) };
    assert_eq!(reason_of(&stage.grants.grant(&nobody, &stage.data).await), "FENCED");
    let view = stage.characters.selected(player.caller, &stage.data).await.expect("read");
    assert_eq!((view.record.xp, view.record.wallet.copper()), (0, 0));
}

async fn a_hundred_equal_grants_have_one_effect(stage: &Stage) {
    let player = stage.player("Race Hugo", "mage").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let grant = Arc::new(stage.grant(player, owner_epoch, 10, &[("gold", 1), ("rope", 1)]));
    let mut racers = JoinSet::new();
    for _ in 0..RACERS {
        let (grants, data, grant) = (Arc::clone(&stage.grants), Arc::clone(&stage.data), Arc::clone(&grant));
        racers.spawn(async move { grants.grant(&grant, &data).await.expect("an equal grant") });
    }
    let done = racers.join_all().await;
    assert_eq!(done.iter().filter(|outcome| !outcome.replayed).count(), 1);
    assert!(done.iter().all(|outcome| outcome.reply == done[0].reply));
    let view = stage.characters.selected(player.caller, &stage.data).await.expect("read");
    assert_eq!((view.record.xp, view.record.wallet.copper()), (10, 100));
    assert_eq!(stage.item(player, "rope").await.quantity, 1);
}

async fn a_rule_is_capped_by_rate(stage: &Stage) {
    let player = stage.player("Rate Inga", "mage").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let first = stage.grant(player, owner_epoch, 1, &[]);
    stage.grants.grant(&first, &stage.data).await.expect("the first");
    for _ in 1..GRANTS_BURST {
        stage.grants.grant(&stage.grant(player, owner_epoch, 1, &[]), &stage.data).await.expect("within the burst");
    }
    let grant = stage.grant(player, owner_epoch, 1, &[]);
    let refused = stage.grants.grant(&grant, &stage.data).await.expect_err("beyond the burst");
    assert_eq!((refused.reason(), refused.retry_after_ms()), ("GRANT_RATE", Some(100)));
    assert!(stage.grants.grant(&first, &stage.data).await.expect("a repeated grant draws nothing").replayed);
    let pick_up = Grant { rule: MintRule::Pickup, ..stage.grant(player, owner_epoch, 1, &[]) };
    assert_eq!(reason_of(&stage.grants.grant(&pick_up, &stage.data).await), "OK", "another rule has its own");
    stage.clock.advance(100);
    assert_eq!(reason_of(&stage.grants.grant(&grant, &stage.data).await), "OK", "the refused one, in time");
}
