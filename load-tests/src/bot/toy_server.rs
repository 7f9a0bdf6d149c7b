//! A server for tests, made of the real transports and a toy world: one player, one rat six metres to the east of it, which dies
//! of the first blow and leaves two fangs behind.

mod datagrams;
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use shallot_client::hubs::contracts::world::v1::WorldHubDispatcher;
use shallot_client::hubs::{
    Authenticator, ChannelOffer, HubError, HubServer, HubServerConfig, Outbound, Principal, SessionHandle, SystemClock,
    WorkerId, serve_link,
};
use shallot_client::proto::auth::v1::auth_service_server::{AuthService, AuthServiceServer};
use shallot_client::proto::auth::v1::{LogInRequest, LogOutRequest, RefreshRequest, RegisterRequest, SignedIn};
use shallot_client::proto::economy::v1::inventory_service_server::{InventoryService, InventoryServiceServer};
use shallot_client::proto::economy::v1::{
    DestroyRequest, EquipRequest, Inventory, InventoryChange, Item, ListInventoryRequest, MergeRequest, SplitRequest,
    UnequipRequest, UseRequest,
};
use shallot_client::proto::hub::v1::hub_link_server::{HubLink, HubLinkServer};
use shallot_client::proto::hub::v1::{Channel, ClientBatch};
use shallot_client::proto::player::v1::character_service_server::{CharacterService, CharacterServiceServer};
use shallot_client::proto::player::v1::{
    Abilities, Character, CreateCharacterRequest, DeleteCharacterReply, DeleteCharacterRequest, ListCharactersReply,
    ListCharactersRequest, SelectCharacterReply, SelectCharacterRequest, SpendStatPointsRequest,
};
use shallot_client::wire::{AccountId, CharacterId, Position, SessionEpoch, SessionId};
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// What the toy world keeps.
pub(super) struct State {
    /// The durable part.
    pub(super) xp: u64,
    pub(super) wallet: i64,
    pub(super) items: BTreeMap<String, u32>,
    /// The region.
    pub(super) tick: u32,
    pub(super) at: Position,
    pub(super) rat_lives: bool,
    pub(super) fangs_lie_there: bool,
    pub(super) applied: Option<u16>,
    pub(super) inputs: u64,
    pub(super) in_region: bool,
}

/// Shared by all of its services.
#[derive(Clone)]
pub(super) struct Toy {
    state: Arc<Mutex<State>>,
    channel: SocketAddr,
    sessions: Option<HubServer>,
    /// Copper pieces that the store forgets of each reward: a fault for tests.
    forgets: i64,
}

/// A running toy server; it ends when dropped.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) toy: Toy,
    _tasks: JoinSet<()>,
}

pub(super) const START: Position = Position { x: 100 * 4_096, y: 100 * 4_096 };
pub(super) const CHARACTER: &str = "01900000-0000-7000-8000-000000000001";

impl Toy {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds it")
    }

    pub(super) fn forgets(&self) -> i64 {
        self.forgets
    }

    fn character(&self) -> Character {
        Character {
            id: CHARACTER.to_owned(),
            name: "Bot".to_owned(),
            class: "fighter".to_owned(),
            level: 1,
            xp: self.state().xp,
            abilities: Some(Abilities { str: 16, dex: 12, con: 14, int: 8, wis: 10, cha: 10 }),
            ..Character::default()
        }
    }
}

/// Starts one on free ports of the loopback.
pub(super) async fn start(forgets: i64) -> Running {
    let mut tasks = JoinSet::new();
    let endpoint = datagrams::endpoint();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let state = State {
        xp: 0,
        wallet: 5,
        items: BTreeMap::from([("club".to_owned(), 1)]),
        tick: 70_000,
        at: START,
        rat_lives: true,
        fangs_lie_there: false,
        applied: None,
        inputs: 0,
        in_region: false,
    };
    let channel = endpoint.local_addr().expect("its address");
    let mut toy = Toy { state: Arc::new(Mutex::new(state)), channel, sessions: None, forgets };
    let hub = Arc::new(toy.clone());
    let sessions = HubServer::builder(HubServerConfig::default(), Arc::new(SystemClock::start()), hub.clone())
        .hub(WorldHubDispatcher::new(hub.clone()))
        .channel_offer(hub);
    toy.sessions = Some(sessions.build().expect("a hub server"));
    tasks.spawn(datagrams::serve(endpoint, toy.clone()));
    let services = toy.clone();
    tasks.spawn(async move {
        let router = tonic::transport::Server::builder()
            .add_service(AuthServiceServer::new(services.clone()))
            .add_service(CharacterServiceServer::new(services.clone()))
            .add_service(InventoryServiceServer::new(services.clone()))
            .add_service(HubLinkServer::new(services));
        router.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves");
    });
    Running { address, toy, _tasks: tasks }
}

