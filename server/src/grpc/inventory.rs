//! What the selected character owns. After a commit the character's shard is told what is worn now, and of what was used.

use std::sync::Arc;

use arc_swap::ArcSwap;
use shallot_masterdata::MasterData;
use shallot_proto::economy::v1::inventory_service_server::InventoryService;
use shallot_proto::economy::v1::{
    DestroyRequest, EquipRequest, EquipSlot as WireSlot, Inventory as WireInventory, InventoryChange, Item,
    ListInventoryRequest, MergeRequest, SplitRequest, UnequipRequest, UseRequest,
};
use shallot_proto::wire::ItemId;
use shallot_services::Outcome;
use shallot_services::character::Caller;
use shallot_services::inventory::{Inventory as UseCases, InventoryChange as Changed};
use shallot_services::item::{EquipSlot, ItemRecord};
use shallot_services::refusal::ChangeError;
use shallot_world::Command;
use tonic::{Code, Request, Response, Status};

use super::auth::caller;
use super::status;
use crate::gateway::players::Players;
use crate::hubs::sheet::worn_rows;
use crate::store_runtime::StoreRuntime;

/// The service of one gateway worker.
pub(crate) struct Inventory {
    pub(crate) inventory: Arc<UseCases>,
    pub(crate) data: Arc<ArcSwap<MasterData>>,
    pub(crate) players: Arc<Players>,
    pub(crate) stores: StoreRuntime,
}

impl Inventory {
    /// Runs a change on the store runtime, tells the shard, answers.
    async fn change<F>(
        &self,
        caller: Caller,
        work: impl FnOnce(Arc<UseCases>, Arc<MasterData>) -> F,
    ) -> Result<Response<InventoryChange>, Status>
    where
        F: Future<Output = Result<Outcome<Changed>, ChangeError>> + Send + 'static,
    {
        let data = self.data.load_full();
        let done = self.stores.run(work(Arc::clone(&self.inventory), Arc::clone(&data))).await;
        let outcome = done.map_err(|_| status::internal())?.map_err(|error| status::service(&error))?;
        self.tell_shard(caller, &outcome, &data);
        let changed = outcome.reply;
        Ok(Response::new(InventoryChange {
            changed: changed.changed.iter().map(item).collect(),
            gone: changed.gone.iter().map(|gone| gone.0.to_string()).collect(),
            version: changed.version,
        }))
    }

    /// The store is the truth; a shard that is too busy to hear learns it at the character's next entry. Of a repeated request
    /// it has heard before.
    fn tell_shard(&self, caller: Caller, outcome: &Outcome<Changed>, data: &MasterData) {
        let place = self.players.session(caller.session).and_then(|session| session.place());
        let Some(place) = place.filter(|_| !outcome.replayed) else { return };
        let (character, changed) = (place.character, &outcome.reply);
        let equipment =
            Command::Equipment { character, version: changed.version, worn: worn_rows(&changed.worn, data) };
        let used = changed.used.as_deref().and_then(|key| data.item_by_key(key));
        let used = used.map(|template| Command::ItemUsed { character, template });
        for command in [Some(equipment), used].into_iter().flatten() {
            if place.shard.try_send(command).is_err() {
                tracing::warn!(%character, "the shard was too busy to hear of an inventory change");
            }
        }
    }
}

#[tonic::async_trait]
impl InventoryService for Inventory {
    async fn list(&self, request: Request<ListInventoryRequest>) -> Result<Response<WireInventory>, Status> {
        let caller = caller(&request)?;
        let (inventory, data) = (Arc::clone(&self.inventory), self.data.load_full());
        let done = self.stores.run(async move { inventory.list(caller, &data).await }).await;
        let holdings = done.map_err(|_| status::internal())?.map_err(|error| status::service(&error))?;
        Ok(Response::new(WireInventory {
            items: holdings.items.iter().map(item).collect(),
            wallet_copper: holdings.wallet.copper(),
            bag_slots: holdings.bag_slots,
            version: holdings.version,
        }))
    }

    async fn equip(&self, request: Request<EquipRequest>) -> Result<Response<InventoryChange>, Status> {
        let caller = caller(&request)?;
        let EquipRequest { request_id, item_id: id, slot } = request.into_inner();
        let (id, slot) = (item_id(&id)?, equip_slot(slot)?);
        self.change(
            caller,
            |use_cases, data| async move { use_cases.equip(caller, &data, &request_id, id, slot).await },
        )
        .await
    }

    async fn unequip(&self, request: Request<UnequipRequest>) -> Result<Response<InventoryChange>, Status> {
        let caller = caller(&request)?;
        let UnequipRequest { request_id, slot } = request.into_inner();
        let slot = equip_slot(slot)?.ok_or_else(slot_invalid)?;
        self.change(caller, |use_cases, data| async move { use_cases.unequip(caller, &data, &request_id, slot).await })
            .await
    }

    async fn r#use(&self, request: Request<UseRequest>) -> Result<Response<InventoryChange>, Status> {
        let caller = caller(&request)?;
        let UseRequest { request_id, item_id: id } = request.into_inner();
        let id = item_id(&id)?;
        self.change(caller, |use_cases, data| async move { use_cases.use_item(caller, &data, &request_id, id).await })
            .await
    }

    async fn split(&self, request: Request<SplitRequest>) -> Result<Response<InventoryChange>, Status> {
        let caller = caller(&request)?;
        let SplitRequest { request_id, item_id: id, quantity } = request.into_inner();
        let id = item_id(&id)?;
        self.change(
            caller,
            |use_cases, data| async move { use_cases.split(caller, &data, &request_id, id, quantity).await },
        )
        .await
    }

    async fn merge(&self, request: Request<MergeRequest>) -> Result<Response<InventoryChange>, Status> {
        let caller = caller(&request)?;
        let MergeRequest { request_id, from_item_id, to_item_id, quantity } = request.into_inner();
        let (from, to) = (item_id(&from_item_id)?, item_id(&to_item_id)?);
        let merge = |use_cases: Arc<UseCases>, data: Arc<MasterData>| async move {
            use_cases.merge(caller, &data, &request_id, from, to, quantity).await
        };
        self.change(caller, merge).await
    }

    async fn destroy(&self, request: Request<DestroyRequest>) -> Result<Response<InventoryChange>, Status> {
        let caller = caller(&request)?;
        let DestroyRequest { request_id, item_id: id, quantity } = request.into_inner();
        let id = item_id(&id)?;
        self.change(caller, |use_cases, data| async move {
            use_cases.destroy(caller, &data, &request_id, id, quantity).await
        })
        .await
    }
}

/// An id that is none is like one that never was.
fn item_id(text: &str) -> Result<ItemId, Status> {
    text.parse().map_err(|_| status::refusal(Code::NotFound, "UNKNOWN_ITEM", "no such item"))
}

fn equip_slot(number: i32) -> Result<Option<EquipSlot>, Status> {
    if number == WireSlot::Unspecified as i32 {
        return Ok(None);
    }
    u8::try_from(number).ok().and_then(|number| EquipSlot::try_from(number).ok()).map(Some).ok_or_else(slot_invalid)
}

fn slot_invalid() -> Status {
    status::refusal(Code::InvalidArgument, "SLOT_INVALID", "no such slot")
}

fn item(item: &ItemRecord) -> Item {
    Item {
        id: item.id.to_string(),
        template: item.template.clone(),
        quantity: item.quantity,
        worn_in: item.worn_in.map_or(WireSlot::Unspecified as i32, |slot| i32::from(slot.number())),
        bound: item.bound,
        durability: item.durability,
    }
}
