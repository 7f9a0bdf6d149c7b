//! One player of the benchmark: walks, fights, takes snapshots in, and notes what came of it while it is measured.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand_pcg::Pcg64;
use shallot_client::inputs::PendingInputs;
use shallot_client::pace::Pace;
use shallot_client::proto::world::v1::AttackRequest;
use shallot_client::snapshots::{Applied, Report, Snapshots};
use shallot_client::state_age::StateAge;
use shallot_client::wire::{EntityKind, NetId, Position, Tick};
use shallot_client::{DatagramChannel, WorldPush};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::ages::Ages;
use super::part::{Parts, Turn};
use super::scenes::Homes;
use super::truth::Truth;
use super::walk::Walk;
use super::watch::{Sights, Watch};
use crate::bot::entry::Standing;
use crate::game::Game;

/// One in so many players fights.
pub(super) const FIGHTERS: u32 = 5;
/// A fighter looks for a foe so often, client ticks.
const LOOK_FOR_FOES: u32 = 40;
/// From one moment that is drawn to the next.
const FRAME: Duration = Duration::from_millis(25);
/// Units in a metre.
const METRE: i32 = 4_096;

/// What a player noted, while it was measured.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of the newest state.
    pub(super) ages: Ages,
    /// UDP payload of its channel with QUIC's own share, down and up, and the seconds in which it went.
    pub(super) traffic: (u64, u64),
    pub(super) seconds: f64,
    /// Bytes of its datagrams to the server, and how many there were.
    pub(super) inputs: (u64, u64),
    /// Bytes of its largest snapshot, of the whole stay.
    pub(super) largest: usize,
    /// What its eyes saw.
    pub(super) sights: Option<Sights>,
    /// Why it could not stay.
    pub(super) lost: Option<String>,
    /// Snapshots that could not be read.
    pub(super) malformed: u64,
}

/// What all players of a run share.
pub(super) struct Shared {
    /// Where the server is.
    pub(super) game: Arc<Game>,
    /// Where all were.
    pub(super) truth: Truth,
    /// Where the run stands.
    pub(super) parts: Parts,
    /// Where players belong, and how far they stray, metres.
    pub(super) homes: Homes,
    pub(super) stray_m: i32,
    /// The middle of the land.
    pub(super) middle: Position,
}

/// A player in its region.
pub(super) struct Player {
    shared: Arc<Shared>,
    standing: Standing,
    channel: Option<DatagramChannel>,
    number: usize,
    me: NetId,
    at: Position,
    view: Snapshots,
    pace: Pace,
    inputs: PendingInputs,
    age: Option<StateAge>,
    /// Age of the newest state when it came.
    age_then_ms: f64,
    walk: Walk,
    foe: Option<NetId>,
    is_fighter: bool,
    ticks: u32,
    attacks: JoinSet<()>,
    watch: Option<Watch>,
    /// When it began to be measured, and what had gone before.
    began: Option<(Duration, (u64, u64))>,
    seen: Seen,
}

impl Player {
    /// Begins; it watches when that is asked for. `None`: the server gave it an entity that is none.
    #[must_use]
    pub(super) fn new(
        shared: &Arc<Shared>,
        standing: Standing,
        channel: Option<DatagramChannel>,
        watches: bool,
    ) -> Option<Self> {
        let (place, plan) = (&standing.place, &standing.plan);
        let (me, tick) = (NetId::from_bits(place.entity)?, Tick(place.tick));
        let at = Position { x: place.x, y: place.y };
        let number = plan.number as usize;
        shared.truth.came_in(number, me);
        let home = match shared.homes {
            Homes::Entry => at,
            Homes::Middle => shared.middle,
            Homes::TwoSides(away) => {
                let side = if plan.number.is_multiple_of(2) { -away } else { away };
                Position { x: shared.middle.x + side * METRE, ..shared.middle }
            }
        };
        let rng: Pcg64 = plan.rng.clone();
        Some(Self {
            number,
            me,
            at,
            view: Snapshots::new(tick),
            pace: Pace::new(tick, shared.game.now()),
            inputs: PendingInputs::default(),
            age: None,
            age_then_ms: 0.0,
            walk: Walk::new(rng, home, shared.stray_m),
            foe: None,
            // Not by the remainder that decides its side or its way of hearing.
            is_fighter: (plan.number / 2).is_multiple_of(FIGHTERS),
            ticks: 0,
            attacks: JoinSet::new(),
            watch: watches.then(|| Watch::new(number)),
            began: None,
            seen: Seen::default(),
            shared: Arc::clone(shared),
            standing,
            channel,
        })
    }

    /// Plays until the run is over or it cannot go on; what it saw. `is_in` is told of its first state.
    pub(super) async fn play(mut self, is_in: impl FnOnce()) -> Seen {
        let mut parts = self.shared.parts.clone();
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_in = Some(is_in);
        loop {
            match parts.turn() {
                Turn::Leave => break,
                Turn::Begin => self.begin_measuring(),
                Turn::Play => {}
            }
            if let Err(lost) = self.event(&mut parts, &mut frames).await {
                self.seen.lost = Some(lost);
                break;
            }
            if self.view.has_state()
                && let Some(is_in) = is_in.take()
            {
                is_in();
            }
        }
        self.end_measuring();
        self.seen
    }

