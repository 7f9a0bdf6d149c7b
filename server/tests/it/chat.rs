//! Talk: who hears what, and what is refused.

use shallot_client::Code;
use shallot_client::hubs::HubError;
use shallot_client::proto::social::v1::chat_message::Where;
use shallot_client::proto::social::v1::{
    InviteRequest, JoinRequest, LeaveChannelRequest, SayRequest, SendRequest, WhisperRequest,
};
use shallot_client::proto::world::v1::{EnterRequest, LeaveRequest};

use crate::player::account;
use crate::process::Server;
use crate::talker::Talker;

async fn talkers<const N: usize>(server: &Server, names: [&str; N]) -> Vec<Talker> {
    let mut talkers = Vec::new();
    for name in names {
        talkers.push(Talker::connect(account(server.grpc, name).await).await);
    }
    talkers
}

fn refused<T: std::fmt::Debug>(result: Result<T, HubError>) -> (Code, String) {
    let error = result.unwrap_err();
    (error.code, error.reason.into_owned())
}

fn say(text: &str) -> SayRequest {
    SayRequest { text: text.to_owned() }
}

fn whisper(to: &str, text: &str) -> WhisperRequest {
    WhisperRequest { to: to.to_owned(), text: text.to_owned() }
}

fn send(channel: &str, text: &str) -> SendRequest {
    SendRequest { channel: channel.to_owned(), text: text.to_owned() }
}

fn join(channel: &str) -> JoinRequest {
    JoinRequest { channel: channel.to_owned() }
}

#[tokio::test]
async fn region_whisper_and_channel_reach_whom_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let [mut ann, mut bob, mut eve] = talkers(&server, ["Ann", "Bob", "Eve"]).await.try_into().ok().unwrap();

    // In the region: those who are there, the speaker too.
    assert_eq!(refused(ann.chat.say(&say("hello?")).await), (Code::FailedPrecondition, "NOT_IN_WORLD".to_owned()));
    for talker in [&ann, &bob] {
        talker.world.enter(&EnterRequest::default()).await.unwrap();
    }
    ann.chat.say(&say("hello")).await.unwrap();
    for talker in [&mut ann, &mut bob] {
        let heard = talker.hears().await;
        assert_eq!((heard.text.as_str(), &heard.r#where), ("hello", &Some(Where::Region("brookfield".to_owned()))));
        assert_eq!(heard.from.unwrap().name, "Ann");
    }
    bob.world.leave(&LeaveRequest {}).await.unwrap();
    ann.chat.say(&say("alone")).await.unwrap();
    assert_eq!(ann.hears().await.text, "alone");

    // To one character, whatever the case.
    ann.chat.whisper(&whisper("eVE", "psst")).await.unwrap();
    let heard = eve.hears().await;
    assert!(matches!(heard.r#where, Some(Where::Whisper(_))));
    assert_eq!((heard.text.as_str(), heard.from.unwrap().character_id), ("psst", ann.character.clone()));

    // In a channel, by invitation.
    assert_eq!(ann.chat.join(&join("Old Traders")).await.unwrap().members, 1);
    let invite = InviteRequest { channel: "old traders".to_owned(), to: "Bob".to_owned() };
    assert!(ann.chat.invite(&invite).await.unwrap().accepted);
    assert_eq!(bob.chat.join(&join("OLD traders")).await.unwrap().members, 2);
    eve.accept(false);
    let invite = InviteRequest { to: eve.name.clone(), ..invite };
    assert!(!ann.chat.invite(&invite).await.unwrap().accepted);
    bob.chat.send(&send("Old Traders", "any salt?")).await.unwrap();
    for talker in [&mut ann, &mut bob] {
        let heard = talker.hears().await;
        assert_eq!((heard.text.as_str(), heard.r#where), ("any salt?", Some(Where::Channel("old traders".to_owned()))));
    }
    bob.chat.leave(&LeaveChannelRequest { channel: "old traders".to_owned() }).await.unwrap();
    let left = refused(bob.chat.send(&send("Old Traders", "still here?")).await);
    assert_eq!(left, (Code::FailedPrecondition, "NOT_IN_CHANNEL".to_owned()));
    assert!(ann.has_heard_all() && bob.has_heard_all() && eve.has_heard_all());
    server.stop();
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason_and_reaches_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let [mut ann, mut bob] = talkers(&server, ["Ann", "Bob"]).await.try_into().ok().unwrap();
    for talker in [&ann, &bob] {
        talker.world.enter(&EnterRequest::default()).await.unwrap();
        talker.chat.join(&join("room")).await.unwrap();
    }
    let long = "x".repeat(257);
    for (text, reason) in [
        ("", "TEXT_EMPTY"),
        (" \u{3000}", "TEXT_EMPTY"),
        (&long, "TEXT_TOO_LONG"),
        ("two\nlines", "TEXT_INVALID"),
        ("\u{1B}[31mred", "TEXT_INVALID"),
        ("\u{202E}olleh", "TEXT_INVALID"),
    ] {
        let expected = (Code::InvalidArgument, reason.to_owned());
        assert_eq!(refused(ann.chat.say(&say(text)).await), expected, "{text:?}");
        assert_eq!(refused(ann.chat.whisper(&whisper("Bob", text)).await), expected, "{text:?}");
        assert_eq!(refused(ann.chat.send(&send("room", text)).await), expected, "{text:?}");
    }
    assert_eq!(refused(ann.chat.whisper(&whisper("Nobody", "x")).await), (Code::NotFound, "NOT_ONLINE".to_owned()));
    let no_name = refused(ann.chat.whisper(&whisper("no*name", "x")).await);
    assert_eq!(no_name, (Code::InvalidArgument, "NAME_INVALID".to_owned()));
    for name in ["", "x", "a/b", "two\nlines", &long] {
        let expected = (Code::InvalidArgument, "CHANNEL_NAME_INVALID".to_owned());
        assert_eq!(refused(ann.chat.join(&join(name)).await), expected, "{name:?}");
        assert_eq!(refused(ann.chat.send(&send(name, "x")).await), expected, "{name:?}");
    }
    for n in 1..8 {
        ann.chat.join(&join(&format!("room {n}"))).await.unwrap();
    }
    assert_eq!(
        refused(ann.chat.join(&join("one more")).await),
        (Code::ResourceExhausted, "TOO_MANY_CHANNELS".to_owned())
    );
    ann.chat.join(&join("ROOM 7")).await.unwrap();
    // Whoever has heard this has heard all that came before.
    ann.chat.say(&say("done")).await.unwrap();
    for talker in [&mut ann, &mut bob] {
        assert_eq!(talker.hears().await.text, "done");
    }
    assert!(!ann.session.is_ended(), "bad input ends no session");
    server.stop();
}

#[tokio::test]
async fn talk_has_a_rate_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let ann = Talker::connect(account(server.grpc, "Ann").await).await;
    ann.world.enter(&EnterRequest::default()).await.unwrap();
    let mut said = 0;
    let refusal = loop {
        match ann.chat.say(&say("spam")).await {
            Ok(_) => said += 1,
            Err(error) => break error,
        }
        assert!(said < 100, "nothing limits talk");
    };
    assert_eq!((refusal.code, &*refusal.reason), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert!((10..20).contains(&said), "{said} messages in one burst");
    // Hands on the controls draw from another bucket.
    ann.world.leave(&LeaveRequest {}).await.unwrap();
    server.stop();
}
