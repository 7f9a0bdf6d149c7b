//! 8: a session outlives its link.

use shallot_hubs::{Bytes, Code, EndReason, Groups, SessionLimits, WorkerId};
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_hub};
use crate::messages::{gauge, text};
use crate::raw::{Raw, hello, resume_hello};
use crate::rig::{Rig, WALL_MS, in_time, session_id, settle, token, token_of};

/// The number of the greeting, the first sequenced frame of each session.
const GREETING: u64 = 1;

/// A welcomed session whose link is cut, and its token.
async fn cut_off(rig: &mut Rig) -> (Raw, Bytes) {
    let mut raw = Raw::welcomed(rig, 1).await;
    let token = raw.resume_token.clone();
    raw.cut();
    settle().await;
    (raw, token)
}

#[tokio::test]
async fn a_dropped_link_keeps_the_session_for_a_grace_time() {
    let mut rig = Rig::new();
    let groups = Groups::<u8>::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    assert!(groups.add(&7, &session));
    let token = raw.resume_token.clone();
    raw.cut();
    rig.pass_ms(29_900).await;
    assert!(rig.events().is_empty(), "its hub is told nothing");
    assert_eq!(groups.get(&7).unwrap().members(), [session_id(1)]);

    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    let welcome = again.welcome().await;
    assert_eq!((welcome.resumed, welcome.session_id), (true, session_id(1).0.to_vec().into()));
    again.is_well(&test_hub::ECHO).await;
    assert_eq!(rig.events(), ["echo well"]);
    assert!(groups.get(&7).unwrap().contains(session_id(1)));
    assert_eq!(rig.server.directory().len(), 1);
}

#[tokio::test]
async fn past_the_grace_time_it_ends_and_its_hub_is_told() {
    let mut rig = Rig::new();
    let groups = Groups::<u8>::new();
    let (_raw, token) = cut_off(&mut rig).await;
    groups.add(&7, &rig.session(1));
    rig.pass_ms(30_000).await;
    assert_eq!(rig.event().await, "left 1 LINK_LOST");
    assert!(groups.is_empty() && rig.server.directory().is_empty());

    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    let welcome = again.welcome().await;
    assert_eq!((welcome.resumed, welcome.last_call_id), (false, 0));
    assert_eq!(rig.event().await, "connected 1");
}

