//! One client, our own runtime with all that it does by itself: it makes calls one after another, with a reply and without, and when
//! its session is lost it goes on with another.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use prost::Message as _;
use prost::bytes::Bytes;
use shallot_client::hubs::{
    EndReason, GrpcLink, HubCaller, HubClient, HubClientConfig, HubError, OnSessionLost, SessionState, SystemClock,
    error::reason,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, sleep};
use tonic::transport::{Channel, Endpoint};

use super::book::{Book, Receiver, Told};
use super::contract::{NOTE, Numbered, RUN};
use crate::limits::CALLS_OPEN_MAX;
use crate::schedule::staggered;

/// From one call to the next; every other one has a reply.
const CALL_EVERY: Duration = Duration::from_millis(100);
/// For a call: longer than any link is away.
const CALL_DEADLINE_MS: u32 = 60_000;
/// Between two attempts to open a session.
const OPEN_AGAIN: Duration = Duration::from_millis(200);

/// What a client is.
pub(super) struct Player {
    /// From 0.
    pub(super) index: u32,
    /// Of how many.
    pub(super) of: u32,
    pub(super) token: String,
    pub(super) contract: [u8; 32],
    /// Its line.
    pub(super) address: SocketAddr,
    pub(super) book: Arc<Book>,
    /// Whether to make calls now.
    pub(super) works: watch::Receiver<bool>,
}

type Calls = FuturesUnordered<BoxFuture<'static, (u64, Result<Bytes, HubError>)>>;

impl Player {
    /// Until it is dropped, or cannot go on.
    pub(super) async fn run(self) {
        let problem = match Endpoint::from_shared(format!("http://{}", self.address)) {
            Ok(endpoint) => self.sessions(&endpoint.tcp_nodelay(true).connect_lazy()).await,
            Err(error) => error.to_string(),
        };
        self.book.change(|seen| seen.problem(problem));
    }

    /// One client after another: half of them end when their session is lost. Returns why there is no next.
    async fn sessions(&self, channel: &Channel) -> String {
        loop {
            let on_lost = if self.index.is_multiple_of(2) { OnSessionLost::StartAnew } else { OnSessionLost::End };
            let config = HubClientConfig {
                contract: self.contract,
                build: "shallot-load".to_owned(),
                on_lost,
                ..HubClientConfig::new(self.token.clone())
            };
            let builder = HubClient::builder(config, Arc::new(SystemClock::start()));
            let link = Arc::new(GrpcLink::new(channel.clone()));
            // The line may be cut before a session stands: there is nothing to come back to yet.
            if let Ok((client, driver)) = builder.receiver(Receiver(Arc::clone(&self.book))).connect(link).await {
                self.book.change(|seen| seen.opens(client.state()));
                let mut tasks = JoinSet::new();
                tasks.spawn(driver);
                let end = match client.welcomed().await {
                    Ok(_) => self.play(&client).await,
                    Err(end) => end,
                };
                if end.reason != reason::SESSION_LOST && end.reason != reason::LINK_LOST {
                    return format!("a session ended: {end}");
                }
            }
            sleep(OPEN_AGAIN).await;
        }
    }

    /// Until the client's end, when all that was open has been told.
    async fn play(&self, client: &HubClient) -> EndReason {
        let caller = client.caller().with_deadline_ms(CALL_DEADLINE_MS);
        let (mut state, mut works) = (client.state(), self.works.clone());
        let mut beats = staggered(CALL_EVERY, self.index, self.of);
        let mut calls = Calls::new();
        state.mark_changed();
        loop {
            tokio::select! {
                Some((number, result)) = calls.next() => self.book.change(|seen| seen.told(number, result)),
                _ = state.changed() => {
                    let now = state.borrow_and_update().clone();
                    self.book.change(|seen| seen.state(&now));
                    if let SessionState::Ended(end) = now {
                        while let Some((number, result)) = calls.next().await {
                            self.book.change(|seen| seen.told(number, result));
                        }
                        return end;
                    }
                }
                () = beat(&mut beats, &mut works) => self.make(&caller, &mut calls).await,
            }
        }
    }

    /// Makes the next call. What is refused on the spot is not made.
    async fn make(&self, caller: &HubCaller, calls: &mut Calls) {
        let number = self.book.look(|seen| seen.made) + 1;
        let body = Bytes::from(Numbered { number }.encode_to_vec());
        if number.is_multiple_of(2) {
            if caller.send(&NOTE, body).is_ok() {
                self.book.change(|seen| seen.made = number);
            }
            return;
        }
        if calls.len() >= CALLS_OPEN_MAX {
            return;
        }
        let caller = caller.clone();
        let mut call: BoxFuture<'static, _> = Box::pin(async move { (number, caller.call(&RUN, body).await) });
        // In its place among the others from here on; the book must know of it before its reply comes.
        self.book.change(|seen| seen.calls.insert(number, Told::Open));
        match poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
            Poll::Ready((_, Err(_))) => drop(self.book.change(|seen| seen.calls.remove(&number))),
            Poll::Ready((_, Ok(reply))) => self.book.change(|seen| {
                seen.made = number;
                seen.told(number, Ok(reply));
            }),
            Poll::Pending => {
                self.book.change(|seen| seen.made = number);
                calls.push(call);
            }
        }
    }
}

/// When there is something to do.
async fn beat(beats: &mut Interval, works: &mut watch::Receiver<bool>) {
    // The run is over when its sender is gone: nothing is done any more.
    if works.wait_for(|works| *works).await.is_err() {
        return std::future::pending().await;
    }
    beats.tick().await;
}
