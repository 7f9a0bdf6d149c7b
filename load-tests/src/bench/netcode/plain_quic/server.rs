//! The server: a thread, a socket and a current-thread runtime for each core, as the game's has gateway workers. A datagram goes to each connection
//! every tick, spread over the moments after it as theirs are; what comes is read and dropped.

use std::net::UdpSocket;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, VarInt};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{NAME, Ready, TICK};
use crate::bench::hubs::server::workers;
use crate::cli::PlainQuicOptions;
use crate::limits::{BOTS_MAX, PLAIN_SLICE, PLAIN_SLICE_EVERY, PLAIN_SLICES};
use crate::screen::say;

/// Serves until standard input ends.
///
/// # Errors
/// What kept it from listening.
pub fn serve(options: &PlainQuicOptions) -> anyhow::Result<bool> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).context("a certificate")?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
    let sockets = (0..workers()).map(|_| UdpSocket::bind((options.host, 0))).collect::<Result<Vec<_>, _>>()?;
    let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;

    let (datagram, stop, began) =
        (Bytes::from(vec![0; options.bytes.into()]), CancellationToken::new(), Instant::now());
    let mut threads = Vec::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        let worker = Worker::new(socket, config.clone(), datagram.clone(), stop.clone())?;
        let thread = std::thread::Builder::new().name(format!("quic {number}"));
        threads.push(thread.spawn(move || worker.run(began)).context("a thread")?);
    }
    let ready = Ready { addresses, certificate: certificate.to_vec() };
    say(&format!("ready {}", serde_json::to_string(&ready)?));
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    stop.cancel();
    threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked")))?;
    Ok(true)
}

/// One of its threads.
struct Worker {
    runtime: Runtime,
    endpoint: Endpoint,
    datagram: Bytes,
    stop: CancellationToken,
}

impl Worker {
    fn new(socket: UdpSocket, config: ServerConfig, datagram: Bytes, stop: CancellationToken) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?;
        drop(inside);
        Ok(Self { runtime, endpoint, datagram, stop })
    }

    fn run(self, began: Instant) {
        self.runtime.block_on(self.work(began));
    }

    async fn work(&self, began: Instant) {
        let (mut handshakes, mut readers) = (JoinSet::new(), JoinSet::new());
        let mut clients: Vec<Connection> = Vec::new();
        let mut ticks = interval_at(began, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                Some(incoming) = self.endpoint.accept() => {
                    if clients.len() + handshakes.len() < BOTS_MAX as usize {
                        handshakes.spawn(async { incoming.await.ok() });
                    } else {
                        incoming.refuse();
                    }
                }
                Some(Ok(Some(connection))) = handshakes.join_next() => {
                    readers.spawn(read(connection.clone()));
                    clients.push(connection);
                }
                tick = ticks.tick() => self.send(&clients, tick).await,
                () = self.stop.cancelled() => break,
            }
        }
        self.endpoint.close(VarInt::from_u32(0), b"over");
    }

    async fn send(&self, clients: &[Connection], tick: Instant) {
        for (slice, number) in clients.chunks(slice(clients.len())).zip(0..) {
            sleep_until(tick + PLAIN_SLICE_EVERY * number).await;
            for client in slice {
                // One that is gone gets nothing.
                client.send_datagram(self.datagram.clone()).unwrap_or_default();
            }
        }
    }
}

/// How many go at once.
fn slice(clients: usize) -> usize {
    clients.div_ceil(PLAIN_SLICES).max(PLAIN_SLICE)
}

/// Until the connection is lost.
async fn read(connection: Connection) {
    while connection.read_datagram().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_out_within_ten_milliseconds_whoever_is_there() {
        for clients in [0_usize, 1, 33, 150, 257, 5_000] {
            let slices = u32::try_from(clients.div_ceil(slice(clients))).expect("few");
            assert!(PLAIN_SLICE_EVERY * slices.saturating_sub(1) < std::time::Duration::from_millis(10), "{clients}");
        }
    }
}
