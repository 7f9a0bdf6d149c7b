//! Hub links under bad input: the session ends with a reason, nobody else is touched.

use shallot_client::hubs::contracts::CONTRACT_HASH;
use shallot_client::proto::hub::v1::client_frame::Frame as ClientFrameKind;
use shallot_client::proto::hub::v1::hub_link_client::HubLinkClient;
use shallot_client::proto::hub::v1::server_frame::Frame;
use shallot_client::proto::hub::v1::{Call, ClientBatch, ClientFrame, GoAway, Hello};
use shallot_client::proto::world::v1::{EnterRequest, PickUpRequest, UseSkillRequest};
use shallot_client::{Api, Code, Trust, WorldLink};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::bystanders::Bystanders;
use crate::player::{PATIENCE, Player, account};
use crate::process::Server;

pub(crate) fn batch(frame: ClientFrameKind) -> ClientBatch {
    ClientBatch { frames: vec![ClientFrame { frame: Some(frame) }] }
}

pub(crate) fn hello(access_token: String) -> ClientFrameKind {
    let contract_hash = CONTRACT_HASH.to_vec().into();
    ClientFrameKind::Hello(Hello { access_token, contract_hash, build: "test".to_owned(), ..Hello::default() }.into())
}

/// Sends batches on a bare link and gives the server's last word, or the status that ended the stream.
pub(crate) async fn last_word(api: &Api, batches: Vec<ClientBatch>) -> Result<GoAway, tonic::Status> {
    let (sender, receiver) = mpsc::channel(16);
    for batch in batches {
        sender.send(batch).await.unwrap();
    }
    let mut link = HubLinkClient::new(api.channel());
    let mut frames = link.connect(ReceiverStream::new(receiver)).await?.into_inner();
    let read = async {
        while let Some(batch) = frames.message().await? {
            for frame in batch.frames {
                if let Some(Frame::GoAway(go)) = frame.frame {
                    return Ok(*go);
                }
            }
        }
        Err(tonic::Status::unknown("the stream ended without a word"))
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap()
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_their_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let robin = account(server.grpc, "Robin").await;
    let token = robin.api.access_token().await.unwrap();
    let call = || ClientFrameKind::Call(Call { id: 1, method: 7, ..Call::default() });

    let go = last_word(&robin.api, vec![batch(call())]).await.unwrap();
    assert_eq!((go.code, go.reason.as_str()), (Code::FailedPrecondition as u32, "HELLO_EXPECTED"));

    let empty = ClientBatch { frames: vec![ClientFrame { frame: None }] };
    let go = last_word(&robin.api, vec![batch(hello(token.clone())), empty]).await.unwrap();
    assert_eq!((go.code, go.reason.as_str()), (Code::InvalidArgument as u32, "MALFORMED_FRAME"));

    let go = last_word(&robin.api, vec![batch(hello("forged".to_owned()))]).await.unwrap();
    assert_eq!((go.code, go.reason.as_str()), (Code::Unauthenticated as u32, "TOKEN_INVALID"));

    let other = Hello { access_token: token.clone(), contract_hash: vec![1; 32].into(), ..Hello::default() };
    let go = last_word(&robin.api, vec![batch(ClientFrameKind::Hello(other.into()))]).await.unwrap();
    assert_eq!((go.code, go.reason.as_str()), (Code::FailedPrecondition as u32, "CONTRACT_MISMATCH"));

    let huge = Call { id: 1, method: 7, body: vec![0; 64 * 1024].into(), ..Call::default() };
    let go = last_word(&robin.api, vec![batch(hello(token)), batch(ClientFrameKind::Call(huge))]).await.unwrap();
    assert_eq!((go.code, go.reason.as_str()), (Code::ResourceExhausted as u32, "MESSAGE_TOO_LARGE"));
    beside.lost_nothing().await;
}

#[tokio::test]
async fn the_newest_login_is_the_only_one_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    api.log_in_by_device([9; 32], true).await.unwrap();
    let id = || shallot_client::clock::new_request_id().unwrap();
    let character = api.characters().create(id(), "Robin", "warrior").await.unwrap();
    api.characters().select(&character.id).await.unwrap();
    let mut old = Player::enter_as(crate::player::Account { api, character: character.clone() }).await;
    old.walk(0, 10).await;

    let second = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    second.log_in_by_device([9; 32], false).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, old.link.session().ended()).await.unwrap();
    assert_eq!(end.reason, "SESSION_REPLACED");
    let refused = old.account.api.characters().list().await.unwrap_err();
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unauthenticated, "SESSION_REPLACED"));

    second.characters().select(&character.id).await.unwrap();
    let mut new = Player::enter_as(crate::player::Account { api: second, character }).await;
    new.walk(128, 10).await;
    new.leave().await;
    beside.lost_nothing().await;
}

#[tokio::test]
async fn calls_that_make_no_sense_get_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let player = Player::enter(server.grpc, "Robin").await;
    let world = player.link.world();
    let reason = |error: shallot_client::hubs::HubError| error.reason.into_owned();
    let skill = |skill: &str| UseSkillRequest { skill: skill.to_owned(), ..UseSkillRequest::default() };
    assert_eq!(reason(world.use_skill(&skill("no such skill")).await.unwrap_err()), "UNKNOWN_SKILL");
    let pick = |request_id: &str, drop| PickUpRequest { request_id: request_id.to_owned(), drop };
    assert_eq!(reason(world.pick_up(&pick("", 8)).await.unwrap_err()), "REQUEST_ID_INVALID");
    let id = shallot_client::clock::new_request_id().unwrap().to_string();
    assert_eq!(reason(world.pick_up(&pick(&id, u32::MAX)).await.unwrap_err()), "ENTITY_INVALID");
    let enter = EnterRequest { region: "nowhere".to_owned() };
    assert_eq!(reason(world.enter(&enter).await.unwrap_err()), "UNKNOWN_REGION");

    // A session without a character may connect, and do nothing.
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    api.log_in_by_device([3; 32], true).await.unwrap();
    let (link, _pushes) = WorldLink::open(&api).await.unwrap();
    assert_eq!(reason(link.world().enter(&EnterRequest::default()).await.unwrap_err()), "NO_CHARACTER");
}
