//! What one transaction does to one character, worked out on a copy: a rule drafts, a store applies.
//!
//! A [`Draft`] starts from the loaded state and only offers moves that keep units: minting and destroying name their rule and
//! are logged, splitting and merging log both ends. [`Draft::finish`] turns it into a [`Change`], which a store writes line by line
//! without knowing why.

use std::collections::BTreeSet;

use shallot_masterdata::{Item, MasterData};
use shallot_proto::wire::{CharacterId, ItemId};

use crate::amount::Amount;
use crate::character::{CharacterRecord, CharacterState, Scores, worn};
use crate::clock::Ids;
use crate::item::{EquipSlot, ItemRecord, Worn};
use crate::ledger::{LedgerAccount, MintRule, Posting, SinkRule};
use crate::refusal::Refusal;

/// One line of a change to items. Stores apply them in the order given: it never has two items in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemWrite {
    /// The item's row, new or replaced.
    Put(ItemRecord),
    /// The item is gone.
    Remove(ItemId),
}

/// Why an item's log has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemCause {
    /// Came into the world.
    Mint(MintRule),
    /// Left the world.
    Sink(SinkRule),
    /// Units went from one stack to another.
    Move,
    /// Bound to its wearer; no units moved.
    Bind,
}

impl ItemCause {
    /// Stored: `mint:<rule>`, `sink:<rule>`, `move`, `bind`.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Mint(rule) => format!("mint:{}", rule.key()),
            Self::Sink(rule) => format!("sink:{}", rule.key()),
            Self::Move => "move".to_owned(),
            Self::Bind => "bind".to_owned(),
        }
    }
}

/// One line of an item's append-only log. The deltas of an item sum to its quantity; the owner of the last line owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemEvent {
    /// Whose log.
    pub item: ItemId,
    /// Key in `items.csv`.
    pub template: String,
    /// Whose item it is after this line.
    pub owner: CharacterId,
    /// Units that came, or (negative) went.
    pub delta: i64,
    /// Why.
    pub cause: ItemCause,
}

/// What a store writes for one character, all or nothing, and the reply it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Change {
    /// New level.
    pub level: u8,
    /// New experience in all.
    pub xp: u64,
    /// New spent points.
    pub added: Scores,
    /// New version of the inventory.
    pub inventory_version: u64,
    /// In order.
    pub items: Vec<ItemWrite>,
    /// In order.
    pub events: Vec<ItemEvent>,
    /// Coins that move; the store adds each wallet entry to the balance.
    pub postings: Vec<Posting>,
    /// What the caller is answered, now and whenever it asks again.
    pub reply: Vec<u8>,
}

/// A change in the making.
#[derive(Clone)]
pub struct Draft<'a> {
    state: CharacterState,
    before: &'a CharacterState,
    data: &'a MasterData,
    ids: &'a Ids,
    touched: BTreeSet<ItemId>,
    events: Vec<ItemEvent>,
    postings: Vec<Posting>,
}

impl<'a> Draft<'a> {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(before: &'a CharacterState, data: &'a MasterData, ids: &'a Ids) -> Self {
        Self {
            state: before.clone(),
            before,
            data,
            ids,
            touched: BTreeSet::new(),
            events: Vec::new(),
            postings: Vec::new(),
        }
    }

