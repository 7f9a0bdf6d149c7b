//! The parts of a node put together: what each item of another node does here, and what time does.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use shallot_proto::wire::SessionId;
use tokio::sync::Notify;

use super::asks::{self, Abroad, AskKey, FromAbroad, Verdict};
use super::inbound::{Inbound, Step};
use super::message::{self, Ask, Beat, Frame, Key, Kind, Nothing, Part as WirePart};
use super::name::GroupName;
use super::outbound::Outbound;
use super::outgoing::Outgoing;
use super::peers::{PeerEvent, Peers};
use super::roster::Roster;
use super::{ClusterWatch, Contracts};
use crate::backplane::{NodeId, To};
use crate::clock::Clock;
use crate::dispatch::HubFuture;
use crate::error::{Code, HubError, reason};
use crate::group::{Groups, Part, Watch};
use crate::limits::{BEAT_MS, SessionLimits};
use crate::metrics;
use crate::outbox::EncodedPush;

/// A question of another node that is being asked here.
pub(super) type Asking = HubFuture<(AskKey, Result<Bytes, HubError>)>;

/// A node among others.
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) local: Groups<GroupName>,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) outbound: Outbound,
    pub(super) abroad: Abroad,
    pub(super) contracts: OnceLock<Contracts>,
    home: Arc<Home>,
    peers: RwLock<Peers>,
    inbound: Mutex<Inbound>,
    from_abroad: FromAbroad,
    /// Questions that have come and that nobody runs yet; at most as many as [`FromAbroad`] takes.
    to_ask: Mutex<Vec<Asking>>,
    to_ask_wake: Notify,
    beat_ms: Mutex<u64>,
}

/// What is told of each membership: the other nodes, and those who watch.
pub(super) struct Home {
    roster: Roster,
    watches: RwLock<Vec<Arc<dyn ClusterWatch>>>,
}

impl Watch<GroupName> for Home {
    fn changed(&self, group: &GroupName, session: SessionId, is_member: bool) {
        self.roster.change(group, session, is_member);
        self.tell(|watch| watch.membership_changed(group, session, is_member));
    }
}

impl Home {
    fn tell(&self, tell: impl Fn(&dyn ClusterWatch)) {
        self.watches.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|watch| tell(&**watch));
    }

    pub(super) fn add(&self, watch: Arc<dyn ClusterWatch>) {
        self.watches.write().unwrap_or_else(PoisonError::into_inner).push(watch);
    }
}

impl Node {
    pub(super) fn new(id: NodeId, clock: Arc<dyn Clock>) -> Self {
        let outgoing = Arc::new(Outgoing::default());
        let home = Arc::new(Home { roster: Roster::new(Arc::clone(&outgoing)), watches: RwLock::default() });
        Self {
            id,
            clock,
            local: Groups::watched(Arc::clone(&home) as _),
            outbound: Outbound::new(Arc::clone(&outgoing)),
            outgoing,
            abroad: Abroad::default(),
            contracts: OnceLock::new(),
            home,
            peers: RwLock::default(),
            inbound: Mutex::default(),
            from_abroad: FromAbroad::default(),
            to_ask: Mutex::default(),
            to_ask_wake: Notify::new(),
            beat_ms: Mutex::default(),
        }
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now().mono_ms
    }

    pub(super) fn peers(&self) -> RwLockReadGuard<'_, Peers> {
        self.peers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A parcel has come from the broker.
    pub(super) fn arrived(&self, parcel: Bytes) {
        let Some((origin, kinds)) = message::decode(parcel) else {
            return metrics::backplane_frame("malformed");
        };
        if origin == self.id {
            return;
        }
        let now_ms = self.now_ms();
        let mut events = Vec::new();
        let is_known = self.peers_mut().heard(now_ms, &origin, &mut events);
        self.peer_events(now_ms, events);
        if is_known {
            kinds.into_iter().for_each(|kind| self.item(now_ms, &origin, kind));
        }
    }

    /// Does what is due. Called every [`TICK_MS`](super::drive::TICK_MS).
    pub(super) fn tick(&self) {
        let now_ms = self.now_ms();
        let (mut events, mut steps) = (Vec::new(), Vec::new());
        self.peers_mut().tick(now_ms, &mut events);
        self.peer_events(now_ms, events);
        self.inbound().tick(now_ms, &mut steps);
        self.steps(steps);
        self.abroad.due(now_ms).into_iter().for_each(|(to, item)| self.outgoing.put(&to, item));
        if self.is_beat_due(now_ms) {
            self.beat(false);
            self.outbound.heads(now_ms).into_iter().for_each(|item| self.outgoing.put(&To::All, item));
            self.outbound.sweep(now_ms);
            self.from_abroad.sweep(now_ms);
            self.inbound().retain(|group| self.local.get(group).is_some());
            metrics::nodes(self.peers().nodes().len());
        }
    }

