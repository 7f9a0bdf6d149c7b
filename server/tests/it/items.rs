//! Items: what one may not wear or does not own stays where it is; a request happens once.

use shallot_client::proto::economy::v1::EquipSlot;
use shallot_client::{ApiError, Code, clock};

use crate::bystanders::Bystanders;
use crate::player::{Account, account, units};
use crate::process::Server;

fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>, code: Code, reason: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (code, reason), "{error}");
}

/// A worn item and a stack in the bag that a new fighter has.
async fn worn_and_stack(account: &Account) -> (String, String) {
    let inventory = account.api.inventory().list().await.unwrap();
    let worn = inventory.items.iter().find(|item| item.worn_in == EquipSlot::MainHand as i32).unwrap();
    let stack = inventory.items.iter().find(|item| item.worn_in == 0 && item.quantity > 1).unwrap();
    (worn.id.clone(), stack.id.clone())
}

#[tokio::test]
async fn another_accounts_items_and_wrong_slots_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let (one, two) = (account(server.grpc, "Robin").await, account(server.grpc, "Marian").await);
    let (worn, stack) = worn_and_stack(&one).await;
    let before = units(&one.api.inventory().list().await.unwrap());
    let id = || clock::new_request_id().unwrap();

    let theirs = two.api.inventory();
    refused(theirs.equip(id(), &worn, EquipSlot::Unspecified).await, Code::NotFound, "UNKNOWN_ITEM");
    refused(theirs.destroy(id(), &stack, 0).await, Code::NotFound, "UNKNOWN_ITEM");
    refused(theirs.split(id(), &stack, 1).await, Code::NotFound, "UNKNOWN_ITEM");
    refused(theirs.destroy(id(), "no id", 0).await, Code::NotFound, "UNKNOWN_ITEM");

    let mine = one.api.inventory();
    refused(mine.equip(id(), &worn, EquipSlot::Head).await, Code::FailedPrecondition, "SLOT_MISMATCH");
    refused(mine.equip(id(), &stack, EquipSlot::Unspecified).await, Code::FailedPrecondition, "NOT_WEARABLE");
    refused(mine.unequip(id(), EquipSlot::Neck).await, Code::FailedPrecondition, "SLOT_EMPTY");
    refused(mine.unequip(id(), EquipSlot::Unspecified).await, Code::InvalidArgument, "SLOT_INVALID");
    refused(mine.split(id(), &stack, 0).await, Code::InvalidArgument, "QUANTITY_INVALID");
    refused(mine.split(id(), &stack, u32::MAX).await, Code::InvalidArgument, "QUANTITY_INVALID");
    assert_eq!(units(&one.api.inventory().list().await.unwrap()), before);
    beside.lost_nothing().await;
}

#[tokio::test]
async fn a_request_happens_once_and_its_id_is_for_one_body() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let robin = account(server.grpc, "Robin").await;
    let (_, stack) = worn_and_stack(&robin).await;
    let before = units(&robin.api.inventory().list().await.unwrap());
    let id = clock::new_request_id().unwrap();
    let inventory = robin.api.inventory();
    let first = inventory.destroy(id, &stack, 1).await.unwrap();
    let again = inventory.destroy(id, &stack, 1).await.unwrap();
    assert_eq!(first, again);
    refused(inventory.destroy(id, &stack, 2).await, Code::InvalidArgument, "REQUEST_ID_REUSED");
    let after = units(&robin.api.inventory().list().await.unwrap());
    assert_eq!(before.values().sum::<u64>(), after.values().sum::<u64>() + 1);
    let old = shallot_client::wire::RequestId([0; 16]);
    refused(inventory.destroy(old, &stack, 1).await, Code::InvalidArgument, "REQUEST_ID_INVALID");
    beside.lost_nothing().await;
}
