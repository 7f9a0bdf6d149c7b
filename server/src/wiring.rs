//! From configuration to a running server, straight down: stores, services, shards, hubs, gateways, listeners. The only file that
//! names adapters.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use shallot_hubs::contracts::social::v1::{ChatHubDispatcher, PresenceHubDispatcher};
use shallot_hubs::contracts::world::v1::WorldHubDispatcher;
use shallot_hubs::{Backplane, Cluster, HubServer, HubServerConfig, NodeId, SessionLimits};
use shallot_masterdata::{MasterData, RegionIndex};
use shallot_services::ports::{Claim, RegionOwner};
use shallot_stores::{RedisBackplane, SqliteStores};
use shallot_world::{World, WorldConfig};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::Settings;
use crate::gateway::players::Players;
use crate::gateway::thread::{GatewayThread, UnaryServices};
use crate::gateway::worker::{Delivery, Worker};
use crate::grpc::door::Door;
use crate::grpc::log_in_queue::LogInQueue;
use crate::hubs::chat::Chat;
use crate::hubs::logins::{Logins, SessionEnds};
use crate::hubs::ports::{Channels, HubAuthenticator, HubClock, HubRandomness, HubRates};
use crate::hubs::presence::Presence;
use crate::hubs::whereabouts::Whereabouts;
use crate::hubs::world::World as WorldHub;
use crate::lifecycle::Lifecycle;
use crate::listeners::accept::{Entrance, bind_shared};
use crate::listeners::allowance::Allowance;
use crate::listeners::http::Health;
use crate::listeners::quic;
use crate::listeners::tls::Identity;
use crate::shard::comeback::Comeback;
use crate::shard::desk::Desk;
use crate::shard::driver::{Driver, DriverParts};
use crate::shard::fan_out::FanOut;
use crate::shard::journal::{JournalFolder, Recorder};
use crate::shard::lease::RegionLease;
use crate::shard::link::{LocalLink, ShardLink};
use crate::shard::pulse::Pulse;
use crate::shard::thread::ShardThread;
use crate::store_runtime::StoreRuntime;
use crate::{config, keys, limits, masterdata, services, telemetry};

/// Everything bound and connected, nothing started yet.
pub(crate) struct Wired {
    pub(crate) stores: Arc<SqliteStores>,
    pub(crate) hub: HubServer,
    pub(crate) workers: Vec<Arc<Worker>>,
    pub(crate) gateways: Vec<GatewayThread>,
    pub(crate) shards: Vec<ShardThread>,
    pub(crate) desks: Vec<(Desk, mpsc::Receiver<crate::shard::desk::DeskItem>)>,
    pub(crate) http: TcpListener,
    pub(crate) health: Health,
    pub(crate) addresses: Addresses,
    /// Ends the shards and the talk with other nodes, after the sessions.
    pub(crate) shard_stop: CancellationToken,
    pub(crate) cluster: Cluster,
    /// `None`: this server is alone.
    pub(crate) backplane: Option<Arc<dyn Backplane>>,
    pub(crate) logins: Logins,
    pub(crate) presence: Arc<Presence>,
    /// `None`: this server is alone, all regions are its own.
    pub(crate) lease: Option<RegionLease>,
}

/// Where the server listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) quic: SocketAddr,
}

