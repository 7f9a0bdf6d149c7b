//! A client's datagram channel: the ticket first, then inputs in and snapshots out.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream, VarInt};
use shallot_hubs::EndReason;
use shallot_proto::wire::InputWindow;
use shallot_world::Command;
use tonic::Code;

use super::rates::{DatagramRate, Verdict};
use super::session::{PlayerSession, Refused};
use super::tickets::{Refusal, TICKET_LEN};
use super::worker::Worker;
use crate::clock::SystemClock;
use crate::limits;
use crate::telemetry;

/// Answers a ticket that is accepted.
const ACCEPTED: u8 = 0;
/// QUIC close code of a connection that showed no good ticket.
const CLOSE_REFUSED: VarInt = VarInt::from_u32(3);

/// Serves one QUIC connection until it ends.
pub(crate) async fn serve(worker: &Arc<Worker>, connection: Connection) {
    let entered = tokio::time::timeout(limits::TICKET_TIMEOUT, admit(worker, &connection)).await;
    let Ok(Some(session)) = entered else {
        connection.close(CLOSE_REFUSED, b"no good ticket");
        return;
    };
    metrics::gauge!(telemetry::CHANNELS).increment(1.0);
    session.open_channel(connection.clone());
    tokio::select! {
        () = read_datagrams(&session, &connection) => {}
        _ = session.handle.ended() => {}
    }
    session.close_channel(&connection);
    connection.close(VarInt::from_u32(1), b"the session is over");
    metrics::gauge!(telemetry::CHANNELS).decrement(1.0);
}

/// Reads the ticket off the first stream. Nothing acts before it is accepted.
async fn admit(worker: &Worker, connection: &Connection) -> Option<Arc<PlayerSession>> {
    let (mut send, mut recv) = connection.accept_bi().await.ok()?;
    let outcome = match read_ticket(&mut recv).await {
        Some(ticket) => redeem(worker, &ticket),
        None => Err(Refusal::Malformed),
    };
    let byte = outcome.as_ref().map_or_else(|refusal| *refusal as u8, |_| ACCEPTED);
    answer(&mut send, byte).await?;
    match outcome {
        Ok(session) => Some(session),
        Err(refusal) => {
            tracing::debug!(peer = %connection.remote_address(), %refusal, "a datagram channel was refused");
            metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "ticket").increment(1);
            // The answer must arrive before the close overtakes it.
            drop(send.stopped().await);
            None
        }
    }
}

async fn read_ticket(recv: &mut RecvStream) -> Option<[u8; TICKET_LEN]> {
    let mut length = [0_u8; 2];
    recv.read_exact(&mut length).await.ok()?;
    if usize::from(u16::from_be_bytes(length)) != TICKET_LEN {
        return None;
    }
    let mut ticket = [0_u8; TICKET_LEN];
    recv.read_exact(&mut ticket).await.ok()?;
    Some(ticket)
}

async fn answer(send: &mut SendStream, byte: u8) -> Option<()> {
    send.write_all(&[byte]).await.ok()?;
    send.finish().ok()
}

fn redeem(worker: &Worker, ticket: &[u8]) -> Result<Arc<PlayerSession>, Refusal> {
    let claims = worker.tickets.redeem(ticket, SystemClock::unix_ms())?;
    let session = worker.players.session(claims.session).ok_or(Refusal::SessionGone)?;
    let lives = !session.handle.is_ended() && session.handle.principal().epoch == claims.epoch;
    if lives { Ok(session) } else { Err(Refusal::SessionGone) }
}

async fn read_datagrams(session: &Arc<PlayerSession>, connection: &Connection) {
    let clock = SystemClock::new();
    let mut rate = DatagramRate::new(Duration::ZERO);
    while let Ok(datagram) = connection.read_datagram().await {
        match rate.check(clock.since_start()) {
            Verdict::Take => take(session, &datagram),
            Verdict::Drop => session.refuse_datagram(Refused::Rate),
            Verdict::End => {
                session.handle.end(EndReason::new(Code::ResourceExhausted, "DATAGRAM_FLOOD", "too many datagrams"));
                return;
            }
        }
    }
}

/// One input datagram. A full mailbox drops it: the next one repeats what it said.
fn take(session: &PlayerSession, datagram: &[u8]) {
    let Ok(window) = InputWindow::decode(datagram) else {
        session.refuse_datagram(Refused::Malformed);
        return;
    };
    // Between two regions there is nobody to move; what was on its way then is no fault.
    let Some(place) = session.place() else { return };
    if window.entity != place.entity {
        session.refuse_datagram(Refused::ForeignEntity);
        return;
    }
    if place.shard.try_send(Command::Input { window, held_ms: 0 }).is_err() {
        tracing::trace!("the shard's mailbox is full; an input was dropped");
    }
}
