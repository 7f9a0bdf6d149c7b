//! Characters of an account.

use std::sync::Arc;

use arc_swap::ArcSwap;
use shallot_hubs::{HubServer, WorkerId};
use shallot_masterdata::MasterData;
use shallot_proto::player::v1::character_service_server::CharacterService;
use shallot_proto::player::v1::{
    Abilities, Character, CreateCharacterRequest, DeleteCharacterReply, DeleteCharacterRequest, ListCharactersReply,
    ListCharactersRequest, SelectCharacterReply, SelectCharacterRequest, SpendStatPointsRequest,
};
use shallot_proto::wire::CharacterId;
use shallot_services::character::{CharacterView, Scores};
use shallot_services::characters::Characters as UseCases;
use shallot_services::reason::Reason;
use shallot_world::Command;
use tonic::{Code, Request, Response, Status};

use super::auth::caller;
use super::status;
use crate::gateway::players::Players;
use crate::hubs::ports::Channels;
use crate::hubs::whereabouts::Whereabouts;
use crate::store_runtime::StoreRuntime;

/// The service of one gateway worker.
pub(crate) struct Characters {
    pub(crate) characters: Arc<UseCases>,
    pub(crate) data: Arc<ArcSwap<MasterData>>,
    pub(crate) players: Arc<Players>,
    pub(crate) hub: HubServer,
    pub(crate) whereabouts: Whereabouts,
    pub(crate) channels: Arc<Channels>,
    pub(crate) worker: WorkerId,
    pub(crate) stores: StoreRuntime,
}

impl Characters {
    /// Runs a use case on the store runtime with the set in force.
    async fn run<T, E, F>(&self, work: impl FnOnce(Arc<UseCases>, Arc<MasterData>) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        E: Reason + std::error::Error + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.characters), self.data.load_full());
        self.stores.run(work).await.map_err(|_| status::internal())?.map_err(|error| status::service(&error))
    }
}

#[tonic::async_trait]
impl CharacterService for Characters {
    async fn list(&self, request: Request<ListCharactersRequest>) -> Result<Response<ListCharactersReply>, Status> {
        let caller = caller(&request)?;
        let views = self.run(|use_cases, data| async move { use_cases.list(caller.account, &data).await }).await?;
        Ok(Response::new(ListCharactersReply { characters: views.iter().map(character).collect() }))
    }

    async fn create(&self, request: Request<CreateCharacterRequest>) -> Result<Response<Character>, Status> {
        let caller = caller(&request)?;
        let CreateCharacterRequest { request_id, name, class } = request.into_inner();
        let view = self
            .run(|use_cases, data| async move { use_cases.create(caller, &data, &request_id, &name, &class).await })
            .await?;
        Ok(Response::new(character(&view.reply)))
    }

    async fn select(&self, request: Request<SelectCharacterRequest>) -> Result<Response<SelectCharacterReply>, Status> {
        let caller = caller(&request)?;
        let id = character_id(&request.get_ref().character_id)?;
        if let Some(session) = self.players.session(caller.session)
            && session.place().is_some_and(|place| place.character != id)
        {
            return Err(status::refusal(
                Code::FailedPrecondition,
                "CHARACTER_IN_WORLD",
                "the session has another character in a region: leave it first",
            ));
        }
        let view = self.run(|use_cases, data| async move { use_cases.select(caller, &data, id).await }).await?;
        let live = self.hub.directory().get(caller.session);
        if let Some(handle) = &live {
            self.whereabouts.selected(handle, id, &view.record.name);
        }
        // A session that lives has its worker; one that does not may begin on this one.
        let worker = live.map_or(self.worker, |handle| handle.worker());
        let channel = self.channels.ticket(worker, caller.session, caller.epoch);
        let master_data_hash = self.data.load().hash.to_vec().into();
        Ok(Response::new(SelectCharacterReply { character: Some(character(&view)), master_data_hash, channel }))
    }

    async fn delete(&self, request: Request<DeleteCharacterRequest>) -> Result<Response<DeleteCharacterReply>, Status> {
        let caller = caller(&request)?;
        let DeleteCharacterRequest { request_id, character_id: id } = request.into_inner();
        let id = character_id(&id)?;
        self.run(|use_cases, data| async move { use_cases.delete(caller, &data, &request_id, id).await }).await?;
        Ok(Response::new(DeleteCharacterReply {}))
    }

    async fn spend_stat_points(&self, request: Request<SpendStatPointsRequest>) -> Result<Response<Character>, Status> {
        let caller = caller(&request)?;
        let SpendStatPointsRequest { request_id, add } = request.into_inner();
        let add = scores(add.unwrap_or_default())?;
        let spent = self
            .run(|use_cases, data| async move { use_cases.spend_stat_points(caller, &data, &request_id, add).await })
            .await?;
        let view = spent.reply;
        if let Some(session) = self.players.session(caller.session)
            && let Some(place) = session.place()
        {
            let version = u64::from(view.record.added.total());
            let told = Command::Abilities { character: place.character, abilities: view.scores.into(), version };
            if place.shard.try_send(told).is_err() {
                tracing::warn!(character = %place.character, "spent points count from the next entry on: the shard was too busy");
            }
        }
        Ok(Response::new(character(&view)))
    }
}

fn character_id(text: &str) -> Result<CharacterId, Status> {
    text.parse().map_err(|_| status::refusal(Code::NotFound, "UNKNOWN_CHARACTER", "no such character"))
}

fn scores(add: Abilities) -> Result<Scores, Status> {
    let Abilities { str, dex, con, int, wis, cha } = add;
    let mut points = [0_u8; 6];
    for (to, from) in points.iter_mut().zip([str, dex, con, int, wis, cha]) {
        *to = u8::try_from(from)
            .map_err(|_| status::refusal(Code::FailedPrecondition, "NOT_ENOUGH_POINTS", "not enough stat points"))?;
    }
    Ok(Scores::from_array(points))
}

fn character(view: &CharacterView) -> Character {
    let record = &view.record;
    let (x_cm, y_cm) = record.position.to_cm();
    let [str, dex, con, int, wis, cha] = view.scores.to_array().map(u32::from);
    Character {
        id: record.id.to_string(),
        name: record.name.clone(),
        class: record.class.clone(),
        level: u32::from(record.level),
        xp: record.xp,
        abilities: Some(Abilities { str, dex, con, int, wis, cha }),
        unspent_stat_points: view.unspent_stat_points,
        region: record.region.clone(),
        x_cm,
        y_cm,
        hp: record.hp,
        wallet_copper: record.wallet.copper(),
        created_at_ms: record.created_at_ms,
    }
}
