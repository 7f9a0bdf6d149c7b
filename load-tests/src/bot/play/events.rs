//! What the server told, and what it answered, entered into what the bot knows.

use shallot_client::WorldPush;
use shallot_client::proto::player::v1::Character;
use shallot_client::proto::world::v1::{
    Appeared, Died, Reward, Vitals, WorldEvent, WorldEvents, appeared, world_event,
};
use shallot_client::wire::Tick;
use shallot_masterdata::Abilities;

use super::{Finished, Play};
use crate::bot::behavior::{Action, Outcome};
use crate::bot::calls::{Answer, Refusal};
use crate::bot::gear::Bag;
use crate::drop_moments::is_item;

impl Play {
    pub(in crate::bot) fn pushed(&mut self, push: WorldPush) {
        match push {
            WorldPush::Events(events) => self.happened(&events),
            WorldPush::Reward(reward) => self.rewarded(&reward),
            WorldPush::Vitals(vitals) => self.vitals(&vitals),
            WorldPush::Snapshot(snapshot) => self.datagram(&snapshot.datagram),
            WorldPush::InputRefused(refused) => {
                let kind = format!("input refused: {}", refused.reason);
                self.game.tally.error(&kind, &format!("{} so far", refused.count));
            }
            // Bots do not talk, and an invitation that is dropped is declined.
            WorldPush::Chat(_) | WorldPush::AskedIn(_) | WorldPush::Presence(_) => {}
            WorldPush::GroupGap(gap) => {
                self.game.tally.error("group gap", &format!("{}: {} to {}", gap.group, gap.from, gap.to));
            }
        }
    }

    fn happened(&mut self, events: &WorldEvents) {
        for event in &events.events {
            self.event(Tick(events.tick), event);
        }
        self.game.tally.sightings().forget_before(u32::from(self.region.0), Tick(events.tick));
    }

    fn event(&mut self, tick: Tick, event: &WorldEvent) {
        match &event.event {
            Some(world_event::Event::Appeared(appeared)) => self.appeared(tick, appeared),
            Some(world_event::Event::Hit(hit)) => {
                self.sight.hp(hit.target, hit.hp_left);
                if hit.target == self.me.entity {
                    self.me.hp = hit.hp_left;
                }
                self.mind.hit(self.tick, self.me.entity, hit.attacker, hit.target);
            }
            Some(world_event::Event::Died(died)) => self.died(tick, died),
            Some(world_event::Event::Healed(healed)) => {
                self.sight.hp(healed.entity, healed.hp);
                if healed.entity == self.me.entity {
                    self.me.hp = healed.hp;
                }
            }
            Some(world_event::Event::LeveledUp(up)) if up.entity == self.me.entity => {
                self.me.level = up.level;
                self.mind.levelled_up();
            }
            Some(world_event::Event::LeveledUp(_) | world_event::Event::SkillUsed(_)) | None => {}
        }
    }

    fn appeared(&mut self, tick: Tick, event: &Appeared) {
        let data = &self.game.data;
        if !self.sight.appeared(data, event, self.tick) {
            self.game.tally.error("event: UNKNOWN_KEY", &format!("{:?}", event.what));
        }
        let Some(appeared::What::Drop(key)) = &event.what else { return };
        if data.item_by_key(key).is_some_and(|item| is_item(data, item)) {
            let (region, lifetime) = (u32::from(self.region.0), data.balance.drop_lifetime_ticks);
            self.game.tally.sightings().drop_appeared(region, event.entity, tick, key, event.amount, lifetime);
        }
    }

    fn died(&mut self, tick: Tick, died: &Died) {
        let at = self.sight.last_place(died.entity);
        self.mind.died(self.tick, self.me.entity, died.entity, died.killer, at);
        self.sight.died(died.entity);
        if !died.monster.is_empty() {
            self.game.tally.sightings().died(u32::from(self.region.0), died.entity, tick, &died.monster);
        }
        if died.entity == self.me.entity {
            self.me.hp = 0;
            self.game.tally.deaths.add(1);
        }
    }

    /// By push, by reply, or by both: it counts once.
    fn rewarded(&mut self, reward: &Reward) {
        if let Some(book) = &self.game.book {
            book.told(&self.entered.character.id, reward);
        }
        let Some(gain) = self.entered.journal.reward(reward) else { return };
        let tally = &self.game.tally;
        tally.xp.add(gain.xp);
        tally.coins.add(u64::try_from(gain.coins).unwrap_or(0));
        tally.level_ups.add(gain.levels.into());
        for item in &reward.items {
            tally.looted(&item.template, item.quantity);
        }
        if gain.levels > 0 {
            self.me.level = reward.level;
            self.mind.levelled_up();
        }
    }

    fn vitals(&mut self, vitals: &Vitals) {
        if vitals.entity == self.me.entity {
            (self.me.hp, self.me.max_hp) = (vitals.hp, vitals.max_hp);
            (self.me.armor, self.me.level) = (vitals.armor, vitals.level);
        }
    }

    pub(in crate::bot) fn finished(&mut self, finished: Finished) {
        match finished {
            Finished::Token(token) => self.renewed(token),
            Finished::Acted(action, Ok(answer)) => self.done(&action, answer),
            Finished::Acted(action, Err(refusal)) => self.refused(&action, &refusal),
        }
    }

    fn done(&mut self, action: &Action, answer: Answer) {
        let mut cooldown_ticks = 0;
        match answer {
            Answer::Cooldown(ticks) => cooldown_ticks = ticks,
            Answer::PickedUp(reward) => self.rewarded(&reward),
            Answer::Carried(inventory) => self.entered.bag = Bag::of_reply(&self.game.data, &inventory),
            Answer::Points(character) => self.abilities = abilities_of(&character),
            Answer::Done => {}
        }
        match action {
            Action::PickUp(drop) => {
                self.sight.taken(*drop);
                let (region, tick) = (u32::from(self.region.0), self.view.tick());
                self.game.tally.sightings().drop_taken(region, *drop, tick);
            }
            Action::Drink { template, .. } => self.entered.journal.spent(template, 1),
            Action::Destroy { template, quantity, .. } => self.entered.journal.spent(template, *quantity),
            _ => {}
        }
        self.mind.answered(self.tick, action, Outcome::Done { cooldown_ticks });
    }

    fn refused(&mut self, action: &Action, refusal: &Refusal) {
        let name = action.name();
        if refusal.is_part_of_play() {
            self.game.tally.refusal(&format!("{name}: {}", refusal.reason));
        } else if !(self.game.cut.is_cancelled() && refusal.is_lost_connection()) {
            let reason = if refusal.reason.is_empty() { format!("{:?}", refusal.code) } else { refusal.reason.clone() };
            self.game.tally.error(&format!("{name}: {reason}"), &refusal.message);
        }
        if let (Action::PickUp(drop), "TAKEN") = (action, refusal.reason.as_str()) {
            self.sight.taken(*drop);
        }
        let outcome = Outcome::Refused { reason: &refusal.reason, ticks_left: refusal.ticks_left };
        self.mind.answered(self.tick, action, outcome);
    }
}

/// Scores of a character, as the tables have them.
pub(super) fn abilities_of(character: &Character) -> Abilities {
    let scores = character.abilities.unwrap_or_default();
    let score = |score: u32| u8::try_from(score).unwrap_or(u8::MAX);
    Abilities {
        str: score(scores.str),
        dex: score(scores.dex),
        con: score(scores.con),
        int: score(scores.int),
        wis: score(scores.wis),
        cha: score(scores.cha),
    }
}
