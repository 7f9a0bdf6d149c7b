//! Drops and rewards: what the world grants is stored once, whoever asks how often.
//!
//! A grant is one transaction for one recipient: fenced by the owner epoch, named by its [`GrantId`], minted from a named account,
//! capped by rate. Coins are minted to the wallet and are never items: a currency's unit is worth its `price_copper`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shallot_masterdata::{Item, ItemKind, ItemTemplateId, MasterData};
use shallot_proto::wire::{AccountId, CharacterId, GrantId, OwnerEpoch, RequestId};

use crate::amount::Amount;
use crate::clock::Ids;
use crate::desk::{Desk, Outcome};
use crate::holdings::Draft;
use crate::ledger::MintRule;
use crate::limits::{GRANT_COINS_MAX, GRANT_ITEMS_MAX, GRANT_UNITS_MAX, GRANTS_BURST, GRANTS_PER_MINUTE, XP_MAX};
use crate::ports::{CharacterStore, Guard, Keys, StoreError};
use crate::rates::{Buckets, Rate};
use crate::reason::Reason;
use crate::refusal::{ChangeError, Refusal};
use crate::request::Request;

/// What the world wants stored for one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Named by the shard: region, its epoch, tick, entity, recipient and ordinal, so that no restart repeats it.
    pub id: GrantId,
    /// Who gets it.
    pub character: CharacterId,
    /// By what right.
    pub owner_epoch: OwnerEpoch,
    /// From which mint.
    pub rule: MintRule,
    /// Experience added.
    pub xp: u64,
    /// Coins that are minted beside those among the items, copper pieces; 0 or more.
    pub coins: i64,
    /// Items and coins, with quantities. A bundle arrives as its parts.
    pub items: Vec<(ItemTemplateId, u32)>,
    /// A pick-up's request id, as the client wrote it.
    pub request_id: Option<String>,
}

/// One kind of item that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedItem {
    /// Key in `items.csv`.
    pub template: String,
    /// Units.
    pub quantity: u32,
}

/// What is stored for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantReply {
    /// Which grant.
    #[serde(with = "crate::id_text")]
    pub grant_id: GrantId,
    /// Experience added.
    pub xp: u64,
    /// In all.
    pub xp_total: u64,
    /// After it.
    pub level: u8,
    /// Gained by it.
    pub levels_gained: u8,
    /// Coins added.
    pub coins: Amount,
    /// Coins in all.
    pub wallet: Amount,
    /// Items added, coins apart.
    pub items: Vec<GrantedItem>,
    /// Of the inventory, after it.
    pub inventory_version: u64,
}

/// The use case.
pub struct Grants {
    desk: Desk,
    rates: Buckets<(CharacterId, MintRule)>,
}

impl Grants {
    /// Grants over that store, at most [`GRANTS_PER_MINUTE`] for a character under one rule.
    #[must_use]
    pub fn new(store: Arc<dyn CharacterStore>, ids: Ids) -> Self {
        let rates = Buckets::new(Rate { per_minute: GRANTS_PER_MINUTE, burst: GRANTS_BURST }, ids.clock());
        Self { desk: Desk { store, ids }, rates }
    }

