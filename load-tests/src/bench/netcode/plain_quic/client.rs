//! Its clients: they live in this process, as players do, and their CPU counts for nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use bytes::Bytes;
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::CertificateDer;
use quinn::{ClientConfig, Connection, Endpoint};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{NAME, TICK};

/// Datagrams of all clients.
#[derive(Debug, Default)]
pub(super) struct Counts {
    down: AtomicU64,
    up: AtomicU64,
}

/// At one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SoFar {
    /// Arrived.
    pub(super) down: u64,
    /// Sent.
    pub(super) up: u64,
}

impl Counts {
    pub(super) fn so_far(&self) -> SoFar {
        SoFar { down: self.down.load(Ordering::Relaxed), up: self.up.load(Ordering::Relaxed) }
    }
}

/// quinn's own settings, with a certificate that is trusted.
///
/// # Errors
/// It is none.
pub(super) fn config(certificate: Vec<u8>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).context("the server's certificate")?;
    ClientConfig::with_root_certificates(Arc::new(roots)).context("trust in the server's certificate")
}

/// One of them, connected.
#[derive(Debug)]
pub(super) struct Client {
    connection: Connection,
    /// A socket of its own.
    _endpoint: Endpoint,
}

impl Client {
    /// # Errors
    /// There is no socket, or no connection.
    pub(super) async fn connect(target: SocketAddr, config: ClientConfig) -> anyhow::Result<Self> {
        let endpoint = Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into()).context("a UDP socket")?;
        let connection = endpoint.connect_with(config, target, NAME)?.await.context("connecting")?;
        Ok(Self { connection, _endpoint: endpoint })
    }

    /// Sends a datagram a tick from `first` on and reads what comes, until the connection is lost; why it was.
    pub(super) async fn play(self, input: Bytes, first: Instant, counts: Arc<Counts>) -> anyhow::Error {
        let mut ticks = interval_at(first, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                datagram = self.connection.read_datagram() => match datagram {
                    Ok(_) => counts.down.fetch_add(1, Ordering::Relaxed),
                    Err(lost) => return lost.into(),
                },
                _ = ticks.tick() => match self.connection.send_datagram(input.clone()) {
                    Ok(()) => counts.up.fetch_add(1, Ordering::Relaxed),
                    Err(error) => return error.into(),
                },
            };
        }
    }
}
