use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use shallot_proto::wire::{AccountId, RequestId};
use shallot_services::clock::uuid_v7;
use shallot_services::limits::REQUEST_KEPT_MS;
use shallot_services::ports::{CharacterStore, EconomyAudit, Guard, Keys};
use shallot_services::refusal::ChangeError;
use shallot_services::request::{Request, RequestError};
use tokio::task::JoinSet;

use crate::fixture::{CALLER, NOW, World, grant, nothing, request, spoils};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_equal_requests_at_once_have_one_effect() {
    let world = World::with_hero().await;
    let stores = Arc::new(world.stores);
    let asked = Arc::new(AtomicU32::new(0));
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (stores, asked) = (Arc::clone(&stores), Arc::clone(&asked));
        calls.spawn(async move {
            let keys = Keys { request: Some(request(10)), grant: None };
            let rule = |state: &_| {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(spoils(state, 10))
            };
            stores.change(Guard::Session(CALLER), keys, NOW, &rule).await.unwrap()
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.reply == [10; 3]));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let hero = stores.selected(CALLER).await.unwrap();
    assert_eq!((hero.character.xp, hero.character.wallet.copper(), hero.items.len()), (50, 25, 1));
    assert_eq!(stores.violations().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_halfway_leaves_the_writer_usable() {
    let world = World::with_hero().await;
    for n in 0..20_u8 {
        let keys = Keys { request: Some(request(100 + n)), grant: None };
        let rule = |state: &_| Ok(spoils(state, 100 + n));
        let call = world.stores.change(Guard::Session(CALLER), keys, NOW, &rule);
        // Polled a few times, then dropped: the caller went away.
        let mut call = Box::pin(call);
        for _ in 0..n {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
            if polled {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    world.change(10, |state| spoils(state, 10)).await;
    assert!(world.hero().await.items.iter().any(|item| item.id == crate::fixture::item_id(10)));
    assert_eq!(world.stores.violations().await.unwrap(), []);
}

#[tokio::test]
async fn a_request_and_a_grant_are_one_of_each_kind() {
    let world = World::with_hero().await;
    let keys = Keys { request: Some(request(10)), grant: Some(grant(10)) };
    world.stores.change(Guard::Session(CALLER), keys, NOW, &|state| Ok(spoils(state, 10))).await.unwrap();
    for known in
        [Keys { grant: None, ..keys }, Keys { request: None, ..keys }, Keys { request: Some(request(11)), ..keys }]
    {
        let again = world.stores.change(Guard::Session(CALLER), known, NOW, &|state| Ok(nothing(state))).await.unwrap();
        assert!(again.replayed && again.reply == [10; 3], "{known:?}");
    }
    let other_body = Request { digest: [99; 32], ..request(10) };
    let keys = Keys { request: Some(other_body), grant: None };
    let refused = world.stores.change(Guard::Session(CALLER), keys, NOW, &|state| Ok(spoils(state, 11))).await;
    assert!(matches!(refused, Err(ChangeError::Request(RequestError::Reused))), "{refused:?}");
    assert_eq!(world.hero().await.character.xp, 50);

    let reply = world.stores.reply(CALLER.account, request(10).id).await.unwrap();
    assert_eq!(reply, Some(vec![10; 3]));
    for (account, id) in [(AccountId([9; 16]), request(10).id), (CALLER.account, request(11).id)] {
        assert_eq!(world.stores.reply(account, id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn records_are_let_go_once_they_are_too_old_and_a_few_at_a_time() {
    let world = World::with_hero().await;
    let raw = world.raw().await;
    let records =
        || async { sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM requests").fetch_one(&raw).await.unwrap() };
    for n in 10..40 {
        world.change(n, nothing).await;
    }
    let before = records().await;
    let later = NOW + REQUEST_KEPT_MS;
    let at = |ms: u64, n: u8| Keys {
        request: Some(Request { id: RequestId(uuid_v7(ms, [n; 10])), digest: [n; 32] }),
        grant: None,
    };
    world.stores.change(Guard::Session(CALLER), at(later, 1), later, &|state| Ok(nothing(state))).await.unwrap();
    assert_eq!(records().await, before + 1, "what is exactly as old as is kept stays");

    let mut left = Vec::new();
    for n in 2..9 {
        world
            .stores
            .change(Guard::Session(CALLER), at(later + 1, n), later + 1, &|state| Ok(nothing(state)))
            .await
            .unwrap();
        left.push(records().await);
    }
    assert!(left.windows(2).all(|pair| pair[0] - pair[1] <= 10), "{left:?}");
    assert!(left[0] > 8, "not all at once: {left:?}");
    assert_eq!(left.last(), Some(&8), "only the eight new ones stay: {left:?}");
}
