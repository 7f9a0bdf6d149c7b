//! Double entry: coins only move between accounts, and each posting sums to zero.
//!
//! A mint is where coins come from and a sink where they go; both have entries but no balance row, or they would queue the whole
//! world. Items have no amounts here: their log ([`crate::holdings::ItemEvent`]) names the same rules.

use std::fmt;
use std::str::FromStr;

use shallot_proto::wire::CharacterId;

use crate::amount::Amount;

/// Why value comes into the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MintRule {
    /// A monster's death.
    Kill,
    /// A drop picked up.
    Pickup,
    /// What a new character starts with.
    Start,
}

impl MintRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Pickup, Self::Start];

    /// Stable name, stored.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pickup => "pickup",
            Self::Start => "start",
        }
    }
}

/// Why value leaves the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SinkRule {
    /// A consumable was used.
    Use,
    /// A player threw it away.
    Destroy,
    /// A character was deleted with all it carried.
    Delete,
}

impl SinkRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Use, Self::Destroy, Self::Delete];

    /// Stable name, stored.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Destroy => "destroy",
            Self::Delete => "delete",
        }
    }
}

/// Who holds coins. The text form is stored: `wallet:<character id>`, `mint:<rule>`, `sink:<rule>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// A character's coins.
    Wallet(CharacterId),
    /// Where new coins come from.
    Mint(MintRule),
    /// Where coins end.
    Sink(SinkRule),
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(character) => write!(f, "wallet:{character}"),
            Self::Mint(rule) => write!(f, "mint:{}", rule.key()),
            Self::Sink(rule) => write!(f, "sink:{}", rule.key()),
        }
    }
}

/// The text names no ledger account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a ledger account: wallet:<id>, mint:<rule> or sink:<rule> is expected")]
pub struct UnknownLedgerAccount;

impl FromStr for LedgerAccount {
    type Err = UnknownLedgerAccount;

    fn from_str(text: &str) -> Result<Self, UnknownLedgerAccount> {
        let (kind, name) = text.split_once(':').ok_or(UnknownLedgerAccount)?;
        match kind {
            "wallet" => name.parse().ok().map(Self::Wallet),
            "mint" => MintRule::ALL.into_iter().find(|rule| rule.key() == name).map(Self::Mint),
            "sink" => SinkRule::ALL.into_iter().find(|rule| rule.key() == name).map(Self::Sink),
            _ => None,
        }
        .ok_or(UnknownLedgerAccount)
    }
}

/// One line of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub account: LedgerAccount,
    /// Copper pieces; negative leaves the account. Never 0.
    pub copper: i64,
}

/// One movement of coins. Its entries sum to zero by construction: there is no other way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    id: [u8; 16],
    entries: [Entry; 2],
}

impl Posting {
    /// `amount` goes from one account to the other. `None` when there is nothing to move.
    #[must_use]
    pub fn transfer(id: [u8; 16], from: LedgerAccount, to: LedgerAccount, amount: Amount) -> Option<Self> {
        let copper = amount.copper();
        (copper > 0 && from != to)
            .then(|| Self { id, entries: [Entry { account: from, copper: -copper }, Entry { account: to, copper }] })
    }

    /// UUIDv7.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Its lines.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posting_sums_to_zero_and_its_accounts_read_back() {
        let wallet = LedgerAccount::Wallet(CharacterId([7; 16]));
        let mint = LedgerAccount::Mint(MintRule::Kill);
        let posting = Posting::transfer([1; 16], mint, wallet, Amount::new(25).unwrap()).unwrap();
        assert_eq!(posting.entries().iter().map(|e| e.copper).sum::<i64>(), 0);
        for account in [wallet, mint, LedgerAccount::Sink(SinkRule::Delete)] {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        assert_eq!(Posting::transfer([1; 16], mint, wallet, Amount::ZERO), None);
        assert!("mint:nothing".parse::<LedgerAccount>().is_err());
    }
}
