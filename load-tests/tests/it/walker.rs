//! A player behind a relay, who walks to and fro and looks how old its newest state is.

use std::time::Duration;

use futures_util::FutureExt as _;
use shallot_client::inputs::PendingInputs;
use shallot_client::proto::world::v1::{EnterReply, EnterRequest};
use shallot_client::snapshots::{Applied, Snapshots};
use shallot_client::state_age::StateAge;
use shallot_client::wire::{Input, NetId, Tick};
use shallot_client::{Api, DatagramChannel, Trust, WorldLink, WorldPush, WorldPushes, clock};
use shallot_load::link::relay::{Orders, Relay};
use shallot_load::metrics_scrape;
use shallot_load::process::{self, ServerProcess};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// One tick of client and server.
const TICK: Duration = Duration::from_millis(50);

/// A server, a relay before its datagrams, and a player.
pub(crate) struct Walker {
    pub(crate) server: ServerProcess,
    pub(crate) relay: Relay,
    pub(crate) channel: DatagramChannel,
    /// Whether it tells the server what it has: who never does is told everything anew each tick.
    pub(crate) acknowledges: bool,
    _link: WorldLink,
    pushes: WorldPushes,
    me: NetId,
    view: Snapshots,
    inputs: PendingInputs,
    tick: Tick,
    age: StateAge,
    began: Instant,
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
    /// Age of the newest state, beyond the least delay ever seen, at each tick.
    ages: Vec<Duration>,
}

impl Walk {
    /// The age that so many of a hundred looks saw at most.
    pub(crate) fn age(&self, percent: usize) -> Duration {
        let mut ages = self.ages.clone();
        ages.sort_unstable();
        ages[(ages.len() * percent / 100).min(ages.len() - 1)]
    }
}

impl Walker {
    /// A fresh server and account; the line does nothing yet.
    pub(crate) async fn enter() -> Self {
        let server = ServerProcess::start(&process::build().await.unwrap(), None).await.unwrap();
        let addresses = server.addresses();
        let api = Api::connect(&addresses.grpc.to_string(), &Trust::Development).await.unwrap();
        api.log_in_by_device(clock::random().unwrap(), true).await.unwrap();
        let character = api.characters().create(clock::new_request_id().unwrap(), "Robin", "warrior").await.unwrap();
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
        let EnterReply { entity, tick, .. } = link.world().enter(&EnterRequest::default()).await.unwrap();
        Self {
            server,
            relay,
            channel,
            acknowledges: true,
            _link: link,
            pushes,
            me: NetId::from_bits(entity).unwrap(),
            view: Snapshots::new(Tick(tick)),
            inputs: PendingInputs::default(),
            tick: Tick(tick),
            age: StateAge::new(Tick(tick), Duration::ZERO),
            began: Instant::now(),
            _relaying: relaying,
        }
    }

    /// Walks for so many ticks, at the tick's pace.
    pub(crate) async fn walk(&mut self, ticks: usize) -> Walk {
        let mut walk = Walk::default();
        let mut beats = interval(TICK);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..ticks {
            beats.tick().await;
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
            walk.ages.push(self.age.age(self.began.elapsed()));
        }
        walk
    }

    fn send_input(&mut self) {
        self.tick = self.tick.plus(1);
        let heading = if (self.tick.0 / 20).is_multiple_of(2) { 0 } else { 128 };
        self.inputs.push(self.tick, Input { heading, throttle: 127, facing: heading });
        let ack = self.view.ack().filter(|_| self.acknowledges);
        self.channel.send(self.inputs.datagram(self.me, ack, self.view.tick(), 0).unwrap()).unwrap();
    }

    fn take(&mut self, datagram: &[u8]) {
        if let Ok(Applied::Newest(report)) = self.view.apply(datagram) {
            report.last_input.map(|applied| self.inputs.acknowledge(applied));
            self.age.arrived(self.view.tick(), self.began.elapsed());
        }
    }

    /// Sum of a server's counter over all series of this name that have this label, if one is named.
    pub(crate) async fn metric(&self, name: &str, label: Option<(&str, &str)>) -> f64 {
        let samples = metrics_scrape::samples(self.server.addresses().http).await.unwrap();
        let has = |sample: &&metrics_scrape::Sample| {
            sample.name == name
                && label.is_none_or(|(key, value)| sample.labels.get(key).is_some_and(|found| found == value))
        };
        samples.iter().filter(has).map(|sample| sample.value).sum()
    }
}
