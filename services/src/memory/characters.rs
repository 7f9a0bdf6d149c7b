use async_trait::async_trait;
use shallot_proto::wire::{AccountId, CharacterId, OwnerEpoch, RequestId};

use super::holdings::{apply, load};
use super::{Fence, Kept, MemoryStores, Tables, broken};
use crate::character::{Caller, CharacterRecord, CharacterState};
use crate::ports::{
    Applied, Arrival, CharacterSave, CharacterStore, CreateError, DeleteError, EnterError, Guard, Keys, NewCharacter,
    Rule, SelectError, StoreError,
};
use crate::refusal::ChangeError;
use crate::request::{Request, RequestError};

impl Tables {
    /// Whether no newer log-in of the account is known.
    fn is_newest(&self, caller: Caller) -> bool {
        let of_account = self.fencing.values().filter(|fence| fence.account == caller.account);
        of_account.into_iter().all(|fence| fence.session_epoch <= caller.epoch)
    }

    fn selected(&self, caller: Caller) -> Option<CharacterId> {
        let is_selected = |f: &Fence| f.is_selected && f.account == caller.account && f.session_epoch == caller.epoch;
        self.fencing.iter().find(|(_, fence)| is_selected(fence)).map(|(id, _)| *id)
    }

    /// The fencing row, when a living shard owns the character under that epoch.
    fn owned(&mut self, character: CharacterId, epoch: OwnerEpoch) -> Option<&mut Fence> {
        let fence = self.fencing.get_mut(&character)?;
        (fence.owner_epoch == epoch && fence.owner_region.is_some()).then_some(fence)
    }

    fn answered(&self, account: AccountId, request: &Request) -> Result<Option<Applied>, RequestError> {
        match self.requests.get(&(account, request.id)) {
            None => Ok(None),
            Some(kept) if kept.digest == request.digest => {
                Ok(Some(Applied { reply: kept.reply.clone(), replayed: true }))
            }
            Some(_) => Err(RequestError::Reused),
        }
    }

    /// The reply kept under either key.
    fn known(&self, account: AccountId, keys: &Keys) -> Result<Option<Applied>, RequestError> {
        if let Some(request) = &keys.request
            && let Some(known) = self.answered(account, request)?
        {
            return Ok(Some(known));
        }
        let granted = keys.grant.and_then(|grant| self.grants.get(&grant));
        Ok(granted.map(|(_, reply)| Applied { reply: reply.clone(), replayed: true }))
    }

    fn keep(&mut self, owner: (AccountId, CharacterId), keys: &Keys, reply: Vec<u8>, now_ms: u64) -> Applied {
        let (account, character) = owner;
        if let Some(request) = &keys.request {
            let oldest = Request::oldest_kept(now_ms);
            self.requests.retain(|(_, id), _| *id >= oldest);
            self.requests.insert((account, request.id), Kept { digest: request.digest, reply: reply.clone() });
        }
        if let Some(grant) = keys.grant {
            self.grants.insert(grant, (character, reply.clone()));
        }
        Applied { reply, replayed: false }
    }

    fn save_body(&mut self, save: &CharacterSave) -> bool {
        if self.owned(save.character, save.owner_epoch).is_none() {
            return false;
        }
        let Some(row) = self.characters.get_mut(&save.character) else { return false };
        row.region.clone_from(&save.region);
        row.position = save.position;
        row.hp = Some(save.hp);
        true
    }
}

#[async_trait]
impl CharacterStore for MemoryStores {
    async fn characters(&self, account: AccountId) -> Result<Vec<CharacterRecord>, StoreError> {
        self.transact(|tables| {
            let of_account = tables.characters.values().filter(|row| row.account == account);
            let mut rows: Vec<CharacterRecord> = of_account.cloned().collect();
            rows.sort_by_key(|row| (row.created_at_ms, row.id));
            Ok(rows)
        })
    }

    async fn selected(&self, caller: Caller) -> Result<CharacterState, ChangeError> {
        self.transact(|tables| {
            if !tables.is_newest(caller) {
                return Err(ChangeError::SessionReplaced);
            }
            let id = tables.selected(caller).ok_or(ChangeError::NoCharacter)?;
            load(tables, id).ok_or(ChangeError::NoCharacter)
        })
    }

    async fn create(
        &self,
        caller: Caller,
        request: Request,
        new: &NewCharacter,
        now_ms: u64,
    ) -> Result<Applied, CreateError> {
        self.transact(|tables| {
            if !tables.is_newest(caller) {
                return Err(CreateError::SessionReplaced);
            }
            if let Some(known) = tables.answered(caller.account, &request)? {
                return Ok(known);
            }
            if tables.folded_names.contains_key(&new.folded_name) {
                return Err(CreateError::NameTaken);
            }
            let count = tables.characters.values().filter(|row| row.account == caller.account).count();
            if count as u64 >= u64::from(new.most) {
                return Err(CreateError::TooManyCharacters);
            }
            let id = new.record.id;
            tables.characters.insert(id, new.record.clone());
            tables.folded_names.insert(new.folded_name.clone(), id);
            let fence = Fence {
                account: caller.account,
                session_epoch: caller.epoch,
                is_selected: false,
                owner_epoch: OwnerEpoch::default(),
                owner_region: None,
            };
            tables.fencing.insert(id, fence);
            apply(tables, id, &new.start)?;
            let keys = Keys { request: Some(request), grant: None };
            Ok(tables.keep((caller.account, id), &keys, new.start.reply.clone(), now_ms))
        })
    }

