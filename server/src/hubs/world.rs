//! The world hub: into a region, out of it, and what a hand on the controls asks for between.

use std::sync::Arc;

use arc_swap::ArcSwap;
use prost::Message as _;
use shallot_hubs::contracts::world::v1::WorldHub;
use shallot_hubs::{CallContext, Code, EndReason, HubError, SessionHandle};
use shallot_masterdata::{MasterData, RegionIndex};
use shallot_proto::wire::{NetId, Position, RequestId};
use shallot_proto::world::v1::{
    AttackReply, AttackRequest, EnterReply, EnterRequest, InputBytes, LeaveReply, LeaveRequest, PickUpReply,
    PickUpRequest, RegionElsewhereDetail, RespawnReply, RespawnRequest, UseSkillReply, UseSkillRequest,
};
use shallot_services::character::Entered as Loaded;
use shallot_services::characters::Characters;
use shallot_services::grants::{GrantReply, Grants};
use shallot_services::ports::RegionStore;
use shallot_world::{Command, Reply, grant_entity};

use super::whereabouts::Whereabouts;
use super::{errors, translate};
use crate::clock::SystemClock;
use crate::gateway::players::Players;
use crate::gateway::quic_link::take_up_channel;
use crate::gateway::session::{Place, PlayerSession, player};
use crate::gateway::worker::Worker;
use crate::hubs::sheet::character_sheet;
use crate::limits;
use crate::shard::link::ShardLink;
use crate::store_runtime::StoreRuntime;

/// The entity of a character that is on its way in.
const NOBODY: NetId = NetId { index: 0, generation: 0 };

/// The world hub.
pub(crate) struct World {
    pub(crate) data: Arc<ArcSwap<MasterData>>,
    /// One for each region, by row; `None`: another server has it.
    pub(crate) shards: Vec<Option<Arc<dyn ShardLink>>>,
    pub(crate) regions: Arc<dyn RegionStore>,
    pub(crate) workers: Vec<Arc<Worker>>,
    pub(crate) players: Arc<Players>,
    pub(crate) characters: Arc<Characters>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) whereabouts: Whereabouts,
    pub(crate) stores: StoreRuntime,
}

impl WorldHub for World {
    async fn on_connect(&self, handle: &SessionHandle) {
        let Some(worker) = self.workers.get(usize::from(handle.worker().0)) else {
            handle.end(EndReason::new(Code::Internal, "INTERNAL", "no such gateway worker"));
            return;
        };
        let session = Arc::new(PlayerSession::new(handle.clone(), Arc::clone(worker)));
        handle.insert_state(Arc::clone(&session));
        take_up_channel(&session);
        self.players.come(&session);
        self.whereabouts.arrived(handle).await;
    }

    async fn on_disconnect(&self, handle: &SessionHandle, reason: &EndReason) {
        let Some(session) = player(handle) else { return };
        if let Err(error) = session.leave().await {
            tracing::warn!(%error, session = %handle.id(), "a character did not leave in order; its last save counts");
        }
        session.drop_channel(&reason.reason);
        self.players.go(&session);
    }

    async fn enter(&self, call: &CallContext, request: EnterRequest) -> Result<EnterReply, HubError> {
        let session = self.session(call)?;
        self.leave_region(&session).await?;
        let data = self.data.load_full();
        let wanted = self.wanted_region(&data, &session, &request.region).await?;
        let Some(shard) = self.shards.get(wanted.index()).ok_or_else(unknown_region)?.clone() else {
            return Err(self.region_elsewhere(&data.region(wanted).key).await);
        };
        let (characters, caller, set) = (Arc::clone(&self.characters), session.caller(), Arc::clone(&data));
        let epoch = shard.region_epoch();
        let loaded = self
            .stores
            .run(async move { characters.enter_world(caller, &set, &set.region(wanted).key, epoch).await })
            .await;
        let loaded = loaded.map_err(|_| errors::internal())?.map_err(|error| errors::service(&error))?;
        self.put_in(&session, shard, wanted, &data, loaded).await
    }