#[tokio::test]
async fn reliable_pushes_replies_and_asks_share_one_sequence_and_are_replayed_after_last_seq() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    TestReceiver::to(&session).on_line(&text("arrived"));
    assert_eq!(raw.pushed_text().await, "arrived");
    // Out on the wire, but lost with it.
    TestReceiver::to(&session).on_line(&text("lost"));
    raw.call(&test_hub::ECHO, "lost too").await;
    settle().await;
    let token = raw.resume_token.clone();
    raw.cut();
    settle().await;
    TestReceiver::to(&session).on_line(&text("while away"));
    let asked = session.clone();
    let answer = tokio::spawn(async move { TestReceiver::to(&asked).confirm(&text("there?")).await });
    settle().await;

    let mut again = Raw::resuming(&rig, 1, &token, 2).await;
    assert_eq!(again.welcome().await.last_call_id, 1);
    let mut seqs = Vec::new();
    let mut told = Vec::new();
    while seqs.len() < 4 {
        match again.next().await {
            Down::Push(push) => {
                seqs.push(push.seq);
                told.push("push");
            }
            Down::Reply(reply) => {
                assert_eq!(reply.id, 1);
                seqs.push(reply.seq);
                told.push("reply");
            }
            Down::Ask(ask) => {
                seqs.push(ask.seq);
                told.push("ask");
                let body = wire::answer::Result::Body(prost::Message::encode_to_vec(&text("yes")).into());
                again.send(Up::Answer(wire::Answer { id: ask.id, result: Some(body) })).await;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!((seqs, told), (vec![3, 4, 5, 6], vec!["push", "reply", "push", "ask"]));
    assert_eq!(in_time(answer).await.unwrap().unwrap(), text("yes"), "the question survived the link");
}

#[tokio::test]
async fn what_is_acknowledged_is_let_go_of() {
    let limits = SessionLimits {
        ring_frames: 4,
        outbox_frames: 4,
        call_queue: 1,
        concurrent_calls: 1,
        ..SessionLimits::DEFAULT
    };
    let mut rig = Rig::with_limits(limits);
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for n in 2..100 {
        TestReceiver::to(&session).on_line(&text("x"));
        assert_eq!(raw.pushed_text().await, "x");
        raw.send(Up::Ack(wire::Ack { seq: n })).await;
        settle().await;
    }
    let token = raw.resume_token.clone();
    raw.cut();
    settle().await;
    for _ in 0..4 {
        TestReceiver::to(&session).on_line(&text("away"));
    }
    assert!(!session.is_ended(), "the ring had room for all four");
    let mut again = Raw::resuming(&rig, 1, &token, 99).await;
    assert!(again.welcome().await.resumed);
    for _ in 0..4 {
        assert_eq!(again.pushed_text().await, "away");
    }
}

#[tokio::test]
async fn latest_values_are_sent_afresh() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let receiver = || TestReceiver::to(&session);
    receiver().on_gauge(&gauge("sent", 1));
    assert!(matches!(raw.next().await, Down::Push(_)));
    let token = raw.resume_token.clone();
    raw.cut();
    settle().await;
    for value in 1..=9 {
        receiver().on_gauge(&gauge("away", value));
    }
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    again.welcome().await;
    let mut values = Vec::new();
    for _ in 0..2 {
        let Down::Push(push) = again.next().await else { panic!("a push was expected") };
        assert_eq!(push.seq, 0);
        let value: crate::messages::test::v1::Gauge = prost::Message::decode(push.body).unwrap();
        values.push((value.name, value.value));
    }
    assert_eq!(values, [("sent".to_owned(), 1), ("away".to_owned(), 9)]);
}

#[tokio::test]
async fn the_client_resends_the_calls_after_the_last_that_reached_the_session() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "reached").await;
    assert_eq!(rig.event().await, "began reached");
    let token = raw.resume_token.clone();
    raw.cut();
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    assert_eq!(again.welcome().await.last_call_id, 1);
    let mut lost = raw.make_call(&test_hub::ECHO, "lost");
    lost.id = 2;
    again.send(Up::Call(lost)).await;
    rig.hub.release("reached");
    let replies = [again.reply().await, again.reply().await];
    assert_eq!(replies, [(1, Ok("reached".to_owned())), (2, Ok("lost".to_owned()))]);
}

#[tokio::test]
async fn a_repeated_call_is_answered_from_the_ring_and_never_run_twice() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let done = raw.make_call(&test_hub::ECHO, "done");
    let running = raw.make_call(&test_hub::WAIT, "running");
    raw.send_all([Up::Call(done.clone()), Up::Call(running.clone())]).await;
    assert_eq!(rig.event().await, "echo done");
    assert_eq!(rig.event().await, "began running");
    let token = raw.resume_token.clone();
    raw.cut();

    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    again.welcome().await;
    again.send_all([Up::Call(done), Up::Call(running)]).await;
    assert_eq!(again.reply().await, (1, Ok("done".to_owned())));
    settle().await;
    assert!(rig.events().is_empty(), "neither ran again");
    rig.hub.release("running");
    assert_eq!(again.reply().await, (2, Ok("running".to_owned())));
    settle().await;
    assert_eq!(again.read_what_waits(), 0, "each is answered once");
    // Within one link ids rise, as ever.
    again.send(Up::Cancel(wire::Cancel { id: 2 })).await;
    let mut repeated = raw.make_call(&test_hub::ECHO, "twice");
    repeated.id = 2;
    again.send(Up::Call(repeated)).await;
    assert_eq!(again.go_away().await.reason, "MALFORMED_FRAME");
}

