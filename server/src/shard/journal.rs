//! The journal of a shard: what its world takes in, tick by tick, on its way to files. The tick never waits for the disk: it fills a
//! buffer and hands it to a thread of the journal's own, which gives it back empty. When all buffers are on their way, the journal
//! ends with a gap, and a new one begins from a fresh checkpoint once the thread has caught up.

mod folder;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use shallot_world::World;
use shallot_world::journal::{self, End};

pub(crate) use folder::JournalFolder;
use writer::{Work, Writer};

use crate::{limits, telemetry};

/// A shard's end of its journal.
pub(crate) struct Recorder {
    region: String,
    /// Bytes of ticks in one file.
    max_bytes: u64,
    work: Sender<Work>,
    returned: Receiver<Vec<u8>>,
    /// Empty buffers, last in, first out: those in use stay few and warm.
    spare: Vec<Vec<u8>>,
    /// Buffers on their way to the disk.
    in_flight: usize,
    /// Bytes of ticks in the file that is being written.
    bytes: u64,
    state: State,
    /// Set by the writer when the disk did not take the file.
    has_failed: Arc<AtomicBool>,
    was_behind: metrics::Counter,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Each tick goes into the file.
    Recording,
    /// Ticks are missing. A new file begins after so many more, if the writer has caught up by then.
    Interrupted { retry_in: u32 },
}

/// A journal that was ended and may not be written yet.
#[must_use = "the process must not end before it is written"]
pub(crate) struct Farewell {
    region: String,
    /// Closed by the writer's end.
    returned: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

impl Farewell {
    /// Waits until it is written. A disk that hangs is not waited for longer than [`limits::JOURNAL_FAREWELL`] at each step: a journal
    /// holds up no stop.
    pub(crate) fn wait(self) {
        let Self { region, returned, thread } = self;
        loop {
            match returned.recv_timeout(limits::JOURNAL_FAREWELL) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    return tracing::warn!(region, "the disk takes nothing; the journal is cut off");
                }
            }
        }
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(region, "the journal's writer panicked");
        }
    }
}