    /// The set in force.
    #[must_use]
    pub fn data(&self) -> &'a MasterData {
        self.data
    }

    /// As changed so far.
    #[must_use]
    pub fn character(&self) -> &CharacterRecord {
        &self.state.character
    }

    /// Whether a living shard owns the character.
    #[must_use]
    pub fn is_in_world(&self) -> bool {
        self.state.in_world
    }

    /// As changed so far.
    #[must_use]
    pub fn items(&self) -> &[ItemRecord] {
        &self.state.items
    }

    /// One of the character's items.
    ///
    /// # Errors
    /// [`Refusal::UnknownItem`] for an item of somebody else like for one that never was.
    pub fn item(&self, id: ItemId) -> Result<&ItemRecord, Refusal> {
        self.state.items.iter().find(|item| item.id == id).ok_or(Refusal::UnknownItem)
    }

    /// An item's row in the set.
    ///
    /// # Errors
    /// [`Refusal::UnknownTemplate`] when the set in force has no such row.
    pub fn template(&self, key: &str) -> Result<&'a Item, Refusal> {
        self.data.item_by_key(key).map(|id| self.data.item(id)).ok_or(Refusal::UnknownTemplate)
    }

    /// What is worn there.
    #[must_use]
    pub fn worn_at(&self, slot: EquipSlot) -> Option<&ItemRecord> {
        self.state.items.iter().find(|item| item.worn_in == Some(slot))
    }

    /// All that is worn, by slot.
    #[must_use]
    pub fn worn(&self) -> Vec<Worn> {
        worn(&self.state.items)
    }

    /// Makes `quantity` units out of nothing, into stacks in the bag that have room and then into new ones.
    ///
    /// # Errors
    /// [`Refusal::BagFull`] when even an empty bag would not hold them; else the caller checks the bag at the end.
    pub fn mint(&mut self, template: &Item, mut quantity: u32, rule: MintRule) -> Result<(), Refusal> {
        let key = template.key.as_str();
        let open: Vec<ItemId> = self
            .state
            .items
            .iter()
            .filter(|item| {
                item.template == key && item.worn_in.is_none() && !item.bound && item.quantity < template.stack_max
            })
            .map(|item| item.id)
            .collect();
        for id in open {
            let room = self.item(id).map_or(0, |item| template.stack_max.saturating_sub(item.quantity)).min(quantity);
            if room > 0 {
                self.add_units(id, room, ItemCause::Mint(rule));
                quantity -= room;
            }
        }
        if quantity.div_ceil(template.stack_max.max(1)) > self.data.balance.bag_slots {
            return Err(Refusal::BagFull);
        }
        while quantity > 0 {
            let units = quantity.min(template.stack_max.max(1));
            self.new_stack(key, units, template.durability_max, ItemCause::Mint(rule));
            quantity -= units;
        }
        Ok(())
    }

    /// Takes `quantity` units of an item out of the world.
    ///
    /// # Errors
    /// [`Refusal::UnknownItem`], or [`Refusal::QuantityInvalid`] for none or more than there are.
    pub fn destroy(&mut self, id: ItemId, quantity: u32, rule: SinkRule) -> Result<(), Refusal> {
        if quantity == 0 || quantity > self.item(id)?.quantity {
            return Err(Refusal::QuantityInvalid);
        }
        self.take_units(id, quantity, ItemCause::Sink(rule));
        Ok(())
    }

    /// Moves units from one stack to another; what it leaves empty is gone. Both must be the character's.
    ///
    /// # Errors
    /// [`Refusal::UnknownItem`], or [`Refusal::QuantityInvalid`] for none or more than there are.
    pub fn move_units(&mut self, from: ItemId, to: ItemId, quantity: u32) -> Result<(), Refusal> {
        self.item(to)?;
        if quantity == 0 || quantity > self.item(from)?.quantity || from == to {
            return Err(Refusal::QuantityInvalid);
        }
        self.take_units(from, quantity, ItemCause::Move);
        self.add_units(to, quantity, ItemCause::Move);
        Ok(())
    }

    /// Moves units of a stack to a new one in the bag, and returns it.
    ///
    /// # Errors
    /// [`Refusal::UnknownItem`], or [`Refusal::QuantityInvalid`] for none or for all of them.
    pub fn split_off(&mut self, from: ItemId, quantity: u32) -> Result<ItemId, Refusal> {
        let source = self.item(from)?.clone();
        if quantity == 0 || quantity >= source.quantity {
            return Err(Refusal::QuantityInvalid);
        }
        self.take_units(from, quantity, ItemCause::Move);
        let id = self.new_stack(&source.template, quantity, source.durability, ItemCause::Move);
        self.edit(id, |item| item.bound = source.bound);
        Ok(id)
    }

    /// Puts an item there, or (`None`) into the bag. Whoever drafts empties the place first.
    pub fn put(&mut self, id: ItemId, place: Option<EquipSlot>) {
        self.edit(id, |item| item.worn_in = place);
    }

    /// Binds an item to the character.
    pub fn bind(&mut self, id: ItemId) {
        if self.item(id).is_ok_and(|item| !item.bound) {
            self.edit(id, |item| item.bound = true);
            self.log(id, 0, ItemCause::Bind);
        }
    }

    /// Coins out of nothing into the wallet.
    ///
    /// # Errors
    /// [`Refusal::WalletFull`] above the cap.
    pub fn mint_coins(&mut self, amount: Amount, rule: MintRule) -> Result<(), Refusal> {
        let wallet = LedgerAccount::Wallet(self.state.character.id);
        self.state.character.wallet = self.state.character.wallet.plus(amount).ok_or(Refusal::WalletFull)?;
        self.postings.extend(Posting::transfer(self.ids.uuid_v7(), LedgerAccount::Mint(rule), wallet, amount));
        Ok(())
    }

    /// Everything the character owns leaves the world.
    pub fn destroy_everything(&mut self, rule: SinkRule) {
        for item in self.before.items.clone() {
            self.take_units(item.id, item.quantity, ItemCause::Sink(rule));
        }
        let coins = std::mem::take(&mut self.state.character.wallet);
        let wallet = LedgerAccount::Wallet(self.state.character.id);
        self.postings.extend(Posting::transfer(self.ids.uuid_v7(), wallet, LedgerAccount::Sink(rule), coins));
    }

    /// Sets experience in all and the level that belongs to it.
    pub fn set_xp(&mut self, xp: u64, level: u8) {
        self.state.character.xp = xp;
        self.state.character.level = level;
    }

    /// Spends points.
    pub fn add_scores(&mut self, add: Scores) {
        self.state.character.added = self.state.character.added.plus(add);
    }

    /// Whether the bag is within its slots, or at least not fuller than before.
    ///
    /// # Errors
    /// [`Refusal::BagFull`].
    pub fn check_bag(&self) -> Result<(), Refusal> {
        let in_bag = |items: &[ItemRecord]| items.iter().filter(|item| item.worn_in.is_none()).count();
        let after = in_bag(&self.state.items);
        let slots = usize::try_from(self.data.balance.bag_slots).unwrap_or(usize::MAX);
        if after > slots && after > in_bag(&self.before.items) { Err(Refusal::BagFull) } else { Ok(()) }
    }

    /// The inventory's version after this draft.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.before.character.inventory_version + u64::from(!self.touched.is_empty())
    }

    /// Items whose state is another, and ids that are gone.
    #[must_use]
    pub fn differences(&self) -> (Vec<ItemRecord>, Vec<ItemId>) {
        let known = |id: &ItemId| self.before.items.iter().any(|item| item.id == *id);
        let changed = self.state.items.iter().filter(|item| self.touched.contains(&item.id)).cloned().collect();
        let gone = self.touched.iter().filter(|id| self.item(**id).is_err() && known(id)).copied().collect();
        (changed, gone)
    }

    /// The change, with the reply that a repeated request gets too.
    #[must_use]
    pub fn finish(self, reply: Vec<u8>) -> Change {
        let inventory_version = self.version();
        let (mut changed, gone) = self.differences();
        // What leaves a place goes before what comes to it.
        changed.sort_by_key(|item| item.worn_in.is_some());
        Change {
            level: self.state.character.level,
            xp: self.state.character.xp,
            added: self.state.character.added,
            inventory_version,
            items: gone.into_iter().map(ItemWrite::Remove).chain(changed.into_iter().map(ItemWrite::Put)).collect(),
            events: self.events,
            postings: self.postings,
            reply,
        }
    }

    fn new_stack(&mut self, template: &str, quantity: u32, durability: Option<u32>, cause: ItemCause) -> ItemId {
        let id = ItemId(self.ids.uuid_v7());
        let template = template.to_owned();
        self.state.items.push(ItemRecord { id, template, quantity, worn_in: None, bound: false, durability });
        self.touched.insert(id);
        self.log(id, i64::from(quantity), cause);
        id
    }

    fn add_units(&mut self, id: ItemId, quantity: u32, cause: ItemCause) {
        self.edit(id, |item| item.quantity = item.quantity.saturating_add(quantity));
        self.log(id, i64::from(quantity), cause);
    }

    fn take_units(&mut self, id: ItemId, quantity: u32, cause: ItemCause) {
        self.log(id, -i64::from(quantity), cause);
        self.edit(id, |item| item.quantity = item.quantity.saturating_sub(quantity));
        self.state.items.retain(|item| item.quantity > 0);
    }

    fn edit(&mut self, id: ItemId, edit: impl FnOnce(&mut ItemRecord)) {
        if let Some(item) = self.state.items.iter_mut().find(|item| item.id == id) {
            edit(item);
            self.touched.insert(id);
        }
    }

    fn log(&mut self, id: ItemId, delta: i64, cause: ItemCause) {
        if let Some(item) = self.state.items.iter().find(|item| item.id == id) {
            let owner = self.state.character.id;
            self.events.push(ItemEvent { item: id, template: item.template.clone(), owner, delta, cause });
        }
    }
}
