//! Clients that sign in and select a character by gRPC and live on QUIC alone from there on.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use shallot_client::hubs::contracts::CONTRACT_HASH;
use shallot_client::hubs::link::Outgoing;
use shallot_client::hubs::{ClientLink, HubClient, HubClientConfig, SystemClock};
use shallot_client::proto::hub::v1::client_frame::Frame as Up;
use shallot_client::proto::hub::v1::server_frame::Frame;
use shallot_client::proto::hub::v1::{Call, ClientBatch, ClientFrame, GoAway, Hello};
use shallot_client::proto::social::v1::{InviteRequest, JoinRequest, SayRequest, WhisperRequest};
use shallot_client::proto::world::v1::{AttackRequest, EnterRequest};
use shallot_client::{Code, QuicLink, Trust};

use crate::bystanders::Bystanders;
use crate::player::{Account, PATIENCE, Player, account};
use crate::process::Server;
use crate::talker::Talker;

fn link_of(account: &Account) -> QuicLink {
    QuicLink::new(account.api.clone(), &account.character.id, Trust::Development)
}

fn load(folder: &tempfile::TempDir) -> Server {
    Server::start(folder.path(), &["--limits", "load"])
}

#[tokio::test]
async fn a_player_lives_on_quic_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = load(&folder);
    let mut player = Player::enter_on_quic(account(server.grpc, "Robin").await).await;
    assert_eq!(player.link.welcome().channel, None, "the connection's own datagrams are the session's");
    assert!(server.metric("shallot_hub_links{link=\"quic\"}") > 0.0);
    assert_eq!(server.metric("shallot_hub_links_opened_total{link=\"grpc\"}"), 0.0);
    assert!(server.metric("shallot_channels{link=\"quic\"}") > 0.0);

    let start = player.position();
    player.walk(0, 40).await;
    assert!(player.position().x > start.x + 4_096, "it walks by datagrams: {start:?} to {:?}", player.position());
    assert_eq!(player.seen.snapshots, 40);
    assert_eq!(server.metric("shallot_snapshots_sent_total{way=\"link\"}"), 0.0);
    let world = player.link.world();
    let refused = world.attack(&AttackRequest { target: player.me.to_bits() }).await.unwrap_err();
    assert_eq!(refused.reason, "BAD_TARGET");
    player.hunt(|seen| !seen.rewards.is_empty()).await;
    assert!(!player.seen.monsters.is_empty(), "nothing was pushed");

    player.stand().await;
    let stood = player.position();
    let (account, seen) = player.leave().await;
    assert_eq!(account.api.characters().list().await.unwrap()[0].xp, seen.sums().0);
    let again = Player::enter_on_quic(account).await;
    assert_eq!((again.entered.x, again.entered.y), (stood.x, stood.y), "it comes back where it was");
    again.leave().await;
    server.stop();
}

#[tokio::test]
async fn chat_and_client_results_go_over_quic() {
    let folder = tempfile::tempdir().unwrap();
    let server = load(&folder);
    let mut robin = Talker::connect_on_quic(account(server.grpc, "Robin").await).await;
    let mut marian = Talker::connect(account(server.grpc, "Marian").await).await;
    for talker in [&robin, &marian] {
        talker.world.enter(&EnterRequest::default()).await.unwrap();
    }
    marian.chat.say(&SayRequest { text: "hello".to_owned() }).await.unwrap();
    assert_eq!(robin.hears().await.text, "hello");
    robin.chat.whisper(&WhisperRequest { to: "Marian".to_owned(), text: "psst".to_owned() }).await.unwrap();
    assert_eq!(marian.hears().await.text, "hello");
    assert_eq!(marian.hears().await.text, "psst");
    marian.chat.join(&JoinRequest { channel: "archers".to_owned() }).await.unwrap();
    let invite = InviteRequest { channel: "archers".to_owned(), to: "Robin".to_owned() };
    for accepts in [true, false] {
        robin.accept(accepts);
        assert_eq!(marian.chat.invite(&invite).await.unwrap().accepted, accepts);
    }
    server.stop();
}

fn batch(frame: Up) -> ClientBatch {
    ClientBatch { frames: vec![ClientFrame { frame: Some(frame) }] }
}

fn hello(access_token: String) -> Up {
    let contract_hash = CONTRACT_HASH.to_vec().into();
    Up::Hello(Hello { access_token, contract_hash, build: "test".to_owned(), ..Hello::default() }.into())
}

