//! What the session's character owns: list, wear, use, split, merge, destroy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shallot_masterdata::{ItemKind, MasterData};
use shallot_proto::wire::ItemId;

use crate::amount::Amount;
use crate::character::{Caller, CharacterState};
use crate::clock::Ids;
use crate::desk::{Desk, Outcome};
use crate::equipment;
use crate::holdings::Draft;
use crate::item::{EquipSlot, ItemRecord, Worn};
use crate::ledger::SinkRule;
use crate::ports::{CharacterStore, Guard, Keys};
use crate::refusal::{ChangeError, Refusal};
use crate::request::Request;

/// All a character owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryView {
    /// Bag and worn, by id.
    pub items: Vec<ItemRecord>,
    /// Coins.
    pub wallet: Amount,
    /// Stacks the bag holds at most.
    pub bag_slots: u32,
    /// Rises with each change.
    pub version: u64,
}

/// What a change left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryChange {
    /// The new state of each touched item.
    pub changed: Vec<ItemRecord>,
    /// Ids that are gone.
    pub gone: Vec<GoneItem>,
    /// Of the inventory, after the change.
    pub version: u64,
    /// All that is worn after it, by slot: what the character's shard is told, which drops an older version.
    pub worn: Vec<Worn>,
    /// What was used up, key in `items.csv`: its effects are the shard's to apply, when the change is not a replay.
    pub used: Option<String>,
}

/// The id of an item that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GoneItem(#[serde(with = "crate::id_text")] pub ItemId);

impl InventoryChange {
    fn of(draft: &Draft<'_>, used: Option<String>) -> Self {
        let (changed, gone) = draft.differences();
        let gone = gone.into_iter().map(GoneItem).collect();
        Self { changed, gone, version: draft.version(), worn: draft.worn(), used }
    }
}

/// The use cases. Each acts on the session's character; an item of somebody else is unknown like one that never was.
pub struct Inventory {
    desk: Desk,
}

impl Inventory {
    /// The use cases over that store.
    #[must_use]
    pub fn new(store: Arc<dyn CharacterStore>, ids: Ids) -> Self {
        Self { desk: Desk { store, ids } }
    }

    /// Bag, worn and wallet, straight from the store.
    ///
    /// # Errors
    /// `SessionReplaced`, `NoCharacter`, `Store`.
    pub async fn list(&self, caller: Caller, data: &MasterData) -> Result<InventoryView, ChangeError> {
        let CharacterState { character, items, .. } = self.desk.store.selected(caller).await?;
        let (wallet, version) = (character.wallet, character.inventory_version);
        Ok(InventoryView { items, wallet, bag_slots: data.balance.bag_slots, version })
    }

    /// Wears an item: see [`equipment::wear`].
    ///
    /// # Errors
    /// Those of the guard, the request and the rule.
    pub async fn equip(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        item: ItemId,
        slot: Option<EquipSlot>,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let request = self.request(request_id, "equip", &(item.0, slot))?;
        self.change(caller, data, request, move |draft| equipment::wear(draft, item, slot)).await
    }

    /// Takes off what is worn there: see [`equipment::take_off`].
    ///
    /// # Errors
    /// Those of the guard, the request and the rule.
    pub async fn unequip(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        slot: EquipSlot,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let request = self.request(request_id, "unequip", &slot)?;
        self.change(caller, data, request, move |draft| equipment::take_off(draft, slot)).await
    }

