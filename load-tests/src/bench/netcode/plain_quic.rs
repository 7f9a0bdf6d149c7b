//! What QUIC alone costs: a server in a process of its own that is nothing but quinn as it comes, with as many connections and datagrams of the
//! same sizes on the same line. How fast a machine is shows in it as it does in ours.

pub(super) mod client;
pub(super) mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shallot_client::wire::TICK_MS;
use shallot_client::wire::limits::MAX_DATAGRAM;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::super::server_child::ServerChild;
use super::measured::Measured;
use super::run::Ends;
use crate::limits::{
    CONNECTS_AT_ONCE, GATHER, JOIN_TIME_LIMIT, PLAIN_ARRIVE_PERCENT, PLAIN_DOWN_BYTES, PLAIN_UP_BYTES,
};
use crate::process::Meter;
use client::{Client, Counts, config};

/// From one datagram of each end of a connection to the next.
const TICK: Duration = Duration::from_millis(TICK_MS as u64);
/// The server's name in its certificate.
const NAME: &str = "plain-quic";

/// What is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// Connections, each from a socket of its own.
    pub(super) clients: u32,
    /// Bytes of the datagram that each gets in a tick, and of that which it sends.
    pub(super) down_bytes: usize,
    pub(super) up_bytes: usize,
}

impl Load {
    /// Before anything was measured: about what is on ours. A few bytes more or less make no difference to what it costs.
    #[must_use]
    pub(super) fn usual(clients: u32) -> Self {
        Self { clients, down_bytes: PLAIN_DOWN_BYTES, up_bytes: PLAIN_UP_BYTES }
    }

    /// What was on ours.
    #[must_use]
    pub(super) fn like(measured: &Measured) -> Self {
        let bytes = |mean: f64| (mean.round() as usize).clamp(1, MAX_DATAGRAM);
        Self {
            clients: measured.players,
            down_bytes: bytes(measured.snapshot_bytes),
            up_bytes: bytes(measured.input_bytes),
        }
    }
}

/// What the server says when it listens.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    /// One for each of its threads.
    addresses: Vec<SocketAddr>,
    /// DER.
    certificate: Vec<u8>,
}

/// The server's CPU a client-tick, microseconds: a datagram down and one up, with all that QUIC has to say beside them.
///
/// # Errors
/// The server, a client that lost its connection, or datagrams that did not arrive.
pub(super) async fn measure(ends: Ends, load: Load, time: Duration) -> anyhow::Result<f64> {
    let own = std::env::current_exe().context("the path of this program")?;
    let mut command = Command::new(own);
    command.args(["bench", "plain-quic", "--host", &ends.near.to_string(), "--bytes", &load.down_bytes.to_string()]);
    let server = ServerChild::start(&mut command).await?;
    let ready: Ready = serde_json::from_str(server.ready()).context("what the server says of itself")?;

    let config = config(ready.certificate)?;
    let targets = ready.addresses.iter().map(|address| SocketAddr::new(ends.far, address.port())).cycle();
    let connecting = stream::iter(targets.take(load.clients as usize))
        .map(|target| Client::connect(target, config.clone()))
        .buffer_unordered(CONNECTS_AT_ONCE)
        .try_collect::<Vec<Client>>();
    let clients = timeout(JOIN_TIME_LIMIT, connecting).await.context("not all clients came in")??;
    let (counts, input, began) = (Arc::new(Counts::default()), Bytes::from(vec![0; load.up_bytes]), Instant::now());
    let mut playing = JoinSet::new();
    for (client, number) in clients.into_iter().zip(0..) {
        let phase = TICK * number / load.clients.max(1);
        playing.spawn(client.play(input.clone(), began + phase, Arc::clone(&counts)));
    }
    sleep(GATHER).await;

    let mut meter = Meter::new(server.id());
    let (cpu_s, before, began) = (meter.sample().cpu_s, counts.so_far(), Instant::now());
    tokio::select! {
        () = sleep(time) => {}
        Some(ended) = playing.join_next() => bail!("a client was lost: {}", ended.context("a client panicked")?),
    }
    let (cpu_s, after) = (meter.sample().cpu_s - cpu_s, counts.so_far());
    let due = f64::from(load.clients) * began.elapsed().as_secs_f64() / TICK.as_secs_f64();
    for (way, count) in [("down", after.down - before.down), ("up", after.up - before.up)] {
        let percent = 100.0 * count as f64 / due;
        ensure!(percent >= PLAIN_ARRIVE_PERCENT, "{count} datagrams went {way}, {percent:.0} % of what was due");
    }
    Ok(cpu_s * 1e6 / (after.down - before.down) as f64)
}