/// Sends batches on a bare link and gives the server's last word.
async fn last_word(link: &QuicLink, batches: Vec<ClientBatch>) -> GoAway {
    let outgoing = Outgoing::new(stream::iter(batches).chain(stream::pending()));
    let mut arriving = link.open(outgoing).await.unwrap();
    let read = async {
        while let Some(batch) = arriving.next().await {
            for frame in batch.unwrap().frames {
                if let Some(Frame::GoAway(go)) = frame.frame {
                    assert!(arriving.next().await.is_none(), "the stream goes on after the last word");
                    return *go;
                }
            }
        }
        panic!("the stream ended without a word")
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap()
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_their_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = load(&folder);
    let beside = Bystanders::come(server.grpc).await;
    let robin = account(server.grpc, "Robin").await;
    let (link, token) = (link_of(&robin), robin.api.access_token().await.unwrap());
    let call = |body: usize| Up::Call(Call { id: 1, method: 7, body: vec![0; body].into(), ..Call::default() });
    let empty = ClientBatch { frames: vec![ClientFrame { frame: None }] };
    let cases = [
        (Code::FailedPrecondition, "HELLO_EXPECTED", vec![batch(call(0))]),
        (Code::InvalidArgument, "MALFORMED_FRAME", vec![batch(hello(token.clone())), empty]),
        (Code::Unauthenticated, "TOKEN_INVALID", vec![batch(hello("forged".to_owned()))]),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE", vec![batch(hello(token)), batch(call(64 * 1024))]),
    ];
    for (code, reason, batches) in cases {
        let go = last_word(&link, batches).await;
        assert_eq!((go.code, go.reason.as_str()), (code as u32, reason));
    }
    beside.lost_nothing().await;
}

#[tokio::test]
async fn a_ticket_is_for_one_link_of_its_own_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = load(&folder);
    let robin = account(server.grpc, "Robin").await;
    let marian = account(server.grpc, "Marian").await;
    let foreign = HubClientConfig::new(marian.api.access_token().await.unwrap());
    let builder = HubClient::builder(foreign, Arc::new(SystemClock::start()));
    let (client, driver) = builder.connect(Arc::new(link_of(&robin))).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, driver).await.unwrap();
    assert_eq!((end.code, &*end.reason), (Code::Unauthenticated, "TICKET_FOREIGN"));
    drop(client);

    // A select's ticket opens a channel beside a gRPC link too.
    let selected = robin.api.characters().select(&robin.character.id).await.unwrap().channel.unwrap();
    let open = async || {
        let host = robin.api.host().to_owned();
        shallot_client::DatagramChannel::open(&selected.address, &host, &selected.ticket, &Trust::Development).await
    };
    let player = Player::enter_as(Account { api: robin.api.clone(), character: robin.character.clone() }).await;
    let newer = open().await.unwrap();
    assert!(open().await.is_err(), "a ticket counted twice");
    let snapshot = tokio::time::timeout(PATIENCE, newer.receive()).await.unwrap();
    assert!(snapshot.is_ok(), "the newer channel has the session's datagrams");
    player.leave().await;
}

#[tokio::test]
async fn a_second_link_takes_over_whatever_carries_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = load(&folder);
    let robin = account(server.grpc, "Robin").await;
    let same = || Account { api: robin.api.clone(), character: robin.character.clone() };
    let mut first = Player::enter_on_quic(same()).await;
    first.walk(0, 5).await;
    let mut second = Player::enter_on_quic(same()).await;
    let end = tokio::time::timeout(PATIENCE, first.link.session().ended()).await.unwrap();
    assert_eq!(end.reason, "SESSION_REPLACED");
    second.walk(64, 5).await;
    let mut third = Player::enter_as(same()).await;
    let end = tokio::time::timeout(PATIENCE, second.link.session().ended()).await.unwrap();
    assert_eq!(end.reason, "SESSION_REPLACED");
    third.walk(128, 5).await;
    third.leave().await;
    server.stop();
}

#[tokio::test]
async fn a_stop_is_told_and_saves_those_on_quic() {
    let folder = tempfile::tempdir().unwrap();
    let server = load(&folder);
    let mut player = Player::enter_on_quic(account(server.grpc, "Robin").await).await;
    player.walk(0, 10).await;
    server.interrupt();
    let end = tokio::time::timeout(PATIENCE, player.link.session().ended()).await.unwrap();
    assert_eq!(end.reason, "DRAINING");
    assert!(end.retry_after_ms >= 1_000);
    server.ends_in_order();
}
