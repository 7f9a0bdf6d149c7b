use shallot_proto::wire::{AccountId, RequestId, SessionEpoch, SessionId};
use shallot_services::ports::{
    AccountStore, Attempt, NewAccount, NewSession, Registration, Rehash, Rotation, RotationRequest,
};

use crate::fixture::{NOW, World};

const ACCOUNT: AccountId = AccountId([0xA1; 16]);
const SESSION: SessionId = SessionId([0x51; 16]);

async fn registered() -> World {
    let world = World::empty().await;
    let new = NewAccount {
        id: ACCOUNT,
        login_name: "wren".to_owned(),
        password_hash: "$first".to_owned(),
        request: RequestId([1; 16]),
        created_at_ms: NOW,
    };
    assert_eq!(world.stores.register(&new).await.unwrap(), Registration::Made);
    world
}

fn log_in(token: u8) -> NewSession {
    NewSession {
        account: ACCOUNT,
        session: SESSION,
        refresh_hash: [token; 32],
        refresh_expires_at_ms: NOW + 100,
        ends_at_ms: NOW + 1_000,
        rehash: None,
    }
}

fn refresh(old: u8, new: u8) -> RotationRequest {
    RotationRequest { old_hash: [old; 32], new_hash: [new; 32], now_ms: NOW, sliding_ms: 100, most_rotations: 10 }
}

#[tokio::test]
async fn failed_attempts_and_the_lock_survive_a_restart() {
    let world = registered().await;
    let delay = |failures: u32| u64::from(failures) * 10;
    assert_eq!(world.stores.begin_attempt(ACCOUNT, NOW, &delay).await.unwrap(), Attempt::Allowed);
    let world = world.reopened().await;
    assert_eq!(world.stores.begin_attempt(ACCOUNT, NOW + 9, &delay).await.unwrap(), Attempt::LockedUntil(NOW + 10));
    assert_eq!(world.stores.begin_attempt(ACCOUNT, NOW + 10, &delay).await.unwrap(), Attempt::Allowed);
    assert_eq!(world.stores.begin_attempt(ACCOUNT, NOW + 10, &delay).await.unwrap(), Attempt::LockedUntil(NOW + 30));
}

#[tokio::test]
async fn a_session_and_its_tokens_survive_a_restart_and_a_used_token_ends_them() {
    let world = registered().await;
    assert_eq!(world.stores.open_session(&log_in(1)).await.unwrap(), Some(SessionEpoch(1)));
    let rotated = world.stores.rotate(&refresh(1, 2)).await.unwrap();
    assert!(matches!(rotated, Rotation::Rotated { epoch: SessionEpoch(1), .. }), "{rotated:?}");
    let world = world.reopened().await;
    let rotated = world.stores.rotate(&refresh(2, 3)).await.unwrap();
    assert!(matches!(rotated, Rotation::Rotated { session: SESSION, .. }), "{rotated:?}");

    let reused = Rotation::Reused { account: ACCOUNT, epoch: SessionEpoch(2) };
    assert_eq!(world.stores.rotate(&refresh(1, 4)).await.unwrap(), reused);
    for token in 1..=4 {
        assert_eq!(world.stores.rotate(&refresh(token, 5)).await.unwrap(), Rotation::Unknown, "{token}");
    }
    assert_eq!(world.stores.epoch(ACCOUNT).await.unwrap(), Some(SessionEpoch(2)));
}

#[tokio::test]
async fn a_better_hash_replaces_the_one_that_was_checked_only() {
    let world = registered().await;
    for (old, stored) in [("$other", "$first"), ("$first", "$better")] {
        let rehash = Some(Rehash { old: old.to_owned(), new: "$better".to_owned() });
        world.stores.open_session(&NewSession { rehash, ..log_in(1) }).await.unwrap();
        assert_eq!(world.stores.by_login_name("wren").await.unwrap().unwrap().password_hash, stored);
    }
}