#[tokio::test]
async fn the_token_rotates_at_each_welcome() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let first = raw.resume_token.clone();
    assert_eq!(first.len(), 32);
    raw.cut();
    let mut again = Raw::resuming(&rig, 1, &first, GREETING).await;
    let second = again.welcome().await.resume_token;
    assert_ne!(first, second);
    again.settled().await;
    let mut late = Raw::resuming(&rig, 1, &first, GREETING).await;
    let go_away = late.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (Code::Unauthenticated as u32, "RESUME_STALE"));
    again.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn a_welcome_that_was_lost_does_not_take_the_token_away() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    for _ in 0..3 {
        let mut lost = Raw::resuming(&rig, 1, &token, GREETING).await;
        settle().await;
        lost.cut();
        settle().await;
    }
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    assert!(again.welcome().await.resumed);
    again.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn the_token_counts_only_with_an_access_token_of_the_same_epoch() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    // Somebody else who has the token gets a session of their own, and the owner's is untouched.
    let mut thief = Raw::resuming(&rig, 2, &token, GREETING).await;
    let welcome = thief.welcome().await;
    assert_eq!((welcome.resumed, welcome.session_id), (false, session_id(2).0.to_vec().into()));
    assert_eq!(rig.event().await, "connected 2");
    let mut forged = Raw::open(&rig);
    forged.send(resume_hello("forged", &token, GREETING)).await;
    assert_eq!(forged.go_away().await.reason, "TOKEN_INVALID");
    assert!(rig.events().is_empty());
    // A newer login of the account ends what the token was of.
    let mut newer = Raw::open(&rig);
    newer.send(resume_hello(&token_of(1, 3, 2, WALL_MS + 60_000), &token, GREETING)).await;
    assert!(!newer.welcome().await.resumed);
    assert_eq!(rig.event().await, "left 1 SESSION_REPLACED");
    assert_eq!(rig.event().await, "connected 3");
}

#[tokio::test]
async fn past_the_ring_it_is_a_new_session_and_the_old_ones_hub_is_told_why() {
    let limits = SessionLimits {
        ring_frames: 4,
        outbox_frames: 4,
        call_queue: 1,
        concurrent_calls: 1,
        ..SessionLimits::DEFAULT
    };
    let mut rig = Rig::with_limits(limits);
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    // It reads and never acknowledges: the ring keeps the newest four.
    for _ in 0..6 {
        TestReceiver::to(&session).on_line(&text("x"));
        assert_eq!(raw.pushed_text().await, "x");
    }
    let token = raw.resume_token.clone();
    raw.cut();
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    assert_eq!(rig.event().await, "left 1 REPLAY_LOST");
    assert!(!again.welcome().await.resumed);
    assert_eq!(rig.event().await, "connected 1");
    again.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn an_overflow_while_detached_ends_the_same_way() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    let session = rig.session(1);
    for _ in 0..1_024 {
        TestReceiver::to(&session).on_line(&text("x"));
    }
    assert_eq!(in_time(session.closed()).await.reason, "REPLAY_LOST");
    assert_eq!(rig.event().await, "left 1 REPLAY_LOST");
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    assert!(!again.welcome().await.resumed);
}

#[tokio::test]
async fn latest_values_never_overflow_while_detached() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    let session = rig.session(1);
    for name in 0..1_000 {
        TestReceiver::to(&session).on_gauge(&gauge(&name.to_string(), 1));
    }
    assert!(!session.is_ended());
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    again.welcome().await;
    settle().await;
    assert_eq!(again.read_what_waits(), 256 + 1, "as many as an outbox holds, and a ping");
}

#[tokio::test]
async fn a_second_link_with_the_token_replaces_the_first_never_both() {
    let mut rig = Rig::new();
    let mut first = Raw::welcomed(&mut rig, 1).await;
    let mut second = Raw::resuming(&rig, 1, &first.resume_token, GREETING).await;
    assert!(second.welcome().await.resumed);
    assert_eq!(first.next_or_end().await, None, "the first is closed");
    let late = first.make_call(&test_hub::ECHO, "late");
    first.try_send(Up::Call(late)).await;
    TestReceiver::to(&rig.session(1)).on_line(&text("to the second"));
    assert_eq!(second.pushed_text().await, "to the second");
    settle().await;
    assert!(rig.events().is_empty(), "what the first says counts no more");
    assert_eq!(rig.server.directory().len(), 1);
}

