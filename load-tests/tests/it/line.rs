//! The datagram channel of a real server behind bad lines. What takes minutes is shown in simulated time, with QUIC's stock controller beside
//! it, at the server's `path_budget`; here is shown that the server is wired as that simulation is. A second player on a line that does
//! nothing tells what the machine would have given: all is compared with what he has at the same moment, and no clock is read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use shallot_client::wire::Position;
use shallot_client::wire::limits::MAX_DATAGRAM;
use shallot_load::link::conditions::Conditions;
use shallot_load::link::units::{Rate, Share, Size};

use crate::walker::{Stage, Walker, play, play_until};

/// Ticks in a second.
const SECOND: usize = 20;
const LOWERED: &str = "shallot_path_budgets_lowered_total";
/// Position units in 1/16 m, well above what a record rounds off.
const NEAR: i32 = 4_096 / 16;

/// For what must happen at some time and is not a matter of how soon.
const PATIENCE: usize = 15 * SECOND;

/// One whose line is to become bad, and one whose line stays good.
async fn pair(stage: &Stage) -> (Walker, Walker) {
    let (mut one, mut good) = (Walker::enter(stage).await, Walker::enter(stage).await);
    // All of who is in sight with each snapshot.
    (one.acknowledges, good.acknowledges) = (false, false);
    play([&mut one, &mut good], SECOND).await;
    (one, good)
}

