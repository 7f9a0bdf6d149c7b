//! All members of a scenario: as many connections, a task each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};

use super::scenario::{ROOM_HZ, Scenario, Work};
use super::seen::Tally;
use super::server::{BenchServer, Kind};
use super::{hub_member, plain_member};
use crate::limits::{CONNECTION_WINDOW, CONNECTS_AT_ONCE, JOIN_TIME_LIMIT, MEMBER_WINDOW};

/// Between two looks at how far they are.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a member does beside listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    Listen,
    /// Tells its room its state, each tick at its own time.
    Tell,
    /// Calls again and again.
    Echo,
}

/// A member.
#[derive(Debug)]
pub struct Member {
    /// From 0.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// Its room.
    pub room: u32,
    /// What it does.
    pub part: Part,
    /// From one telling to the next.
    pub tell_every: Duration,
    /// See [`super::seen::Seen::new`].
    pub newest_counts: bool,
    /// For hubs.
    pub token: String,
    /// What all see together.
    pub tally: Arc<Tally>,
    /// Whether to tell or call now.
    pub works: watch::Receiver<bool>,
    /// Whether to read what arrives: a hub's member alone looks at it.
    pub reads: watch::Receiver<bool>,
}

/// Members that are in; dropping it cuts them off.
pub struct Crowd {
    /// What they see together.
    pub tally: Arc<Tally>,
    works: watch::Sender<bool>,
    _reads: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Crowd {
    /// Opens a connection for each member and waits until all have joined.
    ///
    /// # Errors
    /// One that cannot be opened, or not all in within [`JOIN_TIME_LIMIT`].
    pub async fn open(server: &mut BenchServer, kind: Kind, scenario: &Scenario) -> anyhow::Result<Self> {
        let tally = Arc::new(Tally::default());
        let (works, working) = watch::channel(false);
        let (reads, reading) = watch::channel(true);
        let part = match scenario.work {
            Work::Broadcast { .. } | Work::States { .. } | Work::Idle => Part::Listen,
            Work::Tell => Part::Tell,
            Work::Echo => Part::Echo,
        };
        let tokens = server.tokens(scenario.sessions).await?;
        let members = (0..).zip(tokens).map(|(index, token)| Member {
            index,
            of: scenario.sessions,
            room: scenario.room_of(index),
            part,
            tell_every: Duration::from_secs(1) / ROOM_HZ,
            newest_counts: matches!(scenario.work, Work::States { .. }),
            token,
            tally: Arc::clone(&tally),
            works: working.clone(),
            reads: reading.clone(),
        });
        let address = server.address();
        let connect = |member| async move { anyhow::Ok((connect(address, MEMBER_WINDOW).await?, member)) };
        let connected = stream::iter(members).map(connect).buffer_unordered(CONNECTS_AT_ONCE);
        let mut tasks = JoinSet::new();
        let all_in = async {
            let mut connected = std::pin::pin!(connected);
            while let Some((channel, member)) = connected.try_next().await? {
                match kind {
                    Kind::Hub => tasks.spawn(hub_member::run(member, channel)),
                    Kind::Plain => tasks.spawn(plain_member::run(member, channel)),
                };
            }
            while tally.joined.load(Ordering::Relaxed) < scenario.sessions.into() {
                sleep(LOOK_EVERY).await;
            }
            while part != Part::Echo && server.members().await? < scenario.sessions.into() {
                sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(())
        };
        let joined = timeout(JOIN_TIME_LIMIT, all_in).await;
        if let Some(problems) = tally.problems() {
            bail!("joining: {problems}");
        }
        joined
            .with_context(|| format!("{} of {} came in", tally.joined.load(Ordering::Relaxed), scenario.sessions))??;
        Ok(Self { tally, works, _reads: reads, _tasks: tasks })
    }

    /// Makes the members tell or call, or stop it.
    pub fn work(&self, works: bool) {
        self.works.send_replace(works);
    }

    /// Waits until so many messages have arrived in all, those that newer ones took the place of included.
    ///
    /// # Errors
    /// They do not within the limit, or more do.
    pub async fn settled(&self, expected: impl Fn(&Tally) -> u64, limit: Duration) -> anyhow::Result<()> {
        let arrived = || self.tally.delivered() + self.tally.superseded.load(Ordering::Relaxed);
        let all = async {
            while arrived() < expected(&self.tally) {
                sleep(LOOK_EVERY).await;
            }
        };
        let is_in_time = timeout(limit, all).await.is_ok();
        if let Some(problems) = self.tally.problems() {
            bail!("{problems}");
        }
        let (arrived, expected) = (arrived(), expected(&self.tally));
        if !is_in_time || arrived != expected {
            bail!("{arrived} messages arrived, {expected} were to");
        }
        Ok(())
    }
}

/// A connection with streams that take so many bytes before they are read.
///
/// # Errors
/// It cannot be opened.
pub async fn connect(address: SocketAddr, window: u32) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .initial_stream_window_size(window)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .tcp_nodelay(true);
    Ok(endpoint.connect().await?)
}