#[tokio::test]
async fn of_two_links_that_come_at_once_one_has_the_session() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    let mut links = [Raw::resuming(&rig, 1, &token, GREETING).await, Raw::resuming(&rig, 1, &token, GREETING).await];
    settle().await;
    let mut well = 0;
    for link in &mut links {
        while let Some(frame) = link.next_now().await {
            well += usize::from(matches!(&frame, Down::Welcome(welcome) if welcome.resumed));
            assert!(!matches!(&frame, Down::Welcome(welcome) if !welcome.resumed), "nobody gets a new session");
        }
    }
    assert!(well >= 1);
    assert!(rig.events().is_empty(), "the session did not end");
    assert_eq!(rig.server.directory().len(), 1);
}

#[tokio::test]
async fn the_session_moves_to_the_worker_of_the_new_link() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "moves along").await;
    assert_eq!(rig.event().await, "began moves along");
    assert_eq!(rig.session(1).worker(), WorkerId(3));
    let driver = raw.driver();
    let mut again = Raw::open_on(&rig, WorkerId(5));
    again.send(resume_hello(&token(1), &raw.resume_token, GREETING)).await;
    let welcome = again.welcome().await;
    assert_eq!(rig.session(1).worker(), WorkerId(5));
    assert_eq!(welcome.channel.unwrap().address, ":5", "the channel is that of the new worker");
    assert_eq!(in_time(driver).await.unwrap().reason, "RESUMED", "the old worker has nothing of it any more");
    rig.hub.release("moves along");
    assert_eq!(again.reply().await, (1, Ok("moves along".to_owned())));
}

#[tokio::test]
async fn calls_deadlines_and_questions_go_on_while_detached() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let mut hasty = raw.make_call(&test_hub::WAIT, "hasty");
    hasty.deadline_ms = 500;
    let behind = raw.make_call(&test_hub::ECHO, "behind");
    raw.send_all([Up::Call(hasty), Up::Call(behind)]).await;
    assert_eq!(rig.event().await, "began hasty");
    let session = rig.session(1);
    let asked = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("?")).await });
    settle().await;
    raw.cut();
    rig.pass_ms(1_000).await;
    assert_eq!(rig.events(), ["cancelled hasty", "echo behind"]);
    assert_eq!(in_time(asked).await.unwrap().unwrap_err().reason, "DEADLINE_EXCEEDED");
    let mut again = Raw::resuming(&rig, 1, &raw.resume_token, GREETING).await;
    again.welcome().await;
    assert!(matches!(again.next().await, Down::Ask(_)));
    assert_eq!(again.reply().await, (1, Err("DEADLINE_EXCEEDED".to_owned())));
    assert_eq!(again.reply().await, (2, Ok("behind".to_owned())));
}

#[tokio::test]
async fn token_expiry_and_age_go_on_while_detached() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_by(&mut rig, &token_of(1, 1, 1, WALL_MS + 9_000)).await;
    raw.cut();
    rig.pass_ms(9_000).await;
    assert_eq!(rig.event().await, "left 1 TOKEN_EXPIRED");

    let mut rig = Rig::with_limits(SessionLimits { age_ms: 10_000, ..SessionLimits::DEFAULT });
    cut_off(&mut rig).await;
    rig.pass_ms(11_000).await;
    assert_eq!(rig.event().await, "left 1 AGE");
}

#[tokio::test]
async fn a_resume_renews_the_access_token() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_by(&mut rig, &token_of(1, 1, 1, WALL_MS + 9_000)).await;
    raw.cut();
    settle().await;
    let mut again = Raw::resuming(&rig, 1, &raw.resume_token, GREETING).await;
    assert!(again.welcome().await.resumed);
    for _ in 0..2 {
        rig.pass_ms(5_000).await;
        again.is_well(&test_hub::ECHO).await;
    }
}

#[tokio::test]
async fn orderly_ends_are_never_resumable() {
    for reason in ["BANNED", "DRAINING", "MALFORMED_FRAME", "CLIENT_LEFT"] {
        let mut rig = Rig::new();
        let mut raw = Raw::welcomed(&mut rig, 1).await;
        let token = raw.resume_token.clone();
        match reason {
            "BANNED" => rig.session(1).end(EndReason::new(Code::PermissionDenied, "BANNED", "for good reason")),
            "DRAINING" => rig.server.begin_drain(0),
            "MALFORMED_FRAME" => raw.send_bytes(&[0xff; 9]).await,
            _ => drop(raw.hang_up()),
        }
        assert_eq!(rig.event().await, format!("left 1 {reason}"));
        let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
        match again.next().await {
            Down::Open(_) if reason == "DRAINING" => assert_eq!(again.go_away().await.reason, "DRAINING"),
            _ => assert!(!again.welcome().await.resumed, "{reason}"),
        }
    }
}

