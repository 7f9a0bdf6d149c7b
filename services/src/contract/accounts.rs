use shallot_proto::wire::{AccountId, SessionEpoch};

use super::{Adapters, Stage, reason_of};
use crate::limits::{ACCESS_TTL_MS, REFRESH_ABSOLUTE_MS, REFRESH_SLIDING_MS, REQUEST_KEPT_MS};
use crate::ports::{Attempt, Rehash, Rotation, RotationRequest};
use crate::reason::Reason;

pub(super) async fn all(adapters: &Adapters) {
    let stage = Stage::new(adapters, 100);
    registering(&stage).await;
    registering_twice(&stage).await;
    wrong_credentials_and_lock_out(&stage).await;
    parallel_guesses_count_as_one(&stage).await;
    devices(&stage).await;
    the_newest_log_in_counts(&stage).await;
    refreshing(&stage).await;
    refresh_tokens_expire(&stage).await;
    access_tokens_expire(&stage).await;
    logging_out(&stage).await;
    a_better_hash(&stage).await;
    rotations_have_an_end(&stage).await;
}

async fn registering(stage: &Stage) {
    let register = |name: &'static str, password: String| async move {
        stage.auth.register(&stage.request(), name, &password).await
    };
    for (name, password, reason) in [
        ("al", "x".repeat(8), "LOGIN_NAME_INVALID"),
        ("al\u{0}ice", "x".repeat(8), "LOGIN_NAME_INVALID"),
        ("alice", "x".repeat(7), "PASSWORD_INVALID"),
        ("alice", "x".repeat(257), "PASSWORD_INVALID"),
        ("Alice", "x".repeat(256), "OK"),
        ("aLICE", "x".repeat(8), "LOGIN_NAME_TAKEN"),
    ] {
        assert_eq!(reason_of(&register(name, password).await), reason, "{name:?}");
    }
    let bad_request = stage.auth.register("no id", "alice2", "password").await;
    assert_eq!(reason_of(&bad_request), "REQUEST_ID_INVALID");
    let signed = stage.auth.log_in("ALICE", &"x".repeat(256)).await.expect("case does not count in a login name");
    assert_eq!((signed.created, signed.epoch), (false, SessionEpoch(2)));
    assert!(stage.auth.verify(&signed.access_token).await.is_ok());
    assert!(!format!("{signed:?}").contains(&signed.access_token), "tokens stay out of logs");
}

async fn registering_twice(stage: &Stage) {
    let request = stage.request();
    let register = |password: &'static str| stage.auth.register(&request, "twice", password);
    let first = register("password").await.expect("a new name");
    let again = register("password").await.expect("the same request");
    assert_eq!((again.account, again.created), (first.account, true));
    assert_eq!(reason_of(&register("passwore").await), "REQUEST_ID_REUSED");
    stage.clock.advance(REQUEST_KEPT_MS + 1);
    assert_eq!(reason_of(&register("password").await), "REQUEST_ID_EXPIRED");
}

async fn wrong_credentials_and_lock_out(stage: &Stage) {
    stage.auth.register(&stage.request(), "locked", "password").await.expect("a new name");
    let log_in = |password: &'static str| stage.auth.log_in("locked", password);
    for unknown in ["nobody-here", "not a name", ""] {
        assert_eq!(reason_of(&stage.auth.log_in(unknown, "password").await), "WRONG_CREDENTIALS");
    }
    for delay_ms in [1_000, 2_000, 4_000] {
        assert_eq!(reason_of(&log_in("wrong-one").await), "WRONG_CREDENTIALS");
        stage.clock.advance(delay_ms - 1);
        let locked = log_in("password").await.expect_err("also the right password waits");
        assert_eq!((locked.reason(), locked.retry_after_ms()), ("LOCKED_OUT", Some(1)));
        stage.clock.advance(1);
    }
    log_in("password").await.expect("after the delay");
    assert_eq!(reason_of(&log_in("wrong-one").await), "WRONG_CREDENTIALS");
    stage.clock.advance(1_000);
    log_in("password").await.expect("a success had reset the count");
}