    /// A sign of life.
    pub(super) fn beat(&self, is_hello: bool) {
        let beat = Beat { version: self.home.roster.version(), is_hello };
        self.outgoing.put(&To::All, message::encode(Kind::Beat(beat)));
    }

    /// The last sign of life.
    pub(super) fn good_bye(&self) {
        self.outgoing.put(&To::All, message::encode(Kind::Bye(Nothing {})));
    }

    /// The connection stands again: what was told meanwhile may be missed.
    pub(super) fn reconnected(&self) {
        self.beat(true);
        self.home.tell(|watch| watch.connected());
    }

    /// The next question of another node to run here.
    pub(super) async fn next_asking(&self) -> Vec<Asking> {
        loop {
            let waiting = std::mem::take(&mut *self.to_ask.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiting.is_empty() {
                return waiting;
            }
            self.to_ask_wake.notified().await;
        }
    }

    /// A client here has answered another node's question.
    pub(super) fn asked(&self, key: &AskKey, result: Result<Bytes, HubError>) {
        let item = self.from_abroad.done(key, result);
        self.outgoing.put(&To::Node(key.0.clone()), item);
    }

    fn is_beat_due(&self, now_ms: u64) -> bool {
        let mut beat_ms = self.beat_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now_ms.saturating_sub(*beat_ms) >= BEAT_MS;
        if is_due {
            *beat_ms = now_ms;
        }
        is_due
    }

    fn item(&self, now_ms: u64, origin: &NodeId, kind: Kind) {
        let (mut events, mut steps) = (Vec::new(), Vec::new());
        match kind {
            Kind::Beat(beat) => {
                self.peers_mut().beat(now_ms, origin, beat.version);
                if beat.is_hello {
                    self.beat(false);
                }
            }
            Kind::Change(change) => self.peers_mut().change(now_ms, origin, change, &mut events),
            Kind::RosterPart(part) => self.peers_mut().roster_part(now_ms, origin, part, &mut events),
            Kind::RosterWanted(Nothing {}) => {
                let target = To::Node(origin.clone());
                self.home.roster.parts().into_iter().for_each(|part| self.outgoing.put(&target, part));
            }
            Kind::Frame(frame) => self.frame(now_ms, origin, frame, &mut steps),
            Kind::Start(head) => {
                if let Some(group) = self.with_members(head.group) {
                    self.inbound().start(now_ms, origin, &group, head.life, head.seq, &mut steps);
                }
            }
            Kind::Heads(heads) => {
                for head in heads.heads {
                    if let Some(group) = self.with_members(head.group) {
                        self.inbound().head(now_ms, origin, &group, head.life, head.seq, &mut steps);
                    }
                }
            }
            Kind::Want(want) => {
                if let Some(group) = message::group_name(want.group.clone()) {
                    self.outbound.wanted(origin, now_ms, &want, &group);
                }
            }
            Kind::Lost(span) => {
                if let Some(group) = self.with_members(span.group.clone()) {
                    self.inbound().lost(now_ms, origin, &group, &span, &mut steps);
                }
            }
            Kind::Ask(ask) => self.ask(now_ms, origin, &ask),
            Kind::Answer(answer) => self.abroad.answered(origin, answer),
            Kind::Bye(Nothing {}) => self.peers_mut().good_bye(origin, &mut events),
            Kind::Notice(notice) => self.home.tell(|watch| watch.notice(&notice.body)),
        }
        self.peer_events(now_ms, events);
        self.steps(steps);
    }

    fn frame(&self, now_ms: u64, origin: &NodeId, frame: Frame, steps: &mut Vec<Step>) {
        let Some(group) = self.with_members(frame.group.clone()) else {
            return metrics::backplane_frame("unwanted");
        };
        metrics::backplane_frame("received");
        // A copy of its own: a body in a slow client's outbox must not hold the whole parcel.
        let frame = Frame { body: Bytes::copy_from_slice(&frame.body), ..frame };
        self.inbound().frame(now_ms, origin, &group, frame, steps);
    }

    fn ask(&self, now_ms: u64, origin: &NodeId, ask: &Ask) {
        let key = (origin.clone(), ask.id);
        let kept_ms = 2 * u64::from(SessionLimits::DEFAULT.longest_deadline_ms);
        let refusal = match self.from_abroad.arrived(&key, now_ms + kept_ms) {
            Verdict::Wait => return,
            Verdict::Repeat(item) => return self.outgoing.put(&To::Node(key.0), item),
            Verdict::Refuse => {
                let message = "too many questions of other nodes are open already";
                let error = HubError::new(Code::ResourceExhausted, reason::ASK_QUEUE_FULL, message);
                return self.outgoing.put(&To::Node(key.0), asks::answer(key.1, Err(error)));
            }
            Verdict::Serve => self.start_asking(&key, ask).err(),
        };
        if let Some(error) = refusal {
            self.asked(&key, Err(error));
        }
    }

    fn start_asking(&self, key: &AskKey, ask: &Ask) -> Result<(), HubError> {
        let contracts = self.contracts.get();
        let method =
            contracts.and_then(|known| known.ask(ask.method)).ok_or_else(|| HubError::unknown_method(ask.method))?;
        let group = message::group_name(ask.group.clone()).and_then(|group| self.local.get(&group));
        let member = message::session_id(&ask.session).and_then(|id| group?.find(id)).ok_or_else(session_gone)?;
        let (key, body) = (key.clone(), Bytes::copy_from_slice(&ask.body));
        let asking: Asking = Box::pin(async move { (key, member.ask(method, body).await) });
        self.to_ask.lock().unwrap_or_else(PoisonError::into_inner).push(asking);
        self.to_ask_wake.notify_one();
        Ok(())
    }

    fn peer_events(&self, now_ms: u64, events: Vec<PeerEvent>) {
        for event in events {
            match event {
                PeerEvent::Came(node) => tracing::info!(%node, "another node is there"),
                PeerEvent::Died(node) => {
                    tracing::warn!(%node, "another node is gone; its members leave");
                    let mut steps = Vec::new();
                    self.outbound.away(&node);
                    self.outgoing.forget(&node);
                    self.inbound().node_died(now_ms, &node, &mut steps);
                    self.abroad.node_died(&node);
                    self.steps(steps);
                    metrics::node_died();
                }
                PeerEvent::Forgotten(node) => {
                    self.outbound.forget(&node);
                    self.inbound().forget_node(&node);
                }
                PeerEvent::Joined(node, group) => self.outbound.reader_came(&group, &node),
                PeerEvent::Left(node, group) => self.outbound.reader_left(&group, &node),
                PeerEvent::Synced(node) => self.outbound.synced(&node),
                PeerEvent::Changed(group, session, is_member) => {
                    self.home.tell(|watch| watch.membership_changed(&group, session, is_member));
                }
                PeerEvent::RosterWanted(node) => {
                    self.outgoing.put(&To::Node(node), message::encode(Kind::RosterWanted(Nothing {})));
                }
            }
        }
    }

    fn steps(&self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Deliver(group, frame) => self.deliver(&group, frame),
                Step::Gap(group, from, to) => {
                    metrics::group_gap();
                    if let Some(members) = self.local.get(&group) {
                        members.tell_gap(group.as_str(), from, to);
                    }
                }
                Step::Want(node, span) => self.outgoing.put(&To::Node(node), message::encode(Kind::Want(span))),
            }
        }
    }

    fn deliver(&self, group: &GroupName, frame: Frame) {
        let Some(members) = self.local.get(group) else { return };
        if let Some(end) = frame.end {
            return members.end(&end.into());
        }
        let Some(method) = self.contracts.get().and_then(|known| known.push(frame.method)) else {
            return metrics::backplane_frame("unknown");
        };
        let push = EncodedPush::encoded(method, Key::into_push_key(frame.key), frame.body);
        match frame.part {
            None => members.deliver_to(Part::All, &push),
            Some(WirePart::Except(ids)) => members.deliver_to(Part::Except(&message::session_ids(&ids)), &push),
            Some(WirePart::Only(ids)) => members.deliver_to(Part::Only(&message::session_ids(&ids)), &push),
        }
    }

    /// The group of this name, if it has members here.
    fn with_members(&self, name: String) -> Option<GroupName> {
        message::group_name(name).filter(|group| self.local.get(group).is_some())
    }

    fn peers_mut(&self) -> RwLockWriteGuard<'_, Peers> {
        // Maps whose entries are whole; what a panic left undone the next roster mends.
        self.peers.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbound(&self) -> MutexGuard<'_, Inbound> {
        // The same.
        self.inbound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn session_gone() -> HubError {
    HubError::new(Code::Unavailable, reason::SESSION_GONE, "the session is gone")
}
