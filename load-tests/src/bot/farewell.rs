//! Leaving, and the question whether the store holds what was told.

use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _};
use shallot_client::Code;
use shallot_client::hubs::SessionState;
use shallot_client::proto::world::v1::LeaveRequest;

use super::entry::Entered;
use super::failure::Failure;
use super::journal::Holdings;
use super::play::Play;
use crate::game::Game;
use crate::limits::{CUT_OFF_TIME_LIMIT, FAREWELL_TIME_LIMIT};

/// Waits for what is under way, leaves the region, and compares the store with the journal.
///
/// # Errors
/// The step that failed, or the differences.
pub async fn part(game: &Arc<Game>, mut play: Play) -> Result<(), Failure> {
    let parted = tokio::time::timeout(FAREWELL_TIME_LIMIT, leave(game, &mut play)).await;
    let late = |_| Failure::new("leave", "TIMED_OUT", format!("not out within {FAREWELL_TIME_LIMIT:?}"));
    let parted = parted.map_err(late).and_then(|left| left);
    play.entered.channel.close().await;
    // Why the session ended is told by whoever it surprised.
    let _ = play.entered.link.close().await;
    parted
}

/// Takes in what still comes from a server that is ended by force, until its connection breaks. The session would try to come back:
/// it is given up, with the calls that nobody answers any more.
pub async fn cut_off(mut play: Play) {
    let mut state = play.entered.link.state();
    let lost = async move { drop(state.wait_for(|state| !matches!(state, SessionState::Live { .. })).await) };
    tokio::pin!(lost);
    let taken = tokio::time::timeout(CUT_OFF_TIME_LIMIT, async {
        loop {
            tokio::select! {
                () = &mut lost => break,
                Some(finished) = play.calls.next() => play.finished(finished),
                Some(push) = play.entered.pushes.next() => play.pushed(push),
            }
        }
    });
    if taken.await.is_err() {
        let detail = format!("it stood for {CUT_OFF_TIME_LIMIT:?} after the server's end");
        play.game.tally.error("hub session: NOT_LOST", &detail);
    }
    // All that came over the link is there by now.
    while let Some(push) = play.entered.pushes.try_next() {
        play.pushed(push);
    }
    while let Some(Some(finished)) = play.calls.next().now_or_never() {
        play.finished(finished);
    }
}

async fn leave(game: &Arc<Game>, play: &mut Play) -> Result<(), Failure> {
    while !play.calls.is_empty() {
        tokio::select! {
            Some(finished) = play.calls.next() => play.finished(finished),
            push = play.entered.pushes.next() => match push {
                Some(push) => play.pushed(push),
                None => return Err(Failure::new("leave", "SESSION_LOST", "the pushes ended before the bot left")),
            },
        }
    }
    leave_region(play).await?;
    // All that was granted is told before the answer to Leave, on the same link.
    while let Some(push) = play.entered.pushes.try_next() {
        play.pushed(push);
    }
    compare(game, &play.entered).await
}

/// Pushes are taken meanwhile, so that they never fill their queue.
async fn leave_region(play: &mut Play) -> Result<(), Failure> {
    let world = play.entered.link.world().clone();
    for is_last in [false, true] {
        let leaving = world.leave(&LeaveRequest {});
        tokio::pin!(leaving);
        let left = loop {
            tokio::select! {
                left = &mut leaving => break left,
                Some(push) = play.entered.pushes.next() => play.pushed(push),
            }
        };
        match left {
            Ok(_) => return Ok(()),
            Err(error) if error.code == Code::DeadlineExceeded && !is_last => {}
            Err(error) => return Err(Failure::hub("leave", &error)),
        }
    }
    Ok(())
}

async fn compare(game: &Arc<Game>, entered: &Entered) -> Result<(), Failure> {
    let api = &entered.api;
    let characters = api.characters().list().await.map_err(|e| Failure::api("read character back", &e))?;
    let inventory = api.inventory().list().await.map_err(|e| Failure::api("read inventory back", &e))?;
    let own = characters.iter().find(|character| character.id == entered.character.id);
    let own = own.ok_or_else(|| Failure::new("read character back", "UNKNOWN_CHARACTER", "it is not in the list"))?;
    game.tally.stores_compared.add(1);
    let differences = entered.journal.differences(&Holdings::of_store(own, &inventory));
    if differences.is_empty() {
        return Ok(());
    }
    game.tally.stores_differing.add(1);
    Err(Failure::new("store", "DIFFERS", format!("{}: {}", own.name, differences.join("; "))))
}