    async fn leave(&self, call: &CallContext, _: LeaveRequest) -> Result<LeaveReply, HubError> {
        self.leave_region(&self.session(call)?).await?;
        Ok(LeaveReply {})
    }

    async fn attack(&self, call: &CallContext, request: AttackRequest) -> Result<AttackReply, HubError> {
        let target = if request.target == 0 { None } else { Some(entity(request.target)?) };
        self.ask(call, |character, correlation| Command::Attack { character, target, correlation }).await?;
        Ok(AttackReply {})
    }

    async fn use_skill(&self, call: &CallContext, request: UseSkillRequest) -> Result<UseSkillReply, HubError> {
        let skill = self.data.load().skill_by_key(&request.skill);
        let skill = skill.ok_or_else(|| errors::invalid("UNKNOWN_SKILL", "there is no such skill"))?;
        let target = if request.target == 0 { None } else { Some(entity(request.target)?) };
        let at = Position { x: request.x, y: request.y };
        let command = |character, correlation| Command::UseSkill { character, skill, target, at, correlation };
        match self.ask(call, command).await? {
            Reply::SkillUsed { cooldown_ticks } => Ok(UseSkillReply { cooldown_ticks }),
            other => Err(unexpected(&other)),
        }
    }

    async fn pick_up(&self, call: &CallContext, request: PickUpRequest) -> Result<PickUpReply, HubError> {
        let drop = entity(request.drop)?;
        let id: RequestId = request
            .request_id
            .parse()
            .map_err(|_| errors::invalid("REQUEST_ID_INVALID", "the request id must be a UUIDv7"))?;
        let session = self.session(call)?;
        let command = |character, correlation| Command::PickUp { character, drop, request: id, correlation };
        match self.ask(call, command).await {
            Ok(Reply::Picked { grant }) => Ok(PickUpReply { reward: session.told_reward(&grant.to_string()) }),
            Ok(other) => Err(unexpected(&other)),
            // A repeated request finds the drop gone, since it has it already.
            Err(refused) => match self.told_before(&session, id).await {
                Some(told) if grant_entity(told.grant_id) == drop => {
                    Ok(PickUpReply { reward: Some(translate::reward(&told, String::new())) })
                }
                Some(_) => Err(errors::invalid("REQUEST_ID_REUSED", "the request id was used for another call")),
                None => Err(refused),
            },
        }
    }

    async fn input(&self, call: &CallContext, request: InputBytes) -> Result<(), HubError> {
        self.session(call)?.take_input(&request.datagram);
        Ok(())
    }

    async fn respawn(&self, call: &CallContext, _: RespawnRequest) -> Result<RespawnReply, HubError> {
        match self.ask(call, |character, correlation| Command::Respawn { character, correlation }).await? {
            Reply::Respawned { position } => Ok(RespawnReply { x: position.x, y: position.y }),
            other => Err(unexpected(&other)),
        }
    }
}

impl World {
    fn session(&self, call: &CallContext) -> Result<Arc<PlayerSession>, HubError> {
        player(call.session()).ok_or_else(errors::internal)
    }

    /// Out of the region, and of its talk.
    async fn leave_region(&self, session: &Arc<PlayerSession>) -> Result<(), HubError> {
        self.whereabouts.left(&session.handle);
        session.leave().await.map_err(|error| errors::ask(&error))
    }

    /// Asks the shard that has the session's character.
    async fn ask(
        &self,
        call: &CallContext,
        command: impl FnOnce(shallot_proto::wire::CharacterId, u64) -> Command + Send,
    ) -> Result<Reply, HubError> {
        let session = self.session(call)?;
        let place = session.place().ok_or_else(errors::not_in_world)?;
        let character = place.character;
        let answer = session.ask(place.shard.as_ref(), limits::SHARD_ANSWER, |n| command(character, n)).await;
        answer.map_err(|error| errors::ask(&error))
    }

