//! Messages between nodes over Redis channels: one for all nodes, one for each.
//!
//! Channels rather than streams: the hub runtime numbers, keeps and repeats its pushes itself, since only their origin knows what
//! still counts, so a broker that stored them would store them twice, for everybody, and for longer than they are worth. One connection
//! sends and receives (RESP3). What arrives waits in a bounded line; beyond it messages are dropped like any that is lost on the way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind, RedisError, Value,
};
use shallot_hubs::Bytes;
use shallot_hubs::backplane::{Backplane, BackplaneError, NodeId, To};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::limits::{REDIS_CONNECT_TIMEOUT, REDIS_INBOX, REDIS_INBOX_BYTES, REDIS_RESPONSE_TIMEOUT};

/// The URL of a Redis cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("not the URL of a Redis, such as redis://127.0.0.1:6379: {0}")]
pub struct RedisAddressError(RedisError);

/// One node's connection to the others over a Redis. Redis 6 or newer.
pub struct RedisBackplane {
    client: Client,
    /// First part of each channel's name.
    prefix: String,
    node: NodeId,
    connection: Mutex<Option<MultiplexedConnection>>,
    inbox: tokio::sync::Mutex<Option<Receiver<Bytes>>>,
    /// Bytes that wait in the inbox.
    waiting: Arc<AtomicUsize>,
}

impl RedisBackplane {
    /// For the nodes of one cluster: those whose `cluster` is the same reach each other. Nothing is connected yet.
    ///
    /// # Errors
    /// When `url` is none.
    pub fn new(url: &str, cluster: &str, node: NodeId) -> Result<Self, RedisAddressError> {
        let info = url.into_connection_info().map_err(RedisAddressError)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings)).map_err(RedisAddressError)?;
        Ok(Self {
            client,
            prefix: format!("shallot:{cluster}"),
            node,
            connection: Mutex::default(),
            inbox: tokio::sync::Mutex::default(),
            waiting: Arc::default(),
        })
    }

    fn channel(&self, to: &To) -> String {
        match to {
            To::All => format!("{}:all", self.prefix),
            To::Node(node) => format!("{}:node:{node}", self.prefix),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        // One assignment, whole whatever panicked.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backplane for RedisBackplane {
    async fn connect(&self) -> Result<(), BackplaneError> {
        *self.connection() = None;
        let (sender, receiver) = mpsc::channel(REDIS_INBOX);
        self.waiting.store(0, Ordering::Relaxed);
        let inbox = Inbox { sender: Mutex::new(Some(sender)), waiting: Arc::clone(&self.waiting) };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(REDIS_CONNECT_TIMEOUT))
            .set_response_timeout(Some(REDIS_RESPONSE_TIMEOUT))
            .set_push_sender(move |push| inbox.take(push));
        let opened = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = opened.map_err(|error| unavailable(&error))?;
        for to in [To::All, To::Node(self.node.clone())] {
            connection.subscribe(self.channel(&to)).await.map_err(|error| unavailable(&error))?;
        }
        *self.inbox.lock().await = Some(receiver);
        *self.connection() = Some(connection);
        Ok(())
    }

    async fn send(&self, to: &To, message: Bytes) -> Result<(), BackplaneError> {
        let connection = self.connection().clone();
        let mut connection = connection.ok_or_else(|| BackplaneError("not connected".to_owned()))?;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.channel(to)).arg(&message[..]);
        publish.exec_async(&mut connection).await.map_err(|error| unavailable(&error))
    }

    async fn receive(&self) -> Result<Bytes, BackplaneError> {
        let mut inbox = self.inbox.lock().await;
        let arrived = match inbox.as_mut() {
            Some(inbox) => inbox.recv().await,
            None => None,
        };
        let message = arrived.ok_or_else(|| BackplaneError("the connection was lost".to_owned()))?;
        self.waiting.fetch_sub(message.len(), Ordering::Relaxed);
        Ok(message)
    }
}

impl std::fmt::Debug for RedisBackplane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the address: it may hold a password.
        f.debug_struct("RedisBackplane").field("prefix", &self.prefix).field("node", &self.node).finish_non_exhaustive()
    }
}

/// Where the connection puts what arrives. Closes when the connection is lost.
struct Inbox {
    sender: Mutex<Option<Sender<Bytes>>>,
    waiting: Arc<AtomicUsize>,
}

/// Nobody listens on this connection any more.
struct Gone;

impl Inbox {
    fn take(&self, push: PushInfo) -> Result<(), Gone> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        match push.kind {
            PushKind::Disconnection => *sender = None,
            PushKind::Message => {
                let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) else { return Ok(()) };
                let Some(open) = sender.as_ref() else { return Err(Gone) };
                let len = payload.len();
                if self.waiting.load(Ordering::Relaxed) + len > REDIS_INBOX_BYTES {
                    tracing::warn!("messages of other nodes come faster than they are read; some are dropped");
                    return Ok(());
                }
                self.waiting.fetch_add(len, Ordering::Relaxed);
                if open.try_send(payload.into()).is_err() {
                    self.waiting.fetch_sub(len, Ordering::Relaxed);
                    if open.is_closed() {
                        *sender = None;
                        return Err(Gone);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn unavailable(error: &RedisError) -> BackplaneError {
    BackplaneError(error.to_string())
}
