//! 10: how sessions end, and that everybody is told.

use shallot_hubs::{Code, EndReason, SessionLimits};
use shallot_proto::hub::v1 as wire;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_hub};
use crate::messages::text;
use crate::raw::{Raw, hello};
use crate::rig::{Rig, account_id, in_time, session_id, settle, token};

fn kick() -> EndReason {
    EndReason { retry_after_ms: 9_000, ..EndReason::new(Code::PermissionDenied, "BANNED", "for good reason") }
}

#[tokio::test]
async fn kick_by_session_and_by_account() {
    let mut rig = Rig::new();
    for by_account in [false, true] {
        let mut raw = Raw::welcomed(&mut rig, 1).await;
        let directory = rig.server.directory();
        assert!(if by_account {
            directory.end_account(account_id(1), kick())
        } else {
            directory.end_session(session_id(1), kick())
        });
        let go_away = raw.go_away().await;
        assert_eq!((go_away.code, &*go_away.reason, go_away.retry_after_ms), (7, "BANNED", 9_000));
        assert_eq!(rig.event().await, "left 1 BANNED");
        assert!(directory_is_empty(&rig).await);
        assert!(!rig.server.directory().end_account(account_id(1), kick()));
    }
}

async fn directory_is_empty(rig: &Rig) -> bool {
    settle().await;
    rig.server.directory().is_empty() && rig.server.directory().by_account(account_id(1)).is_none()
}

#[tokio::test]
async fn what_was_pushed_before_the_end_arrives_before_it() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    TestReceiver::to(&session).on_line(&text("last words"));
    session.end(kick());
    TestReceiver::to(&session).on_line(&text("too late"));
    assert_eq!(raw.pushed_text().await, "last words");
    assert!(matches!(raw.next().await, Down::GoAway(_)));
}

#[tokio::test]
async fn the_first_reason_counts() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    session.end(kick());
    session.end(EndReason::replaced());
    assert_eq!(raw.go_away().await.reason, "BANNED");
    assert_eq!(in_time(session.closed()).await.reason, "BANNED");
}

#[tokio::test]
async fn an_open_question_ends_with_the_session() {
    let mut rig = Rig::new();
    let _raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let asked = session.clone();
    let asker = tokio::spawn(async move { TestReceiver::to(&asked).confirm(&text("?")).await });
    settle().await;
    session.end(kick());
    assert_eq!(in_time(asker).await.unwrap().unwrap_err().reason, "BANNED");
}

#[tokio::test]
async fn the_client_leaves() {
    let mut rig = Rig::new();
    let raw = Raw::welcomed(&mut rig, 1).await;
    let driver = raw.hang_up();
    assert!(rig.event().await.starts_with("left 1"));
    in_time(driver).await.unwrap();
    assert!(directory_is_empty(&rig).await);
}

#[tokio::test]
async fn a_handler_that_will_not_stop_is_given_up_and_the_hub_told() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "stubborn").await;
    assert_eq!(rig.event().await, "began stubborn");
    rig.session(1).end(kick());
    assert_eq!(raw.go_away().await.reason, "BANNED");
    assert_eq!(rig.event().await, "cancelled stubborn");
    rig.pass_ms(4_900).await;
    assert!(rig.events().is_empty());
    rig.pass_ms(100).await;
    assert_eq!(rig.event().await, "given up");
    assert_eq!(rig.event().await, "left 1 BANNED");
}

#[tokio::test]
async fn a_driver_that_is_dropped_leaves_nothing_behind() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    raw.abort_driver();
    assert_eq!(raw.next_or_end().await, None, "the client is not left hanging");
    assert_eq!(in_time(session.closed()).await.reason, "SESSION_ENDED");
    assert!(directory_is_empty(&rig).await);
}

#[tokio::test]
async fn a_drain_tells_all_finishes_calls_and_takes_nobody_in() {
    let mut rig = Rig::new();
    let mut busy = Raw::welcomed(&mut rig, 1).await;
    let mut idle = Raw::welcomed(&mut rig, 2).await;
    busy.call(&test_hub::WAIT, "running").await;
    let waiting = busy.call(&test_hub::ECHO, "waiting").await;
    assert_eq!(rig.event().await, "began running");

    rig.server.begin_drain(4_000);
    let go_away = idle.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (14, "DRAINING"));
    assert!((1_000..5_000).contains(&go_away.retry_after_ms));
    assert_eq!(rig.event().await, "left 2 DRAINING");

    assert_eq!(busy.reply().await, (waiting, Err("DRAINING".to_owned())));
    let Down::GoAway(first) = busy.next().await else { panic!("a GoAway was expected") };
    assert_ne!(first.retry_after_ms, go_away.retry_after_ms, "they do not come back at once");
    let late = busy.call(&test_hub::ECHO, "late").await;
    assert_eq!(busy.reply().await, (late, Err("DRAINING".to_owned())));
    rig.hub.release("running");
    assert_eq!(busy.reply().await, (1, Ok("running".to_owned())));
    assert_eq!(busy.next_or_end().await, None);
    assert_eq!(rig.event().await, "left 1 DRAINING");
    in_time(rig.server.drained()).await;

    let mut newcomer = Raw::open(&rig);
    newcomer.send(hello(&token(3))).await;
    assert_eq!(newcomer.go_away().await.reason, "DRAINING");
}

#[tokio::test]
async fn a_session_grows_old() {
    let limits = SessionLimits { age_ms: 10_000, ..SessionLimits::DEFAULT };
    let mut rig = Rig::with_limits(limits);
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    rig.pass_ms(8_900).await;
    raw.is_well(&test_hub::ECHO).await;
    rig.pass_ms(2_100).await;
    assert_eq!(raw.go_away().await.reason, "AGE");
}
