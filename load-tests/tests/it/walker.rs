//! Players of a real server, each behind a relay of its own, who walk to and fro and look how new their newest state is. Of two who look
//! at the same moments one is on a line that does nothing: what the machine itself is late by is the same for both.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use shallot_client::inputs::PendingInputs;
use shallot_client::proto::world::v1::{EnterReply, EnterRequest};
use shallot_client::snapshots::{Applied, Snapshots};
use shallot_client::wire::limits::FULL_THROTTLE;
use shallot_client::wire::{Input, NetId, Position, Tick};
use shallot_client::{Api, DatagramChannel, Trust, WorldLink, WorldPush, WorldPushes, clock};
use shallot_load::link::relay::{Orders, Relay};
use shallot_load::metrics_scrape;
use shallot_load::process::{self, ServerProcess};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// One tick of client and server.
const TICK: Duration = Duration::from_millis(50);
/// Ticks between two turns of one who walks.
const TURN_TICKS: u32 = 20;

/// A fresh server.
pub(crate) struct Stage(ServerProcess);

impl Stage {
    pub(crate) async fn open() -> Self {
        static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
        let binary = BINARY.get_or_init(|| async { process::build().await.unwrap() }).await;
        Self(ServerProcess::start(binary, None).await.unwrap())
    }

    /// Sum of a counter over all series of this name that have this label, if one is named.
    pub(crate) async fn metric(&self, name: &str, label: Option<(&str, &str)>) -> f64 {
        let samples = metrics_scrape::samples(self.0.addresses().http).await.unwrap();
        let has = |sample: &&metrics_scrape::Sample| {
            sample.name == name
                && label.is_none_or(|(key, value)| sample.labels.get(key).is_some_and(|found| found == value))
        };
        samples.iter().filter(has).map(|sample| sample.value).sum()
    }

    pub(crate) async fn close(self) {
        self.0.stop().await.unwrap();
    }
}

/// A player, and the relay before its datagrams.
pub(crate) struct Walker {
    pub(crate) relay: Relay,
    pub(crate) channel: DatagramChannel,
    /// Whether it tells the server what it has: who never does is told everything anew each tick.
    pub(crate) acknowledges: bool,
    /// Whether it walks, or stands.
    pub(crate) walks: bool,
    pub(crate) me: NetId,
    pub(crate) view: Snapshots,
    /// Where it is, as the server said last.
    pub(crate) at: Position,
    _link: WorldLink,
    pushes: WorldPushes,
    inputs: PendingInputs,
    tick: Tick,
    _relaying: JoinSet<()>,
}

/// What a walk came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    /// Snapshots that came over the link.
    pub(crate) pushed: usize,
    /// Snapshots that came as datagrams.
    pub(crate) datagrams: usize,
    /// Bytes of the smallest of those datagrams.
    pub(crate) smallest: Option<usize>,
    /// The newest state's tick, at each look.
    newest: Vec<Tick>,
}

impl Walk {
    /// Snapshots that came, whichever way.
    pub(crate) fn snapshots(&self) -> usize {
        self.datagrams + self.pushed
    }

    /// Ticks that its newest state was older than the other's at the same moment: so many of a hundred looks saw at most this.
    pub(crate) fn behind(&self, other: &Self, percent: usize) -> i32 {
        let both = self.newest.iter().zip(&other.newest);
        let mut behind: Vec<i32> = both.map(|(one, other)| other.since(*one)).collect();
        behind.sort_unstable();
        behind[(behind.len() * percent / 100).min(behind.len() - 1)]
    }
}

/// All play for so many ticks, at the tick's pace, and look at the same moments.
pub(crate) async fn play<const N: usize>(walkers: [&mut Walker; N], ticks: usize) -> [Walk; N] {
    play_until(walkers, ticks, |_| false).await
}

