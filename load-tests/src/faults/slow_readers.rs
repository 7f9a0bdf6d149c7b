//! Slow readers: a few of the members of a room stop reading while all others chat. The server must end each slow one with
//! `SLOW_CONSUMER`, the others must hear everything, exactly once and as fast as before, and the server's memory must not grow by more
//! than the slow ones may hold.

mod outcome;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::bench::hubs::crowd::{Member, Part, connect};
use crate::bench::hubs::hub_member;
use crate::bench::hubs::seen::Tally;
use crate::bench::hubs::server::{BenchServer, Kind};
use crate::cli::SlowReadersOptions;
use crate::limits::{JOIN_TIME_LIMIT, MEMBER_WINDOW, SETTLE_TIME_LIMIT, SLOW_END_TIME_LIMIT, SLOW_WINDOW, WARM_UP};
use crate::process;
use crate::screen::{complain, say};
use crate::verdict;
use outcome::{Outcome, Round};

/// What all chatters say together in a second.
const TELLS_PER_SECOND: u32 = 50;
/// Between two looks at the server.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: the build, the report's file.
pub async fn run(options: &SlowReadersOptions) -> anyhow::Result<bool> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build_example("shallot-hubs", "bench_server").await?;
    let mut outcome = Outcome::new(options);
    for _ in 0..options.rounds {
        match verdict::unless_interrupted(play(&binary, options)).await? {
            Ok(round) => {
                say(&round.to_text());
                outcome.rounds.push(round);
            }
            Err(error) => outcome.problems.push(format!("{error:#}")),
        }
    }
    verdict::tell(options.report.as_deref(), &outcome, &outcome.failures(), &outcome.to_text())
}

/// The members of the room, cut off when dropped.
struct Room {
    chatters: Arc<Tally>,
    slow: Arc<Tally>,
    works: watch::Sender<bool>,
    reads: watch::Sender<bool>,
    /// Reads always.
    _attends: watch::Sender<bool>,
    /// Ends never, while the room lives.
    chatting: JoinSet<()>,
    /// Ends when the sessions of all slow readers have.
    slow_tasks: JoinSet<()>,
}

async fn play(binary: &Path, options: &SlowReadersOptions) -> anyhow::Result<Round> {
    let SlowReadersOptions { chatters, slow, seconds, .. } = *options;
    let time = Duration::from_secs(seconds.into());
    let mut server = BenchServer::start(binary, Kind::Hub).await?;
    let mut room = enter(&mut server, chatters, slow).await?;
    room.works.send_replace(true);
    sleep(WARM_UP).await;
    drop(room.chatters.take_delays());
    sleep(time).await;
    let before = room.chatters.take_delays().context("no delays were taken")?;
    let memory_before = server.gauge().await?.rss_kib;

    // The fault: from here on the slow ones take nothing.
    room.reads.send_replace(false);
    let stopped = Instant::now();
    let mut memory_peak = memory_before;
    let mut ended_after = None;
    while ended_after.is_none() || stopped.elapsed() < time {
        if stopped.elapsed() > SLOW_END_TIME_LIMIT {
            bail!("slow readers are still in after {SLOW_END_TIME_LIMIT:?}");
        }
        sleep(LOOK_EVERY).await;
        memory_peak = memory_peak.max(server.gauge().await?.rss_kib);
        if ended_after.is_none() && server.members().await? <= chatters.into() {
            ended_after = Some(stopped.elapsed());
            // They look again, and find why they are out.
            room.reads.send_replace(true);
        }
    }
    let during = room.chatters.take_delays().context("no delays were taken")?;

    room.works.send_replace(false);
    let told = timeout(SETTLE_TIME_LIMIT, async { while room.slow_tasks.join_next().await.is_some() {} }).await;
    told.context("a slow reader was not told of its end")?;
    let slow_consumers = room.slow.problems_like("SLOW_CONSUMER");
    if slow_consumers < slow.into() {
        complain(&format!("among the slow readers: {}", room.slow.problems().unwrap_or_default()));
    }
    heard_all(&room, chatters).await?;
    Ok(Round {
        p99_before_ms: before.value_at_quantile(0.99) as f64 / 1_000.0,
        p99_during_ms: during.value_at_quantile(0.99) as f64 / 1_000.0,
        heard_before: before.len(),
        heard_during: during.len(),
        slow_consumers,
        ended_after_s: ended_after.unwrap_or_default().as_secs_f64(),
        memory_growth_kib: memory_peak - memory_before,
    })
}

/// Opens all connections and waits until everybody is in the room.
async fn enter(server: &mut BenchServer, chatters: u32, slow: u32) -> anyhow::Result<Room> {
    let (works, working) = watch::channel(false);
    let (reads, reading) = watch::channel(true);
    let (attends, attending) = watch::channel(true);
    let mut room = Room {
        chatters: Arc::new(Tally::with_delays()?),
        slow: Arc::default(),
        works,
        reads,
        _attends: attends,
        chatting: JoinSet::new(),
        slow_tasks: JoinSet::new(),
    };
    let all = chatters + slow;
    for (index, token) in (0..).zip(server.tokens(all).await?) {
        let is_slow = index >= chatters;
        let member = Member {
            index,
            of: chatters,
            room: 0,
            part: if is_slow { Part::Listen } else { Part::Tell },
            tell_every: Duration::from_secs(1) * chatters / TELLS_PER_SECOND,
            newest_counts: false,
            token,
            tally: Arc::clone(if is_slow { &room.slow } else { &room.chatters }),
            works: working.clone(),
            reads: if is_slow { reading.clone() } else { attending.clone() },
        };
        let channel = connect(server.address(), if is_slow { SLOW_WINDOW } else { MEMBER_WINDOW }).await?;
        let tasks = if is_slow { &mut room.slow_tasks } else { &mut room.chatting };
        tasks.spawn(hub_member::run(member, channel));
    }
    let all_in = async {
        while server.members().await? < all.into() {
            sleep(LOOK_EVERY).await;
        }
        anyhow::Ok(())
    };
    timeout(JOIN_TIME_LIMIT, all_in).await.context("not all came in")??;
    Ok(room)
}

/// Whether every chatter has heard every chatter, exactly once.
async fn heard_all(room: &Room, chatters: u32) -> anyhow::Result<()> {
    let expected = || room.chatters.sent.load(Ordering::Relaxed) * u64::from(chatters);
    let all = async {
        while room.chatters.delivered() < expected() {
            sleep(LOOK_EVERY).await;
        }
    };
    // Whether it was in time is seen below.
    let _ = timeout(SETTLE_TIME_LIMIT, all).await;
    if let Some(problems) = room.chatters.problems() {
        bail!("among the chatters: {problems}");
    }
    let (heard, expected) = (room.chatters.delivered(), expected());
    if heard != expected || heard == 0 {
        bail!("the chatters heard {heard} messages, {expected} were to");
    }
    Ok(())
}
