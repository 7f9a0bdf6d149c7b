use async_trait::async_trait;
use shallot_proto::wire::{AccountId, CharacterId, GrantId, OwnerEpoch, RegionEpoch, RequestId};

use super::StoreError;
use crate::character::{Caller, CharacterRecord, CharacterState, Position};
use crate::holdings::Change;
use crate::reason::{INTERNAL, Reason};
use crate::refusal::{ChangeError, Refusal};
use crate::request::{Request, RequestError};

/// Decides what happens to a character, from its state under the lock. It may be asked more than once for one transaction.
pub type Rule<'a> = dyn Fn(&CharacterState) -> Result<Change, Refusal> + Send + Sync + 'a;

/// Which character a change is for, and by what right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The character that this session has selected.
    Session(Caller),
    /// A shard that owns the character.
    Owner(CharacterId, OwnerEpoch),
}

/// Names under which a change happens at most once. With both, either one found answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Keys {
    /// The client's request, unique for its account.
    pub request: Option<Request>,
    /// The grant, unique in the world.
    pub grant: Option<GrantId>,
}

/// What a change answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// As the rule wrote it, now or the first time.
    pub reply: Vec<u8>,
    /// It happened before; nothing happened now.
    pub replayed: bool,
}

/// A character that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCharacter {
    /// Its row, with an empty wallet.
    pub record: CharacterRecord,
    /// The name that must be unique: folded, so that case does not count.
    pub folded_name: String,
    /// What it starts with, and the reply.
    pub start: Change,
    /// Characters an account may have.
    pub most: u32,
}

/// The newest state of a character's body, from the shard that owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterSave {
    /// Whose.
    pub character: CharacterId,
    /// By what right.
    pub owner_epoch: OwnerEpoch,
    /// Key in `regions.csv`.
    pub region: String,
    /// Where.
    pub position: Position,
    /// Hit points, 0: dead.
    pub hp: u32,
}

/// Which run of which region a character comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Key in `regions.csv`.
    pub region: String,
    /// Of the shard that will own it.
    pub region_epoch: RegionEpoch,
    /// Where it appears when it was saved in another region.
    pub entry: Position,
}

/// A character was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Not 2 to 24 letters and digits with single inner separators.
    #[error("a name is 2 to 24 letters and digits, with single spaces, hyphens or apostrophes inside")]
    NameInvalid,
    /// Somebody has that name, perhaps in another case.
    #[error("the name is taken")]
    NameTaken,
    /// The set in force has no such class.
    #[error("no such class")]
    UnknownClass,
    /// The account has as many as it may.
    #[error("the account has as many characters as it may")]
    TooManyCharacters,
    /// A newer log-in of the account counts.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The request id is not taken.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The class's start items cannot be given: the set is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for CreateError {
    fn reason(&self) -> &'static str {
        match self {
            Self::NameInvalid => "NAME_INVALID",
            Self::NameTaken => "NAME_TAKEN",
            Self::UnknownClass => "UNKNOWN_CLASS",
            Self::TooManyCharacters => "TOO_MANY_CHARACTERS",
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::Request(error) => error.reason(),
            Self::Refused(refusal) => refusal.reason(),
            Self::Store(_) => INTERNAL,
        }
    }
}

/// A character was not selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// Another account's, or none.
    #[error("no such character")]
    UnknownCharacter,
    /// A newer log-in of the account counts.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for SelectError {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownCharacter => "UNKNOWN_CHARACTER",
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::Store(_) => INTERNAL,
        }
    }
}

/// A character was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// Another account's, or none.
    #[error("no such character")]
    UnknownCharacter,
    /// A living shard owns it.
    #[error("the character is in a region")]
    CharacterInWorld,
    /// A newer log-in of the account counts.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The request id is not taken.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for DeleteError {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownCharacter => "UNKNOWN_CHARACTER",
            Self::CharacterInWorld => "CHARACTER_IN_WORLD",
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::Request(error) => error.reason(),
            Self::Refused(refusal) => refusal.reason(),
            Self::Store(_) => INTERNAL,
        }
    }
}

/// A character did not come to a region.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The session has selected no character.
    #[error("the session has no character selected")]
    NoCharacter,
    /// The set in force has no such region.
    #[error("no such region")]
    UnknownRegion,
    /// The shard that asks is not the region's newest run.
    #[error("the region was started anew")]
    StaleRegion,
    /// A newer log-in of the account counts.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for EnterError {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoCharacter => "NO_CHARACTER",
            Self::UnknownRegion => "UNKNOWN_REGION",
            Self::StaleRegion => "STALE_REGION",
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::Store(_) => INTERNAL,
        }
    }
}

/// Characters with all they own, their fencing rows, the ledger, grants and idempotency records: one database for good, since one
/// transaction spans them.
///
/// Of an account's fencing rows, the newest session epoch counts: a caller with an older one gets `SessionReplaced`. Epochs never fall.
/// Each method that takes a [`Request`] answers a repeated one from its record ([`crate::request`]) before it looks at anything else
/// but the session epoch.
#[async_trait]
pub trait CharacterStore: Send + Sync {
    /// The account's characters, oldest first.
    async fn characters(&self, account: AccountId) -> Result<Vec<CharacterRecord>, StoreError>;

    /// The session's character with all it owns. The errors are `SessionReplaced`, `NoCharacter` and `Store`.
    async fn selected(&self, caller: Caller) -> Result<CharacterState, ChangeError>;

    /// Makes a character with what it starts with, and its fencing row with the caller's epoch, not selected.
    async fn create(
        &self,
        caller: Caller,
        request: Request,
        new: &NewCharacter,
        now_ms: u64,
    ) -> Result<Applied, CreateError>;

    /// Makes it the session's character, and no other: copies the session epoch to its fencing row.
    async fn select(&self, caller: Caller, character: CharacterId) -> Result<CharacterRecord, SelectError>;

    /// Deletes a character that no living shard owns, after the rule's change let go of all it has. The logs stay.
    async fn delete(
        &self,
        caller: Caller,
        request: Request,
        character: CharacterId,
        now_ms: u64,
        rule: &Rule<'_>,
    ) -> Result<Applied, DeleteError>;

    /// Changes what one character is and has: checks the guard (exactly one fencing row), answers known keys, asks the rule,
    /// writes its change, the logs and the keys' records, commits.
    async fn change(&self, guard: Guard, keys: Keys, now_ms: u64, rule: &Rule<'_>) -> Result<Applied, ChangeError>;

    /// Gives the session's character to a region's shard: its owner epoch rises, so that an earlier owner's writes are refused.
    async fn enter(&self, caller: Caller, arrival: &Arrival) -> Result<(CharacterState, OwnerEpoch), EnterError>;

    /// What a request of the account was answered, while its record is kept.
    async fn reply(&self, account: AccountId, request: RequestId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Saves many bodies in one transaction, each guarded by its owner epoch. Returns those whose epoch is stale, in order; the
    /// others are saved.
    async fn save(&self, saves: &[CharacterSave]) -> Result<Vec<CharacterId>, StoreError>;

    /// Saves a body and takes it out of the world: nobody owns it, and the owner epoch rises, so that late writes are refused.
    /// `false`: the epoch is stale, nothing happened.
    async fn leave(&self, save: &CharacterSave) -> Result<bool, StoreError>;
}
