//! TLS for gRPC and QUIC under one certificate of the operator's.

use std::path::Path;

use shallot_client::{Api, ConnectError, Trust, WorldLink, clock};

use crate::pages::counted;
use crate::player::PATIENCE;
use crate::process::{Server, refused};
use crate::wire::Wire;

/// A certificate for this machine, and its key, as an operator would have them.
pub(crate) fn certificate(folder: &Path, name: &str) -> (String, String, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let path = |what: &str| folder.join(format!("{name}-{what}.pem")).to_str().unwrap().to_owned();
    let (certificate, key) = (path("certificate"), path("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key, made.cert.pem().into_bytes())
}

fn under<'a>(certificate: &'a str, key: &'a str) -> [(&'a str, &'a str); 2] {
    [("SHALLOT__NET__CERTIFICATE", certificate), ("SHALLOT__NET__KEY", key)]
}

#[tokio::test]
async fn a_client_that_knows_the_root_plays_and_others_stay_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key_file, roots) = certificate(folder.path(), "server");
    let server = Server::start_with(folder.path(), &["--tls"], &under(&certificate_file, &key_file));
    let https = format!("https://{}", server.grpc);

    // gRPC, the hub link on it, and the datagram channel, all under the same roots.
    let trust = Trust::Roots(roots);
    let api = Api::connect(&https, &trust).await.unwrap();
    api.log_in_by_device([1; 32], true).await.unwrap();
    let character = api.characters().create(clock::new_request_id().unwrap(), "Robin", "warrior").await.unwrap();
    api.characters().select(&character.id).await.unwrap();
    let (link, _pushes) = WorldLink::open(&api).await.unwrap();
    let channel = link.open_channel(&trust).await.unwrap().unwrap();
    channel.close().await;
    link.close().await;

    // Somebody else's roots, the wrong kind of trust, plaintext.
    let (_, _, strange) = certificate(folder.path(), "stranger");
    let strange = Trust::Roots(strange);
    assert!(matches!(Api::connect(&https, &strange).await, Err(ConnectError::Unreachable { .. })));
    assert!(matches!(Api::connect(&https, &Trust::Development).await, Err(ConnectError::RootsNeeded)));
    let (link, _pushes) = WorldLink::open(&api).await.unwrap();
    assert!(link.open_channel(&strange).await.unwrap().is_err());
    let plain = async {
        let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.map_err(drop)?;
        api.log_in_by_device([1; 32], true).await.map_err(drop)
    };
    assert!(tokio::time::timeout(PATIENCE, plain).await.unwrap().is_err(), "plaintext was let in");
    assert!(counted(server.http, "shallot_connections_refused_total", "tls_failed").await >= 2);
    server.stop();
}

#[tokio::test]
async fn a_handshake_that_says_nothing_ends_in_time_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, roots) = certificate(folder.path(), "server");
    let server = Server::start_with(folder.path(), &["--tls", "--limits", "tight"], &under(&certificate, &key));
    let mut silent = Wire::silent(server.grpc).await;
    // The beginning of a ClientHello that is never finished.
    let mut half = Wire::silent(server.grpc).await;
    assert!(half.send(&[0x16, 3, 1, 2, 0, 1, 0]).await);
    let api = Api::connect(&format!("https://{}", server.grpc), &Trust::Roots(roots)).await.unwrap();
    api.log_in_by_device([1; 32], true).await.unwrap();
    let ends = async { tokio::join!(silent.read.goodbye(), half.read.goodbye()) };
    tokio::time::timeout(PATIENCE, ends).await.unwrap();
    assert_eq!(counted(server.http, "shallot_connections_refused_total", "tls_timeout").await, 2);
}

#[tokio::test]
async fn the_guard_sees_what_comes_under_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, roots) = certificate(folder.path(), "server");
    let server = Server::start_with(folder.path(), &["--tls"], &under(&certificate, &key));
    let tls = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client_config(&roots, b"h2")));
    let socket = tokio::net::TcpStream::connect(server.grpc).await.unwrap();
    let mut stream = tls.connect("localhost".try_into().unwrap(), socket).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    // Closed without a farewell, or with one.
    drop(tokio::time::timeout(PATIENCE, read).await.unwrap());
    assert_eq!(counted(server.http, "shallot_connections_ended_total", "not_http2").await, 1);
}

pub(crate) fn client_config(roots: &[u8], alpn: &[u8]) -> rustls::ClientConfig {
    use rustls::pki_types::pem::PemObject as _;
    let mut store = rustls::RootCertStore::empty();
    store.add(rustls::pki_types::CertificateDer::from_pem_slice(roots).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

#[test]
fn a_certificate_that_cannot_be_used_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, key_file, _) = certificate(folder.path(), "server");
    let (_, strange_key, _) = certificate(folder.path(), "stranger");
    let absent = folder.path().join("absent.pem").to_str().unwrap().to_owned();
    let no_pem = folder.path().join("notes.pem").to_str().unwrap().to_owned();
    std::fs::write(&no_pem, "buy milk").unwrap();
    for (certificate, key, expected) in [
        (&absent, &key_file, "absent.pem"),
        (&certificate_file, &absent, "absent.pem"),
        (&no_pem, &key_file, "notes.pem"),
        (&certificate_file, &no_pem, "notes.pem"),
        (&certificate_file, &strange_key, "the certificate cannot be used"),
    ] {
        let (status, said) = refused(folder.path(), &["--tls", "--log", "error"], &under(certificate, key));
        assert!(!status.success());
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with("shallot: ") && said.contains(expected), "{expected} is missing in: {said}");
    }
    // One without the other is a fault of the configuration.
    let (status, said) = refused(folder.path(), &["--tls"], &[("SHALLOT__NET__CERTIFICATE", &certificate_file)]);
    assert!(!status.success() && said.contains("certificate and key go together"), "{said}");
}
