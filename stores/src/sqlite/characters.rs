//! The character port: each method is one transaction, in the order guard, known keys, state, rule, change, keys, commit.

use async_trait::async_trait;
use shallot_proto::wire::{AccountId, CharacterId, OwnerEpoch, RequestId};
use shallot_services::character::{Caller, CharacterRecord, CharacterState};
use shallot_services::ports::{
    Applied, Arrival, CharacterSave, CharacterStore, CreateError, DeleteError, EnterError, Guard, Keys, NewCharacter,
    Rule, SelectError, StoreError,
};
use shallot_services::refusal::ChangeError;
use shallot_services::request::Request;
use sqlx::SqliteConnection;

use super::errors::failed;
use super::fields::{Fields, signed};
use super::regions::region_epoch;
use super::{SqliteStores, fencing, holdings, once};

const CREATING: &str = "creating a character";
const SAVING: &str = "saving a character";

#[async_trait]
impl CharacterStore for SqliteStores {
    async fn characters(&self, account: AccountId) -> Result<Vec<CharacterRecord>, StoreError> {
        let mut tx = self.read("listing characters").await?;
        holdings::characters_of(&mut tx, account).await
    }

    async fn selected(&self, caller: Caller) -> Result<CharacterState, ChangeError> {
        let mut tx = self.read("reading the selected character").await?;
        if !fencing::is_newest(&mut tx, caller).await? {
            return Err(ChangeError::SessionReplaced);
        }
        let character = fencing::selected(&mut tx, caller).await?.ok_or(ChangeError::NoCharacter)?;
        Ok(existing(&mut tx, character).await?)
    }

    async fn create(
        &self,
        caller: Caller,
        request: Request,
        new: &NewCharacter,
        now_ms: u64,
    ) -> Result<Applied, CreateError> {
        let mut tx = self.write(CREATING).await?;
        if !fencing::is_newest(tx.on(), caller).await? {
            return Err(CreateError::SessionReplaced);
        }
        if let Some(known) = once::answered::<CreateError>(tx.on(), caller.account, &request).await? {
            return Ok(known);
        }
        if is_taken(tx.on(), &new.folded_name).await? {
            return Err(CreateError::NameTaken);
        }
        if count_of(tx.on(), caller.account).await? >= new.most {
            return Err(CreateError::TooManyCharacters);
        }
        let id = new.record.id;
        holdings::insert(tx.on(), &new.record, &new.folded_name).await?;
        fencing::begin(tx.on(), caller, id).await?;
        holdings::apply(tx.on(), id, &new.start, now_ms).await?;
        let keys = Keys { request: Some(request), grant: None };
        once::keep(tx.on(), caller.account, id, keys, &new.start.reply, now_ms).await?;
        tx.commit().await?;
        Ok(Applied { reply: new.start.reply.clone(), replayed: false })
    }

    async fn select(&self, caller: Caller, character: CharacterId) -> Result<CharacterRecord, SelectError> {
        let mut tx = self.write("selecting a character").await?;
        if !fencing::is_newest(tx.on(), caller).await? {
            return Err(SelectError::SessionReplaced);
        }
        let state = of_account(tx.on(), caller.account, character).await?.ok_or(SelectError::UnknownCharacter)?;
        fencing::select(tx.on(), caller, character).await?;
        tx.commit().await?;
        Ok(state.character)
    }

    async fn delete(
        &self,
        caller: Caller,
        request: Request,
        character: CharacterId,
        now_ms: u64,
        rule: &Rule<'_>,
    ) -> Result<Applied, DeleteError> {
        let mut tx = self.write("deleting a character").await?;
        if !fencing::is_newest(tx.on(), caller).await? {
            return Err(DeleteError::SessionReplaced);
        }
        if let Some(known) = once::answered::<DeleteError>(tx.on(), caller.account, &request).await? {
            return Ok(known);
        }
        let state = of_account(tx.on(), caller.account, character).await?.ok_or(DeleteError::UnknownCharacter)?;
        if state.in_world {
            return Err(DeleteError::CharacterInWorld);
        }
        let change = rule(&state)?;
        holdings::apply(tx.on(), character, &change, now_ms).await?;
        holdings::remove(tx.on(), character).await?;
        fencing::end(tx.on(), character).await?;
        let keys = Keys { request: Some(request), grant: None };
        once::keep(tx.on(), caller.account, character, keys, &change.reply, now_ms).await?;
        tx.commit().await?;
        Ok(Applied { reply: change.reply, replayed: false })
    }

    async fn change(&self, guard: Guard, keys: Keys, now_ms: u64, rule: &Rule<'_>) -> Result<Applied, ChangeError> {
        let mut tx = self.write("changing a character").await?;
        let (account, character) = match guard {
            Guard::Session(caller) => {
                if !fencing::is_newest(tx.on(), caller).await? {
                    return Err(ChangeError::SessionReplaced);
                }
                if let Some(known) = known(tx.on(), caller.account, keys).await? {
                    return Ok(known);
                }
                (caller.account, fencing::selected(tx.on(), caller).await?.ok_or(ChangeError::NoCharacter)?)
            }
            Guard::Owner(character, epoch) => {
                let account = fencing::owned(tx.on(), character, epoch).await?.ok_or(ChangeError::Fenced)?;
                if let Some(known) = known(tx.on(), account, keys).await? {
                    return Ok(known);
                }
                (account, character)
            }
        };
        let state = existing(tx.on(), character).await?;
        let change = rule(&state)?;
        holdings::apply(tx.on(), character, &change, now_ms).await?;
        once::keep(tx.on(), account, character, keys, &change.reply, now_ms).await?;
        tx.commit().await?;
        Ok(Applied { reply: change.reply, replayed: false })
    }

