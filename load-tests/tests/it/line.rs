//! The datagram channel of a real server behind bad lines.

use std::sync::atomic::Ordering;
use std::time::Duration;

use shallot_load::link::conditions::Conditions;
use shallot_load::link::units::{Rate, Share, Size};

use crate::walker::Walker;

/// Ticks in a second.
const SECOND: usize = 20;
const LOWERED: &str = "shallot_path_budgets_lowered_total";

/// The long form, in simulated time and with QUIC's stock controller beside it, stands at the server's `path_budget`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_percent_loss_do_not_make_state_older_and_older() {
    let mut walker = Walker::enter().await;
    walker.acknowledges = false;
    walker.walk(2 * SECOND).await;
    let lossy = Conditions { loss: Share::percent(5), delay: Duration::from_millis(25), ..Conditions::default() };
    walker.relay.change(|orders| (orders.up, orders.down) = (lossy, lossy));
    let first = walker.walk(8 * SECOND).await;
    walker.walk(8 * SECOND).await;
    let last = walker.walk(8 * SECOND).await;
    assert!(walker.relay.counts.lost.load(Ordering::Relaxed) > 20, "the loss never happened");
    for walk in [&first, &last] {
        assert!(walk.datagrams > 8 * SECOND * 4 / 5, "{} of {}", walk.datagrams, 8 * SECOND);
        assert_eq!(walk.pushed, 0);
        assert!(walk.age(90) < Duration::from_millis(400), "{:?}", walk.age(90));
    }
    assert_eq!(walker.metric(LOWERED, None).await, 0.0);
    walker.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_line_of_64_kbit_state_stays_young() {
    let mut walker = Walker::enter().await;
    // Full snapshots each tick are 190 kbit/s.
    walker.acknowledges = false;
    walker.walk(2 * SECOND).await;
    let queue = 32 * 1_024;
    walker.relay.change(|orders| {
        (orders.down.rate, orders.down.queue) = (Some(Rate(8_000)), Size(queue));
    });
    walker.walk(10 * SECOND).await;
    let settled = walker.walk(10 * SECOND).await;
    // What the line's queue would make of it: four seconds.
    assert!(settled.age(90) < Duration::from_millis(1_200), "{:?}", settled.age(90));
    assert!(settled.datagrams + settled.pushed > 10 * SECOND / 10, "{settled:?}");
    assert!(walker.metric(LOWERED, None).await > 0.0, "nobody noticed");
    walker.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_carries_less_than_before_brings_snapshots_again() {
    let mut walker = Walker::enter().await;
    walker.acknowledges = false;
    walker.walk(2 * SECOND).await;
    let before = walker.walk(2 * SECOND).await;
    assert!(before.datagrams > SECOND, "{before:?}");
    // Below what QUIC asks of any path, so that QUIC itself does not notice; no snapshot passes.
    let passes = before.smallest.unwrap() * 4 / 5;
    walker.relay.change(|orders| orders.down.max_size = Some(Size(passes)));
    walker.walk(9 * SECOND).await;
    let after = walker.walk(4 * SECOND).await;
    assert!(walker.relay.counts.too_large.load(Ordering::Relaxed) > 5, "nothing was too large");
    assert!(walker.metric(LOWERED, Some(("reason", "collapse"))).await >= 1.0);
    assert!(after.datagrams + after.pushed > 4 * SECOND / 2, "{after:?}");
    assert!(after.age(90) < Duration::from_millis(400), "{:?}", after.age(90));

    // QUIC's own: what it found to pass is more than the path takes now, and it falls back by itself.
    walker.relay.change(|orders| orders.down.max_size = Some(Size(1_200)));
    let whole = walker.walk(4 * SECOND).await;
    assert!(whole.datagrams + whole.pushed > 4 * SECOND / 2, "{whole:?}");
    walker.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_address_changes_keeps_its_channel() {
    let mut walker = Walker::enter().await;
    walker.walk(2 * SECOND).await;
    for moved in 1..=3 {
        walker.relay.rebind();
        let walk = walker.walk(2 * SECOND).await;
        assert_eq!(walker.relay.counts.rebound.load(Ordering::Relaxed), moved);
        assert!(walk.datagrams > SECOND, "after move {moved}: {walk:?}");
        assert_eq!(walk.pushed, 0, "the channel was given up");
    }
    assert_eq!(walker.metric("shallot_channels", None).await, 1.0);
    assert_eq!(walker.metric("shallot_connections_ended_total", Some(("reason", "migrations"))).await, 0.0);

    // Phones move; one that moves all the time is something else.
    let floods = async {
        while walker.metric("shallot_connections_ended_total", Some(("reason", "migrations"))).await == 0.0 {
            walker.relay.rebind();
            walker.channel.send(vec![0xFF; 20].into()).ok();
        }
        walker.channel.receive().await
    };
    let limit = Duration::from_secs(60);
    // Snapshots that were under way may come first.
    let end = tokio::time::timeout(limit, async {
        let mut last = floods.await;
        while last.is_ok() {
            last = walker.channel.receive().await;
        }
        last
    });
    assert!(end.await.unwrap().is_err());
    walker.server.stop().await.unwrap();
}
