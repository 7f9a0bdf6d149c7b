//! Characters of an account: create, list, select, delete, grow, and being in a region.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shallot_masterdata::{Class, MasterData};
use shallot_proto::wire::{AccountId, CharacterId, RegionEpoch};

use crate::amount::Amount;
use crate::character::{Caller, CharacterRecord, CharacterState, CharacterView, Entered, Position, Scores};
use crate::clock::Ids;
use crate::desk::{Desk, Outcome, outcome};
use crate::equipment;
use crate::holdings::{Change, Draft};
use crate::ledger::{MintRule, SinkRule};
use crate::names;
use crate::ports::{
    Arrival, CharacterSave, CharacterStore, CreateError, DeleteError, EnterError, Guard, Keys, NewCharacter,
    SelectError, StoreError,
};
use crate::refusal::{ChangeError, Refusal};
use crate::request::Request;

/// A body was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The shard that writes does not own the character any more.
    #[error("the character has another owner")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases.
pub struct Characters {
    desk: Desk,
}

/// What deleting answers: nothing.
#[derive(Serialize, Deserialize)]
struct Deleted {}

impl Characters {
    /// The use cases over that store.
    #[must_use]
    pub fn new(store: Arc<dyn CharacterStore>, ids: Ids) -> Self {
        Self { desk: Desk { store, ids } }
    }

