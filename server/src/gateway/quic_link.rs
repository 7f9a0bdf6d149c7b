//! A hub link on QUIC: its frames on the first stream, the session's datagrams on the same connection.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream, VarInt};
use shallot_hubs::{DatagramChannel, EndReason, HubServer, LinkKind, LinkParts, SessionHandle, WorkerId, serve_framed};
use tokio::sync::oneshot;
use tonic::Code;

use super::datagram_path::Channel;
use super::datagrams::{self, Pushes};
use super::session::{PlayerSession, player};
use super::tickets::Claims;
use super::worker::Worker;
use crate::lifecycle::Lifecycle;
use crate::limits;
use crate::telemetry;

/// QUIC close code at the end of a link.
const CLOSE_OVER: VarInt = VarInt::from_u32(1);

/// The hub links on QUIC of one worker.
pub(crate) struct QuicLinks {
    pub(crate) server: HubServer,
    pub(crate) worker: Arc<Worker>,
    pub(crate) lifecycle: Lifecycle,
}

impl QuicLinks {
    /// Serves an accepted connection until its link is over and the client has its last words.
    pub(crate) async fn serve(&self, connection: Connection, claims: Claims, send: SendStream, recv: RecvStream) {
        let own = Arc::new(Own { pushes: Pushes(connection.clone()), claims, session: OnceLock::new() });
        let parts = LinkParts::new(WorkerId(self.worker.id), LinkKind::Quic).with_datagrams(Arc::clone(&own) as _);
        let (writing, driver) = serve_framed(&self.server, parts, recv, send);
        let (over, is_over) = oneshot::channel::<()>();
        self.lifecycle.spawn_isolated("hub session", async move {
            let _over = over;
            let end = driver.await;
            tracing::debug!(%end, "a hub session ended");
        });
        let is_over_in_order = tokio::select! {
            () = writing => true,
            // Its driver has waited for a client that does not read.
            _ = is_over => true,
            // The writer goes with this: a link that is lost must not keep the session's outbox.
            _ = connection.closed() => false,
            () = own.read() => false,
        };
        // At once: the session may go on over another link, and its snapshots with it.
        own.unbind();
        if is_over_in_order {
            leaves(&connection).await;
        }
        connection.close(CLOSE_OVER, b"the link is over");
    }
}

/// Gives the client time to read what it was sent and to close by itself.
async fn leaves(connection: &Connection) {
    if tokio::time::timeout(limits::QUIC_LINK_GRACE, connection.closed()).await.is_err() {
        tracing::trace!("a client left its connection open after the link's end");
    }
}

/// The datagrams of a link's own connection.
struct Own {
    pushes: Pushes,
    claims: Claims,
    /// From the Welcome on.
    session: OnceLock<SessionHandle>,
}

impl Own {
    /// Never returns: the link's end is what ends a connection.
    async fn read(&self) {
        datagrams::read(&self.pushes.0, || self.session.get().and_then(player)).await;
        std::future::pending::<()>().await;
    }

    fn unbind(&self) {
        if let Some(handle) = self.session.get() {
            metrics::gauge!(telemetry::CHANNELS, "link" => LinkKind::Quic.name()).decrement(1.0);
            if let Some(session) = player(handle) {
                session.close_channel(&self.pushes.0);
            }
        }
    }
}

impl DatagramChannel for Own {
    fn try_send(&self, datagram: &Bytes) -> bool {
        self.pushes.try_send(datagram)
    }

    fn welcomed(&self, handle: &SessionHandle) {
        if handle.id() != self.claims.session || handle.principal().epoch != self.claims.epoch {
            let message = "the ticket was made for another session than the access token";
            handle.end(EndReason::new(Code::Unauthenticated, "TICKET_FOREIGN", message));
            return;
        }
        if self.session.set(handle.clone()).is_err() {
            return;
        }
        metrics::gauge!(telemetry::CHANNELS, "link" => LinkKind::Quic.name()).increment(1.0);
        let channel = Channel::of_a_link(self.pushes.0.clone());
        match player(handle) {
            // A session that goes on over this link.
            Some(session) => session.open_channel(channel),
            // A new one: its hub takes it up.
            None => drop(handle.insert_state(channel)),
        }
    }
}

/// What [`welcomed`](DatagramChannel::welcomed) left for a session that the world hub meets for the first time.
pub(crate) fn take_up_channel(session: &PlayerSession) {
    if let Some(channel) = session.handle.remove_state::<Channel>() {
        session.open_channel(channel.as_ref().clone());
    }
}
