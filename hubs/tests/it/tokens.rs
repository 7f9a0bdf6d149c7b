//! The access token of a live session: it runs out, it is renewed.

use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;

use crate::contracts::test::v1::test_hub;
use crate::raw::Raw;
use crate::rig::{Rig, WALL_MS, settle, token_of};

fn auth(token: String) -> Up {
    Up::Auth(wire::Auth { access_token: token })
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_by(&mut rig, &token_of(1, 1, 1, WALL_MS + 3_000)).await;
    rig.pass_ms(2_999).await;
    raw.is_well(&test_hub::ECHO).await;
    rig.pass_ms(1).await;
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (16, "TOKEN_EXPIRED"));
}

#[tokio::test]
async fn a_renewed_token_keeps_it() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_by(&mut rig, &token_of(1, 1, 1, WALL_MS + 3_000)).await;
    raw.send(auth(token_of(1, 1, 1, WALL_MS + 9_000))).await;
    settle().await;
    assert_eq!(rig.session(1).principal().expires_at_ms, WALL_MS + 9_000);
    rig.pass_ms(8_000).await;
    raw.is_well(&test_hub::ECHO).await;
    rig.pass_ms(1_000).await;
    assert_eq!(raw.go_away().await.reason, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn of_many_renewals_the_newest_counts() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed_by(&mut rig, &token_of(1, 1, 1, WALL_MS + 3_000)).await;
    let renewals = (4..60).map(|seconds| auth(token_of(1, 1, 1, WALL_MS + seconds * 1_000)));
    raw.send_all(renewals).await;
    settle().await;
    assert_eq!(rig.session(1).principal().expires_at_ms, WALL_MS + 59_000);
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn the_token_of_another_login_ends_it() {
    for foreign in [token_of(2, 1, 1, WALL_MS + 9_000), token_of(1, 1, 2, WALL_MS + 9_000)] {
        let mut rig = Rig::new();
        let mut raw = Raw::welcomed(&mut rig, 1).await;
        raw.send(auth(foreign)).await;
        assert_eq!(raw.go_away().await.reason, "TOKEN_FOREIGN");
    }
}

#[tokio::test]
async fn a_bad_token_ends_it_as_its_issuer_says() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.send(auth("forged".to_owned())).await;
    assert_eq!(raw.go_away().await.reason, "TOKEN_INVALID");
    assert_eq!(rig.event().await, "left 1 TOKEN_INVALID");
}
