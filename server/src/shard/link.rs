//! PORT: the way to a shard. Nothing above it knows whether the shard lives in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use shallot_masterdata::RegionIndex;
use shallot_proto::wire::RegionEpoch;
use shallot_world::Command;

use crate::clock::SystemClock;
use crate::limits;
use crate::telemetry;

/// The way to a region's shard.
pub(crate) trait ShardLink: Send + Sync {
    /// Puts a command into the shard's mailbox; a full mailbox gives it back.
    fn try_send(&self, command: Command) -> Result<(), Box<Command>>;

    /// Row of the region.
    fn region(&self) -> RegionIndex;

    /// Which start of the shard this is.
    fn region_epoch(&self) -> RegionEpoch;
}

/// A command in a mailbox, and when it came there (time since the process started).
pub(crate) struct Mail {
    pub(crate) arrived: Duration,
    pub(crate) command: Command,
}

/// A shard in this process.
pub(crate) struct LocalLink {
    region: RegionIndex,
    mailbox: Sender<Mail>,
    clock: SystemClock,
    epoch: AtomicU64,
    refused: metrics::Counter,
}

impl LocalLink {
    /// A link and the other end of its mailbox.
    pub(crate) fn new(
        region: RegionIndex,
        key: &str,
        epoch: RegionEpoch,
        clock: SystemClock,
    ) -> (Arc<Self>, Receiver<Mail>) {
        let (mailbox, inbox) = crossbeam_channel::bounded(limits::SHARD_MAILBOX);
        let refused = metrics::counter!(telemetry::MAILBOX_FULL, "region" => key.to_owned());
        (Arc::new(Self { region, mailbox, clock, epoch: AtomicU64::new(epoch.0), refused }), inbox)
    }

    /// The shard was started anew.
    pub(crate) fn set_region_epoch(&self, epoch: RegionEpoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }
}

impl ShardLink for LocalLink {
    fn try_send(&self, command: Command) -> Result<(), Box<Command>> {
        let mail = Mail { arrived: self.clock.since_start(), command };
        self.mailbox.try_send(mail).map_err(|error| {
            self.refused.increment(1);
            let (TrySendError::Full(mail) | TrySendError::Disconnected(mail)) = error;
            Box::new(mail.command)
        })
    }

    fn region(&self) -> RegionIndex {
        self.region
    }

    fn region_epoch(&self) -> RegionEpoch {
        RegionEpoch(self.epoch.load(Ordering::Acquire))
    }
}