    /// Whatever comes next.
    async fn event(&mut self, parts: &mut Parts, frames: &mut Interval) -> Result<(), String> {
        let wait = self.pace.due_at().saturating_sub(self.shared.game.now());
        tokio::select! {
            () = sleep(wait) => self.tick(),
            datagram = receive(self.channel.as_ref()) => {
                let datagram = datagram?;
                self.take(&datagram);
                Ok(())
            }
            push = self.standing.pushes.next() => match push {
                Some(WorldPush::Snapshot(snapshot)) => {
                    self.take(&snapshot.datagram);
                    Ok(())
                }
                Some(_) => Ok(()),
                None => Err("the hub session is over".to_owned()),
            },
            _ = frames.tick(), if self.watch.is_some() => {
                let now = self.shared.game.now();
                if let Some(watch) = &mut self.watch {
                    watch.frame(now, &self.view, &self.shared.truth);
                }
                Ok(())
            }
            Some(_) = self.attacks.join_next() => Ok(()),
            changed = parts.changed() => changed,
        }
    }

    fn begin_measuring(&mut self) {
        self.seen.ages = Ages::default();
        // By the ticks from here on: what the server's rhythm lost before, as many came in at once, is no age of these.
        self.age = None;
        self.age_then_ms = 0.0;
        self.began = Some((self.shared.game.now(), self.traffic()));
        if let Some(watch) = &mut self.watch {
            watch.is_counting = true;
        }
        if let Homes::TwoSides(_) = self.shared.homes {
            self.walk.move_home(self.shared.middle);
        }
    }

    fn end_measuring(&mut self) {
        let Some((began, before)) = self.began else {
            self.seen.ages = Ages::default();
            return;
        };
        let (down, up) = self.traffic();
        self.seen.traffic = (down - before.0, up - before.1);
        self.seen.seconds = self.shared.game.now().saturating_sub(began).as_secs_f64();
        let age_ms = self.age_ms();
        self.seen.ages.rose(self.age_then_ms, age_ms);
        self.seen.sights = self.watch.take().map(|watch| watch.sights);
    }

    fn traffic(&self) -> (u64, u64) {
        self.channel
            .as_ref()
            .map(DatagramChannel::traffic)
            .map_or((0, 0), |traffic| (traffic.bytes_down, traffic.bytes_up))
    }

    fn age_ms(&self) -> f64 {
        let now = self.shared.game.now();
        // Before the first snapshot that counts it is as old as the measurement.
        let since_began = || self.began.map_or(Duration::ZERO, |(began, _)| now.saturating_sub(began));
        self.age.as_ref().map_or_else(since_began, |age| age.age(now)).as_secs_f64() * 1e3
    }

    fn take(&mut self, datagram: &[u8]) {
        self.seen.largest = self.seen.largest.max(datagram.len());
        match self.view.apply(datagram) {
            Ok(Applied::Newest(report)) => self.newest(&report, datagram),
            Ok(Applied::Ignored | Applied::NoBaseline) => {}
            Err(_) => self.seen.malformed += 1,
        }
    }

    fn newest(&mut self, report: &Report, datagram: &[u8]) {
        let now = self.shared.game.now();
        let before_ms = self.age_ms();
        self.seen.ages.rose(self.age_then_ms, before_ms);
        self.age.get_or_insert_with(|| StateAge::new(report.tick, now)).arrived(report.tick, now);
        self.age_then_ms = self.age_ms();
        self.pace.on_report(report.tick, report.buffer_depth);
        report.last_input.map(|tick| self.inputs.acknowledge(tick));
        if let Some(own) = report.own {
            self.at = own.position;
            self.shared.truth.tell(self.number, report.tick, &own);
        }
        if let Some(watch) = &mut self.watch {
            watch.observe(now, &self.view, datagram);
        }
    }

    /// All client ticks that are due, and one datagram for them.
    fn tick(&mut self) -> Result<(), String> {
        let now = self.shared.game.now();
        while let Some(tick) = self.pace.poll(now) {
            self.ticks += 1;
            if self.is_fighter && self.ticks.is_multiple_of(LOOK_FOR_FOES) {
                self.look_for_a_foe();
            }
            let foe = self.foe.and_then(|foe| self.view.entity(foe)).map(|foe| foe.position_at(self.view.tick()));
            let input = self.walk.next(self.at, foe);
            self.inputs.push(tick, input);
        }
        let looks_at = self.watch.as_ref().and_then(|watch| watch.others().moment(now));
        let looks_at = looks_at.map_or(self.view.tick(), |moment| moment.tick);
        let stamp_ms = (now.as_millis() & 0xFFFF) as u16;
        let Some(datagram) = self.inputs.datagram(self.me, self.view.ack(), looks_at, stamp_ms) else { return Ok(()) };
        if self.began.is_some() {
            self.seen.inputs.0 += datagram.len() as u64;
            self.seen.inputs.1 += 1;
        }
        match &self.channel {
            Some(channel) => channel.send(datagram).map_err(|error| error.to_string()),
            None => self.standing.link.send_input(datagram).map_err(|error| error.to_string()),
        }
    }

    /// The nearest monster, and the word to strike at it; one word at a time is under way.
    fn look_for_a_foe(&mut self) {
        let monsters = self.view.entities().filter(|entity| entity.kind == EntityKind::Monster && !entity.is_dead);
        self.foe = monsters.min_by_key(|monster| monster.position.distance_squared(self.at)).map(|monster| monster.id);
        if let Some(target) = self.foe.filter(|_| self.attacks.is_empty()) {
            let world = self.standing.link.world().clone();
            // That it is gone meanwhile, or out of reach, belongs to play.
            self.attacks.spawn(async move { drop(world.attack(&AttackRequest { target: target.to_bits() }).await) });
        }
    }
}

async fn receive(channel: Option<&DatagramChannel>) -> Result<Bytes, String> {
    match channel {
        Some(channel) => channel.receive().await.map_err(|lost| lost.to_string()),
        None => std::future::pending().await,
    }
}