    async fn select(&self, caller: Caller, character: CharacterId) -> Result<CharacterRecord, SelectError> {
        self.transact(|tables| {
            if !tables.is_newest(caller) {
                return Err(SelectError::SessionReplaced);
            }
            let row = tables.characters.get(&character).filter(|row| row.account == caller.account);
            let row = row.ok_or(SelectError::UnknownCharacter)?.clone();
            for (id, fence) in tables.fencing.iter_mut().filter(|(_, fence)| fence.account == caller.account) {
                fence.is_selected = *id == character;
                if fence.is_selected {
                    fence.session_epoch = caller.epoch;
                }
            }
            Ok(row)
        })
    }

    async fn delete(
        &self,
        caller: Caller,
        request: Request,
        character: CharacterId,
        now_ms: u64,
        rule: &Rule<'_>,
    ) -> Result<Applied, DeleteError> {
        self.transact(|tables| {
            if !tables.is_newest(caller) {
                return Err(DeleteError::SessionReplaced);
            }
            if let Some(known) = tables.answered(caller.account, &request)? {
                return Ok(known);
            }
            let state = load(tables, character).filter(|state| state.character.account == caller.account);
            let state = state.ok_or(DeleteError::UnknownCharacter)?;
            if state.in_world {
                return Err(DeleteError::CharacterInWorld);
            }
            let change = rule(&state)?;
            apply(tables, character, &change)?;
            let is_empty_handed = load(tables, character)
                .is_some_and(|state| state.items.is_empty() && state.character.wallet.copper() == 0);
            if !is_empty_handed {
                return Err(broken("deleting a character", "it still owns something").into());
            }
            tables.characters.remove(&character);
            tables.folded_names.retain(|_, id| *id != character);
            if let Some(fence) = tables.fencing.get_mut(&character) {
                fence.is_selected = false;
                fence.owner_epoch = fence.owner_epoch.next();
            }
            let keys = Keys { request: Some(request), grant: None };
            Ok(tables.keep((caller.account, character), &keys, change.reply, now_ms))
        })
    }

    async fn change(&self, guard: Guard, keys: Keys, now_ms: u64, rule: &Rule<'_>) -> Result<Applied, ChangeError> {
        self.transact(|tables| {
            let account = match guard {
                Guard::Session(caller) if !tables.is_newest(caller) => return Err(ChangeError::SessionReplaced),
                Guard::Session(caller) => caller.account,
                Guard::Owner(id, epoch) => tables.owned(id, epoch).ok_or(ChangeError::Fenced)?.account,
            };
            if let Some(known) = tables.known(account, &keys)? {
                return Ok(known);
            }
            let id = match guard {
                Guard::Session(caller) => tables.selected(caller).ok_or(ChangeError::NoCharacter)?,
                Guard::Owner(id, _) => id,
            };
            let state = load(tables, id).ok_or(ChangeError::NoCharacter)?;
            let change = rule(&state)?;
            apply(tables, id, &change)?;
            Ok(tables.keep((account, id), &keys, change.reply, now_ms))
        })
    }

    async fn enter(&self, caller: Caller, arrival: &Arrival) -> Result<(CharacterState, OwnerEpoch), EnterError> {
        self.transact(|tables| {
            if !tables.is_newest(caller) {
                return Err(EnterError::SessionReplaced);
            }
            let id = tables.selected(caller).ok_or(EnterError::NoCharacter)?;
            if tables.regions.get(&arrival.region) != Some(&arrival.region_epoch) {
                return Err(EnterError::StaleRegion);
            }
            if let Some(row) = tables.characters.get_mut(&id).filter(|row| row.region != arrival.region) {
                row.region.clone_from(&arrival.region);
                row.position = arrival.entry;
            }
            let fence = tables.fencing.get_mut(&id).ok_or(EnterError::NoCharacter)?;
            fence.owner_epoch = fence.owner_epoch.next();
            fence.owner_region = Some(arrival.region.clone());
            let epoch = fence.owner_epoch;
            Ok((load(tables, id).ok_or(EnterError::NoCharacter)?, epoch))
        })
    }

    async fn reply(&self, account: AccountId, request: RequestId) -> Result<Option<Vec<u8>>, StoreError> {
        self.transact(|tables| Ok(tables.requests.get(&(account, request)).map(|kept| kept.reply.clone())))
    }

    async fn save(&self, saves: &[CharacterSave]) -> Result<Vec<CharacterId>, StoreError> {
        self.transact(|tables| {
            Ok(saves.iter().filter(|save| !tables.save_body(save)).map(|save| save.character).collect())
        })
    }

    async fn leave(&self, save: &CharacterSave) -> Result<bool, StoreError> {
        self.transact(|tables| {
            let is_saved = tables.save_body(save);
            if let Some(fence) = tables.owned(save.character, save.owner_epoch) {
                fence.owner_region = None;
                fence.owner_epoch = fence.owner_epoch.next();
            }
            Ok(is_saved)
        })
    }
}
