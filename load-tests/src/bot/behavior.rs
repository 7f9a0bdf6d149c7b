//! What a bot does next: a pure decision. A [`View`] comes in once a client tick, a [`Decision`] goes out; what became of an action comes
//! back by [`Mind::answered`]. No clock, no IO; randomness is an argument.
//!
//! In this order: stand up, stay alive, pick up what lies within reach, fight on, fetch what lies near, dress, begin a new
//! fight, roam.

mod fight;
mod loot;
mod roam;

use std::collections::{BTreeMap, BTreeSet};

use rand_core::Rng;
use shallot_masterdata::{Abilities, ClassId, MasterData, Region, SkillId, SkillKind};

use super::gear::{Bag, Wearer};
use super::place::Point;
use super::sight::Sight;
use super::steering::{Progress, waypoint};

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everything.
    Play,
    /// No new fights; what lies there is fetched.
    Collect,
    /// Not even fighting back: drops of a kill now would be left behind.
    Peace,
}

/// The bot's own body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Me {
    /// As on the wire.
    pub entity: u32,
    /// Predicted.
    pub at: Point,
    /// 0: dead.
    pub hp: u32,
    /// At most.
    pub max_hp: u32,
    /// What an attack roll against it must reach.
    pub armor: u32,
    /// 1 to 40.
    pub level: u32,
}

/// All that a decision may look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Client ticks of 50 ms since the bot entered.
    pub tick: u32,
    /// The set in force.
    pub data: &'a MasterData,
    /// Where it is.
    pub region: &'a Region,
    /// Decides skills and what may be worn.
    pub class: ClassId,
    /// Scores with the points spent.
    pub abilities: Abilities,
    /// Its own body.
    pub me: Me,
    /// Everything else.
    pub sight: &'a Sight,
    /// What it carries, as last listed.
    pub bag: &'a Bag,
    /// How far the run is.
    pub phase: Phase,
}

/// Something to ask of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stand up at the entry.
    Respawn,
    /// Basic attacks from now on; 0: none.
    Attack(u32),
    /// One use of a skill.
    UseSkill {
        /// Which.
        skill: SkillId,
        /// Whom.
        target: u32,
        /// Where it stands.
        at: Point,
    },
    /// A drop within reach.
    PickUp(u32),
    /// One unit of a stack.
    Drink {
        /// The stack.
        id: String,
        /// Key in items.csv.
        template: String,
    },
    /// To the item's own place.
    Equip(String),
    /// A whole stack, to make room.
    Destroy {
        /// The stack.
        id: String,
        /// Key in items.csv.
        template: String,
        /// Units it has.
        quantity: u32,
    },
    /// What is carried now, with the ids of the stacks.
    ListInventory,
    /// All points, on the class's primary score.
    SpendPoints,
}

impl Action {
    /// Unary calls go one at a time: each changes what the next one looks at.
    #[must_use]
    pub fn is_unary(&self) -> bool {
        matches!(
            self,
            Self::Drink { .. } | Self::Equip(_) | Self::Destroy { .. } | Self::ListInventory | Self::SpendPoints
        )
    }
}

impl Action {
    /// As the report names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Respawn => "respawn",
            Self::Attack(_) => "attack",
            Self::UseSkill { .. } => "use skill",
            Self::PickUp(_) => "pick up",
            Self::Drink { .. } => "drink",
            Self::Equip(_) => "equip",
            Self::Destroy { .. } => "destroy",
            Self::ListInventory => "list inventory",
            Self::SpendPoints => "spend points",
        }
    }
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Done; ticks until a skill may be used again, 0 for everything else.
    Done {
        /// Of a skill.
        cooldown_ticks: u32,
    },
    /// Refused with a stable reason; ticks until it may be tried again when the server told them.
    Refused {
        /// `OUT_OF_REACH`, `TAKEN`, ...
        reason: &'a str,
        /// Of `ON_COOLDOWN`.
        ticks_left: Option<u32>,
    },
}

/// What to do in this tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Walk straight at this point; `None`: stand.
    pub walk: Option<Point>,
    /// Ask this.
    pub action: Option<Action>,
}

