//! What a character is and has: loaded as one state, written as a change says.

use shallot_proto::wire::CharacterId;

use super::{Tables, broken};
use crate::amount::Amount;
use crate::character::CharacterState;
use crate::holdings::{Change, ItemWrite};
use crate::item::ItemRecord;
use crate::ledger::{LedgerAccount, Posting};
use crate::ports::StoreError;

const WRITING: &str = "writing a change";

/// The character with all it owns.
pub(super) fn load(tables: &Tables, id: CharacterId) -> Option<CharacterState> {
    let character = tables.characters.get(&id)?.clone();
    let owned = tables.items.values().filter(|(owner, _)| *owner == id);
    let items = owned.map(|(_, item)| item.clone()).collect();
    let in_world = tables.fencing.get(&id).is_some_and(|fence| fence.owner_region.is_some());
    Some(CharacterState { character, items, in_world })
}

/// Writes a change, line by line; fails as a database's constraints would.
pub(super) fn apply(tables: &mut Tables, id: CharacterId, change: &Change) -> Result<(), StoreError> {
    let row = tables.characters.get_mut(&id).ok_or_else(|| broken(WRITING, "no such character"))?;
    row.level = change.level;
    row.xp = change.xp;
    row.added = change.added;
    row.inventory_version = change.inventory_version;
    for write in &change.items {
        match write {
            ItemWrite::Put(item) => put(tables, id, item)?,
            ItemWrite::Remove(item) => {
                let removed = tables.items.remove(item);
                removed.filter(|(owner, _)| *owner == id).ok_or_else(|| broken(WRITING, "no such item"))?;
            }
        }
    }
    tables.item_log.extend(change.events.iter().cloned());
    for posting in &change.postings {
        post(tables, posting)?;
    }
    Ok(())
}

fn put(tables: &mut Tables, id: CharacterId, item: &ItemRecord) -> Result<(), StoreError> {
    let is_elsewhere = tables.items.get(&item.id).is_some_and(|(owner, _)| *owner != id);
    let is_crowded = item.worn_in.is_some()
        && tables
            .items
            .values()
            .any(|(owner, other)| *owner == id && other.id != item.id && other.worn_in == item.worn_in);
    if is_elsewhere || is_crowded || item.quantity == 0 {
        return Err(broken(WRITING, "an item has one owner, one place of its own and at least one unit"));
    }
    tables.items.insert(item.id, (id, item.clone()));
    Ok(())
}

fn post(tables: &mut Tables, posting: &Posting) -> Result<(), StoreError> {
    if tables.postings.iter().any(|known| known.id() == posting.id()) {
        return Err(broken(WRITING, "a posting is written once"));
    }
    for entry in posting.entries() {
        if let LedgerAccount::Wallet(id) = entry.account {
            let row = tables.characters.get_mut(&id).ok_or_else(|| broken(WRITING, "no such wallet"))?;
            let balance = row.wallet.copper().checked_add(entry.copper).and_then(|sum| Amount::new(sum).ok());
            row.wallet = balance.ok_or_else(|| broken(WRITING, "a balance lies between 0 and the cap"))?;
        }
    }
    tables.postings.push(posting.clone());
    Ok(())
}
