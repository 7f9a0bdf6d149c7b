//! Two servers on one data folder and one Redis: the regions are one's, groups span both, the newest log-in is the only one, and a server
//! that dies is noticed.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use prost::Message as _;
use shallot_client::proto::social::v1::{
    FollowRequest, InviteRequest, JoinRequest, LookRequest, SayRequest, SendRequest, WhisperRequest,
};
use shallot_client::proto::world::v1::{EnterRequest, RegionElsewhereDetail};
use shallot_client::{Api, Code, Trust, clock};

use crate::player::{Account, PATIENCE, account};
use crate::process::{Server, refused};
use crate::redis_server::RedisServer;
use crate::talker::Talker;

fn node(folder: &Path, redis: &RedisServer, name: &str) -> Server {
    let url = redis.url();
    let environment = [("SHALLOT__STORES__REDIS", url.as_str()), ("SHALLOT__HUBS__NODE", name)];
    Server::start_with(folder, &["--limits", "load"], &environment)
}

/// Asks until the answer is the expected one.
async fn becomes<T: PartialEq + std::fmt::Debug>(expected: T, ask: impl AsyncFn() -> T) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let asked = async {
        while ask().await != expected {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("it never became {expected:?}"));
}

fn join() -> JoinRequest {
    JoinRequest { channel: "traders".to_owned() }
}

async fn members(talker: &Talker) -> u32 {
    talker.chat.join(&join()).await.unwrap().members
}

#[tokio::test]
async fn groups_span_both_servers_and_the_members_of_a_dead_one_leave() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    let one = node(folder.path(), &redis, "one");
    let two = node(folder.path(), &redis, "two");
    let mut ann = Talker::connect(account(one.grpc, "Ann").await).await;
    let mut bob = Talker::connect(account(two.grpc, "Bob").await).await;

    // The regions are one server's, and the other says whose.
    ann.world.enter(&EnterRequest::default()).await.unwrap();
    let elsewhere = bob.world.enter(&EnterRequest::default()).await.unwrap_err();
    assert_eq!((elsewhere.code, &*elsewhere.reason), (Code::FailedPrecondition, "REGION_ELSEWHERE"));
    let detail = RegionElsewhereDetail::decode(elsewhere.detail).unwrap();
    assert_eq!((detail.region.as_str(), detail.address.parse()), ("brookfield", Ok(one.grpc)));

    // A channel, a whisper and an invitation go from one to the other.
    members(&ann).await;
    becomes(2, async || members(&bob).await).await;
    becomes(2, async || members(&ann).await).await;
    for (text, chat) in [("from one", ann.chat.clone()), ("from two", bob.chat.clone())] {
        chat.send(&SendRequest { channel: "traders".to_owned(), text: text.to_owned() }).await.unwrap();
        for to in [&mut ann, &mut bob] {
            assert_eq!(to.hears().await.text, text);
        }
    }
    bob.chat.whisper(&WhisperRequest { to: "ann".to_owned(), text: "psst".to_owned() }).await.unwrap();
    assert_eq!(ann.hears().await.text, "psst");
    let invite = InviteRequest { channel: "traders".to_owned(), to: "Bob".to_owned() };
    assert!(ann.chat.invite(&invite).await.unwrap().accepted);
    ann.chat.say(&SayRequest { text: "alone here".to_owned() }).await.unwrap();
    assert_eq!(ann.hears().await.text, "alone here");

    // Presence knows both.
    let character_ids = vec![ann.character.clone()];
    let followed = bob.presence.follow(&FollowRequest { character_ids: character_ids.clone() }).await.unwrap();
    assert_eq!((followed.characters[0].online, followed.characters[0].region.as_str()), (true, "brookfield"));

    // kill -9: noticed within the lease of 5 s, and not by a word of good-bye.
    one.kill();
    let noticed = bob.sees(|presence| !presence.online);
    // The lease, and two seconds for a busy machine.
    tokio::time::timeout(Duration::from_secs(7), noticed).await.expect("a dead server is noticed");
    assert_eq!(members(&bob).await, 1);
    let looked = bob.presence.look(&LookRequest { character_ids }).await.unwrap();
    assert!(!looked.characters[0].online);
    let gone = bob.chat.whisper(&WhisperRequest { to: "Ann".to_owned(), text: "there?".to_owned() }).await.unwrap_err();
    assert_eq!((gone.code, &*gone.reason), (Code::NotFound, "NOT_ONLINE"));
    two.stop();
}