/// Below this part of the hit points, percent, a bot heals itself.
const HEAL_BELOW: u32 = 60;
/// And drinks a potion.
const DRINK_BELOW: u32 = 40;
/// And begins no fight.
const REST_BELOW: u32 = 65;
/// From one potion to the next, ticks.
const DRINK_EVERY: u32 = 60;
/// A heal is asked for again so many ticks later, unless its answer tells a cooldown.
const HEAL_PAUSE: u32 = 20;
/// From one try to stand up to the next, ticks.
const RESPAWN_EVERY: u32 = 20;
/// From one listing of the inventory to the next, ticks.
const LIST_EVERY: u32 = 100;
/// One who hit the bot so long ago, ticks, is no attacker any more.
const ATTACKER_FOR: u32 = 80;
/// A wait for an answer that never comes ends after so many ticks.
const ANSWER_WITHIN: u32 = 100;

/// What a bot remembers between decisions.
#[derive(Clone, Debug, Default)]
pub struct Mind {
    target: Option<fight::Target>,
    /// Not to be fought before this tick.
    avoid: BTreeMap<u32, u32>,
    /// When each last hit the bot.
    attackers: BTreeMap<u32, u32>,
    /// When each skill may be used again.
    ready_at: BTreeMap<SkillId, u32>,
    /// Drops that are not to be tried before this tick.
    not_before: BTreeMap<u32, u32>,
    /// Deaths the bot had a hand in: when and where. Drops there are its own.
    spoils: Vec<(u32, Point)>,
    goal: Option<roam::Goal>,
    progress: Progress,
    refused_gear: BTreeSet<String>,
    /// When the unary call under way was sent.
    unary_since: Option<u32>,
    inventory_is_stale: bool,
    bag_is_full: bool,
    listed_at: Option<u32>,
    /// The level for which points were spent.
    spent_for_level: u32,
    drunk_at: Option<u32>,
    is_thrifty: bool,
    respawn_tried: Option<u32>,
}

impl Mind {
    /// Of a bot that just entered and has not listed its inventory. A thrifty one keeps all it carries.
    #[must_use]
    pub fn new(is_thrifty: bool) -> Self {
        Self { inventory_is_stale: true, is_thrifty, ..Self::default() }
    }

    /// The next thing to do.
    pub fn decide<R: Rng>(&mut self, view: &View<'_>, rng: &mut R) -> Decision {
        self.forget(view);
        if view.me.hp == 0 {
            return self.stand_up(view);
        }
        self.respawn_tried = None;
        let urgent = self.stay_alive(view).or_else(|| self.within_reach(view));
        if let Some(target) = self.target_in_view(view) {
            return self.fight(view, target, urgent, rng);
        }
        let errand = urgent.or_else(|| self.errand(view));
        let near = self.nearest_drop(view).map(|drop| drop.at);
        let goal = if near.is_some() {
            near
        } else if self.wants_rest(view) || view.phase != Phase::Play {
            None
        } else if self.begin_fight(view) {
            return Decision { walk: None, action: errand };
        } else {
            Some(self.roam(view, rng))
        };
        if goal.is_none() {
            self.progress.rest();
        }
        Decision { walk: goal.map(|goal| self.way(view, goal, rng)), action: errand }
    }

    /// Something hit the bot, or the bot hit something.
    pub fn hit(&mut self, tick: u32, me: u32, attacker: u32, target: u32) {
        if target == me && attacker != 0 {
            self.attackers.insert(attacker, tick);
        }
        if attacker == me {
            self.hit_target(tick, target);
        }
    }

    /// Something died at a place (unknown: out of sight).
    pub fn died(&mut self, tick: u32, me: u32, entity: u32, killer: u32, at: Option<Point>) {
        let was_target = self.target.as_ref().is_some_and(|target| target.entity == entity);
        if let Some(at) = at.filter(|_| killer == me || was_target) {
            self.spoils.push((tick, at));
        }
        if was_target || entity == me {
            self.target = None;
        }
        self.attackers.remove(&entity);
    }

    /// What became of an action.
    pub fn answered(&mut self, tick: u32, action: &Action, outcome: Outcome<'_>) {
        if action.is_unary() {
            self.unary_since = None;
        }
        match (action, outcome) {
            (Action::UseSkill { skill, target, .. }, outcome) => self.skill_answered(tick, *skill, *target, outcome),
            (Action::Attack(target), Outcome::Refused { .. }) => self.give_up(tick, *target),
            (Action::PickUp(drop), outcome) => self.pick_up_answered(tick, *drop, outcome),
            (Action::Equip(id), Outcome::Refused { .. }) => {
                self.refused_gear.insert(id.clone());
            }
            (Action::Drink { .. } | Action::Destroy { .. } | Action::Equip(_), _) => self.inventory_is_stale = true,
            (Action::ListInventory, Outcome::Done { .. }) => self.inventory_is_stale = false,
            _ => {}
        }
    }

