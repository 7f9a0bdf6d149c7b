//! The desk of a shard: stores what it proposes, in order, and tells the shard and the session after the commit.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use shallot_masterdata::{MasterData, RegionIndex};
use shallot_services::characters::Characters;
use shallot_services::characters::SaveError;
use shallot_services::grants::Grants;
use shallot_services::ports::CharacterSave as StoredSave;
use shallot_services::reason::Reason as _;
use shallot_services::refusal::{ChangeError, Refusal as RuleRefusal};
use shallot_world::{CharacterSave, Command, GrantOutcome, GrantProposal, GrantReason, GrantRefusal};
use tokio::sync::mpsc;

use super::link::ShardLink;
use crate::config::faults::Faults;
use crate::faults;
use crate::gateway::players::Players;
use crate::gateway::worker::Delivery;
use crate::hubs::{sheet, translate};
use crate::telemetry;

/// What a shard puts on its desk.
pub(crate) enum DeskItem {
    /// Value to be granted.
    Grant(GrantProposal),
    /// Characters to be saved.
    Saves(Vec<CharacterSave>),
    /// A character that has left: its last save, then the answer to whoever asked.
    Leave { save: CharacterSave, correlation: Option<u64> },
}

/// A shard's desk.
pub(crate) struct Desk {
    pub(crate) region: RegionIndex,
    pub(crate) data: Arc<ArcSwap<MasterData>>,
    pub(crate) shard: Arc<dyn ShardLink>,
    pub(crate) characters: Arc<Characters>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) players: Arc<Players>,
    /// Inboxes of the gateway workers.
    pub(crate) workers: Vec<mpsc::Sender<Delivery>>,
    pub(crate) faults: Faults,
}

/// Times that a store which failed is asked again; with the same key, so that what happened is not done twice.
const TRIES: u32 = 5;
/// Before the second try; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// A mailbox that is full is tried again after this.
const MAILBOX_PAUSE: Duration = Duration::from_millis(10);

impl Desk {
    /// Works until the shard is gone and everything is stored.
    pub(crate) async fn run(self, mut items: mpsc::Receiver<DeskItem>) {
        while let Some(item) = items.recv().await {
            match item {
                DeskItem::Grant(grant) => self.grant(grant).await,
                DeskItem::Saves(saves) => self.save(&saves).await,
                DeskItem::Leave { save, correlation } => self.leave(&save, correlation).await,
            }
        }
    }

    async fn grant(&self, proposal: GrantProposal) {
        let outcome = self.commit(&proposal).await;
        let counted = match outcome {
            GrantOutcome::Committed { .. } => "committed",
            GrantOutcome::Refused(GrantRefusal::Failed) => "failed",
            GrantOutcome::Refused(_) => "refused",
        };
        metrics::counter!(telemetry::GRANTS, "outcome" => counted).increment(1);
        // The shard waits for this one: it must arrive, however full the mailbox is.
        let mut command = Box::new(Command::GrantSettled { grant: proposal.id, outcome });
        while let Err(back) = self.shard.try_send(*command) {
            command = back;
            tokio::time::sleep(MAILBOX_PAUSE).await;
        }
    }

    /// Commits, and tells the session what was stored. The session hears of it before the shard does, so that a pick-up's reply
    /// finds its reward told.
    async fn commit(&self, proposal: &GrantProposal) -> GrantOutcome {
        let data = self.data.load_full();
        let grant = sheet::grant(proposal);
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            match self.grants.grant(&grant, &data).await {
                Ok(outcome) => {
                    let granted = outcome.reply;
                    faults::grant_committed_not_told(&self.faults).await;
                    let (xp_total, level) = (granted.xp_total, granted.level);
                    let reward = translate::reward(&granted, monster_key(proposal, &data));
                    self.tell(proposal, Delivery::Rewarded(proposal.character, Box::new(reward))).await;
                    return GrantOutcome::Committed { xp_total, level };
                }
                Err(ChangeError::Store(error)) if attempt < TRIES => {
                    tracing::warn!(%error, grant = %proposal.id, attempt, "a grant will be tried again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return GrantOutcome::Refused(refusal(proposal, &error)),
            }
        }
        GrantOutcome::Refused(GrantRefusal::Failed)
    }

    async fn tell(&self, proposal: &GrantProposal, delivery: Delivery) {
        let Some(session) = self.players.of_character(proposal.character) else { return };
        self.send_to(session.worker.id, delivery).await;
    }

    async fn send_to(&self, worker: u16, delivery: Delivery) {
        if let Some(inbox) = self.workers.get(usize::from(worker)) {
            // A worker that is gone has no sessions left to tell.
            drop(inbox.send(delivery).await);
        }
    }

    async fn save(&self, saves: &[CharacterSave]) {
        let stored: Vec<StoredSave> = saves.iter().map(|save| self.stored(save)).collect();
        match self.characters.save_all(&stored).await {
            Ok(stale) if stale.is_empty() => {}
            Ok(stale) => tracing::info!(count = stale.len(), "saves of former owners were refused"),
            // The next save in five seconds says it again.
            Err(error) => tracing::warn!(%error, "characters were not saved"),
        }
    }

    async fn leave(&self, save: &CharacterSave, correlation: Option<u64>) {
        let stored = self.stored(save);
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            match self.characters.leave_world(&stored).await {
                Ok(()) => break,
                Err(SaveError::Fenced) => {
                    tracing::info!(character = %save.character, "a former owner's last save was refused");
                    break;
                }
                Err(SaveError::Store(error)) => {
                    tracing::warn!(%error, character = %save.character, attempt, "a last save failed");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        let Some(correlation) = correlation else { return };
        for inbox in &self.workers {
            drop(inbox.send(Delivery::Left(correlation)).await);
        }
    }

    fn stored(&self, save: &CharacterSave) -> StoredSave {
        sheet::save(save, &self.data.load().region(self.region).key)
    }
}

/// Whose death it is for; empty for a pick-up.
fn monster_key(proposal: &GrantProposal, data: &MasterData) -> String {
    match proposal.reason {
        GrantReason::Kill { monster } => data.monster(monster).key.clone(),
        GrantReason::PickUp => String::new(),
    }
}

fn refusal(proposal: &GrantProposal, error: &ChangeError) -> GrantRefusal {
    match error {
        ChangeError::Refused(RuleRefusal::BagFull) => GrantRefusal::BagFull,
        ChangeError::Fenced => GrantRefusal::Fenced,
        other => {
            tracing::warn!(error = %other, reason = other.reason(), grant = %proposal.id, "a grant was refused");
            GrantRefusal::Failed
        }
    }
}