    /// Where a region is that another server has.
    async fn region_elsewhere(&self, region: &str) -> HubError {
        let (regions, key, now_ms) = (Arc::clone(&self.regions), region.to_owned(), SystemClock::unix_ms());
        let owner = self.stores.run(async move { regions.region_owner(&key, now_ms).await }).await;
        let Ok(Ok(owner)) = owner else { return errors::internal() };
        let address = owner.map(|owner| owner.address).unwrap_or_default();
        let detail = RegionElsewhereDetail { region: region.to_owned(), address };
        HubError::new(Code::FailedPrecondition, "REGION_ELSEWHERE", "another server has this region")
            .with_detail(detail.encode_to_vec().into())
    }

    /// The region a client names, or the one its character was saved in.
    async fn wanted_region(
        &self,
        data: &MasterData,
        session: &PlayerSession,
        named: &str,
    ) -> Result<RegionIndex, HubError> {
        if !named.is_empty() {
            return data.region_by_key(named).ok_or_else(unknown_region);
        }
        let (characters, caller) = (Arc::clone(&self.characters), session.caller());
        let set = self.data.load_full();
        let saved = self.stores.run(async move { characters.selected(caller, &set).await }).await;
        let saved = saved.map_err(|_| errors::internal())?.map_err(|error| errors::service(&error))?;
        // A region that a newer set does not have any more: the start.
        Ok(data.region_by_key(&saved.record.region).unwrap_or_else(|| data.start_region()))
    }

    async fn put_in(
        &self,
        session: &Arc<PlayerSession>,
        shard: Arc<dyn ShardLink>,
        region: RegionIndex,
        data: &MasterData,
        loaded: Loaded,
    ) -> Result<EnterReply, HubError> {
        let character = loaded.view.record.id;
        let owner_epoch = loaded.owner_epoch;
        let sheet = Box::new(character_sheet(&loaded, data).ok_or_else(|| {
            HubError::new(
                Code::FailedPrecondition,
                "UNKNOWN_CLASS",
                "the master data in force has not this character's class",
            )
        })?);
        // From here on what the shard says about the character is this session's, and a session that ends takes it out again.
        self.players.enter(character, session);
        session.set_place(Some(Place { character, owner_epoch, entity: NOBODY, shard: Arc::clone(&shard) }));
        let enter = |correlation| Command::Enter { character, owner_epoch, sheet, correlation };
        let answer = session.ask(shard.as_ref(), limits::SHARD_ANSWER, enter).await;
        let entered = match answer {
            Ok(Reply::Entered(entered)) => entered,
            Ok(other) => return Err(unexpected(&other)),
            Err(error) => {
                session.set_place(None);
                self.players.leave(character, session);
                return Err(errors::ask(&error));
            }
        };
        session.set_place(Some(Place { character, owner_epoch, entity: entered.entity, shard }));
        self.whereabouts.entered(&session.handle, &data.region(region).key);
        Ok(EnterReply {
            entity: entered.entity.to_bits(),
            region: data.region(region).key.clone(),
            region_id: u32::from(region.0),
            tick: entered.tick.0,
            x: entered.position.x,
            y: entered.position.y,
            master_data_hash: data.hash.to_vec().into(),
            vitals: Some(translate::vitals(&entered.vitals)),
        })
    }

    /// What an earlier pick-up under the same request brought.
    async fn told_before(&self, session: &PlayerSession, id: RequestId) -> Option<GrantReply> {
        let (grants, caller) = (Arc::clone(&self.grants), session.caller());
        self.stores.run(async move { grants.told_before(caller.account, id).await }).await.ok()?.ok()?
    }
}

fn entity(bits: u32) -> Result<NetId, HubError> {
    NetId::from_bits(bits).ok_or_else(|| errors::invalid("ENTITY_INVALID", "no entity has such a number"))
}

fn unknown_region() -> HubError {
    HubError::new(Code::NotFound, "UNKNOWN_REGION", "there is no such region")
}

/// The shard answered another question: a fault of ours.
fn unexpected(reply: &Reply) -> HubError {
    tracing::error!(?reply, "a shard's answer does not fit the question");
    errors::internal()
}
