//! What concerns the link, over each kind of it: in memory, framed on a byte stream as QUIC has it, over gRPC.

use std::sync::{Arc, Mutex};

use prost::Message as _;
use shallot_hubs::limits::{CLIENT_BATCH_BYTES, FRAMED_STALL_MS};
use shallot_hubs::{
    Bytes, Code, DatagramChannel, EndReason, HubClient, HubClientConfig, LinkKind, LinkParts, SessionHandle, WorkerId,
};
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::{HubPush, SessionId};
use tokio::io::AsyncWriteExt as _;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestHubClient, TestReceiver, test_hub, test_receiver};
use crate::ends::{End, Over, framed};
use crate::messages::{gauge, text};
use crate::raw::{Raw, hello};
use crate::rig::{Rig, in_time, session_id, settle, token};

async fn left(rig: &mut Rig) -> String {
    loop {
        let event = rig.event().await;
        if event.starts_with("left") {
            return event;
        }
    }
}

#[tokio::test]
async fn a_session_over_each() {
    for over in Over::ALL {
        let mut rig = Rig::new();
        let link = over.link(&rig).await;
        let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
        let (client, driver) = HubClient::builder(config, Arc::new(rig.clock.clone())).connect(link).await.unwrap();
        let driver = tokio::spawn(driver);
        in_time(client.welcomed()).await.unwrap();
        for n in 0..100 {
            let n = n.to_string();
            assert_eq!(in_time(TestHubClient::new(&client).echo(&text(&n))).await.unwrap(), text(&n), "{over:?}");
        }
        client.leave();
        assert_eq!(in_time(driver).await.unwrap().reason, "CLIENT_LEFT", "{over:?}");
        assert_eq!(left(&mut rig).await, "left 1 CLIENT_LEFT", "{over:?}");
    }
}

#[tokio::test]
async fn open_comes_before_anything_is_read() {
    for over in Over::ALL {
        let rig = Rig::new();
        let mut raw = Raw::open_over(&rig, over).await;
        assert!(matches!(raw.next().await, Down::Open(_)), "{over:?}");
    }
}