    /// New points are spent at the next quiet moment.
    pub fn levelled_up(&mut self) {
        self.spent_for_level = 0;
    }

    fn forget(&mut self, view: &View<'_>) {
        let tick = view.tick;
        self.avoid.retain(|_, until| *until > tick);
        self.attackers.retain(|_, when| tick.saturating_sub(*when) < ATTACKER_FOR);
        self.not_before.retain(|_, until| *until > tick);
        let lifetime = view.data.balance.drop_lifetime_ticks;
        self.spoils.retain(|(when, _)| tick.saturating_sub(*when) < lifetime);
        self.unary_since = self.unary_since.filter(|since| tick.saturating_sub(*since) < ANSWER_WITHIN);
    }

    fn stand_up(&mut self, view: &View<'_>) -> Decision {
        self.target = None;
        self.goal = None;
        self.progress.rest();
        let due = self.respawn_tried.is_none_or(|tried| view.tick.saturating_sub(tried) >= RESPAWN_EVERY);
        if due {
            self.respawn_tried = Some(view.tick);
        }
        Decision { walk: None, action: due.then_some(Action::Respawn) }
    }

    fn stay_alive(&mut self, view: &View<'_>) -> Option<Action> {
        let heal = self.ready_skills(view).find(|(_, skill)| skill.kind == SkillKind::Heal).map(|(id, _)| id);
        if let Some(skill) = heal.filter(|_| is_below(view, HEAL_BELOW)) {
            self.ready_at.insert(skill, view.tick + HEAL_PAUSE);
            return Some(Action::UseSkill { skill, target: view.me.entity, at: view.me.at });
        }
        let thirsty = self.drunk_at.is_none_or(|drunk| view.tick.saturating_sub(drunk) >= DRINK_EVERY);
        if self.is_thrifty
            || !thirsty
            || !is_below(view, DRINK_BELOW)
            || self.unary_since.is_some()
            || self.inventory_is_stale
        {
            return None;
        }
        let potion = view.bag.potion(view.data, view.me.level)?;
        self.drunk_at = Some(view.tick);
        let template = view.data.item(potion.template).key.clone();
        Some(self.unary(view, Action::Drink { id: potion.id.clone(), template }))
    }

    /// What can be done while nobody attacks: list, make room, dress, spend points.
    fn errand(&mut self, view: &View<'_>) -> Option<Action> {
        if self.unary_since.is_some() {
            return None;
        }
        let may_list = self.listed_at.is_none_or(|listed| view.tick.saturating_sub(listed) >= LIST_EVERY);
        if self.inventory_is_stale {
            if !may_list {
                return None;
            }
            self.listed_at = Some(view.tick);
            return Some(self.unary(view, Action::ListInventory));
        }
        let has_no_room = self.bag_is_full && view.bag.is_full() && !self.is_thrifty;
        if let Some(junk) = view.bag.junk(view.data).filter(|_| has_no_room) {
            let template = view.data.item(junk.template).key.clone();
            return Some(self.unary(view, Action::Destroy { id: junk.id.clone(), template, quantity: junk.quantity }));
        }
        self.bag_is_full = false;
        let wearer = Wearer { class: view.data.class(view.class), level: view.me.level, abilities: view.abilities };
        if let Some(better) = view.bag.upgrade(view.data, wearer, &|id| self.refused_gear.contains(id)) {
            return Some(self.unary(view, Action::Equip(better.id.clone())));
        }
        if self.spent_for_level < view.me.level {
            self.spent_for_level = view.me.level;
            return Some(self.unary(view, Action::SpendPoints));
        }
        None
    }

    fn unary(&mut self, view: &View<'_>, action: Action) -> Action {
        self.unary_since = Some(view.tick);
        action
    }

    fn wants_rest(&self, view: &View<'_>) -> bool {
        is_below(view, REST_BELOW)
    }

    /// The next straight piece of the way to `goal`.
    fn way<R: Rng>(&mut self, view: &View<'_>, goal: Point, rng: &mut R) -> Point {
        let next = waypoint(view.me.at, goal, &view.region.blocks);
        self.progress.correct(view.tick, view.me.at, next, rng)
    }
}

fn is_below(view: &View<'_>, percent: u32) -> bool {
    u64::from(view.me.hp) * 100 < u64::from(view.me.max_hp) * u64::from(percent)
}

#[cfg(test)]
mod tests;
