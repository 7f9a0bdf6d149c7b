//! The first stream of a QUIC connection: what the connection is for, and a ticket. Nothing acts before that is accepted.

use std::sync::Arc;

use quinn::{Connection, RecvStream, SendStream};
use shallot_proto::wire::Purpose;
use shallot_proto::wire::limits::OPENING_HEADER_BYTES;

use super::session::PlayerSession;
use super::tickets::{Claims, Refusal, TICKET_LEN};
use super::worker::Worker;
use crate::clock::SystemClock;
use crate::telemetry;

/// Answers an opening that is accepted.
const ACCEPTED: u8 = 0;

/// A connection whose ticket was accepted.
pub(crate) enum Opened {
    /// Datagrams of a session whose link is elsewhere.
    Channel(Arc<PlayerSession>),
    /// A hub link; its frames follow.
    HubLink { claims: Claims, send: SendStream, recv: RecvStream },
}

/// Reads the opening and answers it; `None`: refused, or the client went.
pub(crate) async fn open(worker: &Worker, connection: &Connection) -> Option<Opened> {
    let (mut send, mut recv) = connection.accept_bi().await.ok()?;
    let accepted = match read(&mut recv).await {
        Some((purpose, ticket)) => redeem(worker, purpose, &ticket),
        None => Err(Refusal::Malformed),
    };
    let byte = accepted.as_ref().map_or_else(|refusal| *refusal as u8, |_| ACCEPTED);
    send.write_all(&[byte]).await.ok()?;
    match accepted {
        Ok(Accepted::HubLink(claims)) => Some(Opened::HubLink { claims, send, recv }),
        Ok(Accepted::Channel(session)) => {
            send.finish().ok()?;
            Some(Opened::Channel(session))
        }
        Err(refusal) => {
            tracing::debug!(peer = %connection.remote_address(), %refusal, "a QUIC connection was refused");
            metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "ticket").increment(1);
            send.finish().ok()?;
            // The answer must arrive before the close overtakes it.
            drop(send.stopped().await);
            None
        }
    }
}

enum Accepted {
    Channel(Arc<PlayerSession>),
    HubLink(Claims),
}

async fn read(recv: &mut RecvStream) -> Option<(Purpose, [u8; TICKET_LEN])> {
    let mut header = [0_u8; OPENING_HEADER_BYTES];
    recv.read_exact(&mut header).await.ok()?;
    let [purpose, length] = header;
    let purpose = Purpose::of(purpose).filter(|_| usize::from(length) == TICKET_LEN)?;
    let mut ticket = [0_u8; TICKET_LEN];
    recv.read_exact(&mut ticket).await.ok()?;
    Some((purpose, ticket))
}

fn redeem(worker: &Worker, purpose: Purpose, ticket: &[u8]) -> Result<Accepted, Refusal> {
    let claims = worker.tickets.redeem(ticket, SystemClock::unix_ms())?;
    if purpose == Purpose::HubLink {
        // Its session begins with the Hello that follows, or is taken up by it.
        return Ok(Accepted::HubLink(claims));
    }
    let session = worker.players.session(claims.session).ok_or(Refusal::SessionGone)?;
    let lives = !session.handle.is_ended() && session.handle.principal().epoch == claims.epoch;
    if lives { Ok(Accepted::Channel(session)) } else { Err(Refusal::SessionGone) }
}
