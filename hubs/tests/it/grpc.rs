//! What only a gRPC link has: a connection that breaks without a word, a stream that is reset.

use std::sync::Arc;

use h2::{Ping, PingPong, Reason, SendStream};
use prost::Message as _;
use shallot_hubs::{Bytes, HubClient, HubClientConfig, SessionLimits};
use shallot_proto::hub::v1 as wire;
use tokio::net::TcpStream;
use tonic::codegen::http::Request;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::test_hub;
use crate::ends::{Over, listen};
use crate::raw::{Raw, hello};
use crate::rig::{Rig, in_time, settle, token};

#[tokio::test]
async fn a_connection_that_breaks_is_a_lost_link() {
    // Its session does not wait for another.
    let mut rig = Rig::with_limits(SessionLimits { resume_grace_ms: 0, ..SessionLimits::DEFAULT });
    let link = Over::Grpc.link(&rig).await;
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()));
    let (client, driver) = builder.connect(link).await.unwrap();
    let driver = tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    driver.abort();
    let left = in_time(async {
        loop {
            let event = rig.event().await;
            if event.starts_with("left") {
                return event;
            }
        }
    });
    assert_eq!(left.await, "left 1 LINK_LOST");
}

/// A session on a bare HTTP/2 stream: its sending half, its resume token, and pings of its connection, which stays up.
async fn session_on_a_bare_stream(rig: &mut Rig) -> (SendStream<Bytes>, Bytes, PingPong) {
    let (address, _) = listen(rig).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut requests, mut connection) = h2::client::handshake(stream).await.unwrap();
    let pings = connection.ping_pong().unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://{address}/shallot.hub.v1.HubLink/Connect"));
    let request = request.header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap();
    let (response, mut sending) = requests.send_request(request, false).unwrap();
    let hello = wire::ClientBatch { frames: vec![wire::ClientFrame { frame: Some(hello(&token(1))) }] }.encode_to_vec();
    let length = u32::try_from(hello.len()).unwrap().to_be_bytes();
    sending.send_data([&[0], &length[..], &hello].concat().into(), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut arrived = Vec::new();
    loop {
        arrived.extend_from_slice(&body.data().await.unwrap().unwrap());
        while let Some(length) = arrived.get(1..5).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()) as usize)
            && arrived.len() >= 5 + length
        {
            let message: Vec<u8> = arrived.drain(..5 + length).skip(5).collect();
            for frame in wire::ServerBatch::decode(&message[..]).unwrap().frames {
                if let Some(Down::Welcome(welcome)) = frame.frame {
                    return (sending, welcome.resume_token, pings);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_is_a_lost_link_and_the_session_waits() {
    let mut rig = Rig::new();
    let (mut sending, resume_token, mut pings) = in_time(session_on_a_bare_stream(&mut rig)).await;
    assert!(rig.event().await.starts_with("connected"));
    sending.send_reset(Reason::CANCEL);
    // What came before the ping was seen when it is answered.
    in_time(pings.ping(Ping::opaque())).await.unwrap();
    settle().await;
    assert!(rig.events().is_empty(), "its hub is told nothing");
    let mut again = Raw::resuming(&rig, 1, &resume_token, 0).await;
    assert!(again.welcome().await.resumed);
    again.is_well(&test_hub::ECHO).await;
    assert_eq!(rig.events(), ["echo well"]);
}

#[tokio::test]
async fn a_stream_that_ends_is_a_client_that_left() {
    let mut rig = Rig::new();
    let (mut sending, ..) = in_time(session_on_a_bare_stream(&mut rig)).await;
    assert!(rig.event().await.starts_with("connected"));
    sending.send_data(Bytes::new(), true).unwrap();
    assert_eq!(in_time(rig.event()).await, "left 1 CLIENT_LEFT");
}