/// Plays until the server has counted it.
async fn until_counted(stage: &Stage, mut walkers: [&mut Walker; 2], name: &str, label: Option<(&str, &str)>) {
    let mut ticks = 0;
    while stage.metric(name, label).await == 0.0 {
        assert!(ticks < PATIENCE, "{name} {label:?} was never counted");
        play(walkers.each_mut().map(|walker| &mut **walker), SECOND / 4).await;
        ticks += SECOND / 4;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_percent_loss_does_not_make_state_older_and_older() {
    let stage = Stage::open().await;
    let (mut one, mut good) = pair(&stage).await;
    let lossy = Conditions { loss: Share::percent(5), delay: Duration::from_millis(25), ..Conditions::default() };
    one.relay.change(|orders| (orders.up, orders.down) = (lossy, lossy));
    for _ in 0..2 {
        let [walk, beside] = play([&mut one, &mut good], 3 * SECOND).await;
        assert!(walk.datagrams * 10 > beside.datagrams * 8, "{} beside {}", walk.datagrams, beside.datagrams);
        assert_eq!(walk.pushed, 0);
        let behind = walk.behind(&beside, 90);
        assert!(behind <= 4, "{behind} ticks");
    }
    assert!(one.lost() > 5, "the loss never happened");
    // A machine that is late makes queues, but no loss.
    for reason in ["loss", "collapse"] {
        assert_eq!(stage.metric(LOWERED, Some(("reason", reason))).await, 0.0, "{reason}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_line_of_64_kbit_state_stays_young() {
    let stage = Stage::open().await;
    let (mut one, mut good) = pair(&stage).await;
    // Less than snapshots of all in sight need.
    one.relay.change(|orders| {
        (orders.down.rate, orders.down.queue) = (Some(Rate(8_000)), Size(32 * 1_024));
    });
    until_counted(&stage, [&mut one, &mut good], LOWERED, None).await;
    // From a whole datagram to what passes it is five steps of a quarter each, and each waits until the queue of the one before is empty.
    play([&mut one, &mut good], 8 * SECOND).await;
    let [settled, beside] = play([&mut one, &mut good], 3 * SECOND).await;
    // Three for the largest snapshot and two for the queue that a budget bears, and as many again. What all would make of the line's queue is
    // 80, and 25 by now.
    let behind = settled.behind(&beside, 90);
    assert!(behind <= 10, "{behind} ticks; {settled:?}");
    assert!(settled.snapshots() * 10 > beside.snapshots(), "{} beside {}", settled.snapshots(), beside.snapshots());
    // A client that says what it has needs less than the line carries.
    one.acknowledges = true;
    play([&mut one, &mut good], 2 * SECOND).await;
    let [walk, beside] = play([&mut one, &mut good], 2 * SECOND).await;
    let behind = walk.behind(&beside, 90);
    assert!(behind <= 4 && walk.snapshots() * 10 > beside.snapshots() * 8, "{behind} ticks; {walk:?}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_carries_less_than_before_brings_snapshots_again() {
    let stage = Stage::open().await;
    let (mut one, mut good) = pair(&stage).await;
    let [before, _] = play([&mut one, &mut good], SECOND).await;
    // Below what QUIC asks of any path, so that QUIC itself does not notice; no snapshot passes. More than half of one, which is what a
    // collapse leaves a budget, and less than the three quarters that loss alone leaves it.
    let passes = before.smallest.expect("a datagram") * 3 / 5;
    assert!(passes > MAX_DATAGRAM / 2, "snapshots of all in sight are nearly full");
    one.relay.change(|orders| orders.down.max_size = Some(Size(passes)));
    until_counted(&stage, [&mut one, &mut good], LOWERED, Some(("reason", "collapse"))).await;
    assert!(one.relay.counts.too_large.load(Ordering::Relaxed) > 5, "nothing was too large");
    play([&mut one, &mut good], SECOND / 4).await;
    // In that time it is tried again.
    let [after, beside] = play([&mut one, &mut good], 4 * SECOND).await;
    assert!(after.snapshots() * 10 > beside.snapshots() * 7, "{} beside {}", after.snapshots(), beside.snapshots());
    let behind = after.behind(&beside, 98);
    assert!(behind <= 4, "{behind} ticks; {after:?}");

    // QUIC's own: what it found to pass is more than the path takes now, and it falls back by itself.
    one.relay.change(|orders| orders.down.max_size = Some(Size(1_200)));
    let [whole, beside] = play([&mut one, &mut good], 2 * SECOND).await;
    assert!(whole.snapshots() * 2 > beside.snapshots(), "{} beside {}", whole.snapshots(), beside.snapshots());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_address_changes_keeps_its_channel() {
    let stage = Stage::open().await;
    let (mut walker, mut good) = pair(&stage).await;
    for moved in 1..=3 {
        walker.relay.rebind();
        let [walk, beside] = play([&mut walker, &mut good], SECOND).await;
        assert_eq!(walker.relay.counts.rebound.load(Ordering::Relaxed), moved);
        assert!(
            walk.datagrams * 2 > beside.datagrams,
            "after move {moved}: {} beside {}",
            walk.datagrams,
            beside.datagrams
        );
        assert_eq!(walk.pushed, 0, "the channel was given up");
    }
    assert_eq!(stage.metric("shallot_channels", None).await, 2.0);
    assert_eq!(stage.metric("shallot_connections_ended_total", Some(("reason", "migrations"))).await, 0.0);

    // Phones move; one that moves all the time is something else.
    let floods = async {
        while stage.metric("shallot_connections_ended_total", Some(("reason", "migrations"))).await == 0.0 {
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
    stage.close().await;
}

/// Where the one sees the other, and whether he goes on as far as it knows.
fn seen(watcher: &Walker, other: &Walker) -> Option<(Position, bool)> {
    let entity = watcher.view.entity(other.me)?;
    Some((entity.position, entity.velocity != Default::default()))
}

/// One who stands and sees another walk.
async fn two(stage: &Stage) -> (Walker, Walker) {
    let (mut watcher, mut other) = (Walker::enter(stage).await, Walker::enter(stage).await);
    watcher.walks = false;
    let is_walking = |[watcher, other]: &[&mut Walker; 2]| seen(watcher, other).is_some_and(|(_, walks)| walks);
    play_until([&mut watcher, &mut other], PATIENCE, is_walking).await;
    assert!(is_walking(&[&mut watcher, &mut other]), "he is not seen, or does not walk");
    (watcher, other)
}

/// Plays until both stand, as far as their own snapshots say, on the tick at which he stopped; so many ticks of the server at most.
async fn until_seen_where_he_stands(watcher: &mut Walker, other: &mut Walker, ticks: i32) {
    let began = other.view.tick();
    let is_over = |other: &Walker| other.view.tick().since(began) > ticks;
    let is_right = |watcher: &Walker, other: &Walker| {
        seen(watcher, other).is_some_and(|(at, walks)| !walks && at.is_within(NEAR, other.at))
    };
    play_until([watcher, other], PATIENCE, |[watcher, other]| is_right(watcher, other) || is_over(other)).await;
    assert!(is_right(watcher, other), "seen at {:?}, stands at {:?}", seen(watcher, other), other.at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_stops_while_nothing_arrives_is_seen_where_he_stands() {
    let stage = Stage::open().await;
    let (mut watcher, mut other) = two(&stage).await;
    watcher.relay.change(|orders| orders.down.loss = Share::percent(100));
    let lost = watcher.lost();
    play_until([&mut watcher, &mut other], PATIENCE, |[watcher, _]| watcher.lost() > lost + 2).await;
    other.walks = false;
    let lost = watcher.lost();
    play_until([&mut watcher, &mut other], PATIENCE, |[watcher, _]| watcher.lost() > lost + 10).await;
    assert!(watcher.lost() > lost + 10, "nothing was lost");
    watcher.relay.change(|orders| orders.down.loss = Share::default());
    until_seen_where_he_stands(&mut watcher, &mut other, 20).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_stops_while_a_line_is_full_is_seen_where_he_stands() {
    let stage = Stage::open().await;
    let (mut watcher, mut other) = two(&stage).await;
    watcher.acknowledges = false;
    watcher.relay.change(|orders| {
        (orders.down.rate, orders.down.queue) = (Some(Rate(2_000)), Size(8 * 1_024));
    });
    until_counted(&stage, [&mut watcher, &mut other], "shallot_snapshots_left_out_total", None).await;
    other.walks = false;
    until_seen_where_he_stands(&mut watcher, &mut other, 100).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_knows_stays_true_when_its_acknowledgements_are_lost() {
    let stage = Stage::open().await;
    let (mut watcher, mut other) = two(&stage).await;
    // Those of one tick or two, each time between some that arrive, and then all of a second.
    for pause in [2, 2, 2, 2, 2, 20] {
        let lost = watcher.lost();
        watcher.relay.change(|orders| orders.up.loss = Share::percent(100));
        play_until([&mut watcher, &mut other], PATIENCE, |[watcher, _]| watcher.lost() >= lost + pause).await;
        watcher.relay.change(|orders| orders.up.loss = Share::default());
        assert!(watcher.lost() >= lost + pause, "no acknowledgement was lost");
        let arrived = watcher.view.counters().arrived;
        let is_read = |watcher: &Walker| watcher.view.counters().arrived > arrived + 3;
        play_until([&mut watcher, &mut other], PATIENCE, |[watcher, _]| is_read(watcher)).await;
        assert!(is_read(&watcher), "nothing can be read any more");
    }
    other.walks = false;
    until_seen_where_he_stands(&mut watcher, &mut other, 20).await;
    stage.close().await;
}
