//! A gateway worker's thread: a runtime of its own with a TCP listener, a UDP port and its sessions.

use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use shallot_hubs::{HubServer, WorkerId};
use shallot_masterdata::MasterData;
use shallot_proto::FILE_DESCRIPTOR_SET;
use shallot_proto::auth::v1::auth_service_server::AuthServiceServer;
use shallot_proto::economy::v1::inventory_service_server::InventoryServiceServer;
use shallot_proto::player::v1::character_service_server::CharacterServiceServer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::players::Players;
use super::quic_link::QuicLinks;
use super::worker::{Delivery, Worker};
use crate::grpc::auth::Accounts;
use crate::grpc::characters::Characters;
use crate::grpc::door::Door;
use crate::grpc::inventory::Inventory;
use crate::grpc::link::links;
use crate::grpc::log_in_queue::LogInQueue;
use crate::hubs::ports::Channels;
use crate::hubs::whereabouts::Whereabouts;
use crate::lifecycle::Lifecycle;
use crate::limits;
use crate::listeners::accept::{Entrance, connections};
use crate::listeners::quic::QuicDoor;
use crate::listeners::{grpc, quic};
use crate::services::Services;
use crate::store_runtime::StoreRuntime;

/// What unary services stand on.
#[derive(Clone)]
pub(crate) struct UnaryServices {
    pub(crate) services: Services,
    pub(crate) data: Arc<ArcSwap<MasterData>>,
    pub(crate) players: Arc<Players>,
    pub(crate) hub: HubServer,
    pub(crate) whereabouts: Whereabouts,
    pub(crate) channels: Arc<Channels>,
    pub(crate) stores: StoreRuntime,
    pub(crate) log_ins: LogInQueue,
}

/// A worker with its sockets, ready to start.
pub(crate) struct GatewayThread {
    pub(crate) worker: Arc<Worker>,
    pub(crate) inbox: mpsc::Receiver<Delivery>,
    pub(crate) listener: std::net::TcpListener,
    pub(crate) udp: std::net::UdpSocket,
    pub(crate) quic: quinn::ServerConfig,
    pub(crate) quic_endpoint: quinn::EndpointConfig,
    pub(crate) entrance: Entrance,
    pub(crate) door: Door,
    pub(crate) unary: UnaryServices,
    pub(crate) lifecycle: Lifecycle,
}

impl GatewayThread {
    /// Starts the thread. It ends when the listeners have closed and the last session is gone.
    pub(crate) fn start(self) -> anyhow::Result<std::thread::JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let name = format!("gateway {}", self.worker.id);
        let lifecycle = self.lifecycle.clone();
        let run = move || {
            if let Err(error) = runtime.block_on(self.run()) {
                tracing::error!(%error, "a gateway worker failed");
                lifecycle.crash("gateway");
            }
        };
        std::thread::Builder::new().name(name).spawn(run).context("cannot start a thread")
    }

    async fn run(self) -> anyhow::Result<()> {
        let endpoint = quic::endpoint(self.udp, self.quic_endpoint, self.quic)?;
        let quic_links = QuicLinks {
            server: self.unary.hub.clone(),
            worker: Arc::clone(&self.worker),
            lifecycle: self.lifecycle.clone(),
        };
        let door = QuicDoor { pressure: self.entrance.allowance.quic, clock: self.entrance.clock };
        self.lifecycle.spawn("quic listener", quic::run(endpoint, quic_links, door));
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let links = links(self.unary.hub.clone(), WorkerId(self.worker.id), self.lifecycle.clone());
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", tonic_health::ServingStatus::Serving).await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let stop = self.lifecycle.soft.clone();
        let server = grpc::builder(&self.entrance.allowance)
            .layer(self.door)
            .add_service(AuthServiceServer::new(self.unary.auth()).max_decoding_message_size(limits::UNARY_MESSAGE))
            .add_service(
                CharacterServiceServer::new(self.unary.characters(self.worker.id))
                    .max_decoding_message_size(limits::UNARY_MESSAGE),
            )
            .add_service(
                InventoryServiceServer::new(self.unary.inventory()).max_decoding_message_size(limits::UNARY_MESSAGE),
            )
            .add_service(links)
            .add_service(health_service)
            .add_service(reflection)
            .serve_with_incoming_shutdown(connections(listener, self.entrance), stop.cancelled_owned());
        let serve = async {
            tokio::select! {
                served = server => served.context("the gRPC listener failed"),
                () = overstayed(&self.worker, &self.lifecycle.hard) => Ok(()),
            }
        };
        // What shards and desks send keeps coming until they have stopped, after the listeners.
        let (served, ()) = tokio::join!(serve, self.worker.run(self.inbox, &self.lifecycle.hard));
        served
    }
}

/// Clients have been told to go and have had time for it: one that does not read must not hold up the stop.
async fn overstayed(worker: &Worker, hard: &CancellationToken) {
    let patience = async {
        worker.drained().await;
        tokio::time::sleep(limits::CONNECTION_GRACE).await;
    };
    tokio::select! {
        () = patience => {}
        () = hard.cancelled() => {}
    }
}

impl UnaryServices {
    fn auth(&self) -> Accounts {
        Accounts {
            auth: Arc::clone(&self.services.auth),
            hub: self.hub.clone(),
            stores: self.stores.clone(),
            queue: self.log_ins.clone(),
        }
    }

    fn characters(&self, worker: u16) -> Characters {
        Characters {
            characters: Arc::clone(&self.services.characters),
            data: Arc::clone(&self.data),
            players: Arc::clone(&self.players),
            hub: self.hub.clone(),
            whereabouts: self.whereabouts.clone(),
            channels: Arc::clone(&self.channels),
            worker: WorkerId(worker),
            stores: self.stores.clone(),
        }
    }

    fn inventory(&self) -> Inventory {
        Inventory {
            inventory: Arc::clone(&self.services.inventory),
            data: Arc::clone(&self.data),
            players: Arc::clone(&self.players),
            stores: self.stores.clone(),
        }
    }
}
