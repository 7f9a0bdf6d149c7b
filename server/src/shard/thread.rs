//! A shard's thread: its rhythm, and its return after a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shallot_proto::wire::TICK_MS;
use shallot_services::ports::RegionStore;
use shallot_world::journal::End;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::comeback::Comeback;
use super::driver::Driver;
use super::journal::Farewell;
use super::link::{LocalLink, ShardLink};
use super::pacer::Pacer;
use super::precedence;
use crate::clock::SystemClock;
use crate::lifecycle::Lifecycle;
use crate::telemetry;

/// What a shard's thread needs beside its driver.
pub(crate) struct ShardThread {
    /// Key of the region.
    pub(crate) region: String,
    pub(crate) driver: Driver,
    pub(crate) link: Arc<LocalLink>,
    pub(crate) clock: SystemClock,
    /// Where the next region epoch comes from after a panic.
    pub(crate) regions: Arc<dyn RegionStore>,
    pub(crate) store_runtime: Handle,
    pub(crate) comeback: Comeback,
    /// Ends the thread between two ticks: shards stop after their players have left.
    pub(crate) stop: CancellationToken,
    pub(crate) lifecycle: Lifecycle,
}

/// Panics in a row, without a whole second of ticks between them, after which the shard is given up and the process stops.
const PANICS_IN_A_ROW: u32 = 5;

impl ShardThread {
    /// Starts the thread.
    pub(crate) fn start(self) -> std::io::Result<std::thread::JoinHandle<()>> {
        std::thread::Builder::new().name(format!("shard {}", self.region)).spawn(move || self.run())
    }

    fn run(mut self) {
        precedence::go_first(&self.region);
        let end = self.run_and_come_back();
        let journal = self.driver.end_journal(end);
        // The desk has all there is only when the driver is gone; a journal must not hold that up.
        drop(self);
        journal.into_iter().for_each(Farewell::wait);
    }

    /// Runs until the stop, over panics; how its journal ends.
    fn run_and_come_back(&mut self) -> End {
        let mut panics = 0;
        while !self.stop.is_cancelled() {
            let began = self.clock.since_start();
            if catch_unwind(AssertUnwindSafe(|| self.run_ticks())).is_ok() {
                break;
            }
            let lived = self.clock.since_start().saturating_sub(began);
            panics = if lived.as_secs() >= 1 { 1 } else { panics + 1 };
            if panics >= PANICS_IN_A_ROW || !self.come_back() {
                tracing::error!(region = self.region, "the shard does not come back");
                self.lifecycle.crash("shard");
                return End::Panicked;
            }
        }
        End::Stopped
    }

    fn run_ticks(&mut self) {
        let overruns = metrics::counter!(telemetry::TICK_OVERRUNS, "region" => self.region.clone());
        // Register it at zero, so that a scrape shows that none happened.
        overruns.increment(0);
        let period = std::time::Duration::from_millis(u64::from(TICK_MS));
        let mut pacer = Pacer::new(period, self.clock.since_start());
        while !self.stop.is_cancelled() {
            let now = self.clock.since_start();
            if let Some(wait) = pacer.deadline().checked_sub(now).filter(|wait| !wait.is_zero()) {
                std::thread::sleep(wait);
            }
            let began = self.clock.since_start();
            if pacer.begin(began) {
                overruns.increment(1);
            }
            self.driver.tick(self.clock);
        }
    }

    /// Takes up the newest checkpoint under the next region epoch.
    fn come_back(&mut self) -> bool {
        metrics::counter!(telemetry::SHARD_RESTARTS, "region" => self.region.clone()).increment(1);
        let epoch = match self.store_runtime.block_on(self.regions.start_region(&self.region)) {
            Ok(epoch) => epoch,
            Err(error) => {
                tracing::error!(region = self.region, %error, "no new region epoch");
                return false;
            }
        };
        if let Err(error) = self.driver.restore(epoch) {
            tracing::error!(region = self.region, %error, "the checkpoint does not serve");
            return false;
        }
        self.link.set_region_epoch(epoch);
        let back = self.comeback.clone().run(Arc::clone(&self.link) as Arc<dyn ShardLink>, self.driver.characters());
        self.lifecycle.spawn_on(&self.store_runtime, "comeback", back);
        tracing::warn!(region = self.region, epoch = epoch.0, "the shard panicked and goes on from its checkpoint");
        true
    }
}