/// Builds the server on the store runtime.
pub(crate) async fn wire(settings: &Settings, lifecycle: &Lifecycle) -> anyhow::Result<Wired> {
    let clock = SystemClock::new();
    let metrics = telemetry::init_metrics()?;
    let data = Arc::new(ArcSwap::from_pointee(masterdata::load(settings.world.masterdata.as_deref())?));
    tracing::info!(hash = %masterdata::short_hash(&data.load().hash), regions = data.load().regions.len(), "master data is loaded");

    // Stores and keys.
    let folder = settings.stores.data.as_path();
    prepare(folder)?;
    let has_others = settings.stores.redis.is_some();
    let stores = if has_others { SqliteStores::open_shared(folder).await } else { SqliteStores::open(folder).await };
    let stores = Arc::new(stores?);
    let (token_key, _) = keys::token_key(folder)?;
    let identity = identity(settings, folder)?;

    // Sockets, before anything starts: a port in use must stop us here.
    let worker_count = settings.net.worker_count();
    let (grpc, grpc_listeners) = bind_grpc(settings.net.grpc, worker_count)?;
    let udp = bind_quic(settings.net.quic, worker_count)?;
    let http =
        TcpListener::bind(settings.net.http).with_context(|| format!("cannot listen on tcp {}", settings.net.http))?;
    http.set_nonblocking(true)?;

    // Services.
    let session_ends = Arc::new(SessionEnds::default());
    let services = services::build(settings, &stores, token_key, Arc::clone(&session_ends) as _)?;
    let store_runtime = StoreRuntime::new(Handle::current());

    // Gateway workers and their inboxes.
    let players = Arc::new(Players::default());
    let mut workers = Vec::new();
    let (mut inboxes, mut receivers) = (Vec::new(), Vec::new());
    for (id, socket) in (0_u16..).zip(&udp) {
        workers.push(Arc::new(Worker::new(id, socket.local_addr()?.port(), Arc::clone(&players), clock)?));
        let (sender, receiver) = mpsc::channel::<Delivery>(limits::GATEWAY_INBOX);
        inboxes.push(sender);
        receivers.push(receiver);
    }

    // Shards and their desks.
    let shard_stop = CancellationToken::new();
    let seed = settings.world.seed.map_or_else(keys::draw_seed, Ok)?;
    tracing::info!(seed, "the simulation's seed");
    let (mut shards, mut desks, mut links, mut pulses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let address = Some(&settings.net.public_grpc).filter(|told| !told.is_empty()).cloned();
    let owner = RegionOwner { node: settings.hubs.node.clone(), address: address.unwrap_or_else(|| grpc.to_string()) };
    let lease = has_others.then(|| RegionLease::new(Arc::clone(&services.regions), owner));
    let set: Arc<MasterData> = data.load_full();
    for (row, region) in (0_u16..).zip(&set.regions) {
        let index = RegionIndex(row);
        let epoch = match &lease {
            None => services.regions.start_region(&region.key).await?,
            Some(lease) => match lease.claim(&region.key).await? {
                Claim::Ours(epoch) => epoch,
                Claim::Theirs(owner) => {
                    tracing::info!(region = %region.key, owner = %owner.node, address = %owner.address, "another server has this region");
                    links.push(None);
                    continue;
                }
            },
        };
        let (link, mailbox) = LocalLink::new(index, &region.key, epoch, clock);
        let start_tick = shallot_proto::wire::Tick::default();
        let config =
            WorldConfig { seed: seed.wrapping_add(u64::from(row)), region: index, region_epoch: epoch, start_tick };
        let (desk_sender, desk_items) = mpsc::channel(limits::DESK_QUEUE);
        let pulse = Arc::new(Pulse::new(&region.key));
        let mut world = World::new(config, Arc::clone(&set));
        let driver = Driver::new(DriverParts {
            journal: journal(&settings.journal, &region.key, &mut world)?,
            world,
            data: Arc::clone(&set),
            mailbox,
            fan_out: FanOut::new(index, clock, &inboxes),
            desk: desk_sender,
            pulse: Arc::clone(&pulse),
            panic_in: Some(settings.faults.shard_panic_tick).filter(|tick| *tick > 0),
        });
        desks.push((
            Desk {
                region: index,
                data: Arc::clone(&data),
                shard: Arc::clone(&link) as Arc<dyn ShardLink>,
                characters: Arc::clone(&services.characters),
                grants: Arc::clone(&services.grants),
                players: Arc::clone(&players),
                workers: inboxes.clone(),
                faults: settings.faults.clone(),
            },
            desk_items,
        ));
        shards.push(ShardThread {
            region: region.key.clone(),
            driver,
            link: Arc::clone(&link),
            clock,
            regions: Arc::clone(&services.regions),
            store_runtime: Handle::current(),
            comeback: Comeback {
                players: Arc::clone(&players),
                characters: Arc::clone(&services.characters),
                data: Arc::clone(&data),
            },
            stop: shard_stop.clone(),
            lifecycle: lifecycle.clone(),
        });
        links.push(Some(link as Arc<dyn ShardLink>));
        pulses.push(pulse);
    }

    // Hubs.
    let node = NodeId::new(&settings.hubs.node, keys::draw_seed()?)?;
    let cluster = Cluster::new(node.clone(), Arc::new(HubClock::new(clock)));
    let redis = settings.stores.redis.as_deref();
    let redis = redis.map(|url| RedisBackplane::new(url, &settings.hubs.cluster, node)).transpose()?;
    let backplane = redis.map(|redis| Arc::new(redis) as Arc<dyn Backplane>);
    let whereabouts = Whereabouts {
        cluster: cluster.clone(),
        characters: Arc::clone(&services.characters),
        data: Arc::clone(&data),
        stores: store_runtime.clone(),
    };
    let world_hub = Arc::new(WorldHub {
        data: Arc::clone(&data),
        shards: links.clone(),
        regions: Arc::clone(&services.regions),
        workers: workers.clone(),
        players: Arc::clone(&players),
        characters: Arc::clone(&services.characters),
        grants: Arc::clone(&services.grants),
        whereabouts: whereabouts.clone(),
        stores: store_runtime.clone(),
    });
    let presence = Arc::new(Presence::watch(&cluster, whereabouts.clone(), Arc::clone(&data)));
    let channels = Arc::new(Channels { host: settings.net.public_host.clone(), workers: workers.clone() });
    let mut allowance = Allowance::of(settings.limits.profile);
    allowance.load_from = settings.limits.load_from;
    let session_limits = SessionLimits {
        write_ms: allowance.hub_write_ms,
        resume_grace_ms: settings.limits.resume_grace_ms.into(),
        ..SessionLimits::DEFAULT
    };
    let hub = HubServer::builder(
        HubServerConfig { limits: session_limits, ..HubServerConfig::default() },
        Arc::new(HubClock::new(clock)),
        Arc::new(HubAuthenticator { auth: Arc::clone(&services.auth), stores: store_runtime.clone() }),
    )
    .hub(WorldHubDispatcher::new(world_hub))
    .hub(PresenceHubDispatcher::new(Arc::clone(&presence)))
    .hub(ChatHubDispatcher::new(Arc::new(Chat::new(cluster.clone(), whereabouts.clone()))))
    .cluster(cluster.clone())
    .rate_limiter(Arc::new(HubRates { rates: Arc::clone(&services.rates), is_loopback: grpc.ip().is_loopback() }))
    .channel_offer(Arc::clone(&channels) as _)
    .resumable(Arc::new(HubRandomness::new()))
    .build()?;
    session_ends.over(&hub, &cluster);
    let logins = Logins::watch(&cluster, &hub, &services.auth);

    // Gateways.
    let entrance = Entrance { tls: settings.net.tls.then(|| identity.acceptor()).transpose()?, allowance, clock };
    let unary = UnaryServices {
        services: services.clone(),
        data: Arc::clone(&data),
        players: Arc::clone(&players),
        hub: hub.clone(),
        whereabouts,
        channels,
        stores: store_runtime,
        log_ins: LogInQueue::new(),
    };
    let quic_config = quic::server_config(&identity)?;
    let quic = udp.first().context("there is no gateway worker")?.local_addr()?;
    let mut gateways = Vec::new();
    let sockets = grpc_listeners.into_iter().zip(udp);
    for ((worker, inbox), (listener, socket)) in workers.iter().zip(receivers).zip(sockets) {
        gateways.push(GatewayThread {
            worker: Arc::clone(worker),
            inbox,
            listener,
            udp: socket,
            quic: quic_config.clone(),
            quic_endpoint: quic::endpoint_config(&identity, worker.id),
            entrance: entrance.clone(),
            door: Door { auth: Arc::clone(&services.auth), rates: Arc::clone(&services.rates) },
            unary: unary.clone(),
            lifecycle: lifecycle.clone(),
        });
    }

    let addresses = Addresses { grpc, http: http.local_addr()?, quic };
    let health = Health { pulses: pulses.into(), ready: Arc::new(AtomicBool::new(false)), metrics };
    Ok(Wired {
        stores,
        hub,
        workers,
        gateways,
        shards,
        desks,
        http,
        health,
        addresses,
        shard_stop,
        cluster,
        backplane,
        logins,
        presence,
        lease,
    })
}

/// Makes the data folder when it is not there, for its owner only: it will hold password hashes and keys.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).with_context(|| format!("cannot make the data folder {}", folder.display()))?;
        tracing::info!(folder = %folder.display(), "made the data folder; the database, keys and a development certificate are kept there");
    }
    Ok(())
}

