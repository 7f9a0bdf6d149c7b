//! Some nodes of a cluster on one clock, over an in-process bus that loses, doubles, delays and reorders by seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message as _;
use shallot_hubs::backplane::NodeId;
use shallot_hubs::backplane::memory::MemoryBus;
use shallot_hubs::link::memory::MovedClock;
use shallot_hubs::{Cluster, ClusterGroup, GroupName, HubServerConfig, Now, SessionHandle, SessionLimits};
use shallot_proto::hub::v1 as wire;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::TestReceiver;
use crate::messages::text;
use crate::raw::Raw;
use crate::rig::{Rig, WALL_MS, session_id, settle};

pub struct Node {
    pub rig: Rig,
    pub cluster: Cluster,
    pub stop: CancellationToken,
    pub driver: JoinHandle<()>,
}

pub struct Nodes {
    clock: MovedClock,
    pub bus: MemoryBus,
    pub nodes: Vec<Node>,
}

impl Nodes {
    pub async fn start(count: u64, seed: u64) -> Self {
        let clock = MovedClock::at(Now { mono_ms: 1_000, wall_ms: WALL_MS });
        let bus = MemoryBus::new(Arc::new(clock.clone()), seed);
        let mut this = Self { clock, bus, nodes: Vec::new() };
        for number in 1..=count {
            this.add(number);
        }
        this.pass_ms(2_000).await;
        this
    }

    fn add(&mut self, number: u64) {
        let id = NodeId::new(&format!("node-{number}"), number).unwrap();
        let cluster = Cluster::new(id.clone(), Arc::new(self.clock.clone()));
        // Room for all that a test sends without reading, and no end by silence.
        let limits = SessionLimits {
            outbox_frames: 8_192,
            outbox_bytes: 1_024 * 1_024,
            silence_ms: 3_600_000,
            write_ms: 3_600_000,
            ..SessionLimits::DEFAULT
        };
        let config = HubServerConfig { limits, ..HubServerConfig::default() };
        let rig = Rig::of_node(config, self.clock.clone(), cluster.clone());
        let stop = CancellationToken::new();
        let (backplane, running, stopped) = (self.bus.attach(id), cluster.clone(), stop.clone());
        let driver = tokio::spawn(async move { running.run(backplane, stopped).await });
        self.nodes.push(Node { rig, cluster, stop, driver });
    }

    /// A session of that number on that node, in these groups.
    pub async fn member(&mut self, node: usize, number: u8, groups: &[&str]) -> (Raw, SessionHandle) {
        let node = &mut self.nodes[node];
        let raw = Raw::welcomed(&mut node.rig, number).await;
        let session = node.rig.session(number);
        groups.iter().for_each(|group| assert!(node.cluster.add(&name(group), &session)));
        (raw, session)
    }

    pub fn group(&self, node: usize, group: &str) -> ClusterGroup {
        self.nodes[node].cluster.group(name(group))
    }

    pub async fn pass_ms(&self, ms: u64) {
        for _ in 0..ms / 25 {
            self.clock.advance_ms(25);
            settle().await;
        }
    }
}

pub fn name(group: &str) -> GroupName {
    GroupName::new(group).unwrap()
}

pub fn say(group: &ClusterGroup, what: &str) {
    TestReceiver::to(group).on_line(&text(what));
}

/// What has come of pushes and gaps, in words: the text of a push, `gap a-b`.
pub async fn heard(raw: &mut Raw) -> Vec<String> {
    let mut heard = Vec::new();
    for frame in raw.frames_that_wait() {
        match frame {
            Down::Push(push) => heard.push(crate::messages::test::v1::Text::decode(push.body).unwrap().text),
            Down::GroupGap(gap) => heard.push(format!("gap {}-{}", gap.from, gap.to)),
            _ => {}
        }
    }
    heard
}

pub fn numbers(session: &[u8]) -> BTreeSet<shallot_proto::wire::SessionId> {
    session.iter().map(|number| session_id(*number)).collect()
}
