//! One tick of a shard: drain the mailbox, note it in the journal, step, hand the outputs on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use shallot_masterdata::MasterData;
use shallot_proto::wire::{CharacterId, NetId, RegionEpoch};
use shallot_world::journal::End;
use shallot_world::{Command, Outputs, Reply, RestoreError, World};
use tokio::sync::mpsc;

use super::desk::DeskItem;
use super::fan_out::FanOut;
use super::journal::{Farewell, Recorder};
use super::link::Mail;
use super::pulse::Pulse;
use super::tick_times::{Part, Stopwatch, TickTimes};
use crate::clock::SystemClock;
use crate::limits;
use crate::telemetry;

/// A shard's simulation with its ways in and out. When a tick is due is up to whoever calls [`Driver::tick`].
pub(crate) struct Driver {
    world: World,
    data: Arc<MasterData>,
    mailbox: Receiver<Mail>,
    outputs: Outputs,
    fan_out: FanOut,
    desk: mpsc::Sender<DeskItem>,
    /// What the desk had no room for, oldest first.
    backlog: VecDeque<DeskItem>,
    pulse: Arc<Pulse>,
    journal: Option<Recorder>,
    times: Arc<TickTimes>,
    meters: Meters,
    checkpoint: Vec<u8>,
    since_checkpoint: u32,
    panic_in: Option<u32>,
}

struct Meters {
    players: metrics::Gauge,
    monsters: metrics::Gauge,
    drops: metrics::Gauge,
}

/// What a driver is made of.
pub(crate) struct DriverParts {
    pub(crate) world: World,
    pub(crate) data: Arc<MasterData>,
    pub(crate) mailbox: Receiver<Mail>,
    pub(crate) fan_out: FanOut,
    pub(crate) desk: mpsc::Sender<DeskItem>,
    pub(crate) pulse: Arc<Pulse>,
    /// Already begun with `world`; `None`: none is kept.
    pub(crate) journal: Option<Recorder>,
    /// Panics after so many ticks, once: a fault made on purpose.
    pub(crate) panic_in: Option<u32>,
}

impl Driver {
    pub(crate) fn new(parts: DriverParts) -> Self {
        let region = parts.pulse.region().to_owned();
        let times = Arc::new(TickTimes::new(&region));
        let meters = Meters {
            players: metrics::gauge!(telemetry::PLAYERS, "region" => region.clone()),
            monsters: metrics::gauge!(telemetry::MONSTERS, "region" => region.clone()),
            drops: metrics::gauge!(telemetry::DROPS, "region" => region),
        };
        let checkpoint = parts.world.checkpoint();
        Self {
            world: parts.world,
            data: parts.data,
            mailbox: parts.mailbox,
            outputs: Outputs::default(),
            fan_out: parts.fan_out,
            desk: parts.desk,
            backlog: VecDeque::new(),
            pulse: parts.pulse,
            journal: parts.journal,
            times,
            meters,
            checkpoint,
            since_checkpoint: 0,
            panic_in: parts.panic_in,
        }
    }

    /// One tick. A shard whose store cannot keep up waits for it instead, since what it grants must not be lost.
    pub(crate) fn tick(&mut self, clock: SystemClock) {
        self.feed_desk();
        if self.backlog.len() >= limits::DESK_BACKLOG {
            return;
        }
        let times = Arc::clone(&self.times);
        let mut stopwatch = times.begin(clock);
        self.drain_mailbox(clock.since_start());
        // Before the step, so that a journal has the commands of a step that panics.
        if let Some(journal) = &mut self.journal {
            journal.tick(&mut self.world);
        }
        stopwatch.ended(Part::Mailbox);
        self.step(&mut stopwatch);
        self.hand_on();
        self.pulse.beat();
        self.since_checkpoint += 1;
        if self.since_checkpoint >= limits::CHECKPOINT_TICKS {
            self.take_checkpoint();
        }
        stopwatch.ended(Part::HandOn);
        stopwatch.stop();
    }