/// The same, but no longer than until something has happened.
pub(crate) async fn play_until<const N: usize>(
    mut walkers: [&mut Walker; N],
    ticks: usize,
    has_happened: impl Fn(&[&mut Walker; N]) -> bool,
) -> [Walk; N] {
    let mut walks = std::array::from_fn(|_| Walk::default());
    let mut beats = interval(TICK);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..ticks {
        beats.tick().await;
        for (walker, walk) in walkers.iter_mut().zip(&mut walks) {
            walker.one_tick(walk);
        }
        if has_happened(&walkers) {
            break;
        }
    }
    walks
}

impl Walker {
    /// A fresh account; its line does nothing yet.
    pub(crate) async fn enter(stage: &Stage) -> Self {
        let api = Api::connect(&stage.0.addresses().grpc.to_string(), &Trust::Development).await.unwrap();
        api.log_in_by_device(clock::random().unwrap(), true).await.unwrap();
        let character = api.characters().create(clock::new_request_id().unwrap(), &name(), "warrior").await.unwrap();
        api.characters().select(&character.id).await.unwrap();
        let (link, pushes) = WorldLink::open(&api).await.unwrap();
        let offer = link.welcome().channel.unwrap();
        // Each gateway worker has a port of its own.
        let port = offer.address.rsplit_once(':').unwrap().1.parse().unwrap();
        let (listen, to) = (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], port).into());
        let (relay, carries) = Relay::open(listen, to, Orders::default(), 7).await.unwrap();
        let mut relaying = JoinSet::new();
        relaying.spawn(async move { carries.await.unwrap() });
        let near = relay.address.to_string();
        let channel = DatagramChannel::open(&near, api.host(), &offer.ticket, &Trust::Development).await.unwrap();
        let EnterReply { entity, tick, x, y, .. } = link.world().enter(&EnterRequest::default()).await.unwrap();
        Self {
            relay,
            channel,
            acknowledges: true,
            walks: true,
            me: NetId::from_bits(entity).unwrap(),
            view: Snapshots::new(Tick(tick)),
            at: Position { x, y },
            _link: link,
            pushes,
            inputs: PendingInputs::default(),
            tick: Tick(tick),
            _relaying: relaying,
        }
    }

    /// Packets of its line that were lost by chance.
    pub(crate) fn lost(&self) -> u64 {
        self.relay.counts.lost.load(Ordering::Relaxed)
    }

    fn one_tick(&mut self, walk: &mut Walk) {
        self.send_input();
        while let Some(Ok(datagram)) = self.channel.receive().now_or_never() {
            walk.datagrams += 1;
            walk.smallest = Some(walk.smallest.map_or(datagram.len(), |least| least.min(datagram.len())));
            self.take(&datagram);
        }
        while let Some(push) = self.pushes.try_next() {
            if let WorldPush::Snapshot(snapshot) = push {
                walk.pushed += 1;
                self.take(&snapshot.datagram);
            }
        }
        walk.newest.push(self.view.tick());
    }

    fn send_input(&mut self) {
        self.tick = self.tick.plus(1);
        let heading = if (self.tick.0 / TURN_TICKS).is_multiple_of(2) { 0 } else { 128 };
        let throttle = if self.walks { FULL_THROTTLE } else { 0 };
        self.inputs.push(self.tick, Input { heading, throttle, facing: heading });
        let ack = self.view.ack().filter(|_| self.acknowledges);
        self.channel.send(self.inputs.datagram(self.me, ack, self.view.tick(), 0).unwrap()).unwrap();
    }

    fn take(&mut self, datagram: &[u8]) {
        if let Ok(Applied::Newest(report)) = self.view.apply(datagram) {
            report.last_input.map(|applied| self.inputs.acknowledge(applied));
            self.at = report.own.map_or(self.at, |own| own.position);
        }
    }
}

/// A name that no other player of a test has.
fn name() -> String {
    let bytes: [u8; 8] = clock::random().unwrap();
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(b'a' + half)).collect()
}
