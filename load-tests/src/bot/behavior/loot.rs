//! What lies on the ground.

use super::{Action, Mind, Outcome, Phase, View};
use crate::bot::place::Point;
use crate::bot::sight::Thing;

/// A pick-up that was asked for is not asked for again within so many ticks.
const ASK_AGAIN: u32 = 60;
/// After a refusal for being too far.
const COME_NEARER: u32 = 5;
/// After a full bag: time to make room.
const MAKE_ROOM: u32 = 200;
/// A drop belongs to a death at most so far away, centimetres.
const SPOILS_WITHIN: u32 = 500;
/// And at most so many ticks after it.
const SPOILS_AFTER: u32 = 60;
/// Foreign drops are fetched from this far while there is something better to do, centimetres.
const FETCH_WITHIN: u32 = 1_500;

impl Mind {
    /// A drop that can be picked up from here.
    pub(super) fn within_reach(&mut self, view: &View<'_>) -> Option<Action> {
        let reach = view.data.balance.pickup_reach_cm * 9 / 10;
        let drop = self.may_take(view).filter(|drop| drop.at.distance(view.me.at) <= reach).min_by_key(|d| d.entity)?;
        self.not_before.insert(drop.entity, view.tick + ASK_AGAIN);
        Some(Action::PickUp(drop.entity))
    }

    /// The drop to walk to: its own ones first.
    pub(super) fn nearest_drop(&self, view: &View<'_>) -> Option<Thing> {
        self.may_take(view)
            .map(|drop| (!self.is_own(&drop), drop.at.distance(view.me.at), drop))
            .filter(|(foreign, distance, _)| !foreign || view.phase != Phase::Play || *distance <= FETCH_WITHIN)
            .min_by_key(|(foreign, distance, drop)| (*foreign, *distance, drop.entity))
            .map(|(_, _, drop)| drop)
    }

    /// What is its own, or free by now.
    fn may_take(&self, view: &View<'_>) -> impl Iterator<Item = Thing> {
        let free_after = view.data.balance.drop_owner_ticks;
        view.sight
            .drops()
            .filter(|drop| !self.not_before.contains_key(&drop.entity))
            .filter(move |drop| self.is_own(drop) || view.tick.saturating_sub(drop.since) > free_after)
    }

    fn is_own(&self, drop: &Thing) -> bool {
        let near = |(when, at): &(u32, Point)| {
            // Within a tick's worth of doubt the drop may be told of before the death.
            drop.since + 1 >= *when && drop.since <= when + SPOILS_AFTER && drop.at.distance(*at) <= SPOILS_WITHIN
        };
        self.spoils.iter().any(near)
    }

    pub(super) fn pick_up_answered(&mut self, tick: u32, drop: u32, outcome: Outcome<'_>) {
        let pause = match outcome {
            Outcome::Done { .. } => {
                self.inventory_is_stale = true;
                ASK_AGAIN
            }
            Outcome::Refused { reason: "OUT_OF_REACH", .. } => COME_NEARER,
            Outcome::Refused { reason: "BAG_FULL", .. } => {
                (self.bag_is_full, self.inventory_is_stale) = (true, true);
                MAKE_ROOM
            }
            Outcome::Refused { .. } => ASK_AGAIN,
        };
        self.not_before.insert(drop, tick + pause);
    }
}
