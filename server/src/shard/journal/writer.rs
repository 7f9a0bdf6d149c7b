//! The thread that writes a shard's journal.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender};
use shallot_proto::wire::{RegionEpoch, Tick};

use super::folder::JournalFolder;
use crate::{limits, telemetry};

/// What is to be done, in order.
pub(super) enum Work {
    /// Ends the file that is open, if one is, with `last`; begins the next one, which begins after `tick`, with `first`.
    Open { last: Vec<u8>, epoch: RegionEpoch, tick: Tick, first: Vec<u8> },
    /// Goes on with the file that is open. The buffer is given back.
    Append(Vec<u8>),
    /// Ends the file that is open, if one is.
    Close(Vec<u8>),
}

/// Writes one file after the other. What the disk does not take ends the file; until the next one begins, all is passed over.
pub(super) struct Writer {
    folder: JournalFolder,
    queue: Receiver<Work>,
    give_back: Sender<Vec<u8>>,
    file: Option<(File, PathBuf)>,
    has_failed: Arc<AtomicBool>,
    failed: metrics::Counter,
    written: metrics::Counter,
}

impl Writer {
    pub(super) fn new(
        folder: JournalFolder,
        queue: Receiver<Work>,
        give_back: Sender<Vec<u8>>,
        has_failed: Arc<AtomicBool>,
        failed: metrics::Counter,
    ) -> Self {
        let written = metrics::counter!(telemetry::JOURNAL_BYTES, "region" => folder.region().to_owned());
        Self { folder, queue, give_back, file: None, has_failed, failed, written }
    }

    /// Works until the recorder is gone.
    pub(super) fn run(mut self) {
        while let Ok(work) = self.queue.recv() {
            if let Err(error) = self.take(work) {
                let path = self.file.take().map(|(_, path)| path);
                tracing::error!(%error, ?path, region = self.folder.region(), "the journal cannot be written");
                self.failed.increment(1);
                self.has_failed.store(true, Ordering::Relaxed);
            }
        }
    }

    fn take(&mut self, work: Work) -> std::io::Result<()> {
        match work {
            Work::Open { last, epoch, tick, first } => {
                self.close(&last)?;
                self.open(epoch, tick, &first)
            }
            Work::Append(mut buffer) => {
                let outcome = self.append(&buffer);
                buffer.clear();
                buffer.shrink_to(limits::JOURNAL_BUFFER_BYTES);
                // There is room for all there are, unless the recorder is gone.
                drop(self.give_back.try_send(buffer));
                outcome
            }
            Work::Close(last) => self.close(&last),
        }
    }

    /// Begins a file.
    pub(super) fn open(&mut self, epoch: RegionEpoch, tick: Tick, first: &[u8]) -> std::io::Result<()> {
        let (file, path) = self.folder.create(epoch, tick)?;
        tracing::info!(path = %path.display(), "a journal begins");
        self.file = Some((file, path));
        self.append(first)
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let Some((file, _)) = &mut self.file else { return Ok(()) };
        file.write_all(bytes)?;
        self.written.increment(bytes.len() as u64);
        Ok(())
    }

    fn close(&mut self, last: &[u8]) -> std::io::Result<()> {
        self.append(last)?;
        match self.file.take() {
            Some((file, _)) => file.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_does_not_take_ends_the_file_until_the_next_one() {
        let root = tempfile::tempdir().unwrap();
        let folder = JournalFolder::new(root.path(), "field", 4).unwrap();
        let (work, queue) = crossbeam_channel::bounded(8);
        let (give_back, returned) = crossbeam_channel::bounded(8);
        let has_failed = Arc::new(AtomicBool::new(false));
        let mut writer = Writer::new(folder, queue, give_back, Arc::clone(&has_failed), metrics::Counter::noop());
        let path = root.path().join("read-only");
        std::fs::write(&path, b"").unwrap();
        writer.file = Some((File::open(&path).unwrap(), path.clone()));
        let open = |tick| Work::Open {
            last: b"end".to_vec(),
            epoch: RegionEpoch(1),
            tick: Tick(tick),
            first: b"first".to_vec(),
        };
        for item in
            [Work::Append(b"lost".to_vec()), Work::Append(b"lost".to_vec()), open(9), Work::Append(b"kept".to_vec())]
        {
            work.send(item).unwrap();
        }
        drop(work);
        writer.run();
        assert!(has_failed.load(Ordering::Relaxed));
        assert_eq!(returned.try_iter().count(), 3, "buffers come back from a broken disk too");
        assert_eq!(std::fs::read(path).unwrap(), b"");
        assert_eq!(std::fs::read(root.path().join("field-0000000001-0000000009.journal")).unwrap(), b"firstkept");
    }
}