    /// Stores a grant, all of it or nothing. The same grant again, or the same request of a pick-up, gets the first reply and has no
    /// second effect, also after a restart.
    ///
    /// # Errors
    /// `Fenced`, those of the request, and the refusals `BagFull`, `WalletFull`, `GrantTooLarge`, `GrantRate`, `UnknownTemplate`.
    pub async fn grant(&self, grant: &Grant, data: &MasterData) -> Result<Outcome<GrantReply>, ChangeError> {
        let request = match &grant.request_id {
            Some(text) => Some(Request::new(text, "pick_up", &grant.id.0, self.desk.ids.now_ms())?),
            None => None,
        };
        let keys = Keys { request, grant: Some(grant.id) };
        let guard = Guard::Owner(grant.character, grant.owner_epoch);
        // Within the rule, so that a repeated grant draws nothing from the bucket.
        let rule = |draft: &mut Draft<'_>| {
            self.rates
                .check(&(grant.character, grant.rule))
                .map_err(|retry| Refusal::GrantRate { retry_after_ms: retry.0 })?;
            give(draft, grant)
        };
        let outcome = self.desk.change(guard, keys, data, rule).await;
        if let Err(error @ (ChangeError::Fenced | ChangeError::Store(_))) = &outcome {
            tracing::warn!(grant = %grant.id, character = %grant.character, reason = error.reason(), %error, "grant not stored");
        }
        outcome
    }

    /// What the pick-up under that request id was answered; `None` when there was none, or too long ago.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn told_before(&self, account: AccountId, request: RequestId) -> Result<Option<GrantReply>, StoreError> {
        let reply = self.desk.store.reply(account, request).await?;
        // Another kind of request has a reply of another shape.
        Ok(reply.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

fn give(draft: &mut Draft<'_>, grant: &Grant) -> Result<GrantReply, Refusal> {
    let before = draft.character().level;
    let (coins, items) = contents(draft.data(), grant)?;
    for (template, quantity) in &items {
        draft.mint(template, *quantity, grant.rule)?;
    }
    draft.check_bag()?;
    draft.mint_coins(coins, grant.rule)?;
    let xp_total = draft.character().xp.saturating_add(grant.xp).min(XP_MAX);
    // A set with a steeper curve takes no level away.
    let level = draft.data().level_for_xp(xp_total).max(before);
    let xp = xp_total - draft.character().xp;
    draft.set_xp(xp_total, level);
    Ok(GrantReply {
        grant_id: grant.id,
        xp,
        xp_total,
        level,
        levels_gained: level - before,
        coins,
        wallet: draft.character().wallet,
        items: items
            .iter()
            .map(|(item, quantity)| GrantedItem { template: item.key.clone(), quantity: *quantity })
            .collect(),
        inventory_version: draft.version(),
    })
}

/// So many of one item.
type Units<'d> = (&'d Item, u32);

/// Coins in copper pieces, and the items apart from them.
fn contents<'d>(data: &'d MasterData, grant: &Grant) -> Result<(Amount, Vec<Units<'d>>), Refusal> {
    let units: u64 = grant.items.iter().map(|(_, quantity)| u64::from(*quantity)).sum();
    if grant.items.len() > GRANT_ITEMS_MAX || units > GRANT_UNITS_MAX {
        return Err(Refusal::GrantTooLarge);
    }
    let mut coins = Amount::new(grant.coins).map_err(|_| Refusal::GrantTooLarge)?;
    let mut items = Vec::new();
    for (id, quantity) in &grant.items {
        let template = data.items.get(id.index()).filter(|item| !item.is_abstract).ok_or(Refusal::UnknownTemplate)?;
        match template.kind {
            ItemKind::Currency => {
                let worth = Amount::new(template.price_copper).ok().and_then(|price| price.times(*quantity));
                coins = worth.and_then(|worth| coins.plus(worth)).ok_or(Refusal::GrantTooLarge)?;
            }
            ItemKind::Bundle => items.extend(parts(data, *id, *quantity)?),
            _ => items.push((template, *quantity)),
        }
    }
    if coins.copper() > GRANT_COINS_MAX || items.len() > GRANT_ITEMS_MAX {
        return Err(Refusal::GrantTooLarge);
    }
    Ok((coins, items))
}

fn parts(data: &MasterData, bundle: ItemTemplateId, count: u32) -> Result<Vec<Units<'_>>, Refusal> {
    let row = data.bundles.iter().find(|row| row.item == bundle).ok_or(Refusal::UnknownTemplate)?;
    let part = |(id, quantity): &(ItemTemplateId, u32)| {
        let item = data.items.get(id.index()).ok_or(Refusal::UnknownTemplate)?;
        Ok((item, quantity.checked_mul(count).ok_or(Refusal::GrantTooLarge)?))
    };
    row.parts.iter().map(part).collect()
}