#[tonic::async_trait]
impl Authenticator for Toy {
    async fn authenticate(&self, _access_token: &str) -> Result<Principal, HubError> {
        let (account, session) = (AccountId([1; 16]), SessionId([2; 16]));
        Ok(Principal { account, session, epoch: SessionEpoch(1), expires_at_ms: u64::MAX })
    }
}

impl ChannelOffer for Toy {
    fn offer(&self, session: &SessionHandle) -> Option<Channel> {
        session.set_character(Some(CharacterId([3; 16])));
        Some(Channel { address: format!(":{}", self.channel.port()), ticket: "ticket".into() })
    }
}

#[tonic::async_trait]
impl HubLink for Toy {
    type ConnectStream = Outbound;

    async fn connect(&self, request: Request<tonic::Streaming<ClientBatch>>) -> Result<Response<Outbound>, Status> {
        let server = self.sessions.as_ref().ok_or_else(|| Status::internal("no sessions"))?;
        let (outbound, driver) = serve_link(server, WorkerId(0), request.into_inner());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        drop(tokio::spawn(driver));
        Ok(Response::new(outbound))
    }
}

fn signed_in() -> Result<Response<SignedIn>, Status> {
    let far = u64::MAX / 2;
    Ok(Response::new(SignedIn { access_token: "token".to_owned(), access_expires_at_ms: far, ..SignedIn::default() }))
}

#[tonic::async_trait]
impl AuthService for Toy {
    async fn register(&self, _: Request<RegisterRequest>) -> Result<Response<SignedIn>, Status> {
        signed_in()
    }

    async fn log_in(&self, _: Request<LogInRequest>) -> Result<Response<SignedIn>, Status> {
        signed_in()
    }

    async fn refresh(&self, _: Request<RefreshRequest>) -> Result<Response<SignedIn>, Status> {
        signed_in()
    }

    async fn log_out(&self, _: Request<LogOutRequest>) -> Result<Response<()>, Status> {
        Ok(Response::new(()))
    }
}

#[tonic::async_trait]
impl CharacterService for Toy {
    async fn list(&self, _: Request<ListCharactersRequest>) -> Result<Response<ListCharactersReply>, Status> {
        Ok(Response::new(ListCharactersReply { characters: vec![self.character()] }))
    }

    async fn create(&self, _: Request<CreateCharacterRequest>) -> Result<Response<Character>, Status> {
        Ok(Response::new(self.character()))
    }

    async fn select(&self, _: Request<SelectCharacterRequest>) -> Result<Response<SelectCharacterReply>, Status> {
        let character = Some(self.character());
        Ok(Response::new(SelectCharacterReply { character, ..SelectCharacterReply::default() }))
    }

    async fn delete(&self, _: Request<DeleteCharacterRequest>) -> Result<Response<DeleteCharacterReply>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn spend_stat_points(&self, _: Request<SpendStatPointsRequest>) -> Result<Response<Character>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[tonic::async_trait]
impl InventoryService for Toy {
    async fn list(&self, _: Request<ListInventoryRequest>) -> Result<Response<Inventory>, Status> {
        let state = self.state();
        let item = |(template, quantity): (&String, &u32)| Item {
            id: format!("id of {template}"),
            template: template.clone(),
            quantity: *quantity,
            ..Item::default()
        };
        let items = state.items.iter().map(item).collect();
        Ok(Response::new(Inventory { items, wallet_copper: state.wallet, bag_slots: 20, version: 1 }))
    }

    async fn equip(&self, _: Request<EquipRequest>) -> Result<Response<InventoryChange>, Status> {
        let mut status = Status::failed_precondition("not in this world");
        status.metadata_mut().insert("shallot-reason", "NOT_WEARABLE".parse().expect("a value"));
        Err(status)
    }

    async fn unequip(&self, _: Request<UnequipRequest>) -> Result<Response<InventoryChange>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn r#use(&self, _: Request<UseRequest>) -> Result<Response<InventoryChange>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn split(&self, _: Request<SplitRequest>) -> Result<Response<InventoryChange>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn merge(&self, _: Request<MergeRequest>) -> Result<Response<InventoryChange>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn destroy(&self, _: Request<DestroyRequest>) -> Result<Response<InventoryChange>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