    /// Uses up one unit of a consumable that heals, of a character in a region. What was used stands in the change.
    ///
    /// # Errors
    /// Those of the guard and the request; `UnknownItem`, `NotUsable`, `LevelTooLow`, `NotInWorld`.
    pub async fn use_item(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        item: ItemId,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let request = self.request(request_id, "use", &item.0)?;
        let keys = Keys { request: Some(request), grant: None };
        let rule = move |draft: &mut Draft<'_>| {
            let used = use_up(draft, item)?;
            Ok(InventoryChange::of(draft, Some(used)))
        };
        self.desk.change(Guard::Session(caller), keys, data, rule).await
    }

    /// Splits `quantity` units off a stack in the bag.
    ///
    /// # Errors
    /// Those of the guard and the request; `UnknownItem`, `StackMismatch` (it is worn), `QuantityInvalid`, `BagFull`.
    pub async fn split(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        item: ItemId,
        quantity: u32,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let request = self.request(request_id, "split", &(item.0, quantity))?;
        self.change(caller, data, request, move |draft| split(draft, item, quantity)).await
    }

    /// Moves units of one stack in the bag onto another of the same kind and binding; 0: as many as fit.
    ///
    /// # Errors
    /// Those of the guard and the request; `UnknownItem`, `StackMismatch`, `StackFull`, `QuantityInvalid`.
    pub async fn merge(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        from: ItemId,
        to: ItemId,
        quantity: u32,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let request = self.request(request_id, "merge", &(from.0, to.0, quantity))?;
        self.change(caller, data, request, move |draft| merge(draft, from, to, quantity)).await
    }

    /// Throws `quantity` units away; 0: all.
    ///
    /// # Errors
    /// Those of the guard and the request; `UnknownItem`, `QuantityInvalid`.
    pub async fn destroy(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        item: ItemId,
        quantity: u32,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let request = self.request(request_id, "destroy", &(item.0, quantity))?;
        let rule = move |draft: &mut Draft<'_>| {
            let all = draft.item(item)?.quantity;
            draft.destroy(item, if quantity == 0 { all } else { quantity }, SinkRule::Destroy)
        };
        self.change(caller, data, request, rule).await
    }

    fn request<B: Serialize>(&self, id: &str, operation: &'static str, body: &B) -> Result<Request, ChangeError> {
        Ok(Request::new(id, operation, body, self.desk.ids.now_ms())?)
    }

    async fn change(
        &self,
        caller: Caller,
        data: &MasterData,
        request: Request,
        rule: impl Fn(&mut Draft<'_>) -> Result<(), Refusal> + Send + Sync,
    ) -> Result<Outcome<InventoryChange>, ChangeError> {
        let keys = Keys { request: Some(request), grant: None };
        let with_reply = |draft: &mut Draft<'_>| {
            rule(draft)?;
            Ok(InventoryChange::of(draft, None))
        };
        self.desk.change(Guard::Session(caller), keys, data, with_reply).await
    }
}

/// A consumable whose effects say `heal_min` or `heal_max` heals; others have no use yet.
fn use_up(draft: &mut Draft<'_>, id: ItemId) -> Result<String, Refusal> {
    let key = draft.item(id)?.template.clone();
    let template = draft.template(&key)?;
    let heals = template.effects.iter().any(|effect| matches!(effect.stat.as_str(), "heal_min" | "heal_max"));
    if template.kind != ItemKind::Consumable || template.is_abstract || !heals {
        return Err(Refusal::NotUsable);
    }
    if draft.character().level < template.level_req {
        return Err(Refusal::LevelTooLow);
    }
    if !draft.is_in_world() {
        return Err(Refusal::NotInWorld);
    }
    draft.destroy(id, 1, SinkRule::Use)?;
    Ok(key)
}

fn split(draft: &mut Draft<'_>, id: ItemId, quantity: u32) -> Result<(), Refusal> {
    if draft.item(id)?.worn_in.is_some() {
        return Err(Refusal::StackMismatch);
    }
    draft.split_off(id, quantity)?;
    draft.check_bag()
}

fn merge(draft: &mut Draft<'_>, from: ItemId, to: ItemId, quantity: u32) -> Result<(), Refusal> {
    let (source, target) = (draft.item(from)?, draft.item(to)?);
    let alike =
        source.template == target.template && source.bound == target.bound && source.durability == target.durability;
    if from == to || !alike || source.worn_in.is_some() || target.worn_in.is_some() {
        return Err(Refusal::StackMismatch);
    }
    let room = draft.template(&target.template)?.stack_max.saturating_sub(target.quantity);
    if room == 0 {
        return Err(Refusal::StackFull);
    }
    let units = if quantity == 0 { room.min(source.quantity) } else { quantity };
    if units > room {
        return Err(Refusal::QuantityInvalid);
    }
    draft.move_units(from, to, units)
}