async fn parallel_guesses_count_as_one(stage: &Stage) {
    let signed = stage.auth.register(&stage.request(), "guessed", "password").await.expect("a new name");
    let now = stage.ids.now_ms();
    let mut allowed = 0;
    for _ in 0..10 {
        let attempt = stage.adapters.accounts.begin_attempt(signed.account, now, &|_| 500).await.expect("counted");
        match attempt {
            Attempt::Allowed => allowed += 1,
            Attempt::LockedUntil(at) => assert_eq!(at, now + 500),
        }
    }
    assert_eq!(allowed, 1);
    stage.clock.advance(500);
}

async fn devices(stage: &Stage) {
    let key: [u8; 32] = stage.ids.random();
    assert_eq!(reason_of(&stage.auth.log_in_device(&key, false).await), "WRONG_CREDENTIALS");
    assert_eq!(reason_of(&stage.auth.log_in_device(&key[1..], true).await), "DEVICE_KEY_INVALID");
    let made = stage.auth.log_in_device(&key, true).await.expect("the first use makes an account");
    let again = stage.auth.log_in_device(&key, true).await.expect("the second finds it");
    assert_eq!((made.created, again.created), (true, false));
    assert_eq!(made.account, again.account);
    let other = AccountId(stage.ids.uuid_v7());
    let raced = stage.adapters.accounts.register_device(crate::auth::sha256_of(&key), other, 0).await;
    assert_eq!(raced.expect("the device is known"), (made.account, false));
}

async fn the_newest_log_in_counts(stage: &Stage) {
    let key: [u8; 32] = stage.ids.random();
    let (first, _) = stage.sign_in_with(&key).await;
    let (second, _) = stage.sign_in_with(&key).await;
    assert_eq!((first.epoch, second.epoch), (SessionEpoch(1), SessionEpoch(2)));
    assert_eq!(reason_of(&stage.auth.verify(&first.access_token).await), "SESSION_REPLACED");
    assert_eq!(reason_of(&stage.auth.refresh(&first.refresh_token).await), "TOKEN_INVALID");
    // Another process that has seen neither log-in asks the store.
    let elsewhere = Stage::new(&stage.adapters, 101);
    assert_eq!(reason_of(&elsewhere.auth.verify(&first.access_token).await), "SESSION_REPLACED");
    assert!(elsewhere.auth.verify(&second.access_token).await.is_ok());
}

async fn refreshing(stage: &Stage) {
    let (signed, _) = stage.sign_in().await;
    let second = stage.auth.refresh(&signed.refresh_token).await.expect("it works once");
    assert_eq!((second.session, second.epoch), (signed.session, signed.epoch));
    let third = stage.auth.refresh(&second.refresh_token).await.expect("so does the next");
    assert_eq!(reason_of(&stage.auth.refresh(&signed.refresh_token).await), "REFRESH_REUSED");
    assert_eq!(reason_of(&stage.auth.refresh(&third.refresh_token).await), "TOKEN_INVALID", "the family is ended");
    assert_eq!(reason_of(&stage.auth.verify(&third.access_token).await), "SESSION_REPLACED", "and its session");
    for garbage in ["", "no token", &"0".repeat(64)] {
        assert_eq!(reason_of(&stage.auth.refresh(garbage).await), "TOKEN_INVALID");
    }
}

async fn refresh_tokens_expire(stage: &Stage) {
    let (signed, _) = stage.sign_in().await;
    stage.clock.advance(REFRESH_SLIDING_MS);
    assert_eq!(reason_of(&stage.auth.refresh(&signed.refresh_token).await), "TOKEN_EXPIRED");
    let (mut signed, _) = stage.sign_in().await;
    let ends_at_ms = stage.ids.now_ms() + REFRESH_ABSOLUTE_MS;
    loop {
        stage.clock.advance(REFRESH_SLIDING_MS - 1);
        match stage.auth.refresh(&signed.refresh_token).await {
            Ok(next) => signed = next,
            Err(error) => break assert_eq!(error.reason(), "TOKEN_EXPIRED"),
        }
        assert!(signed.refresh_expires_at_ms <= ends_at_ms && stage.ids.now_ms() < ends_at_ms);
    }
    assert!(stage.ids.now_ms() >= ends_at_ms, "it slides until the session's end");
}

