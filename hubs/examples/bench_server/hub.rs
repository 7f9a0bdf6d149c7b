//! Our server: the hub runtime with everything on that a game has on.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use shallot_hubs::{
    CallContext, EndReason, Group, Groups, GrpcSession, HubError, HubLinkService, HubServer, HubServerConfig,
    SessionHandle, SystemClock, WorkerId,
};

use super::contracts::CONTRACT_HASH;
use super::contracts::bench::v1::{BenchHub, BenchHubDispatcher, BenchReceiver};
use super::door::Door;
use super::listen;
use super::messages::bench::v1::{Payload, Room};

/// Starts it.
pub(crate) fn start(workers: u16, door: Door) -> Result<(SocketAddr, Box<dyn super::Server>), Box<dyn Error>> {
    let hub = Arc::new(Hub { rooms: Groups::new(), members: AtomicUsize::new(0) });
    let config = HubServerConfig { contract: CONTRACT_HASH, ..HubServerConfig::default() };
    let server = HubServer::builder(config, Arc::new(SystemClock::start()), Arc::new(door.clone()))
        .hub(BenchHubDispatcher::new(Arc::clone(&hub)))
        .rate_limiter(Arc::new(door.clone()))
        .resumable(Arc::new(door))
        .build()?;
    let address = listen::start(workers, move |worker| HubLinkService::new(server.clone(), WorkerId(worker), run))?;
    Ok((address, Box::new(Measured(hub))))
}

/// As a gateway runs the sessions of its links.
#[expect(clippy::disallowed_methods, reason = "the benchmark has no lifecycle; its end is the process's")]
pub(super) fn run(session: GrpcSession) {
    tokio::spawn(session.driver);
}

struct Hub {
    rooms: Groups<u32>,
    members: AtomicUsize,
}

/// The room that a session has joined.
struct Joined(Group);

impl BenchHub for Hub {
    async fn on_disconnect(&self, session: &SessionHandle, _: &EndReason) {
        if session.state::<Joined>().is_some() {
            self.members.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn join(&self, call: &CallContext, request: Room) -> Result<(), HubError> {
        self.rooms.add(&request.room, call.session());
        if let Some(group) = self.rooms.get(&request.room) {
            call.session().insert_state(Joined(group));
            self.members.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn echo(&self, _: &CallContext, request: Payload) -> Result<Payload, HubError> {
        Ok(request)
    }

    async fn tell(&self, call: &CallContext, request: Payload) -> Result<(), HubError> {
        if let Some(joined) = call.session().state::<Joined>() {
            BenchReceiver::to_group(&joined.0).on_state(&request);
        }
        Ok(())
    }
}

struct Measured(Arc<Hub>);

impl super::Server for Measured {
    fn push(&self, room: u32, body: &Bytes, newest_counts: bool) {
        let Some(group) = self.0.rooms.get(&room) else { return };
        let (members, payload) = (BenchReceiver::to_group(&group), Payload { body: body.clone() });
        if newest_counts { members.on_states(&payload) } else { members.on_state(&payload) }
    }

    fn members(&self) -> usize {
        self.0.members.load(Ordering::Relaxed)
    }
}
