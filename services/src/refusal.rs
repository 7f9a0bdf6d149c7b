//! What the rules of the game refuse, and the errors of calls that run such a rule in a transaction.

use crate::ports::StoreError;
use crate::reason::{INTERNAL, Reason};
use crate::request::RequestError;

/// A rule said no. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else's item, or none.
    #[error("no such item")]
    UnknownItem,
    /// The set in force has no such item.
    #[error("the master data has no such item")]
    UnknownTemplate,
    /// The item asks for a higher level.
    #[error("the character's level is too low")]
    LevelTooLow,
    /// The item asks for more strength.
    #[error("the character's strength is too low")]
    StrengthTooLow,
    /// Not for the character's class.
    #[error("the character's class cannot wear this")]
    WrongClass,
    /// Not a thing one wears.
    #[error("this cannot be worn")]
    NotWearable,
    /// Not a thing one wears there.
    #[error("this is not worn in that slot")]
    SlotMismatch,
    /// Nothing is worn there.
    #[error("nothing is worn in that slot")]
    SlotEmpty,
    /// More stacks than the bag holds.
    #[error("the bag is full")]
    BagFull,
    /// Not a thing one uses up.
    #[error("this cannot be used")]
    NotUsable,
    /// Its effect needs a body in a region.
    #[error("the character is in no region")]
    NotInWorld,
    /// None, more than there are, or all where some must stay.
    #[error("not a possible quantity")]
    QuantityInvalid,
    /// The two stacks do not go together.
    #[error("the stacks differ in kind or binding, or one is worn")]
    StackMismatch,
    /// The stack holds no more.
    #[error("the stack is full")]
    StackFull,
    /// More points than the character has left.
    #[error("not enough stat points")]
    NotEnoughPoints,
    /// A score would pass its end.
    #[error("a score ends at 30")]
    ScoreTooHigh,
    /// More coins than a wallet holds.
    #[error("the wallet is full")]
    WalletFull,
    /// More than one grant may carry.
    #[error("the grant is too large")]
    GrantTooLarge,
    /// Too many grants under one rule in a short time.
    #[error("too many grants in a short time")]
    GrantRate {
        /// Until the next is taken.
        retry_after_ms: u64,
    },
}

impl Reason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownItem => "UNKNOWN_ITEM",
            Self::UnknownTemplate => "UNKNOWN_TEMPLATE",
            Self::LevelTooLow => "LEVEL_TOO_LOW",
            Self::StrengthTooLow => "STRENGTH_TOO_LOW",
            Self::WrongClass => "WRONG_CLASS",
            Self::NotWearable => "NOT_WEARABLE",
            Self::SlotMismatch => "SLOT_MISMATCH",
            Self::SlotEmpty => "SLOT_EMPTY",
            Self::BagFull => "BAG_FULL",
            Self::NotUsable => "NOT_USABLE",
            Self::NotInWorld => "NOT_IN_WORLD",
            Self::QuantityInvalid => "QUANTITY_INVALID",
            Self::StackMismatch => "STACK_MISMATCH",
            Self::StackFull => "STACK_FULL",
            Self::NotEnoughPoints => "NOT_ENOUGH_POINTS",
            Self::ScoreTooHigh => "SCORE_TOO_HIGH",
            Self::WalletFull => "WALLET_FULL",
            Self::GrantTooLarge => "GRANT_TOO_LARGE",
            Self::GrantRate { .. } => "GRANT_RATE",
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::GrantRate { retry_after_ms } => Some(*retry_after_ms),
            _ => None,
        }
    }
}

/// A change of what a character has did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A newer log-in of the account counts.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The session has selected no character.
    #[error("the session has no character selected")]
    NoCharacter,
    /// The shard that writes does not own the character any more.
    #[error("the character has another owner")]
    Fenced,
    /// The request id is not taken.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed; whether it happened is not known, the same request may be repeated.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for ChangeError {
    fn reason(&self) -> &'static str {
        match self {
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::NoCharacter => "NO_CHARACTER",
            Self::Fenced => "FENCED",
            Self::Request(error) => error.reason(),
            Self::Refused(refusal) => refusal.reason(),
            Self::Store(_) => INTERNAL,
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_ms(),
            _ => None,
        }
    }
}
