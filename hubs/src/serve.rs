//! Drives a server session over a link: one future for each link.
//!
//! The gateway hands in the stream of arriving messages and gets the stream of leaving ones and the link's driver, which it runs
//! on a task of the worker that took the link. Calls run inside the driver; a push from elsewhere wakes the writer alone, once
//! for all that is pushed before it runs.
//!
//! A session whose link is lost stays with its driver, without a link. A newer link claims it there: the whole session, what runs
//! of it included, goes over to the newer link's driver and so to its worker, and the older driver returns.

mod admission;
mod alarm;
mod bell;
mod driver;
mod run;
mod session;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt as _;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use tokio::sync::oneshot;
use tonic::Status;

use crate::dispatch::HubFuture;
use crate::end::EndReason;
use crate::handle::WorkerId;
use crate::link::{LinkError, LinkKind, LinkParts};
use crate::metrics::OpenLink;
use crate::outbox::{OutboxCell, Taken};
use crate::server::HubServer;
use driver::Driver;
use session::Session;

pub(crate) use admission::Claim;
pub(crate) use alarm::Alarm;
pub(crate) use bell::Bell;

/// The server's side of a link, and of its session as long as no newer link takes that over; tells why it ended. Dropped early it
/// ends the session on the spot, its hubs unheard.
pub type SessionDriver = HubFuture<EndReason>;

/// What the server sends on a link. It ends when the session has, or goes on over a newer link; dropping it loses the link.
#[derive(Debug)]
pub struct Outbound {
    out: Arc<OutboxCell>,
    /// Its number among the links of that outbox.
    link: u32,
    /// Its end tells the driver: all is sent, or the link was given up.
    writes: Option<oneshot::Sender<Infallible>>,
    _counted: OpenLink,
}

impl Outbound {
    /// Where the frames come from, as long as no session from elsewhere takes the link over.
    pub(crate) fn home(&self) -> Arc<OutboxCell> {
        Arc::clone(&self.out)
    }
}

impl Stream for Outbound {
    type Item = Result<ServerBatch, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::task::ready!(self.out.poll_take(self.link, cx)) {
                Taken::Batch(batch) => return Poll::Ready(Some(Ok(batch))),
                Taken::Moved(out, link) => (self.out, self.link) = (out, link),
                Taken::Over => {
                    self.writes = None;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

/// Takes a gRPC link in: what to answer the client with, and the future to run.
pub fn serve_link<S, E>(server: &HubServer, worker: WorkerId, inbound: S) -> (Outbound, SessionDriver)
where
    S: Stream<Item = Result<ClientBatch, E>> + Send + 'static,
    E: Into<LinkError> + Send + 'static,
{
    serve(server, LinkParts::new(worker, LinkKind::Grpc), inbound)
}

/// The same for a link of any kind.
pub(crate) fn serve<S, E>(server: &HubServer, link: LinkParts, inbound: S) -> (Outbound, SessionDriver)
where
    S: Stream<Item = Result<ClientBatch, E>> + Send + 'static,
    E: Into<LinkError> + Send + 'static,
{
    let session = Box::new(Session::open(Arc::clone(&server.inner)));
    let (writes, writer) = oneshot::channel();
    let outbound = Outbound { out: Arc::clone(session.out()), link: 0, writes: Some(writes), _counted: link.opened() };
    let driver = Driver::new(Arc::clone(&server.inner), link, writer);
    let tracked = server.inner.drivers.token();
    let driver = Box::pin(async move {
        let _tracked = tracked;
        driver.run(session, inbound.map(|message| message.map_err(Into::into))).await
    });
    (outbound, driver)
}
