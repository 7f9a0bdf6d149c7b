//! Datagrams of a QUIC connection, whatever else it carries: inputs in, snapshots and unreliable pushes out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::Connection;
use shallot_hubs::{DatagramChannel, EndReason};
use shallot_proto::wire::limits::MAX_DATAGRAM;
use tonic::Code;

use super::rates::{DatagramRate, Verdict};
use super::session::{PlayerSession, Refused};
use crate::clock::SystemClock;

/// UNRELIABLE pushes on a connection.
pub(crate) struct Pushes(pub(crate) Connection);

impl DatagramChannel for Pushes {
    fn try_send(&self, datagram: &Bytes) -> bool {
        // Too large for the path, or the connection is going: the push goes over the link.
        datagram.len() <= MAX_DATAGRAM && self.0.send_datagram(datagram.clone()).is_ok()
    }
}

/// Takes inputs until the connection is lost or its client floods it. `player` is asked while there is none: what comes before its
/// session is welcomed has no effect.
pub(crate) async fn read(connection: &Connection, player: impl Fn() -> Option<Arc<PlayerSession>>) {
    let clock = SystemClock::new();
    let mut rate = DatagramRate::new(Duration::ZERO);
    let mut known = None;
    while let Ok(datagram) = connection.read_datagram().await {
        let verdict = rate.check(clock.since_start());
        if known.is_none() {
            known = player();
        }
        let Some(session) = &known else { continue };
        match verdict {
            Verdict::Take => session.take_input(&datagram),
            Verdict::Drop => session.refuse_datagram(Refused::Rate),
            Verdict::End => {
                session.handle.end(EndReason::new(Code::ResourceExhausted, "DATAGRAM_FLOOD", "too many datagrams"));
                return;
            }
        }
    }
}
