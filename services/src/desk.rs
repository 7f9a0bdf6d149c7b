//! The one way from a rule to a transaction, and back to a typed reply.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shallot_masterdata::MasterData;

use crate::character::CharacterState;
use crate::clock::Ids;
use crate::holdings::{Change, Draft};
use crate::ports::{Applied, CharacterStore, Guard, Keys, StoreError};
use crate::refusal::{ChangeError, Refusal};

/// A reply, and whether the change happened now or had happened before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<T> {
    /// The same each time the request is repeated.
    pub reply: T,
    /// Nothing happened now: what was to be told was told, or is seen at the next load.
    pub replayed: bool,
}

/// The store of characters with what every change of one needs.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn CharacterStore>,
    pub(crate) ids: Ids,
}

impl Desk {
    /// Runs `rule` on a draft of the guarded character in one transaction.
    pub(crate) async fn change<T, R>(
        &self,
        guard: Guard,
        keys: Keys,
        data: &MasterData,
        rule: R,
    ) -> Result<Outcome<T>, ChangeError>
    where
        T: Serialize + DeserializeOwned,
        R: Fn(&mut Draft<'_>) -> Result<T, Refusal> + Send + Sync,
    {
        let decide = |state: &CharacterState| self.decide(state, data, &rule);
        outcome(&self.store.change(guard, keys, self.ids.now_ms(), &decide).await?).map_err(ChangeError::Store)
    }

    /// What `rule` makes of a state, with its reply in the stored form.
    pub(crate) fn decide<T: Serialize>(
        &self,
        state: &CharacterState,
        data: &MasterData,
        rule: impl Fn(&mut Draft<'_>) -> Result<T, Refusal>,
    ) -> Result<Change, Refusal> {
        let mut draft = Draft::new(state, data, &self.ids);
        let reply = rule(&mut draft)?;
        let bytes = serde_json::to_vec(&reply)
            .expect("replies are plain structs with text keys, which always have a JSON form");
        Ok(draft.finish(bytes))
    }
}

/// Reads a stored reply back.
pub(crate) fn outcome<T: DeserializeOwned>(applied: &Applied) -> Result<Outcome<T>, StoreError> {
    let reply = serde_json::from_slice(&applied.reply).map_err(|error| StoreError::Corrupt {
        table: "requests",
        column: "reply",
        id: "of this request or grant".to_owned(),
        why: error.to_string(),
    })?;
    Ok(Outcome { reply, replayed: applied.replayed })
}