    /// The account's characters, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, account: AccountId, data: &MasterData) -> Result<Vec<CharacterView>, StoreError> {
        let records = self.desk.store.characters(account).await?;
        Ok(records.into_iter().map(|record| CharacterView::new(record, data)).collect())
    }

    /// Makes a character in the start region, with its class's start items: worn where it may wear them and the place is free, the
    /// others in the bag.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub async fn create(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        name: &str,
        class: &str,
    ) -> Result<Outcome<CharacterView>, CreateError> {
        let now_ms = self.desk.ids.now_ms();
        let request = Request::new(request_id, "create", &(name, class), now_ms)?;
        if !names::is_valid(name) {
            return Err(CreateError::NameInvalid);
        }
        let class = data.class(data.class_by_key(class).ok_or(CreateError::UnknownClass)?);
        let record = self.new_record(caller.account, data, name, class);
        let start = self.start(&record, data, class)?;
        let folded_name = names::fold(name);
        let new = NewCharacter { record, folded_name, start, most: data.balance.characters_per_account };
        Ok(outcome(&self.desk.store.create(caller, request, &new, now_ms).await?)?)
    }

    /// Makes it the session's character.
    ///
    /// # Errors
    /// See [`SelectError`].
    pub async fn select(
        &self,
        caller: Caller,
        data: &MasterData,
        character: CharacterId,
    ) -> Result<CharacterView, SelectError> {
        Ok(CharacterView::new(self.desk.store.select(caller, character).await?, data))
    }

    /// The session's character, straight from the store.
    ///
    /// # Errors
    /// `SessionReplaced`, `NoCharacter`, `Store`.
    pub async fn selected(&self, caller: Caller, data: &MasterData) -> Result<CharacterView, ChangeError> {
        Ok(CharacterView::new(self.desk.store.selected(caller).await?.character, data))
    }

    /// Deletes a character with all it carries, for good.
    ///
    /// # Errors
    /// See [`DeleteError`].
    pub async fn delete(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        character: CharacterId,
    ) -> Result<(), DeleteError> {
        let now_ms = self.desk.ids.now_ms();
        let request = Request::new(request_id, "delete", &character.0, now_ms)?;
        let rule = |state: &CharacterState| {
            self.desk.decide(state, data, |draft| {
                draft.destroy_everything(SinkRule::Delete);
                Ok(Deleted {})
            })
        };
        self.desk.store.delete(caller, request, character, now_ms, &rule).await?;
        Ok(())
    }

    /// Spends stat points of the session's character.
    ///
    /// # Errors
    /// Those of the guard and the request; `NotEnoughPoints`, `ScoreTooHigh`.
    pub async fn spend_stat_points(
        &self,
        caller: Caller,
        data: &MasterData,
        request_id: &str,
        add: Scores,
    ) -> Result<Outcome<CharacterView>, ChangeError> {
        let request = Request::new(request_id, "spend_stat_points", &add, self.desk.ids.now_ms())?;
        let keys = Keys { request: Some(request), grant: None };
        let rule = move |draft: &mut Draft<'_>| {
            if add.total() > draft.character().unspent_stat_points(draft.data()) {
                return Err(Refusal::NotEnoughPoints);
            }
            draft.add_scores(add);
            if !draft.character().scores(draft.data()).are_in_range() {
                return Err(Refusal::ScoreTooHigh);
            }
            Ok(CharacterView::new(draft.character().clone(), draft.data()))
        };
        self.desk.change(Guard::Session(caller), keys, data, rule).await
    }

    /// Gives the session's character to the shard of a region: it appears where it was saved, or at the region's entry (the shard
    /// may spread those who are sent there around it) when that was another region. An earlier owner's writes are refused from now on.
    ///
    /// # Errors
    /// See [`EnterError`].
    pub async fn enter_world(
        &self,
        caller: Caller,
        data: &MasterData,
        region: &str,
        region_epoch: RegionEpoch,
    ) -> Result<Entered, EnterError> {
        let row = data.region(data.region_by_key(region).ok_or(EnterError::UnknownRegion)?);
        let arrival = Arrival { region: region.to_owned(), region_epoch, entry: Position::from_metres(row.entry) };
        let (state, owner_epoch) = self.desk.store.enter(caller, &arrival).await?;
        Ok(Entered { view: CharacterView::new(state.character, data), items: state.items, owner_epoch })
    }

    /// Saves a body while it plays.
    ///
    /// # Errors
    /// [`SaveError::Fenced`] when the owner epoch is stale: nothing was saved.
    pub async fn save(&self, save: CharacterSave) -> Result<(), SaveError> {
        if self.save_all(std::slice::from_ref(&save)).await?.is_empty() { Ok(()) } else { Err(SaveError::Fenced) }
    }

    /// Saves many bodies, in one transaction for each [`crate::limits::SAVES_MAX`]. Returns those whose owner epoch is stale; the
    /// others are saved.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn save_all(&self, saves: &[CharacterSave]) -> Result<Vec<CharacterId>, StoreError> {
        let mut fenced = Vec::new();
        for batch in saves.chunks(crate::limits::SAVES_MAX) {
            fenced.extend(self.desk.store.save(batch).await?);
        }
        Ok(fenced)
    }

    /// Saves a body and takes it out of the world. The shard's later writes are refused.
    ///
    /// # Errors
    /// [`SaveError::Fenced`] when the owner epoch is stale: nothing happened.
    pub async fn leave_world(&self, save: &CharacterSave) -> Result<(), SaveError> {
        if self.desk.store.leave(save).await? { Ok(()) } else { Err(SaveError::Fenced) }
    }

    fn new_record(&self, account: AccountId, data: &MasterData, name: &str, class: &Class) -> CharacterRecord {
        let start = data.regions.iter().find(|region| region.is_start).or_else(|| data.regions.first());
        CharacterRecord {
            id: CharacterId(self.desk.ids.uuid_v7()),
            account,
            name: name.to_owned(),
            class: class.key.clone(),
            level: data.level_for_xp(0),
            xp: 0,
            added: Scores::default(),
            region: start.map_or_else(String::new, |region| region.key.clone()),
            position: start.map_or_else(Position::default, |region| Position::from_metres(region.entry)),
            hp: None,
            wallet: Amount::ZERO,
            inventory_version: 0,
            created_at_ms: self.desk.ids.now_ms(),
        }
    }

    fn start(&self, record: &CharacterRecord, data: &MasterData, class: &Class) -> Result<Change, Refusal> {
        let nobody = CharacterState { character: record.clone(), items: Vec::new(), in_world: false };
        self.desk.decide(&nobody, data, |draft| {
            for (item, quantity) in &class.start_items {
                let template = data.items.get(item.index()).ok_or(Refusal::UnknownTemplate)?;
                draft.mint(template, *quantity, MintRule::Start)?;
                wear_if_free(draft, &template.key);
            }
            draft.check_bag()?;
            let record = CharacterRecord { inventory_version: draft.version(), ..draft.character().clone() };
            Ok(CharacterView::new(record, data))
        })
    }
}

/// Wears a new item unless it may not be worn or would drive something out.
fn wear_if_free(draft: &mut Draft<'_>, key: &str) {
    let Some(id) = draft.items().iter().find(|item| item.template == key && item.worn_in.is_none()).map(|item| item.id)
    else {
        return;
    };
    let worn_before = draft.worn().len();
    let mut trial = draft.clone();
    if equipment::wear(&mut trial, id, None).is_ok() && trial.worn().len() > worn_before {
        *draft = trial;
    }
}
