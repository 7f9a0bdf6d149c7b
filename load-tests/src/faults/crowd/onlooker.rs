//! One of a crowd: walks to and fro where it came in, and looks at what reaches it.

use std::time::Duration;

use shallot_client::WorldPush;
use shallot_client::inputs::PendingInputs;
use shallot_client::snapshots::{Applied, Snapshots};
use shallot_client::state_age::StateAge;
use shallot_client::wire::limits::FULL_THROTTLE;
use shallot_client::wire::{Input, NetId, Position, TICK_MS, Tick};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::bot::entry::Entered;

/// Client ticks from one turn to the next: two metres or so.
const TURN_TICKS: u32 = 8;

/// What it saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Snapshots that came as datagrams.
    pub(super) datagrams: u64,
    /// Snapshots that came over the link.
    pub(super) pushed: u64,
    /// Bytes of the largest.
    pub(super) largest: usize,
    /// Bytes of all.
    pub(super) bytes: u64,
    /// Age of the newest state at each of its ticks, milliseconds.
    pub(super) ages_ms: Vec<u32>,
    /// Others in view at the end.
    pub(super) in_view: usize,
    /// Where it was at the end.
    pub(super) at: Position,
    /// For so long it was there.
    pub(super) stayed: Duration,
    /// Why its channel or session did not last.
    pub(super) lost: Option<String>,
    /// Snapshots that could not be read.
    pub(super) malformed: u64,
}

/// Stays until all is over or its session ends.
pub(super) async fn look_on(mut entered: Entered, over: CancellationToken) -> Seen {
    let began = Instant::now();
    let mut seen = Seen::default();
    if let Some(mut player) = Player::of(&entered) {
        seen.lost = tokio::select! {
            lost = player.stay(&mut entered, &mut seen, began) => Some(lost),
            () = over.cancelled() => None,
        };
        (seen.in_view, seen.at) = (player.view.entities().count(), player.at);
    }
    seen.stayed = began.elapsed();
    seen
}

struct Player {
    me: NetId,
    at: Position,
    tick: Tick,
    view: Snapshots,
    inputs: PendingInputs,
    age: StateAge,
}

impl Player {
    fn of(entered: &Entered) -> Option<Self> {
        let place = &entered.place;
        let tick = Tick(place.tick);
        Some(Self {
            me: NetId::from_bits(place.entity)?,
            at: Position { x: place.x, y: place.y },
            tick,
            view: Snapshots::new(tick),
            inputs: PendingInputs::default(),
            age: StateAge::new(tick, Duration::ZERO),
        })
    }

    /// Why it could not stay.
    async fn stay(&mut self, entered: &mut Entered, seen: &mut Seen, began: Instant) -> String {
        let mut beats = interval(Duration::from_millis(TICK_MS.into()));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beats.tick() => {
                    if let Err(lost) = self.send_input(entered) {
                        return lost;
                    }
                    let age = self.age.age(began.elapsed()).as_millis();
                    seen.ages_ms.push(u32::try_from(age).unwrap_or(u32::MAX));
                }
                datagram = entered.channel.receive() => match datagram {
                    Ok(datagram) => {
                        seen.datagrams += 1;
                        self.take(&datagram, seen, began);
                    }
                    Err(lost) => return lost.to_string(),
                },
                push = entered.pushes.next() => match push {
                    Some(WorldPush::Snapshot(snapshot)) => {
                        seen.pushed += 1;
                        self.take(&snapshot.datagram, seen, began);
                    }
                    Some(_) => {}
                    None => return "the hub session is over".to_owned(),
                },
            }
        }
    }

    fn send_input(&mut self, entered: &Entered) -> Result<(), String> {
        self.tick = self.tick.plus(1);
        // Each turns in ticks of its own, as people do.
        let heading =
            if (self.tick.0.wrapping_add(self.me.index.into()) / TURN_TICKS).is_multiple_of(2) { 0 } else { 128 };
        self.inputs.push(self.tick, Input { heading, throttle: FULL_THROTTLE, facing: heading });
        match self.inputs.datagram(self.me, self.view.ack(), self.view.tick(), 0) {
            Some(datagram) => entered.channel.send(datagram).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    fn take(&mut self, datagram: &[u8], seen: &mut Seen, began: Instant) {
        seen.largest = seen.largest.max(datagram.len());
        seen.bytes += datagram.len() as u64;
        match self.view.apply(datagram) {
            Ok(Applied::Newest(report)) => {
                report.last_input.map(|applied| self.inputs.acknowledge(applied));
                self.age.arrived(report.tick, began.elapsed());
                self.at = report.own.map_or(self.at, |own| own.position);
            }
            Ok(Applied::Ignored | Applied::NoBaseline) => {}
            Err(_) => seen.malformed += 1,
        }
    }
}
