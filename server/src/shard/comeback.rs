//! After a shard has come back from its checkpoint: gateways keep the players, each takes its body up again under a new owner
//! epoch; bodies without a player leave.

use std::sync::Arc;

use arc_swap::ArcSwap;
use shallot_hubs::EndReason;
use shallot_masterdata::MasterData;
use shallot_proto::wire::{CharacterId, NetId, OwnerEpoch};
use shallot_services::characters::Characters;
use shallot_world::{Command, Reply};
use tonic::Code;

use super::link::ShardLink;
use crate::gateway::players::Players;
use crate::gateway::session::{Place, PlayerSession};
use crate::hubs::sheet::character_sheet;
use crate::limits;

/// What it takes to bring players back to their bodies.
#[derive(Clone)]
pub(crate) struct Comeback {
    pub(crate) players: Arc<Players>,
    pub(crate) characters: Arc<Characters>,
    pub(crate) data: Arc<ArcSwap<MasterData>>,
}

impl Comeback {
    /// `bodies`: who was in the checkpoint.
    pub(crate) async fn run(self, shard: Arc<dyn ShardLink>, bodies: Vec<(CharacterId, NetId)>) {
        for (character, _) in bodies {
            if self.players.of_character(character).is_none() {
                // Nobody waits for the answer; number 0 is never a question's.
                if shard
                    .try_send(Command::Leave { character, owner_epoch: OwnerEpoch(u64::MAX), correlation: 0 })
                    .is_err()
                {
                    tracing::warn!(%character, "a body without a player stays: the shard is too busy");
                }
            }
        }
        for session in self.players.all() {
            let Some(place) = session.place().filter(|place| place.shard.region() == shard.region()) else { continue };
            if !self.again(&session, &place).await {
                let reason = "the region was restarted; connect again";
                session.handle.end(EndReason::new(Code::Unavailable, "REGION_RESTARTED", reason));
            }
        }
    }

    /// Whether the player has its body again. One that came in after the checkpoint has none.
    async fn again(&self, session: &Arc<PlayerSession>, place: &Place) -> bool {
        let data = self.data.load_full();
        let region = place.shard.region();
        let loaded = self
            .characters
            .enter_world(session.caller(), &data, &data.region(region).key, place.shard.region_epoch())
            .await;
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::warn!(%error, character = %place.character, "a character was not loaded again");
                return false;
            }
        };
        let Some(sheet) = character_sheet(&loaded, &data) else { return false };
        let (character, owner_epoch) = (place.character, loaded.owner_epoch);
        let enter = |correlation| Command::Enter { character, owner_epoch, sheet: Box::new(sheet), correlation };
        match session.ask(place.shard.as_ref(), limits::SHARD_ANSWER, enter).await {
            Ok(Reply::Entered(entered)) if entered.entity == place.entity => {
                session.set_place(Some(Place { owner_epoch, ..place.clone() }));
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, %character, "a character did not take its body up again");
                false
            }
        }
    }
}
