//! A node's connection to the broker: kept up, taken up again with growing pauses, and time for what is due.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::node::Node;
use crate::backplane::{Backplane, BackplaneError};
use crate::limits::{RECONNECT_AT_MOST_MS, RECONNECT_MS};
use crate::metrics;

/// Milliseconds between two looks at what is due.
pub(super) const TICK_MS: u64 = 50;

/// Until the stop; then the others are told good-bye.
pub(super) async fn run(node: &Node, backplane: &dyn Backplane, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep_time(node) => {}
        () = keep_connected(node, backplane) => {}
        () = keep_asking(node) => {}
    }
    node.good_bye();
    let farewell = send_waiting(node, backplane);
    tokio::select! {
        sent = farewell => drop(sent),
        () = node.clock.sleep_until(node.now_ms() + RECONNECT_AT_MOST_MS) => {}
    }
    node.outgoing.set_connected(false);
}

async fn keep_time(node: &Node) {
    loop {
        node.clock.sleep_until(node.now_ms() + TICK_MS).await;
        node.tick();
    }
}

async fn keep_connected(node: &Node, backplane: &dyn Backplane) {
    let mut pause_ms = RECONNECT_MS;
    loop {
        let ended = match backplane.connect().await {
            Ok(()) => {
                tracing::info!(node = %node.id, "connected to the backplane");
                pause_ms = RECONNECT_MS;
                metrics::backplane_connected(true);
                node.outgoing.set_connected(true);
                node.reconnected();
                let ended = tokio::select! {
                    ended = keep_sending(node, backplane) => ended,
                    ended = keep_receiving(node, backplane) => ended,
                };
                node.outgoing.set_connected(false);
                metrics::backplane_connected(false);
                ended
            }
            Err(error) => error,
        };
        tracing::warn!(%ended, pause_ms, "no backplane; groups reach the members of this node only");
        node.clock.sleep_until(node.now_ms() + pause_ms).await;
        pause_ms = (2 * pause_ms).min(RECONNECT_AT_MOST_MS);
    }
}

async fn keep_sending(node: &Node, backplane: &dyn Backplane) -> BackplaneError {
    loop {
        if let Err(error) = send_waiting(node, backplane).await {
            return error;
        }
        node.outgoing.filled().await;
    }
}

async fn send_waiting(node: &Node, backplane: &dyn Backplane) -> Result<(), BackplaneError> {
    for (to, parcel) in node.outgoing.take(&node.id) {
        backplane.send(&to, parcel).await?;
    }
    Ok(())
}

async fn keep_receiving(node: &Node, backplane: &dyn Backplane) -> BackplaneError {
    loop {
        match backplane.receive().await {
            Ok(parcel) => node.arrived(parcel),
            Err(error) => return error,
        }
        // A flood from the broker must not keep time and sending waiting.
        tokio::task::coop::consume_budget().await;
    }
}

/// Asks this node's clients what other nodes want to know.
async fn keep_asking(node: &Node) {
    let mut asking = FuturesUnordered::new();
    loop {
        tokio::select! {
            more = node.next_asking() => asking.extend(more),
            Some((key, result)) = asking.next(), if !asking.is_empty() => node.asked(&key, result),
        }
    }
}
