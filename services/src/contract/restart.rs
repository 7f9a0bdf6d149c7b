//! What must be there after closing and opening.

use shallot_proto::wire::OwnerEpoch;

use super::fixture::body;
use super::{Adapters, Player, Stage, reason_of};
use crate::auth::SignedIn;
use crate::character::CharacterView;
use crate::grants::{Grant, GrantReply};
use crate::inventory::{InventoryChange, InventoryView};
use crate::item::EquipSlot;
use crate::ports::Totals;

/// What was acknowledged before the restart.
pub struct Witness {
    player: Player,
    owner_epoch: OwnerEpoch,
    grant: Grant,
    granted: GrantReply,
    request: String,
    changed: InventoryChange,
    signed: SignedIn,
    old_refresh_token: String,
    view: CharacterView,
    inventory: InventoryView,
    totals: Totals,
}

/// Does a little of everything.
pub async fn before_restart(adapters: &Adapters) -> Witness {
    let stage = Stage::new(adapters, 600);
    stage.auth.register(&stage.request(), "restarted", "password").await.expect("a new name");
    assert_eq!(reason_of(&stage.auth.log_in("restarted", "wrong-one").await), "WRONG_CREDENTIALS");

    let (first, caller) = stage.sign_in().await;
    let signed = stage.auth.refresh(&first.refresh_token).await.expect("it works once");
    let character = stage.create(caller, "Restarted", "fighter").await;
    stage.characters.select(caller, &stage.data, character).await.expect("its own");
    let player = Player { caller, character };

    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let grant = Grant {
        request_id: Some(stage.request()),
        ..stage.grant(player, owner_epoch, 350, &[("gold", 2), ("rope", 3)])
    };
    let granted = stage.grants.grant(&grant, &stage.data).await.expect("stored").reply;
    let request = stage.request();
    let slot = EquipSlot::MainHand;
    let changed = stage.inventory.unequip(caller, &stage.data, &request, slot).await.expect("taken off").reply;
    stage.characters.save(body(player, owner_epoch, 4_711, 13)).await.expect("owned");

    let view = stage.characters.selected(caller, &stage.data).await.expect("read");
    let inventory = stage.inventory.list(caller, &stage.data).await.expect("read");
    let totals = adapters.audit.totals().await.expect("summed");
    let old_refresh_token = first.refresh_token;
    Witness {
        player,
        owner_epoch,
        grant,
        granted,
        request,
        changed,
        signed,
        old_refresh_token,
        view,
        inventory,
        totals,
    }
}

/// Finds it all again.
pub async fn after_restart(adapters: &Adapters, was: Witness) {
    let stage = Stage::new(adapters, 601);
    let Player { caller, character } = was.player;
    assert_eq!(stage.characters.selected(caller, &stage.data).await.expect("read"), was.view);
    assert_eq!(stage.inventory.list(caller, &stage.data).await.expect("read"), was.inventory);
    assert_eq!(adapters.audit.totals().await.expect("summed"), was.totals);
    stage.assert_conserved().await;

    let again = stage.grants.grant(&was.grant, &stage.data).await.expect("the stored reply");
    assert!(again.replayed && again.reply == was.granted);
    let unequip = |slot| stage.inventory.unequip(caller, &stage.data, &was.request, slot);
    let again = unequip(EquipSlot::MainHand).await.expect("the stored reply");
    assert!(again.replayed && again.reply == was.changed);
    assert_eq!(reason_of(&unequip(EquipSlot::OffHand).await), "REQUEST_ID_REUSED");

    assert_eq!(reason_of(&stage.auth.log_in("restarted", "password").await), "LOCKED_OUT");
    stage.clock.advance(1_000);
    assert_eq!(reason_of(&stage.auth.log_in("restarted", "password").await), "OK");

    stage.auth.verify(&was.signed.access_token).await.expect("still in time");
    let entered = stage.enter(was.player, "meadow").await;
    assert_eq!((entered.view.record.position, entered.view.record.hp), (was.view.record.position, Some(13)));
    assert!(entered.owner_epoch > was.owner_epoch, "owner epochs go on");
    let late = Grant { request_id: None, ..stage.grant(was.player, was.owner_epoch, 1, &[]) };
    assert_eq!(reason_of(&stage.grants.grant(&late, &stage.data).await), "FENCED");

    assert_eq!(reason_of(&stage.auth.refresh(&was.old_refresh_token).await), "REFRESH_REUSED");
    assert_eq!(reason_of(&stage.auth.verify(&was.signed.access_token).await), "SESSION_REPLACED");
    assert_eq!(stage.store().characters(caller.account).await.expect("read")[0].id, character);
}
