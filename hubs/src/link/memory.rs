//! A link without a network, and a clock that is moved by hand: the same code as over gRPC, down to the encoded bytes.

pub mod datagrams;
pub mod faulty;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use prost::Message;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use tokio::sync::{mpsc, oneshot};

use super::{ClientLink, LinkError, LinkKind, LinkParts, LinkStream, Outgoing};
use crate::clock::{Clock, Now, Sleep};
use crate::handle::WorkerId;
use crate::limits::CLIENT_BATCH_BYTES;
use crate::serve::{Outbound, SessionDriver, serve};
use crate::server::HubServer;

/// Messages that a raw end may be ahead of the server.
const IN_FLIGHT: usize = 64;

/// The client's end of a link on which messages are made by hand: what a proper client would never send, too.
#[derive(Debug)]
pub struct RawEnd {
    to_server: mpsc::Sender<Bytes>,
    /// `None`: cut off.
    from_server: Option<Outbound>,
}

impl RawEnd {
    /// Opens a link. The future is the server's side of the session; whoever calls drives it.
    #[must_use]
    pub fn open(server: &HubServer, worker: WorkerId) -> (Self, SessionDriver) {
        let (to_server, arriving) = mpsc::channel(IN_FLIGHT);
        let arriving = stream::unfold(arriving, |mut arriving| async move { Some((arriving.recv().await?, arriving)) });
        let (from_server, driver) = serve(server, LinkParts::new(worker, LinkKind::Memory), decoded(arriving));
        (Self { to_server, from_server: Some(from_server) }, driver)
    }

    /// Sends one message as it is.
    ///
    /// # Errors
    ///
    /// The server does not take any more.
    pub async fn send_bytes(&self, message: Bytes) -> Result<(), LinkError> {
        self.to_server.send(message).await.map_err(|_| LinkError::Lost("the server has closed the link".to_owned()))
    }

    /// Sends one message.
    ///
    /// # Errors
    ///
    /// The server does not take any more.
    pub async fn send(&self, message: &ClientBatch) -> Result<(), LinkError> {
        self.send_bytes(message.encode_to_vec().into()).await
    }

    /// The next message from the server; `None` when it has closed. Not asking is a client that does not read.
    pub async fn receive(&mut self) -> Option<ServerBatch> {
        self.from_server.as_mut()?.next().await.and_then(Result::ok)
    }

    /// Cuts the link off without a goodbye. What is still sent comes late, if at all.
    pub fn cut(&mut self) {
        self.from_server = None;
    }
}

/// Opens links to a server in the same process.
pub struct MemoryLink {
    server: HubServer,
    worker: WorkerId,
    run: Box<dyn Fn(SessionDriver) + Send + Sync>,
}

impl MemoryLink {
    /// To this server; `run` is handed the server's side of each session, for a task of its own.
    #[must_use]
    pub fn new(server: HubServer, worker: WorkerId, run: impl Fn(SessionDriver) + Send + Sync + 'static) -> Self {
        Self { server, worker, run: Box::new(run) }
    }
}

#[async_trait]
impl ClientLink for MemoryLink {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        let arriving = outgoing.map(|batch| Bytes::from(batch.encode_to_vec()));
        let link = LinkParts::new(self.worker, LinkKind::Memory);
        let (from_server, driver) = serve(&self.server, link, decoded(arriving));
        (self.run)(driver);
        Ok(Box::pin(from_server.map(|message| {
            let bytes = Bytes::from(message?.encode_to_vec());
            ServerBatch::decode(bytes).map_err(|error| LinkError::Malformed(error.to_string()))
        })))
    }
}

impl std::fmt::Debug for MemoryLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLink").field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// What the server's end makes of bytes, with the limit that a gateway sets.
fn decoded(arriving: impl Stream<Item = Bytes>) -> impl Stream<Item = Result<ClientBatch, LinkError>> {
    arriving.map(|bytes| decode(&bytes))
}

fn decode(bytes: &Bytes) -> Result<ClientBatch, LinkError> {
    if bytes.len() > CLIENT_BATCH_BYTES {
        let message = format!("{} bytes, the limit is {CLIENT_BATCH_BYTES}", bytes.len());
        return Err(LinkError::TooLarge(message));
    }
    ClientBatch::decode(bytes.clone()).map_err(|error| LinkError::Malformed(error.to_string()))
}

/// A clock that stands still until it is moved. Clones share the time.
#[derive(Clone, Debug, Default)]
pub struct MovedClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Debug, Default)]
struct Time {
    now: Now,
    sleepers: BTreeMap<u64, Vec<oneshot::Sender<()>>>,
}

impl MovedClock {
    /// At this moment.
    #[must_use]
    pub fn at(now: Now) -> Self {
        Self { time: Arc::new(Mutex::new(Time { now, sleepers: BTreeMap::new() })) }
    }

    /// Moves both times on and wakes whoever slept until then.
    pub fn advance_ms(&self, ms: u64) {
        let mut time = self.lock();
        time.now.mono_ms += ms;
        time.now.wall_ms += ms;
        let first_later = time.now.mono_ms + 1;
        let still = time.sleepers.split_off(&first_later);
        let due = std::mem::replace(&mut time.sleepers, still);
        // A sleeper that was dropped meanwhile wants no waking.
        due.into_values().flatten().for_each(|sleeper| sleeper.send(()).unwrap_or_default());
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        // A number and a list, whole whatever a panic interrupted.
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Now {
        self.lock().now
    }

    fn sleep_until(&self, mono_ms: u64) -> Sleep {
        let mut time = self.lock();
        if time.now.mono_ms >= mono_ms {
            return Box::pin(std::future::ready(()));
        }
        let (sleeper, woken) = oneshot::channel();
        time.sleepers.entry(mono_ms).or_default().push(sleeper);
        Box::pin(async move {
            // Only the clock's own end could break it; then time stands still for good.
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