impl Recorder {
    /// Begins the journal of a world, and the thread that writes it.
    ///
    /// # Errors
    /// The first file cannot be written, or the thread not be started.
    pub(crate) fn start(folder: JournalFolder, max_bytes: u64, world: &mut World) -> std::io::Result<Self> {
        let region = folder.region().to_owned();
        let interrupted = |reason: &'static str| {
            let counter =
                metrics::counter!(telemetry::JOURNAL_INTERRUPTED, "region" => region.clone(), "reason" => reason);
            counter.increment(0);
            counter
        };
        let (work, queue) = crossbeam_channel::bounded(limits::JOURNAL_BUFFERS);
        let (give_back, returned) = crossbeam_channel::bounded(limits::JOURNAL_BUFFERS);
        let mut recorder = Self::new(&region, max_bytes, work, returned);
        recorder.was_behind = interrupted("behind");
        let has_failed = Arc::clone(&recorder.has_failed);
        let mut writer = Writer::new(folder, queue, give_back, has_failed, interrupted("failed"));
        let (mut first, opening) = (Vec::new(), world.opening());
        journal::begin(&mut first, world).map_err(std::io::Error::other)?;
        writer.open(opening.region_epoch, opening.tick, &first)?;
        let thread = std::thread::Builder::new().name(format!("journal {region}"));
        recorder.thread = Some(thread.spawn(move || writer.run())?);
        Ok(recorder)
    }

    /// One whose journal was begun already, by whoever does the work.
    fn new(region: &str, max_bytes: u64, work: Sender<Work>, returned: Receiver<Vec<u8>>) -> Self {
        Self {
            region: region.to_owned(),
            max_bytes,
            work,
            returned,
            spare: vec![Vec::new(); limits::JOURNAL_BUFFERS],
            in_flight: 0,
            bytes: 0,
            state: State::Recording,
            has_failed: Arc::default(),
            was_behind: metrics::Counter::noop(),
            thread: None,
        }
    }

    /// Takes down what the world has taken for its next step. Where a file begins, the world goes on as its checkpoint.
    pub(crate) fn tick(&mut self, world: &mut World) {
        self.collect();
        if self.has_failed.load(Ordering::Relaxed) {
            self.has_failed.store(false, Ordering::Relaxed);
            self.state = State::Interrupted { retry_in: limits::JOURNAL_RETRY_TICKS };
        }
        if let State::Interrupted { retry_in } = &mut self.state {
            *retry_in = retry_in.saturating_sub(1);
            if *retry_in > 0 || self.in_flight > 0 || !self.open(world, End::Interrupted) {
                return;
            }
        }
        let Some(mut buffer) = self.spare.pop() else { return self.interrupt(false) };
        journal::tick(&mut buffer, world);
        let length = buffer.len() as u64;
        if self.bytes > 0 && self.bytes + length > self.max_bytes && !self.open(world, End::Full) {
            return self.keep(buffer);
        }
        self.bytes += length;
        self.append(buffer);
    }

    /// Takes down the digest of the state that a checkpoint was just made of.
    pub(crate) fn mark(&mut self, world: &World, checkpoint: &[u8]) {
        if self.state != State::Recording {
            return;
        }
        let Some(mut buffer) = self.spare.pop() else { return self.interrupt(false) };
        journal::mark(&mut buffer, world.tick(), World::digest_of(checkpoint));
        self.append(buffer);
    }

    /// Begins anew with a world that came back from its checkpoint.
    pub(crate) fn begin_anew(&mut self, world: &mut World) {
        self.collect();
        self.open(world, End::Panicked);
    }

    /// Ends the journal. It is written when what this gives back says so.
    pub(crate) fn finish(self, world: &World, end: End) -> Farewell {
        let Self { region, work, state, thread, returned, .. } = self;
        let mut last = Vec::new();
        match state {
            State::Recording if end == End::Stopped => {
                journal::mark(&mut last, world.tick(), world.digest());
                journal::end(&mut last, end);
            }
            State::Recording => journal::end(&mut last, end),
            State::Interrupted { .. } => journal::end(&mut last, End::Interrupted),
        }
        if work.send_timeout(Work::Close(last), limits::JOURNAL_FAREWELL).is_err() {
            tracing::warn!(region, "the journal's writer takes nothing; its end is missing");
        }
        Farewell { region, returned, thread }
    }

    /// Takes buffers back.
    fn collect(&mut self) {
        while let Ok(buffer) = self.returned.try_recv() {
            self.in_flight -= 1;
            self.spare.push(buffer);
        }
    }

    /// Ends the file that is being written and begins the next one. Whether the writer took it.
    fn open(&mut self, world: &mut World, end: End) -> bool {
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let digest = match journal::begin(&mut first, world) {
            Ok(digest) => digest,
            Err(error) => {
                tracing::error!(%error, region = self.region, "no journal can begin here");
                self.state = State::Interrupted { retry_in: limits::JOURNAL_RETRY_TICKS };
                return false;
            }
        };
        let opening = world.opening();
        match self.state {
            State::Recording if end == End::Full => {
                journal::mark(&mut last, opening.tick, digest);
                journal::end(&mut last, end);
            }
            State::Recording => journal::end(&mut last, end),
            State::Interrupted { .. } => journal::end(&mut last, End::Interrupted),
        }
        let work = Work::Open { last, epoch: opening.region_epoch, tick: opening.tick, first };
        if let Err(error) = self.work.try_send(work) {
            self.interrupt(error.is_disconnected());
            return false;
        }
        (self.bytes, self.state) = (0, State::Recording);
        true
    }

    fn append(&mut self, buffer: Vec<u8>) {
        match self.work.try_send(Work::Append(buffer)) {
            Ok(()) => self.in_flight += 1,
            Err(error) => {
                let is_gone = error.is_disconnected();
                if let Work::Append(buffer) = error.into_inner() {
                    self.keep(buffer);
                }
                self.interrupt(is_gone);
            }
        }
    }

    fn keep(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.spare.push(buffer);
    }

    /// What comes next has no room, or nobody to write it: ticks are missing from here on.
    fn interrupt(&mut self, is_writer_gone: bool) {
        if self.state == State::Recording {
            let why = if is_writer_gone { "its writer panicked" } else { "the disk is too slow for it" };
            tracing::warn!(
                region = self.region,
                why,
                "the journal has a gap: ticks are missing until a new one begins"
            );
            self.was_behind.increment(1);
        }
        self.state = State::Interrupted { retry_in: limits::CHECKPOINT_TICKS };
    }
}

#[cfg(test)]
mod tests;
