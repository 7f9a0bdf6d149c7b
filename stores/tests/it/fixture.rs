//! A store in a folder that vanishes, one character in it, and changes to make.

use std::path::PathBuf;

use shallot_proto::wire::{
    AccountId, CharacterId, GrantId, ItemId, OwnerEpoch, RegionEpoch, RequestId, SessionEpoch, SessionId,
};
use shallot_services::amount::Amount;
use shallot_services::character::{Caller, CharacterRecord, CharacterState, Position, Scores};
use shallot_services::clock::uuid_v7;
use shallot_services::holdings::{Change, ItemCause, ItemEvent, ItemWrite};
use shallot_services::item::{EquipSlot, ItemRecord};
use shallot_services::ledger::{LedgerAccount, MintRule, Posting};
use shallot_services::ports::{Arrival, CharacterStore, Guard, Keys, NewCharacter, RegionStore};
use shallot_services::request::Request;
use shallot_stores::SqliteStores;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;

/// Milliseconds since 1970 of all that happens.
pub(crate) const NOW: u64 = 1_800_000_000_000;
/// Where the character goes.
pub(crate) const REGION: &str = "meadow";
/// The session of [`CALLER`].
const EPOCH: SessionEpoch = SessionEpoch(3);
/// Who plays.
pub(crate) const CALLER: Caller =
    Caller { account: AccountId([0xA1; 16]), session: SessionId([0x51; 16]), epoch: EPOCH };
/// The character.
pub(crate) const HERO: CharacterId = CharacterId([0xC1; 16]);
/// Another character of the same account, not selected.
pub(crate) const TWIN: CharacterId = CharacterId([0xC2; 16]);

/// An open store and its folder.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) stores: SqliteStores,
}

impl World {
    /// Nothing in it.
    pub(crate) async fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let stores = SqliteStores::open(folder.path()).await.unwrap();
        Self { folder, stores }
    }

    /// [`HERO`], selected by [`CALLER`], and [`TWIN`].
    pub(crate) async fn with_hero() -> Self {
        let world = Self::empty().await;
        for (character, n) in [(HERO, 1), (TWIN, 2)] {
            world.stores.create(CALLER, request(n), &new_character(character), NOW).await.unwrap();
        }
        world.stores.select(CALLER, HERO).await.unwrap();
        world
    }

    /// The hero comes to [`REGION`], whose shard starts.
    pub(crate) async fn enter(&self) -> OwnerEpoch {
        let region_epoch = self.stores.start_region(REGION).await.unwrap();
        self.stores.enter(CALLER, &arrival(region_epoch)).await.unwrap().1
    }

    /// Closes and opens.
    pub(crate) async fn reopened(self) -> Self {
        self.stores.close().await.unwrap();
        drop(self.stores);
        let stores = SqliteStores::open(self.folder.path()).await.unwrap();
        Self { folder: self.folder, stores }
    }

    /// The database file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("shallot.db")
    }

    /// One connection past the ports, without foreign keys and checks: for planting what must not be.
    pub(crate) async fn raw(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.file())
            .foreign_keys(false)
            .pragma("ignore_check_constraints", "ON");
        SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
    }

    /// The hero with all it owns.
    pub(crate) async fn hero(&self) -> CharacterState {
        self.stores.selected(CALLER).await.unwrap()
    }

    /// Runs a change on the hero that must succeed.
    pub(crate) async fn change(&self, n: u8, change: impl Fn(&CharacterState) -> Change + Send + Sync) {
        let keys = Keys { request: Some(request(n)), grant: None };
        let applied = self.stores.change(Guard::Session(CALLER), keys, NOW, &|state| Ok(change(state))).await.unwrap();
        assert!(!applied.replayed, "each change of a test has a number of its own");
    }
}

/// The n-th request.
pub(crate) fn request(n: u8) -> Request {
    Request { id: RequestId(uuid_v7(NOW, [n; 10])), digest: [n; 32] }
}

/// The n-th grant.
pub(crate) fn grant(n: u8) -> GrantId {
    GrantId([n; 16])
}

/// The n-th item.
pub(crate) fn item_id(n: u8) -> ItemId {
    ItemId(uuid_v7(NOW, [n; 10]))
}

pub(crate) fn arrival(region_epoch: RegionEpoch) -> Arrival {
    Arrival { region: REGION.to_owned(), region_epoch, entry: Position { x: 10, y: -20 } }
}

/// A character that starts with nothing.
pub(crate) fn new_character(id: CharacterId) -> NewCharacter {
    let record = CharacterRecord {
        id,
        account: CALLER.account,
        name: format!("Hero {id}"),
        class: "fighter".to_owned(),
        level: 1,
        xp: 0,
        added: Scores::default(),
        region: "nowhere yet".to_owned(),
        position: Position::default(),
        hp: None,
        wallet: Amount::ZERO,
        inventory_version: 0,
        created_at_ms: NOW,
    };
    NewCharacter {
        folded_name: record.name.to_lowercase(),
        start: Change { level: 1, ..Change::default() },
        record,
        most: 4,
    }
}

/// A change that leaves everything as it is.
pub(crate) fn nothing(state: &CharacterState) -> Change {
    let now = &state.character;
    Change {
        level: now.level,
        xp: now.xp,
        added: now.added,
        inventory_version: now.inventory_version,
        ..Change::default()
    }
}

/// So many units of a template in the bag or worn.
pub(crate) fn item(n: u8, quantity: u32, worn_in: Option<EquipSlot>) -> ItemRecord {
    ItemRecord { id: item_id(n), template: "arrow".to_owned(), quantity, worn_in, bound: false, durability: None }
}

/// The line that puts it there.
pub(crate) fn put(item: &ItemRecord) -> ItemWrite {
    ItemWrite::Put(item.clone())
}

/// The log's line of an item that a kill brought.
pub(crate) fn minted(item: &ItemRecord) -> ItemEvent {
    let delta = i64::from(item.quantity);
    ItemEvent {
        item: item.id,
        template: item.template.clone(),
        owner: HERO,
        delta,
        cause: ItemCause::Mint(MintRule::Kill),
    }
}

/// Coins for the hero, as the n-th posting.
pub(crate) fn coins(n: u8, copper: i64) -> Posting {
    let amount = Amount::new(copper).unwrap();
    Posting::transfer([n; 16], LedgerAccount::Mint(MintRule::Kill), LedgerAccount::Wallet(HERO), amount).unwrap()
}

/// Coins, experience, and an item of a kill: one of everything a change can hold.
pub(crate) fn spoils(state: &CharacterState, n: u8) -> Change {
    let item = item(n, 5, None);
    Change {
        xp: state.character.xp + 50,
        inventory_version: state.character.inventory_version + 1,
        items: vec![put(&item)],
        events: vec![minted(&item)],
        postings: vec![coins(n, 25)],
        reply: vec![n; 3],
        ..nothing(state)
    }
}