#[tokio::test]
async fn silence_before_hello_has_an_end() {
    for over in Over::ALL {
        let rig = Rig::new();
        let mut raw = Raw::open_over(&rig, over).await;
        assert!(matches!(raw.next().await, Down::Open(_)), "{over:?}");
        rig.pass_ms(5_000).await;
        assert_eq!(raw.go_away().await.reason, "HELLO_TIMEOUT", "{over:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_ends_its_session_alone() {
    let too_large = vec![0; CLIENT_BATCH_BYTES + 1];
    let cut_short = {
        let frame = Some(Up::Ping(wire::Ping { n: 1, sender_time_ms: 1 }));
        let mut bytes = wire::ClientBatch { frames: vec![wire::ClientFrame { frame }] }.encode_to_vec();
        bytes.pop();
        bytes
    };
    let cases = [
        (3, "MALFORMED_FRAME", vec![0xff; 40]),
        (3, "MALFORMED_FRAME", cut_short),
        (8, "MESSAGE_TOO_LARGE", too_large),
    ];
    for (over, (code, reason, message)) in Over::ALL.iter().flat_map(|over| cases.iter().map(move |case| (*over, case)))
    {
        let mut rig = Rig::new();
        let mut bystander = Raw::welcomed_over(&mut rig, over, 2).await;
        let mut raw = Raw::welcomed_over(&mut rig, over, 1).await;
        // The server need not have read it all to know.
        raw.try_send_bytes(message).await;
        let go_away = raw.go_away().await;
        assert_eq!((go_away.code, &*go_away.reason), (*code, *reason), "{over:?}: {}", go_away.message);
        assert_eq!(left(&mut rig).await, format!("left 1 {reason}"), "{over:?}");
        bystander.is_well(&test_hub::ECHO).await;
    }
}

#[tokio::test]
async fn the_last_words_arrive_before_the_end() {
    for over in Over::ALL {
        let mut rig = Rig::new();
        let mut raw = Raw::welcomed_over(&mut rig, over, 1).await;
        let session = rig.session(1);
        TestReceiver::to(&session).on_line(&text(&"last words".repeat(2_000)));
        session.end(EndReason::new(Code::PermissionDenied, "BANNED", "for good reason"));
        assert_eq!(raw.pushed_text().await.len(), 20_000, "{over:?}");
        assert_eq!(raw.go_away().await.reason, "BANNED", "{over:?}");
    }
}

#[tokio::test]
async fn a_client_that_closes_has_left() {
    for over in Over::ALL {
        let mut rig = Rig::new();
        let raw = Raw::welcomed_over(&mut rig, over, 1).await;
        let driver = raw.hang_up();
        assert_eq!(left(&mut rig).await, "left 1 CLIENT_LEFT", "{over:?}");
        in_time(driver).await.unwrap();
        settle().await;
        assert!(rig.server.directory().is_empty(), "{over:?}");
    }
}

#[tokio::test]
async fn one_who_does_not_read_ends_and_nobody_else() {
    for over in Over::ALL {
        let mut rig = Rig::new();
        let mut slow = Raw::welcomed_over(&mut rig, over, 1).await;
        let mut bystander = Raw::welcomed_over(&mut rig, over, 2).await;
        let session = rig.session(1);
        let mut pushes = 0;
        while !session.is_ended() {
            TestReceiver::to(&session).on_line(&text(&"x".repeat(1_000)));
            pushes += 1;
            assert!(pushes < 10_000, "{over:?}: nothing bounds what waits for it");
            settle().await;
        }
        assert_eq!(left(&mut rig).await, "left 1 SLOW_CONSUMER", "{over:?}");
        assert_eq!(slow.go_away().await.reason, "SLOW_CONSUMER", "{over:?}");
        bystander.is_well(&test_hub::ECHO).await;
    }
}

#[tokio::test]
async fn a_newer_link_takes_over_whatever_carries_it() {
    for (first, second) in [(Over::Grpc, Over::Framed), (Over::Framed, Over::Grpc), (Over::Framed, Over::Framed)] {
        let mut rig = Rig::new();
        let mut old = Raw::welcomed_over(&mut rig, first, 1).await;
        let mut new = Raw::open_over(&rig, second).await;
        new.send(hello(&token(1))).await;
        assert_eq!(old.go_away().await.reason, "SESSION_REPLACED", "{first:?}, {second:?}");
        new.is_well(&test_hub::ECHO).await;
        assert_eq!(rig.server.directory().len(), 1);
    }
}

#[tokio::test]
async fn a_length_over_the_limit_ends_a_framed_link_before_the_message_is_there() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_over(&mut rig, Over::Framed, 1).await;
    let End::Framed(stream) = raw.end() else { panic!("a framed link was asked for") };
    // 4,097 as a varint, and not one byte of a message.
    stream.write_all(&[0x81, 0x20]).await.unwrap();
    assert_eq!(raw.go_away().await.reason, "MESSAGE_TOO_LARGE");
    assert_eq!(left(&mut rig).await, "left 1 MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn a_framed_link_that_ends_inside_a_message_is_malformed() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_over(&mut rig, Over::Framed, 1).await;
    let End::Framed(stream) = raw.end() else { panic!("a framed link was asked for") };
    stream.write_all(&[9, 0]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(raw.go_away().await.reason, "MALFORMED_FRAME");
    assert_eq!(left(&mut rig).await, "left 1 MALFORMED_FRAME");
}

#[tokio::test]
async fn a_framed_link_that_nobody_reads_is_given_up() {
    let mut rig = Rig::new();
    let (mut end, writing, driver) = framed(&rig.server, LinkParts::new(WorkerId(0), LinkKind::Quic));
    let mut hello_bytes = Vec::new();
    let frames = vec![wire::ClientFrame { frame: Some(hello(&token(1))) }];
    wire::ClientBatch { frames }.encode_length_delimited(&mut hello_bytes).unwrap();
    end.write_all(&hello_bytes).await.unwrap();
    assert_eq!(rig.event().await, "connected 1");
    let session = rig.session(1);
    TestReceiver::to(&session).on_line(&text(&"x".repeat(20_000)));
    settle().await;
    session.end(EndReason::replaced());
    settle().await;
    rig.pass_ms(5_000).await;
    assert_eq!(in_time(driver).await.unwrap().reason, "SESSION_REPLACED");
    assert!(!writing.is_finished(), "it may read yet");
    rig.pass_ms(FRAMED_STALL_MS - 5_000).await;
    in_time(writing).await.unwrap();
}

/// The datagrams of a link's own connection.
#[derive(Default)]
struct Own {
    sent: Mutex<Vec<Bytes>>,
    welcomed: Mutex<Vec<SessionId>>,
}

impl DatagramChannel for Own {
    fn try_send(&self, datagram: &Bytes) -> bool {
        self.sent.lock().unwrap().push(datagram.clone());
        true
    }

    fn welcomed(&self, session: &SessionHandle) {
        self.welcomed.lock().unwrap().push(session.id());
    }
}

#[tokio::test]
async fn the_datagrams_of_a_links_own_connection_are_the_sessions_from_its_welcome_on() {
    let rig = Rig::new();
    let own = Arc::new(Own::default());
    let parts = LinkParts::new(WorkerId(0), LinkKind::Quic).with_datagrams(Arc::clone(&own) as _);
    let mut raw = Raw::of(End::framed(&rig, parts));
    assert!(matches!(raw.next().await, Down::Open(_)));
    assert!(own.welcomed.lock().unwrap().is_empty());
    raw.send(hello(&token(1))).await;
    let Down::Welcome(welcome) = raw.next().await else { panic!("a Welcome was expected") };
    assert_eq!(welcome.channel, None, "it has one");
    assert_eq!(*own.welcomed.lock().unwrap(), [session_id(1)]);
    TestReceiver::to(&rig.session(1)).on_flicker(&gauge("g", 7));
    let sent = own.sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 1);
    let push = HubPush::decode(&sent[0]).unwrap();
    assert_eq!(push, HubPush { method: test_receiver::ON_FLICKER_ID, body: &gauge("g", 7).encode_to_vec() });
}
