//! Who is online and where, asked and told.

use shallot_client::Code;
use shallot_client::proto::social::v1::{FollowRequest, LookRequest, Presence};
use shallot_client::proto::world::v1::{EnterRequest, LeaveRequest};

use crate::player::account;
use crate::process::Server;
use crate::talker::Talker;

fn of(talker: &Talker, region: Option<&str>) -> Presence {
    let region = region.unwrap_or_default().to_owned();
    Presence { character_id: talker.character.clone(), online: true, region }
}

#[tokio::test]
async fn presence_is_answered_and_each_change_is_told_to_those_who_follow() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let mut ann = Talker::connect(account(server.grpc, "Ann").await).await;
    let bob = Talker::connect(account(server.grpc, "Bob").await).await;
    // Once its own call is answered, its character is known.
    bob.presence.look(&LookRequest::default()).await.unwrap();
    let nobody = "01900000-0000-7000-8000-000000000000".to_owned();

    let character_ids = vec![bob.character.clone(), nobody.clone()];
    let looked = ann.presence.look(&LookRequest { character_ids: character_ids.clone() }).await.unwrap().characters;
    let away = Presence { character_id: nobody, online: false, region: String::new() };
    assert_eq!(looked, [of(&bob, None), away]);

    let followed = ann.presence.follow(&FollowRequest { character_ids }).await.unwrap().characters;
    assert_eq!(followed, looked);
    bob.world.enter(&EnterRequest::default()).await.unwrap();
    let there = of(&bob, Some("brookfield"));
    ann.sees(|presence| *presence == there).await;
    bob.world.leave(&LeaveRequest {}).await.unwrap();
    let outside = of(&bob, None);
    ann.sees(|presence| *presence == outside).await;
    let gone = bob.character.clone();
    drop(bob);
    ann.sees(|presence| presence.character_id == gone && !presence.online).await;
    server.stop();
}

#[tokio::test]
async fn bad_lists_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let ann = Talker::connect(account(server.grpc, "Ann").await).await;
    let many = vec![ann.character.clone(); 65];
    let long = vec!["x".repeat(1_000)];
    for (character_ids, reason) in [
        (many, "TOO_MANY_CHARACTERS_NAMED"),
        (vec![String::new()], "CHARACTER_ID_INVALID"),
        (vec!["Ann".to_owned()], "CHARACTER_ID_INVALID"),
        (long, "CHARACTER_ID_INVALID"),
    ] {
        let looked = ann.presence.look(&LookRequest { character_ids: character_ids.clone() }).await.unwrap_err();
        assert_eq!((looked.code, &*looked.reason), (Code::InvalidArgument, reason));
        let followed = ann.presence.follow(&FollowRequest { character_ids }).await.unwrap_err();
        assert_eq!((followed.code, &*followed.reason), (Code::InvalidArgument, reason));
    }
    assert!(!ann.session.is_ended());
    server.stop();
}
