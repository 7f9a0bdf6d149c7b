//! Calls about the account's characters.

use shallot_proto::player::v1::character_service_client::CharacterServiceClient;
use shallot_proto::player::v1::{
    Abilities, Character, CreateCharacterRequest, DeleteCharacterRequest, ListCharactersRequest, SelectCharacterReply,
    SelectCharacterRequest, SpendStatPointsRequest,
};
use shallot_proto::wire::RequestId;
use tonic::transport::Channel;

use super::{Api, ApiError};
use crate::limits::ANSWER_MAX;

/// See [`Api::characters`]. Every method fails with an [`ApiError`] whose reasons stand in `player/v1/characters.proto`.
pub struct Characters<'a> {
    api: &'a Api,
    client: CharacterServiceClient<Channel>,
}

impl<'a> Characters<'a> {
    pub(super) fn new(api: &'a Api) -> Self {
        let client = CharacterServiceClient::new(api.channel()).max_decoding_message_size(ANSWER_MAX);
        Self { api, client }
    }

    /// The account's characters, oldest first.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn list(&self) -> Result<Vec<Character>, ApiError> {
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.list(request).await }
        };
        Ok(self.api.call(ListCharactersRequest {}, send).await?.characters)
    }

    /// Makes a character of a class (key in classes.csv).
    ///
    /// # Errors
    /// `NAME_TAKEN`, `NAME_INVALID`, `TOO_MANY_CHARACTERS`.
    pub async fn create(&self, request: RequestId, name: &str, class: &str) -> Result<Character, ApiError> {
        let message =
            CreateCharacterRequest { request_id: request.to_string(), name: name.to_owned(), class: class.to_owned() };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.create(request).await }
        };
        self.api.call(message, send).await
    }

    /// Makes it the session's character: what the hub and the inventory calls act on.
    ///
    /// # Errors
    /// `UNKNOWN_CHARACTER`.
    pub async fn select(&self, character_id: &str) -> Result<SelectCharacterReply, ApiError> {
        let message = SelectCharacterRequest { character_id: character_id.to_owned() };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.select(request).await }
        };
        self.api.call(message, send).await
    }

    /// Deletes a character for good, with all it carries.
    ///
    /// # Errors
    /// `UNKNOWN_CHARACTER`, `CHARACTER_IN_WORLD`.
    pub async fn delete(&self, request: RequestId, character_id: &str) -> Result<(), ApiError> {
        let message = DeleteCharacterRequest { request_id: request.to_string(), character_id: character_id.to_owned() };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.delete(request).await }
        };
        self.api.call(message, send).await.map(|_| ())
    }

    /// Adds points to the scores of the selected character.
    ///
    /// # Errors
    /// `NOT_ENOUGH_POINTS`.
    pub async fn spend_stat_points(&self, request: RequestId, add: Abilities) -> Result<Character, ApiError> {
        let message = SpendStatPointsRequest { request_id: request.to_string(), add: Some(add) };
        let send = |request| {
            let mut client = self.client.clone();
            async move { client.spend_stat_points(request).await }
        };
        self.api.call(message, send).await
    }
}