    fn step(&mut self, stopwatch: &mut Stopwatch<'_>) {
        self.plant_panic();
        self.outputs.clear();
        self.world.step_timed(&mut self.outputs, |phase| stopwatch.ended(Part::World(phase)));
    }

    /// Goes on from the newest checkpoint under a new epoch, after a panic.
    pub(crate) fn restore(&mut self, epoch: RegionEpoch) -> Result<(), RestoreError> {
        self.world = World::restore(&self.checkpoint, Arc::clone(&self.data), epoch)?;
        self.outputs.clear();
        self.since_checkpoint = 0;
        if let Some(journal) = &mut self.journal {
            journal.begin_anew(&mut self.world);
        }
        Ok(())
    }

    /// After the last tick: ends the journal.
    pub(crate) fn end_journal(&mut self, end: End) -> Option<Farewell> {
        self.journal.take().map(|journal| journal.finish(&self.world, end))
    }

    /// Who is in the world.
    pub(crate) fn characters(&self) -> Vec<(CharacterId, NetId)> {
        self.world.characters().collect()
    }

    fn drain_mailbox(&mut self, now: Duration) {
        for _ in 0..limits::SHARD_MAILBOX {
            let Ok(Mail { arrived, mut command }) = self.mailbox.try_recv() else { break };
            if let Command::Input { held_ms, .. } = &mut command {
                *held_ms = u16::try_from(now.saturating_sub(arrived).as_millis()).unwrap_or(u16::MAX);
            }
            if self.world.push(command).is_err() {
                tracing::warn!(region = self.pulse.region(), "more commands than a tick takes; one was dropped");
                break;
            }
        }
    }

    fn hand_on(&mut self) {
        for grant in self.outputs.grants.drain(..) {
            self.backlog.push_back(DeskItem::Grant(grant));
        }
        self.hand_on_saves();
        self.feed_desk();
        self.fan_out.send(self.world.tick(), &self.data, &mut self.outputs);
    }

    /// A character that has left is told so by the desk, once its last save is stored; the others' saves go as one.
    fn hand_on_saves(&mut self) {
        let left = |reply: &shallot_world::Answer| matches!(reply.result, Ok(Reply::Left));
        let saves = &self.outputs.saves;
        let regular = saves.iter().filter(|save| !save.final_).count();
        if regular > 0 {
            let mut kept = Vec::with_capacity(regular);
            kept.extend(saves.iter().filter(|save| !save.final_));
            self.backlog.push_back(DeskItem::Saves(kept));
        }
        for save in self.outputs.saves.drain(..).filter(|save| save.final_) {
            let of_it = |reply: &&shallot_world::Answer| left(reply) && reply.character == save.character;
            let correlation = self.outputs.replies.iter().find(of_it).map(|reply| reply.correlation);
            self.backlog.push_back(DeskItem::Leave { save, correlation });
        }
        self.outputs.replies.retain(|reply| !left(reply));
    }

    fn feed_desk(&mut self) {
        while let Some(item) = self.backlog.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(item)) = self.desk.try_send(item) {
                self.backlog.push_front(item);
                break;
            }
        }
    }

    fn take_checkpoint(&mut self) {
        self.since_checkpoint = 0;
        self.checkpoint = self.world.checkpoint();
        if let Some(journal) = &mut self.journal {
            journal.mark(&self.world, &self.checkpoint);
        }
        let counts = self.world.counts();
        self.meters.players.set(counts.players as f64);
        self.meters.monsters.set(counts.monsters as f64);
        self.meters.drops.set(counts.drops as f64);
    }

    #[expect(clippy::panic, reason = "a fault made on purpose, to see the shard come back")]
    fn plant_panic(&mut self) {
        match &mut self.panic_in {
            Some(0) => {
                self.panic_in = None;
                metrics::counter!(telemetry::FAULTS_FIRED, "point" => "shard_panic").increment(1);
                panic!("a fault made on purpose");
            }
            Some(ticks) => *ticks -= 1,
            None => {}
        }
    }
}