#[tokio::test]
async fn a_detached_session_ends_by_kick_drain_and_a_plain_login() {
    for reason in ["BANNED", "DRAINING", "SESSION_REPLACED"] {
        let mut rig = Rig::new();
        cut_off(&mut rig).await;
        let mut plain = None;
        match reason {
            "BANNED" => rig.session(1).end(EndReason::new(Code::PermissionDenied, "BANNED", "for good reason")),
            "DRAINING" => {
                rig.server.begin_drain(0);
                in_time(rig.server.drained()).await;
            }
            _ => {
                let raw = plain.insert(Raw::open(&rig));
                raw.send(hello(&token(1))).await;
            }
        }
        assert_eq!(rig.event().await, format!("left 1 {reason}"));
    }
}

#[tokio::test]
async fn detached_sessions_are_bounded() {
    let mut rig = Rig::with_limits(SessionLimits { detached_sessions: 1, ..SessionLimits::DEFAULT });
    let mut first = Raw::welcomed(&mut rig, 1).await;
    let mut second = Raw::welcomed(&mut rig, 2).await;
    first.cut();
    settle().await;
    second.cut();
    assert_eq!(rig.event().await, "left 2 LINK_LOST");
    let mut again = Raw::resuming(&rig, 1, &first.resume_token, GREETING).await;
    assert!(again.welcome().await.resumed);
    settle().await;
    // The place is free again.
    let mut third = Raw::welcomed(&mut rig, 3).await;
    third.cut();
    settle().await;
    assert!(rig.events().is_empty());
}

#[tokio::test]
async fn a_link_that_dies_while_it_resumes_leaves_the_session_waiting() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    for yields in 0..20 {
        let mut dying = Raw::resuming(&rig, 1, &token, GREETING).await;
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        dying.cut();
        settle().await;
        assert!(rig.events().is_empty(), "the session did not end at {yields}");
    }
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    assert!(again.welcome().await.resumed);
    again.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn frames_that_came_with_the_hello_are_taken_up_after_it() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = raw.make_call(&test_hub::ECHO, "at once");
    raw.cut();
    settle().await;
    let mut again = Raw::open(&rig);
    again.send_all([resume_hello(&token(1), &raw.resume_token, GREETING), Up::Call(call.clone())]).await;
    assert!(again.welcome().await.resumed);
    assert_eq!(again.reply().await, (1, Ok("at once".to_owned())));
    // And so where there is nothing to resume.
    let mut other = Raw::open(&rig);
    let foreign = Bytes::from_static(&[7; 32]);
    other.send_all([resume_hello(&token(2), &foreign, 0), Up::Call(call)]).await;
    assert!(!other.welcome().await.resumed);
    assert!(matches!(other.next().await, Down::Push(_)));
    assert_eq!(other.reply().await, (1, Ok("at once".to_owned())));
}

#[tokio::test]
async fn a_resume_token_that_is_too_long_is_malformed() {
    let rig = Rig::new();
    let mut raw = Raw::resuming(&rig, 1, &Bytes::from_static(&[0; 33]), 0).await;
    assert_eq!(raw.go_away().await.reason, "MALFORMED_FRAME");
}

#[tokio::test]
async fn a_replay_larger_than_a_message_comes_in_several() {
    let mut rig = Rig::new();
    let (_raw, token) = cut_off(&mut rig).await;
    let session = rig.session(1);
    for n in 0..900 {
        TestReceiver::to(&session).on_line(&text(&format!("{n} {}", "x".repeat(40))));
    }
    assert!(!session.is_ended());
    let mut again = Raw::resuming(&rig, 1, &token, GREETING).await;
    assert!(again.welcome().await.resumed);
    for n in 0..900 {
        assert!(again.pushed_text().await.starts_with(&format!("{n} ")));
    }
    again.is_well(&test_hub::ECHO).await;
}