/// Signs in with a device's key; the character is made at the first time.
async fn sign_in(server: SocketAddr, key: [u8; 32], name: Option<&str>) -> Account {
    let api = Api::connect(&server.to_string(), &Trust::Development).await.unwrap();
    api.log_in_by_device(key, name.is_some()).await.unwrap();
    if let Some(name) = name {
        let request = clock::new_request_id().unwrap();
        api.characters().create(request, name, "warrior").await.unwrap();
    }
    let character = api.characters().list().await.unwrap().remove(0);
    api.characters().select(&character.id).await.unwrap();
    Account { api, character }
}

#[tokio::test]
async fn a_login_on_one_server_ends_the_session_on_the_other_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    let (one, two) = (node(folder.path(), &redis, "one"), node(folder.path(), &redis, "two"));
    let key = clock::random().unwrap();
    let first = Talker::connect(sign_in(one.grpc, key, Some("Ann")).await).await;
    let second = sign_in(two.grpc, key, None).await;
    let ended = tokio::time::timeout(Duration::from_secs(2), first.session.ended()).await.expect("within two seconds");
    assert_eq!(&*ended.reason, "SESSION_REPLACED");
    let second = Talker::connect(second).await;
    assert!(!second.session.is_ended());
    two.stop();
    one.stop();
}

#[tokio::test]
async fn the_regions_of_a_server_that_stopped_are_the_next_ones() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    let (one, two) = (node(folder.path(), &redis, "one"), node(folder.path(), &redis, "two"));
    one.stop();
    let three = node(folder.path(), &redis, "three");
    let ann = Talker::connect(account(three.grpc, "Ann").await).await;
    ann.world.enter(&EnterRequest::default()).await.unwrap();
    let bob = Talker::connect(account(two.grpc, "Bob").await).await;
    let elsewhere = bob.world.enter(&EnterRequest::default()).await.unwrap_err();
    assert_eq!(RegionElsewhereDetail::decode(elsewhere.detail).unwrap().address, three.grpc.to_string());
    two.stop();
    three.stop();
}

#[tokio::test]
async fn a_server_that_is_alone_and_those_of_a_cluster_refuse_each_others_data() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    let url = redis.url();
    let one = node(folder.path(), &redis, "one");
    let (status, said) = refused(folder.path(), &[], &[]);
    assert!(!status.success() && said.contains("another server uses"), "{said}");
    one.stop();
    let alone = Server::start(folder.path(), &[]);
    let (status, said) = refused(folder.path(), &[], &[("SHALLOT__STORES__REDIS", url.as_str())]);
    assert!(!status.success() && said.contains("another server uses"), "{said}");
    alone.stop();
}

#[tokio::test]
async fn without_its_redis_a_server_goes_on_with_its_own_players() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start();
    let (one, two) = (node(folder.path(), &redis, "one"), node(folder.path(), &redis, "two"));
    let mut ann = Talker::connect(account(one.grpc, "Ann").await).await;
    let mut bob = Talker::connect(account(two.grpc, "Bob").await).await;
    members(&bob).await;
    becomes(2, async || members(&ann).await).await;
    redis.kill();
    ann.chat.send(&SendRequest { channel: "traders".to_owned(), text: "still here".to_owned() }).await.unwrap();
    assert_eq!(ann.hears().await.text, "still here");
    assert!(redis.again());
    // What was said meanwhile comes, or is told as a gap; what is said from here on comes in any case.
    becomes(2, async || members(&ann).await).await;
    ann.chat.send(&SendRequest { channel: "traders".to_owned(), text: "back".to_owned() }).await.unwrap();
    while bob.hears().await.text != "back" {}
    one.stop();
    two.stop();
}
