//! A link in memory that the test cuts, and what a client needs to come back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt as _, stream};
use shallot_hubs::link::memory::MovedClock;
use shallot_hubs::link::{LinkStream, Outgoing};
use shallot_hubs::{AccessTokens, ClientLink, HubError, LinkError, async_trait};
use shallot_proto::hub::v1::ServerBatch;
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, token_of};

/// A link in memory that the test cuts, and lets come about again or not.
pub struct Cuttable {
    link: Arc<dyn ClientLink>,
    cut: Mutex<CancellationToken>,
    is_down: AtomicBool,
}

impl Cuttable {
    pub fn new(rig: &Rig) -> Arc<Self> {
        Arc::new(Self { link: Arc::new(rig.link()), cut: Mutex::default(), is_down: AtomicBool::new(false) })
    }

    /// The link there is breaks at both ends.
    pub fn cut(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }

    /// The same, and none comes about.
    pub fn go_down(&self) {
        self.is_down.store(true, Ordering::Relaxed);
        self.cut();
    }

    pub fn come_up(&self) {
        self.is_down.store(false, Ordering::Relaxed);
    }
}

#[async_trait]
impl ClientLink for Cuttable {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(LinkError::Lost("down".to_owned()));
        }
        let cut = self.cut.lock().unwrap().clone();
        // Once cut, nothing more goes up, no goodbye either: the server sees the writer go.
        let up = stream::unfold((outgoing, cut.clone()), |(mut outgoing, cut)| async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => std::future::pending().await,
                message = outgoing.next() => Some((message?, (outgoing, cut))),
            }
        });
        let down = self.link.open(Outgoing::new(up)).await?;
        Ok(Box::pin(stream::unfold((down, cut, false), |(mut down, cut, is_over)| async move {
            if is_over {
                return None;
            }
            tokio::select! {
                biased;
                () = cut.cancelled() => Some((Err(LinkError::Lost("cut".to_owned())), (down, cut, true))),
                message = down.next() => Some((message?, (down, cut, false))),
            }
        })))
    }
}

/// Tokens that count an hour from when they are asked for.
pub struct Fresh {
    pub clock: MovedClock,
    pub asked: AtomicU64,
}

#[async_trait]
impl AccessTokens for Fresh {
    async fn access_token(&self) -> Result<String, HubError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let wall_ms = shallot_hubs::Clock::now(&self.clock).wall_ms;
        Ok(token_of(1, 1, 1, wall_ms + 3_600_000))
    }
}
