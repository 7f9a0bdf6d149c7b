//! Datagrams of a QUIC connection, whatever else it carries: inputs in, snapshots and unreliable pushes out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, VarInt};
use shallot_hubs::{DatagramChannel, EndReason};
use shallot_proto::wire::limits::MAX_DATAGRAM;
use tokio::time::MissedTickBehavior;
use tonic::Code;

use super::rates::{DatagramRate, Verdict};
use super::session::{PlayerSession, Refused};
use crate::clock::SystemClock;
use crate::limits::{MIGRATIONS, PATH_SAMPLE};
use crate::listeners::bucket::Bucket;
use crate::telemetry;

/// QUIC close code of a connection whose client changes its address too often.
const CLOSE_MIGRATIONS: VarInt = VarInt::from_u32(4);

/// UNRELIABLE pushes on a connection.
pub(crate) struct Pushes(pub(crate) Connection);

impl DatagramChannel for Pushes {
    fn try_send(&self, datagram: &Bytes) -> bool {
        // Too large for the path, or the connection is going: the push goes over the link.
        datagram.len() <= MAX_DATAGRAM && self.0.send_datagram(datagram.clone()).is_ok()
    }
}

/// Takes inputs, and looks at the path they come by, until the connection is lost or its client floods it. `player` is asked while there
/// is none: what comes before its session is welcomed has no effect.
pub(crate) async fn read(connection: &Connection, player: impl Fn() -> Option<Arc<PlayerSession>>) {
    let clock = SystemClock::new();
    let mut rate = DatagramRate::new(Duration::ZERO);
    let mut moves = Moves::of(connection);
    let mut looks = tokio::time::interval(PATH_SAMPLE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = None;
    loop {
        let datagram = tokio::select! {
            datagram = connection.read_datagram() => datagram.map(Some),
            _ = looks.tick() => Ok(None),
        };
        let Ok(datagram) = datagram else { return };
        let now = clock.since_start();
        if !moves.are_bearable(connection, now) {
            metrics::counter!(telemetry::CONNECTIONS_ENDED, "reason" => "migrations").increment(1);
            return connection.close(CLOSE_MIGRATIONS, b"too many changes of address");
        }
        let taken = datagram.map(|datagram| (rate.check(now), datagram));
        known = known.or_else(&player);
        let Some(session) = &known else { continue };
        match taken {
            None => session.observe_path(connection),
            Some((Verdict::Take, datagram)) => session.take_input(&datagram),
            Some((Verdict::Drop, _)) => session.refuse_datagram(Refused::Rate),
            Some((Verdict::End, _)) => {
                session.handle.end(EndReason::new(Code::ResourceExhausted, "DATAGRAM_FLOOD", "too many datagrams"));
                return;
            }
        }
    }
}

/// Changes of a client's address. It may move, as phones do, but not all the time.
struct Moves {
    address: SocketAddr,
    allowance: Bucket,
}

impl Moves {
    fn of(connection: &Connection) -> Self {
        Self { address: connection.remote_address(), allowance: Bucket::full(MIGRATIONS, Duration::ZERO) }
    }

    fn are_bearable(&mut self, connection: &Connection, now: Duration) -> bool {
        let address = connection.remote_address();
        let moved = std::mem::replace(&mut self.address, address) != address;
        !moved || self.allowance.draw(now)
    }
}
