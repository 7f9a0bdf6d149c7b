use std::collections::BTreeMap;

use async_trait::async_trait;
use shallot_proto::wire::{CharacterId, GrantId, ItemId};

use super::{MemoryStores, Tables};
use crate::holdings::ItemCause;
use crate::item::EquipSlot;
use crate::ledger::LedgerAccount;
use crate::ports::{CommittedGrant, EconomyAudit, StoreError, Totals, Violation};

#[async_trait]
impl EconomyAudit for MemoryStores {
    async fn violations(&self) -> Result<Vec<Violation>, StoreError> {
        self.transact(|tables| {
            let mut found = coins(tables);
            found.extend(places(tables));
            found.extend(units(tables));
            found.sort();
            Ok(found)
        })
    }

    async fn grants(&self, after: Option<GrantId>, limit: u32) -> Result<Vec<CommittedGrant>, StoreError> {
        self.transact(|tables| {
            let later = tables.grants.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
            let grant = |(id, (character, reply)): (&GrantId, &(CharacterId, Vec<u8>))| CommittedGrant {
                id: *id,
                character: *character,
                reply: reply.clone(),
            };
            Ok(later.take(limit as usize).map(grant).collect())
        })
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.transact(|tables| {
            let mut totals = Totals {
                accounts: tables.accounts.len() as u64,
                characters: tables.characters.len() as u64,
                grants: tables.grants.len() as u64,
                ..Totals::default()
            };
            for row in tables.characters.values() {
                totals.levels += u64::from(row.level);
                totals.xp += row.xp;
                totals.coins += row.wallet.copper();
            }
            for (_, item) in tables.items.values() {
                *totals.items.entry(item.template.clone()).or_default() += u64::from(item.quantity);
            }
            for event in &tables.item_log {
                if let ItemCause::Mint(rule) = event.cause {
                    *totals.minted.entry(rule.key().to_owned()).or_default() += event.delta.unsigned_abs();
                }
            }
            Ok(totals)
        })
    }
}

fn violation(invariant: &'static str, subject: String, what: String) -> Violation {
    Violation { invariant, subject, what }
}

/// I1 and I2.
fn coins(tables: &Tables) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut sums: BTreeMap<CharacterId, i64> = tables.characters.keys().map(|id| (*id, 0)).collect();
    for posting in &tables.postings {
        let sum: i64 = posting.entries().iter().map(|entry| entry.copper).sum();
        if sum != 0 {
            found.push(violation("I1", format!("posting {:?}", posting.id()), format!("its entries sum to {sum}")));
        }
        for entry in posting.entries() {
            if let LedgerAccount::Wallet(id) = entry.account {
                *sums.entry(id).or_default() += entry.copper;
            }
        }
    }
    for (id, sum) in sums {
        let balance = tables.characters.get(&id).map_or(0, |row| row.wallet.copper());
        if balance != sum {
            found.push(violation("I2", format!("wallet:{id}"), format!("balance {balance}, entries {sum}")));
        }
    }
    found
}

/// I3.
fn places(tables: &Tables) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut taken: BTreeMap<(CharacterId, EquipSlot), ItemId> = BTreeMap::new();
    for (owner, item) in tables.items.values() {
        if !tables.characters.contains_key(owner) {
            found.push(violation("I3", format!("item {}", item.id), "its owner is no character".to_owned()));
        }
        if let Some(slot) = item.worn_in
            && let Some(other) = taken.insert((*owner, slot), item.id)
        {
            found.push(violation("I3", format!("item {}", item.id), format!("worn in the place of {other}")));
        }
    }
    found
}

/// I4.
fn units(tables: &Tables) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut logged: BTreeMap<ItemId, (i64, CharacterId)> = BTreeMap::new();
    let mut by_template: BTreeMap<&str, i64> = BTreeMap::new();
    for event in &tables.item_log {
        let entry = logged.entry(event.item).or_insert((0, event.owner));
        *entry = (entry.0 + event.delta, event.owner);
        if matches!(event.cause, ItemCause::Mint(_) | ItemCause::Sink(_)) {
            *by_template.entry(&event.template).or_default() += event.delta;
        }
    }
    for (owner, item) in tables.items.values() {
        *by_template.entry(&item.template).or_default() -= i64::from(item.quantity);
        let log = logged.remove(&item.id);
        if log != Some((i64::from(item.quantity), *owner)) {
            found.push(violation("I4", format!("item {}", item.id), format!("its log says {log:?}")));
        }
    }
    let of_nothing = logged.into_iter().filter(|(_, (units, _))| *units != 0);
    found.extend(of_nothing.map(|(id, _)| violation("I4", format!("item {id}"), "its log has units left".to_owned())));
    let unbalanced = by_template.into_iter().filter(|(_, units)| *units != 0);
    found.extend(
        unbalanced.map(|(template, off)| violation("I4", format!("template {template}"), format!("off by {off}"))),
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::ItemRecord;
    use crate::ledger::{MintRule, Posting};

    fn invariants(tables: &Tables) -> Vec<&'static str> {
        let mut found: Vec<_> = [coins(tables), places(tables), units(tables)].concat();
        found.sort();
        found.into_iter().map(|violation| violation.invariant).collect()
    }

    #[test]
    fn planted_breaks_are_found() {
        let nobody = CharacterId([1; 16]);
        let item = ItemRecord {
            id: ItemId([2; 16]),
            template: "rope".to_owned(),
            quantity: 1,
            worn_in: Some(EquipSlot::Head),
            bound: false,
            durability: None,
        };
        let mut tables = Tables::default();
        assert_eq!(invariants(&tables), [""; 0]);
        tables.items.insert(item.id, (nobody, item.clone()));
        assert_eq!(invariants(&tables), ["I3", "I4", "I4"], "no owner, no log, never minted");
        let twin = ItemRecord { id: ItemId([3; 16]), ..item };
        tables.items.insert(twin.id, (nobody, twin));
        assert_eq!(invariants(&tables), ["I3", "I3", "I3", "I4", "I4", "I4"], "two in one place");
        let amount = crate::amount::Amount::new(5).unwrap();
        let wallet = LedgerAccount::Wallet(nobody);
        tables.postings.extend(Posting::transfer([4; 16], LedgerAccount::Mint(MintRule::Kill), wallet, amount));
        assert_eq!(invariants(&tables)[0], "I2", "entries of a wallet that is not there");
    }
}