async fn access_tokens_expire(stage: &Stage) {
    let (signed, _) = stage.sign_in().await;
    stage.clock.advance(ACCESS_TTL_MS - 1_000);
    assert!(stage.auth.verify(&signed.access_token).await.is_ok());
    stage.clock.advance(1_000);
    assert_eq!(
        reason_of(&stage.auth.verify(&signed.access_token).await),
        "TOKEN_EXPIRED",
        "also when it was remembered"
    );
    for garbage in ["", "a.b.c", &"x".repeat(100_000)] {
        assert_eq!(reason_of(&stage.auth.verify(garbage).await), "TOKEN_INVALID");
    }
}

async fn logging_out(stage: &Stage) {
    let (signed, caller) = stage.sign_in().await;
    stage.auth.log_out(caller).await.expect("the live session ends");
    assert_eq!(reason_of(&stage.auth.verify(&signed.access_token).await), "SESSION_REPLACED");
    assert_eq!(reason_of(&stage.auth.refresh(&signed.refresh_token).await), "TOKEN_INVALID");
    assert_eq!(reason_of(&stage.auth.log_out(caller).await), "SESSION_REPLACED");
}

async fn a_better_hash(stage: &Stage) {
    stage.auth.register(&stage.request(), "rehashed", "password").await.expect("a new name");
    let accounts = &stage.adapters.accounts;
    let record = accounts.by_login_name("rehashed").await.expect("read").expect("it was registered");
    let open = |old: &str| crate::ports::NewSession {
        account: record.id,
        session: shallot_proto::wire::SessionId(stage.ids.uuid_v7()),
        refresh_hash: stage.ids.random(),
        refresh_expires_at_ms: u64::from(u32::MAX),
        ends_at_ms: u64::from(u32::MAX),
        rehash: Some(Rehash { old: old.to_owned(), new: "$better".to_owned() }),
    };
    for (old, stored) in [("$other", record.password_hash.as_str()), (&record.password_hash, "$better")] {
        accounts.open_session(&open(old)).await.expect("opened");
        let now = accounts.by_login_name("rehashed").await.expect("read").expect("still there");
        assert_eq!(now.password_hash, stored);
    }
    let nobody = crate::ports::NewSession { account: AccountId([9; 16]), ..open("") };
    assert_eq!(accounts.open_session(&nobody).await.expect("asked"), None);
    assert_eq!(accounts.epoch(AccountId([9; 16])).await.expect("asked"), None);
}

async fn rotations_have_an_end(stage: &Stage) {
    let key: [u8; 32] = stage.ids.random();
    let account = AccountId(stage.ids.uuid_v7());
    let accounts = &stage.adapters.accounts;
    accounts.register_device(key, account, 0).await.expect("a new device");
    let hash = |n: u8| crate::auth::sha256_of(&[&key[..], &[n]].concat());
    let session = shallot_proto::wire::SessionId(stage.ids.uuid_v7());
    let new = crate::ports::NewSession {
        account,
        session,
        refresh_hash: hash(0),
        refresh_expires_at_ms: 100,
        ends_at_ms: 1_000,
        rehash: None,
    };
    let epoch = accounts.open_session(&new).await.expect("opened").expect("the account is there");
    for n in 0..4 {
        let request = RotationRequest {
            old_hash: hash(n),
            new_hash: hash(n + 1),
            now_ms: 50,
            sliding_ms: 100,
            most_rotations: 4,
        };
        let expected = match n {
            0..=2 => Rotation::Rotated { account, session, epoch, refresh_expires_at_ms: 150 },
            _ => Rotation::Expired,
        };
        assert_eq!(accounts.rotate(&request).await.expect("asked"), expected, "{n}");
    }
}
