//! A flood of QUIC handshakes that are begun and never finished.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::bystanders::Bystanders;
use crate::pages::counted;
use crate::player::PATIENCE;
use crate::process::Server;
use crate::tls::{certificate, client_config};

/// A path to the server on which nothing comes back but Retry: handshakes that pass it stay begun.
struct MutePath {
    near: SocketAddr,
    retries: Arc<AtomicUsize>,
    _relay: JoinSet<()>,
}

/// A Retry of QUIC version 1 (RFC 9000, section 17.2.5).
fn is_retry(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0xF0 == 0xF0)
}

impl MutePath {
    async fn to(server: SocketAddr) -> Self {
        let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        far.connect(server).await.unwrap();
        let address = near.local_addr().unwrap();
        let retries = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&retries);
        let mut relay = JoinSet::new();
        relay.spawn(async move {
            let (mut to, mut from) = (vec![0; 2_048], vec![0; 2_048]);
            let mut client = address;
            loop {
                tokio::select! {
                    came = near.recv_from(&mut to) => {
                        let (bytes, peer) = came.unwrap();
                        client = peer;
                        drop(far.send(&to[..bytes]).await);
                    }
                    came = far.recv(&mut from) => {
                        let Ok(bytes) = came else { continue };
                        if is_retry(&from[..bytes]) {
                            seen.fetch_add(1, Ordering::Relaxed);
                            drop(near.send_to(&from[..bytes], client).await);
                        }
                    }
                }
            }
        });
        Self { near: address, retries, _relay: relay }
    }
}

fn client(roots: &[u8]) -> quinn::Endpoint {
    let tls = client_config(roots, b"shallot/1");
    let mut endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let crypto = QuicClientConfig::try_from(tls).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

/// Begins handshakes one after the other until the page counts a refusal; how many it took.
async fn flood(
    server: &Server,
    client: &quinn::Endpoint,
    near: SocketAddr,
    reason: &str,
    held: &mut JoinSet<()>,
) -> usize {
    let mut begun = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while counted(server.http, "shallot_connections_refused_total", reason).await == 0 {
        pace.tick().await;
        let connecting = client.connect(near, "localhost").unwrap();
        held.spawn(async move { drop(connecting.await) });
        begun += 1;
        assert!(begun < 2_000, "2,000 handshakes and nobody was refused");
    }
    begun
}

/// A connection that shows no ticket has few streams and little time.
#[tokio::test]
async fn without_a_ticket_there_are_few_streams_and_an_early_end() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key, roots) = certificate(folder.path(), "server");
    let environment = [("SHALLOT__NET__CERTIFICATE", certificate_file.as_str()), ("SHALLOT__NET__KEY", key.as_str())];
    let server = Server::start_with(folder.path(), &[], &environment);
    let client = client(&roots);
    let connection = client.connect(server.quic, "localhost").unwrap().await.unwrap();
    let mut held = (Vec::new(), Vec::new());
    while let Some(stream) = connection.open_bi().now_or_never() {
        held.0.push(stream.unwrap());
        assert!(held.0.len() < 100, "100 streams were let in");
    }
    while let Some(stream) = connection.open_uni().now_or_never() {
        held.1.push(stream.unwrap());
        assert!(held.1.len() < 100, "100 streams were let in");
    }
    assert_eq!((held.0.len(), held.1.len()), (4, 8));
    let end = tokio::time::timeout(PATIENCE, connection.closed()).await.unwrap();
    assert!(matches!(end, quinn::ConnectionError::ApplicationClosed(_)), "{end}");
}

#[tokio::test]
async fn under_pressure_an_address_must_prove_itself_and_under_more_nobody_new_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key, roots) = certificate(folder.path(), "server");
    let environment = [
        ("SHALLOT__NET__CERTIFICATE", certificate_file.as_str()),
        ("SHALLOT__NET__KEY", key.as_str()),
        ("SHALLOT__NET__WORKERS", "1"),
    ];
    let server = Server::start_with(folder.path(), &["--limits", "tight"], &environment);
    let beside = Bystanders::come(server.grpc).await;
    let client = client(&roots);
    let path = MutePath::to(server.quic).await;
    let mut held = JoinSet::new();
    let begun = flood(&server, &client, path.near, "quic_retry", &mut held).await;
    assert!(begun > 16, "a Retry after {begun}");
    assert!(path.retries.load(Ordering::Relaxed) > 0, "no Retry came");
    // Retried clients prove their address and are let in, up to twice as many.
    let more = flood(&server, &client, path.near, "quic_ignored", &mut held).await;
    assert!(begun + more > 32, "ignored after {}", begun + more);

    // Those who are in play on, and when the flood is over the next one comes in.
    held.shutdown().await;
    drop(path);
    let honest = async {
        loop {
            if let Ok(connecting) = client.connect(server.quic, "localhost")
                && let Ok(connection) = connecting.await
            {
                return connection;
            }
        }
    };
    tokio::time::timeout(PATIENCE, honest).await.unwrap().close(0_u32.into(), b"");
    beside.lost_nothing().await;
}