    async fn enter(&self, caller: Caller, arrival: &Arrival) -> Result<(CharacterState, OwnerEpoch), EnterError> {
        const ENTERING: &str = "bringing a character to a region";
        let mut tx = self.write(ENTERING).await?;
        if !fencing::is_newest(tx.on(), caller).await? {
            return Err(EnterError::SessionReplaced);
        }
        let character = fencing::selected(tx.on(), caller).await?.ok_or(EnterError::NoCharacter)?;
        if region_epoch(tx.on(), &arrival.region).await? != Some(arrival.region_epoch) {
            return Err(EnterError::StaleRegion);
        }
        // No row when it was saved in this region: then it appears where it was.
        sqlx::query("UPDATE characters SET region = ?1, x = ?2, y = ?3 WHERE id = ?4 AND region <> ?1")
            .bind(&arrival.region)
            .bind(arrival.entry.x)
            .bind(arrival.entry.y)
            .bind(&character.0[..])
            .execute(tx.on())
            .await
            .map_err(failed(ENTERING))?;
        let owner_epoch = fencing::give(tx.on(), character, Some(&arrival.region)).await?;
        let state = existing(tx.on(), character).await?;
        tx.commit().await?;
        Ok((state, owner_epoch))
    }

    async fn save(&self, saves: &[CharacterSave]) -> Result<Vec<CharacterId>, StoreError> {
        let mut tx = self.write(SAVING).await?;
        let mut stale = Vec::new();
        for save in saves {
            if !save_body(tx.on(), save).await? {
                stale.push(save.character);
            }
        }
        tx.commit().await?;
        Ok(stale)
    }

    async fn leave(&self, save: &CharacterSave) -> Result<bool, StoreError> {
        let mut tx = self.write("taking a character out of a region").await?;
        if !save_body(tx.on(), save).await? {
            return Ok(false);
        }
        fencing::give(tx.on(), save.character, None).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn reply(&self, account: AccountId, request: RequestId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tx = self.read("reading a kept reply").await?;
        Ok(once::kept(&mut tx, account, request).await?.map(|kept| kept.reply))
    }
}

/// A character that a fencing row or its account's list names.
async fn existing(on: &mut SqliteConnection, character: CharacterId) -> Result<CharacterState, StoreError> {
    const LOADING: &str = "loading a character that is fenced";
    holdings::load(on, character).await?.ok_or(StoreError::RowCount { operation: LOADING, rows: 0, expected: 1 })
}

async fn of_account(
    on: &mut SqliteConnection,
    account: AccountId,
    character: CharacterId,
) -> Result<Option<CharacterState>, StoreError> {
    Ok(holdings::load(on, character).await?.filter(|state| state.character.account == account))
}

/// The reply kept under either key.
async fn known(on: &mut SqliteConnection, account: AccountId, keys: Keys) -> Result<Option<Applied>, ChangeError> {
    if let Some(request) = &keys.request
        && let Some(known) = once::answered::<ChangeError>(on, account, request).await?
    {
        return Ok(Some(known));
    }
    match keys.grant {
        Some(grant) => Ok(once::granted(on, grant).await?),
        None => Ok(None),
    }
}

async fn is_taken(on: &mut SqliteConnection, folded_name: &str) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM characters WHERE folded_name = ?")
        .bind(folded_name)
        .fetch_optional(on)
        .await
        .map_err(failed(CREATING))?;
    Ok(row.is_some())
}

async fn count_of(on: &mut SqliteConnection, account: AccountId) -> Result<u32, StoreError> {
    let row = sqlx::query("SELECT COUNT(*) AS characters FROM characters WHERE account = ?")
        .bind(&account.0[..])
        .fetch_one(on)
        .await
        .map_err(failed(CREATING))?;
    Fields::new(&row, "characters", &account).integer("characters")
}

/// `false`: another owner's epoch counts, or nobody owns it.
async fn save_body(on: &mut SqliteConnection, save: &CharacterSave) -> Result<bool, StoreError> {
    let saved = sqlx::query(
        "UPDATE characters SET region = ?1, x = ?2, y = ?3, hp = ?4 WHERE id = ?5 AND EXISTS
             (SELECT 1 FROM fencing WHERE character = ?5 AND owner_epoch = ?6 AND owner_region IS NOT NULL)",
    )
    .bind(&save.region)
    .bind(save.position.x)
    .bind(save.position.y)
    .bind(save.hp)
    .bind(&save.character.0[..])
    .bind(signed(SAVING, save.owner_epoch.0)?)
    .execute(on)
    .await
    .map_err(failed(SAVING))?;
    Ok(saved.rows_affected() == 1)
}
