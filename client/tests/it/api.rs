//! Tokens, renewals and typed errors over a real connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use shallot_client::proto::auth::v1::auth_service_server::{AuthService, AuthServiceServer};
use shallot_client::proto::auth::v1::{LogInRequest, LogOutRequest, RefreshRequest, RegisterRequest, SignedIn};
use shallot_client::proto::economy::v1::inventory_service_server::{InventoryService, InventoryServiceServer};
use shallot_client::proto::economy::v1::{
    DestroyRequest, EquipRequest, Inventory, InventoryChange, ListInventoryRequest, MergeRequest, SplitRequest,
    UnequipRequest, UseRequest,
};
use shallot_client::{Api, Code, ConnectError, Trust, clock};
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// Hands out `access-1`, `access-2`, ...; only the newest counts.
#[derive(Default)]
struct Tokens {
    newest: AtomicU32,
    refreshes: AtomicU32,
    /// The present access token does not count, its refresh token does: as if the signing keys had been rotated.
    forget_access: AtomicBool,
    lifetime_ms: u64,
}

impl Tokens {
    fn next(&self) -> SignedIn {
        let n = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        SignedIn {
            access_token: format!("access-{n}"),
            refresh_token: format!("refresh-{n}"),
            access_expires_at_ms: clock::wall_ms() + self.lifetime_ms,
            ..SignedIn::default()
        }
    }
}

#[derive(Clone)]
struct Server(Arc<Tokens>);

#[tonic::async_trait]
impl AuthService for Server {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<SignedIn>, Status> {
        if request.get_ref().login_name == "taken" {
            let mut status = Status::already_exists("somebody has that name");
            status.metadata_mut().insert("shallot-reason", "LOGIN_NAME_TAKEN".parse().unwrap());
            return Err(status);
        }
        Ok(Response::new(self.0.next()))
    }

    async fn log_in(&self, _: Request<LogInRequest>) -> Result<Response<SignedIn>, Status> {
        Ok(Response::new(self.0.next()))
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Result<Response<SignedIn>, Status> {
        let newest = self.0.newest.load(Ordering::SeqCst);
        if request.get_ref().refresh_token != format!("refresh-{newest}") {
            return Err(Status::unauthenticated("used before"));
        }
        self.0.refreshes.fetch_add(1, Ordering::SeqCst);
        self.0.forget_access.store(false, Ordering::SeqCst);
        Ok(Response::new(self.0.next()))
    }

    async fn log_out(&self, _: Request<LogOutRequest>) -> Result<Response<()>, Status> {
        Ok(Response::new(()))
    }
}

#[tonic::async_trait]
impl InventoryService for Server {
    async fn list(&self, request: Request<ListInventoryRequest>) -> Result<Response<Inventory>, Status> {
        let newest = self.0.newest.load(Ordering::SeqCst);
        let shown = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let forgotten = self.0.forget_access.load(Ordering::SeqCst);
        if forgotten || shown != Some(format!("Bearer access-{newest}").as_str()) {
            return Err(Status::unauthenticated("expired"));
        }
        Ok(Response::new(Inventory { wallet_copper: 7, ..Inventory::default() }))
    }

    async fn equip(&self, _: Request<EquipRequest>) -> Result<Response<InventoryChange>, Status> {
        let mut status = Status::resource_exhausted("slow down");
        status.metadata_mut().insert("shallot-reason", "RATE_LIMITED".parse().unwrap());
        status.metadata_mut().insert("shallot-retry-after-ms", "250".parse().unwrap());
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

struct Running {
    address: SocketAddr,
    tokens: Arc<Tokens>,
    _task: JoinSet<()>,
}

async fn serve(lifetime_ms: u64) -> Running {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tokens = Arc::new(Tokens { lifetime_ms, ..Tokens::default() });
    let server = Server(Arc::clone(&tokens));
    let mut task = JoinSet::new();
    task.spawn(async move {
        let router = tonic::transport::Server::builder()
            .add_service(AuthServiceServer::new(server.clone()))
            .add_service(InventoryServiceServer::new(server));
        router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
    });
    Running { address, tokens, _task: task }
}

async fn connect(server: &Running) -> Api {
    Api::connect(&server.address.to_string(), &Trust::Development).await.unwrap()
}

const HOUR_MS: u64 = 3_600_000;

#[tokio::test]
async fn a_signed_in_client_calls_with_its_token() {
    let server = serve(HOUR_MS).await;
    let api = connect(&server).await;
    assert_eq!(api.host(), "127.0.0.1");
    api.log_in_by_device([7; 32], true).await.unwrap();
    assert_eq!(api.inventory().list().await.unwrap().wallet_copper, 7);
    assert_eq!(server.tokens.refreshes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_a_sign_in_nothing_is_sent() {
    let server = serve(HOUR_MS).await;
    let error = connect(&server).await.inventory().list().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unauthenticated, "NOT_SIGNED_IN"));
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_first() {
    let server = serve(1_000).await;
    let api = connect(&server).await;
    api.log_in("bot", "password").await.unwrap();
    api.inventory().list().await.unwrap();
    assert_eq!(server.tokens.refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_that_no_longer_counts_is_renewed_once_for_all_tasks() {
    let server = serve(HOUR_MS).await;
    let api = connect(&server).await;
    api.log_in("bot", "password").await.unwrap();
    server.tokens.forget_access.store(true, Ordering::SeqCst);
    let calls = (0..8).map(|_| {
        let api = api.clone();
        async move { api.inventory().list().await }
    });
    let mut set: JoinSet<_> = calls.collect();
    while let Some(done) = set.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(server.tokens.refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn refusals_are_typed() {
    let server = serve(HOUR_MS).await;
    let api = connect(&server).await;
    let request = clock::new_request_id().unwrap();
    let taken = api.register(request, "taken", "password").await.unwrap_err();
    assert_eq!((taken.code, taken.reason.as_str()), (Code::AlreadyExists, "LOGIN_NAME_TAKEN"));
    api.register(request, "free", "password").await.unwrap();
    let slow = api.inventory().equip(request, "id", Default::default()).await.unwrap_err();
    assert_eq!(slow.retry_after, Some(Duration::from_millis(250)));
}

#[tokio::test]
async fn an_address_that_is_none_or_where_nobody_is() {
    let connect = |address: &'static str| async move { Api::connect(address, &Trust::Development).await.map(|_| ()) };
    assert!(matches!(connect("ftp://127.0.0.1:1").await, Err(ConnectError::BadAddress(_))));
    assert!(matches!(connect("").await, Err(ConnectError::BadAddress(_))));
    assert!(matches!(connect("https://127.0.0.1:1").await, Err(ConnectError::RootsNeeded)));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Api::connect(&free.to_string(), &Trust::Development).await.map(|_| ());
    let Err(refused @ ConnectError::Unreachable { .. }) = nobody else { panic!("{nobody:?}") };
    let told = refused.to_string();
    assert!(told.starts_with(&format!("{free} cannot be reached: ")) && told.contains("refused"), "{told}");
}
