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
use crate::limits::{MIGRATIONS, PATH_CHALLENGES, PATH_SAMPLE};
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
    let mut moves = Moves::of(connection.remote_address());
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
        let is_look = datagram.is_none();
        let are_bearable = moves.is_at(connection.remote_address(), now)
            && (!is_look || moves.were_challenged(connection.stats().frame_tx.path_challenge, now));
        if !are_bearable {
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

/// Changes of a client's address. It may move, as phones do, but not all the time. QUIC does not tell of a change, so several between two
/// datagrams or looks are seen as one at most; what they cost is counted whatever was seen.
struct Moves {
    address: SocketAddr,
    allowance: Bucket,
    /// So far.
    challenges: u64,
    challenge_allowance: Bucket,
}

impl Moves {
    fn of(address: SocketAddr) -> Self {
        Self {
            address,
            allowance: Bucket::full(MIGRATIONS, Duration::ZERO),
            challenges: 0,
            challenge_allowance: Bucket::full(PATH_CHALLENGES, Duration::ZERO),
        }
    }

    /// The client's address now; false when it has changed too often.
    fn is_at(&mut self, address: SocketAddr, now: Duration) -> bool {
        let has_moved = std::mem::replace(&mut self.address, address) != address;
        !has_moved || self.allowance.draw(now)
    }

    /// So many packets went out so far that ask an address to prove itself; false when they were too many.
    fn were_challenged(&mut self, challenges: u64, now: Duration) -> bool {
        let more = challenges.saturating_sub(std::mem::replace(&mut self.challenges, challenges));
        (0..more).all(|_| self.challenge_allowance.draw(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn port(n: u16) -> SocketAddr {
        ([192, 0, 2, 1], 1_024 + n).into()
    }

    #[test]
    fn one_who_moves_now_and_then_stays_and_one_who_always_moves_goes() {
        let mut moves = Moves::of(port(0));
        assert!((1..600).all(|n| moves.is_at(port(n), ms(u64::from(n) * 1_000))));
        let mut moves = Moves::of(port(0));
        let bearable = (1..600).take_while(|n| moves.is_at(port(*n), ms(u64::from(*n) * 250))).count();
        assert!((5..10).contains(&bearable), "{bearable}");
    }

    #[test]
    fn moves_that_nobody_saw_are_told_by_what_they_cost() {
        // An honest move: the challenge is repeated on each packet of a long round trip.
        let mut moves = Moves::of(port(0));
        assert!((1..600).all(|n| moves.were_challenged(n * 12, ms(n * 1_000))));
        // Away and back between two looks, forty times: the address is the same each time.
        let mut moves = Moves::of(port(0));
        let looks =
            (1..600).take_while(|n| moves.is_at(port(0), ms(n * 250)) && moves.were_challenged(n * 40, ms(n * 250)));
        let looks = looks.count();
        assert!(looks < 10, "{looks}");
    }
}