/// The journal of a shard, begun, where journals are kept.
fn journal(settings: &config::journal::Journal, region: &str, world: &mut World) -> anyhow::Result<Option<Recorder>> {
    let Some(dir) = &settings.dir else { return Ok(None) };
    let recorder = JournalFolder::new(dir, region, settings.files.into())
        .and_then(|folder| Recorder::start(folder, settings.max_bytes, world))
        .with_context(|| format!("cannot write the journal of {region} in {}", dir.display()))?;
    Ok(Some(recorder))
}

fn identity(settings: &Settings, folder: &Path) -> anyhow::Result<Identity> {
    match (&settings.net.certificate, &settings.net.key) {
        (Some(certificate), Some(key)) => Identity::read(certificate, key),
        _ => {
            let (identity, made) = Identity::development(folder)?;
            if made {
                tracing::info!(folder = %folder.display(), "made a development certificate");
            }
            Ok(identity)
        }
    }
}

/// One listener a worker, all on one port.
fn bind_grpc(address: SocketAddr, workers: u16) -> anyhow::Result<(SocketAddr, Vec<TcpListener>)> {
    // Shared ports do not refuse a second server of the same user: ask for the port alone first.
    let alone = TcpListener::bind(address).with_context(|| format!("cannot listen on tcp {address}"))?;
    let address = alone.local_addr()?;
    drop(alone);
    let listeners = (0..workers).map(|_| bind_shared(address)).collect::<Result<Vec<_>, _>>();
    Ok((address, listeners.with_context(|| format!("cannot listen on tcp {address}"))?))
}

/// One socket a worker, each on a port of its own.
fn bind_quic(first: SocketAddr, workers: u16) -> anyhow::Result<Vec<UdpSocket>> {
    let port = |n: u16| if first.port() == 0 { 0 } else { first.port().saturating_add(n) };
    (0..workers).map(|n| quic::bind(SocketAddr::new(first.ip(), port(n)))).collect()
}
