//! What a character is and has: loaded as one state, written as a rule's change says, line by line in its order.

use shallot_proto::wire::{AccountId, CharacterId, ItemId};
use shallot_services::amount::Amount;
use shallot_services::character::{CharacterRecord, CharacterState, Position, Scores};
use shallot_services::holdings::{Change, ItemEvent, ItemWrite};
use shallot_services::item::{EquipSlot, ItemRecord};
use shallot_services::ledger::{LedgerAccount, Posting};
use shallot_services::ports::StoreError;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::errors::{expect_one_row, failed};
use super::fields::{Fields, signed};

const LOADING: &str = "loading a character";
const WRITING: &str = "writing a character";
const WRITING_ITEMS: &str = "writing an item";
const LOGGING: &str = "writing an item's log";
const POSTING: &str = "writing the ledger";
const BALANCING: &str = "writing a wallet's balance";

/// The character with all it owns, items by id; `None`: there is none.
pub(super) async fn load(
    on: &mut SqliteConnection,
    character: CharacterId,
) -> Result<Option<CharacterState>, StoreError> {
    let row = sqlx::query(
        "SELECT c.*, w.copper, f.owner_region IS NOT NULL AS in_world
         FROM characters c LEFT JOIN wallets w ON w.character = c.id LEFT JOIN fencing f ON f.character = c.id
         WHERE c.id = ?",
    )
    .bind(&character.0[..])
    .fetch_optional(&mut *on)
    .await
    .map_err(failed(LOADING))?;
    let Some(row) = row else { return Ok(None) };
    let record = character_record(&row)?;
    let in_world = Fields::new(&row, "fencing", &character).flag("in_world")?;
    let items = sqlx::query(
        "SELECT id, template, quantity, worn_in, bound, durability FROM items WHERE character = ? ORDER BY id",
    )
    .bind(&character.0[..])
    .fetch_all(on)
    .await
    .map_err(failed(LOADING))?;
    let items = items.iter().map(item_record).collect::<Result<_, _>>()?;
    Ok(Some(CharacterState { character: record, items, in_world }))
}

/// The account's characters, oldest first.
pub(super) async fn characters_of(
    on: &mut SqliteConnection,
    account: AccountId,
) -> Result<Vec<CharacterRecord>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.*, w.copper FROM characters c LEFT JOIN wallets w ON w.character = c.id
         WHERE c.account = ? ORDER BY c.created_at_ms, c.id",
    )
    .bind(&account.0[..])
    .fetch_all(on)
    .await
    .map_err(failed("listing characters"))?;
    rows.iter().map(character_record).collect()
}

/// The row of a new character and its empty wallet.
pub(super) async fn insert(
    on: &mut SqliteConnection,
    record: &CharacterRecord,
    folded_name: &str,
) -> Result<(), StoreError> {
    let [str, dex, con, int, wis, cha] = record.added.to_array();
    sqlx::query(
        "INSERT INTO characters (id, account, name, folded_name, class, level, xp, added_str, added_dex, added_con, added_int,
             added_wis, added_cha, region, x, y, hp, inventory_version, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&record.id.0[..])
    .bind(&record.account.0[..])
    .bind(&record.name)
    .bind(folded_name)
    .bind(&record.class)
    .bind(record.level)
    .bind(signed(WRITING, record.xp)?)
    .bind(str)
    .bind(dex)
    .bind(con)
    .bind(int)
    .bind(wis)
    .bind(cha)
    .bind(&record.region)
    .bind(record.position.x)
    .bind(record.position.y)
    .bind(record.hp)
    .bind(signed(WRITING, record.inventory_version)?)
    .bind(signed(WRITING, record.created_at_ms)?)
    .execute(&mut *on)
    .await
    .map_err(failed(WRITING))?;
    sqlx::query("INSERT INTO wallets (account, character) VALUES (?, ?)")
        .bind(LedgerAccount::Wallet(record.id).to_string())
        .bind(&record.id.0[..])
        .execute(on)
        .await
        .map(|_| ())
        .map_err(failed(WRITING))
}

/// Takes the character and its empty wallet away. Fails on whatever it still owns.
pub(super) async fn remove(on: &mut SqliteConnection, character: CharacterId) -> Result<(), StoreError> {
    const REMOVING: &str = "deleting a character";
    let wallet = sqlx::query("DELETE FROM wallets WHERE character = ? AND copper = 0")
        .bind(&character.0[..])
        .execute(&mut *on)
        .await
        .map_err(failed(REMOVING))?;
    expect_one_row(REMOVING, &wallet)?;
    let row = sqlx::query("DELETE FROM characters WHERE id = ?")
        .bind(&character.0[..])
        .execute(on)
        .await
        .map_err(failed(REMOVING))?;
    expect_one_row(REMOVING, &row)
}

