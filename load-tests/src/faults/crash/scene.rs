//! What all rounds share: the binary, one folder for all that outlives a server, the bots' keys and the book.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use shallot_client::Trust;
use shallot_masterdata::MasterData;

use super::economy_check::{self, CheckError};
use super::ledger::Ledger;
use crate::game::{BotPlan, Game, SignIn, plans};
use crate::limits::SECONDS_MAX;
use crate::process::{self, Launch, ProcessError, ServerProcess};
use crate::reward_book::RewardBook;

/// So many of a hundred bots go to the second region, as in the demo.
const SECOND_REGION_PERCENT: u32 = 20;

/// Rounds are counted from here.
pub(super) const FIRST_ROUND: u32 = 1;

pub(super) struct Scene {
    pub(super) binary: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) data: Arc<MasterData>,
    pub(super) book: Arc<RewardBook>,
    pub(super) bots: u32,
    pub(super) seed: u64,
}

impl Scene {
    /// Starts the server, with a wait between commit and telling (0: none).
    ///
    /// # Errors
    /// See [`ServerProcess::launch`].
    pub(super) async fn launch(&self, name: &str, delay_ms: u32) -> Result<ServerProcess, ProcessError> {
        let (data, log) = (self.data_folder(), self.log(name));
        let environment = [("SHALLOT__FAULTS__GRANT_TOLD_DELAY_MS", delay_ms.to_string())];
        let launch =
            Launch { data: &data, log: &log, masterdata: None, environment: &environment, host: process::LOOPBACK };
        ServerProcess::launch(&self.binary, launch).await
    }

    /// A run of bots that no schedule ends.
    pub(super) fn game(&self, server: &ServerProcess) -> Arc<Game> {
        let address = server.addresses().grpc.to_string();
        let game = Game::new(Arc::clone(&self.data), address, Trust::Development, SECONDS_MAX);
        Arc::new(game.with_book(Arc::clone(&self.book)))
    }

    /// The same bots in each round, by their keys; what they choose by chance differs.
    pub(super) fn plans(&self, round: u32) -> Vec<BotPlan> {
        let mut keys = Pcg64::seed_from_u64(self.seed);
        let mut plans = plans(&self.data, self.bots, self.seed.wrapping_add(round.into()), SECOND_REGION_PERCENT);
        for plan in &mut plans {
            let mut key = [0; 32];
            keys.fill_bytes(&mut key);
            plan.sign_in = SignIn::Device(key);
            // Whoever has played goes on where it was saved, near its prey.
            plan.region = plan.region.filter(|_| round == FIRST_ROUND);
            // So that what a character has is what it began with and its grants.
            plan.is_thrifty = true;
        }
        plans
    }

    /// The whole log of a server that is gone.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn log_text(&self, name: &str) -> std::io::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.log(name))?).into_owned())
    }

    /// Looks into the store of a server that is gone.
    ///
    /// # Errors
    /// See [`CheckError`].
    pub(super) async fn check(&self, name: &str) -> Result<Ledger, CheckError> {
        let grants = self.folder.join(format!("grants-{name}.jsonl"));
        economy_check::check(&self.binary, &self.data_folder(), &grants).await
    }

    fn data_folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(Path::new(&format!("server-{name}.log")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::fixture;

    fn scene(seed: u64) -> Scene {
        Scene {
            binary: PathBuf::new(),
            folder: PathBuf::new(),
            data: Arc::new(fixture::set()),
            book: Arc::default(),
            bots: 40,
            seed,
        }
    }

    fn keys(seed: u64, round: u32) -> Vec<SignIn> {
        scene(seed).plans(round).iter().map(|plan| plan.sign_in).collect()
    }

    #[test]
    fn bots_keep_their_keys_over_all_rounds_and_differ_from_each_other() {
        assert_eq!(keys(1, 1), keys(1, 2));
        assert_ne!(keys(1, 1), keys(2, 1));
        let mut all: Vec<_> = keys(1, 1).iter().map(|key| format!("{key:?}")).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 40);
        assert!(scene(1).plans(1).iter().all(|plan| plan.is_thrifty));
    }
}
