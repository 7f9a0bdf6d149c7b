//! One bot: signs in ([`entry`]), plays ([`play`]), reads its store back ([`farewell`]). What it does is decided without IO in
//! [`behavior`], on what it saw ([`sight`]), carries ([`gear`]) and was told ([`journal`]).

pub mod behavior;
pub mod calls;
pub mod entry;
pub mod failure;
pub mod farewell;
#[cfg(test)]
pub(crate) mod fixture;
pub mod gear;
pub mod journal;
pub mod odds;
pub mod place;
pub mod play;
pub mod sight;
pub mod steering;
#[cfg(test)]
mod toy_server;

use std::sync::Arc;

use crate::game::{BotPlan, Game};
use failure::Failure;

/// A whole life: whatever goes wrong is counted in the tally, and no other bot is affected.
pub async fn run(game: Arc<Game>, plan: BotPlan) {
    if let Err(failure) = live(&game, plan).await {
        game.tally.error(&failure.kind(), &failure.message);
    }
}

async fn live(game: &Arc<Game>, plan: BotPlan) -> Result<(), Failure> {
    let rng = plan.rng.clone();
    let Some(entered) = entry::enter(game, plan).await? else { return Ok(()) };
    game.tally.came_in();
    let mut play = play::Play::new(game, entered, rng);
    let ended = play.run().await;
    if game.cut.is_cancelled() {
        farewell::cut_off(play).await;
        game.tally.went_out();
        return ended.or_else(|failure| if failure.is_lost_connection() { Ok(()) } else { Err(failure) });
    }
    let parted = farewell::part(game, play).await;
    game.tally.went_out();
    ended.and(parted)
}

#[cfg(test)]
mod tests;
