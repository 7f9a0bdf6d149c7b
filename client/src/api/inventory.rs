//! Calls about what the selected character owns.

use shallot_proto::economy::v1::inventory_service_client::InventoryServiceClient;
use shallot_proto::economy::v1::{
    DestroyRequest, EquipRequest, EquipSlot, Inventory, InventoryChange, ListInventoryRequest, MergeRequest,
    SplitRequest, UnequipRequest, UseRequest,
};
use shallot_proto::wire::RequestId;
use tonic::transport::Channel;

use super::{Api, ApiError};
use crate::limits::ANSWER_MAX;

/// See [`Api::inventory`]. Every method fails with an [`ApiError`] whose reasons stand in `economy/v1/inventory.proto`.
pub struct InventoryCalls<'a> {
    api: &'a Api,
    client: InventoryServiceClient<Channel>,
}

impl<'a> InventoryCalls<'a> {
    pub(super) fn new(api: &'a Api) -> Self {
        let client = InventoryServiceClient::new(api.channel()).max_decoding_message_size(ANSWER_MAX);
        Self { api, client }
    }

    /// Everything: bag, worn, wallet.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn list(&self) -> Result<Inventory, ApiError> {
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.list(request).await }
        };
        self.api.call(ListInventoryRequest {}, send).await
    }

    /// Wears an item; [`EquipSlot::Unspecified`] is the item's own place, the first free one of two.
    ///
    /// # Errors
    /// `LEVEL_TOO_LOW`, `STRENGTH_TOO_LOW`, `WRONG_CLASS`, `NOT_WEARABLE`, `SLOT_MISMATCH`, `BAG_FULL`, `UNKNOWN_ITEM`.
    pub async fn equip(&self, request: RequestId, item_id: &str, slot: EquipSlot) -> Result<InventoryChange, ApiError> {
        let message = EquipRequest { request_id: request.to_string(), item_id: item_id.to_owned(), slot: slot.into() };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.equip(request).await }
        };
        self.api.call(message, send).await
    }

    /// Puts what is worn there into the bag.
    ///
    /// # Errors
    /// `BAG_FULL`, `UNKNOWN_ITEM`.
    pub async fn unequip(&self, request: RequestId, slot: EquipSlot) -> Result<InventoryChange, ApiError> {
        let message = UnequipRequest { request_id: request.to_string(), slot: slot.into() };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.unequip(request).await }
        };
        self.api.call(message, send).await
    }

    /// Uses up one of a consumable.
    ///
    /// # Errors
    /// `NOT_USABLE`, `NOT_IN_WORLD`, `UNKNOWN_ITEM`.
    pub async fn use_up(&self, request: RequestId, item_id: &str) -> Result<InventoryChange, ApiError> {
        let message = UseRequest { request_id: request.to_string(), item_id: item_id.to_owned() };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.r#use(request).await }
        };
        self.api.call(message, send).await
    }

    /// Moves `quantity` units of a stack to a new one.
    ///
    /// # Errors
    /// `BAG_FULL`, `UNKNOWN_ITEM`, or a quantity that leaves nothing.
    pub async fn split(&self, request: RequestId, item_id: &str, quantity: u32) -> Result<InventoryChange, ApiError> {
        let message = SplitRequest { request_id: request.to_string(), item_id: item_id.to_owned(), quantity };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.split(request).await }
        };
        self.api.call(message, send).await
    }

    /// Moves units onto another stack of the same template and binding; 0: as many as fit.
    ///
    /// # Errors
    /// `UNKNOWN_ITEM`, or stacks that do not go together.
    pub async fn merge(
        &self,
        request: RequestId,
        from_item_id: &str,
        to_item_id: &str,
        quantity: u32,
    ) -> Result<InventoryChange, ApiError> {
        let message = MergeRequest {
            request_id: request.to_string(),
            from_item_id: from_item_id.to_owned(),
            to_item_id: to_item_id.to_owned(),
            quantity,
        };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.merge(request).await }
        };
        self.api.call(message, send).await
    }

    /// Destroys units of a stack; 0: all of it.
    ///
    /// # Errors
    /// `UNKNOWN_ITEM`, or more than there is.
    pub async fn destroy(&self, request: RequestId, item_id: &str, quantity: u32) -> Result<InventoryChange, ApiError> {
        let message = DestroyRequest { request_id: request.to_string(), item_id: item_id.to_owned(), quantity };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.destroy(request).await }
        };
        self.api.call(message, send).await
    }
}