/// Writes what a rule decided.
pub(super) async fn apply(
    on: &mut SqliteConnection,
    character: CharacterId,
    change: &Change,
    now_ms: u64,
) -> Result<(), StoreError> {
    let [str, dex, con, int, wis, cha] = change.added.to_array();
    let written = sqlx::query(
        "UPDATE characters SET level = ?, xp = ?, added_str = ?, added_dex = ?, added_con = ?, added_int = ?, added_wis = ?,
             added_cha = ?, inventory_version = ? WHERE id = ?",
    )
    .bind(change.level)
    .bind(signed(WRITING, change.xp)?)
    .bind(str)
    .bind(dex)
    .bind(con)
    .bind(int)
    .bind(wis)
    .bind(cha)
    .bind(signed(WRITING, change.inventory_version)?)
    .bind(&character.0[..])
    .execute(&mut *on)
    .await
    .map_err(failed(WRITING))?;
    expect_one_row(WRITING, &written)?;
    for write in &change.items {
        write_item(on, character, write).await?;
    }
    for event in &change.events {
        log_event(on, event, now_ms).await?;
    }
    for posting in &change.postings {
        post(on, posting, now_ms).await?;
    }
    Ok(())
}

/// Another character's item is touched by none of these: the row count then says so.
async fn write_item(on: &mut SqliteConnection, character: CharacterId, write: &ItemWrite) -> Result<(), StoreError> {
    let written = match write {
        ItemWrite::Put(item) => {
            sqlx::query(
                "INSERT INTO items (id, character, template, quantity, worn_in, bound, durability) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET quantity = excluded.quantity, worn_in = excluded.worn_in, bound = excluded.bound,
                     durability = excluded.durability
                 WHERE character = excluded.character AND template = excluded.template",
            )
            .bind(&item.id.0[..])
            .bind(&character.0[..])
            .bind(&item.template)
            .bind(item.quantity)
            .bind(item.worn_in.map(EquipSlot::number))
            .bind(item.bound)
            .bind(item.durability)
            .execute(on)
            .await
        }
        ItemWrite::Remove(item) => {
            sqlx::query("DELETE FROM items WHERE id = ? AND character = ?")
                .bind(&item.0[..])
                .bind(&character.0[..])
                .execute(on)
                .await
        }
    };
    expect_one_row(WRITING_ITEMS, &written.map_err(failed(WRITING_ITEMS))?)
}

async fn log_event(on: &mut SqliteConnection, event: &ItemEvent, now_ms: u64) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO item_events (item, template, owner, delta, cause, at_ms) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&event.item.0[..])
        .bind(&event.template)
        .bind(&event.owner.0[..])
        .bind(event.delta)
        .bind(event.cause.key())
        .bind(signed(LOGGING, now_ms)?)
        .execute(on)
        .await
        .map(|_| ())
        .map_err(failed(LOGGING))
}

/// Appends the posting's lines and adds those of wallets to their balances. Mints and sinks have no balance.
async fn post(on: &mut SqliteConnection, posting: &Posting, now_ms: u64) -> Result<(), StoreError> {
    for (line, entry) in (0_i64..).zip(posting.entries()) {
        let account = entry.account.to_string();
        sqlx::query("INSERT INTO ledger_entries (posting, line, account, copper, at_ms) VALUES (?, ?, ?, ?, ?)")
            .bind(&posting.id()[..])
            .bind(line)
            .bind(&account)
            .bind(entry.copper)
            .bind(signed(POSTING, now_ms)?)
            .execute(&mut *on)
            .await
            .map_err(failed(POSTING))?;
        if let LedgerAccount::Wallet(_) = entry.account {
            let balanced = sqlx::query("UPDATE wallets SET copper = copper + ? WHERE account = ?")
                .bind(entry.copper)
                .bind(&account)
                .execute(&mut *on)
                .await
                .map_err(failed(BALANCING))?;
            expect_one_row(BALANCING, &balanced)?;
        }
    }
    Ok(())
}

fn character_record(row: &SqliteRow) -> Result<CharacterRecord, StoreError> {
    let id = CharacterId(Fields::new(row, "characters", &"a character").bytes("id")?);
    let fields = Fields::new(row, "characters", &id);
    let wallet = Fields::new(row, "wallets", &id);
    Ok(CharacterRecord {
        id,
        account: AccountId(fields.bytes("account")?),
        name: fields.value("name")?,
        class: fields.value("class")?,
        level: fields.integer("level")?,
        xp: fields.integer("xp")?,
        added: Scores {
            str: fields.integer("added_str")?,
            dex: fields.integer("added_dex")?,
            con: fields.integer("added_con")?,
            int: fields.integer("added_int")?,
            wis: fields.integer("added_wis")?,
            cha: fields.integer("added_cha")?,
        },
        region: fields.value("region")?,
        position: Position { x: fields.integer("x")?, y: fields.integer("y")? },
        hp: fields.optional_integer("hp")?,
        wallet: wallet.integer::<Amount>("copper")?,
        inventory_version: fields.integer("inventory_version")?,
        created_at_ms: fields.integer("created_at_ms")?,
    })
}

fn item_record(row: &SqliteRow) -> Result<ItemRecord, StoreError> {
    let id = ItemId(Fields::new(row, "items", &"an item").bytes("id")?);
    let fields = Fields::new(row, "items", &id);
    let worn_in: Option<u8> = fields.optional_integer("worn_in")?;
    Ok(ItemRecord {
        id,
        template: fields.value("template")?,
        quantity: fields.integer("quantity")?,
        worn_in: worn_in
            .map(EquipSlot::try_from)
            .transpose()
            .map_err(|error| fields.corrupt("worn_in", error.to_string()))?,
        bound: fields.flag("bound")?,
        durability: fields.optional_integer("durability")?,
    })
}
