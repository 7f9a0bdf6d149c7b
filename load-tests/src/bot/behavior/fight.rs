//! Whom to fight, and how.

use rand_core::Rng;
use shallot_masterdata::{ItemKind, Skill, SkillId, SkillKind};

use super::{Action, Decision, Mind, Outcome, Phase, View};
use crate::bot::gear::weapon_range_cm;
use crate::bot::odds::{self, Fighter};
use crate::bot::sight::{Thing, What};
use shallot_client::proto::economy::v1::EquipSlot;

/// Stay inside this part of a reach or range, percent: the other end moves meanwhile.
const INSIDE_PERCENT: u32 = 80;
/// Attacks are asked for again after so many ticks without a blow of one's own.
const ASK_AGAIN: u32 = 60;
/// A fight without a blow of one's own for so long, ticks, is given up.
const GIVE_UP_AFTER: u32 = 400;
/// And not taken up again for so long.
const AVOID_FOR: u32 = 600;
/// A skill that was refused is tried again after so many ticks.
const SKILL_PAUSE: u32 = 30;
/// New prey is looked for this near, centimetres.
const PREY_WITHIN: u32 = 6_000;
/// Prey that somebody else has begun is worth this part.
const SHARED_WORTH: f64 = 0.4;

/// Who is fought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) entity: u32,
    /// Tick of the last blow of one's own, or of the beginning.
    last_blow: u32,
    asked_at: Option<u32>,
    /// It cannot be hit from afar.
    go_close: bool,
}

impl Mind {
    /// The present target, or the nearest attacker, when it may be fought.
    pub(super) fn target_in_view(&mut self, view: &View<'_>) -> Option<Thing> {
        if view.phase == Phase::Peace {
            self.target = None;
            return None;
        }
        if let Some(target) = self.target {
            let gone = view.sight.get(target.entity).is_none();
            let stale = view.tick.saturating_sub(target.last_blow) >= GIVE_UP_AFTER;
            if stale {
                self.avoid.insert(target.entity, view.tick + AVOID_FOR);
            }
            if gone || stale {
                self.target = None;
            }
        }
        if self.target.is_none() {
            let attacker = self
                .attackers
                .keys()
                .filter(|entity| !self.avoid.contains_key(entity))
                .filter_map(|entity| view.sight.get(*entity))
                .filter(|thing| matches!(thing.what, What::Monster(_)))
                .min_by_key(|thing| thing.at.distance(view.me.at));
            self.aim(view.tick, attacker?.entity);
        }
        view.sight.get(self.target?.entity)
    }

    fn aim(&mut self, tick: u32, entity: u32) {
        self.target = Some(Target { entity, last_blow: tick, asked_at: None, go_close: false });
        self.goal = None;
    }

    /// Chooses new prey in view; `false`: there is none.
    pub(super) fn begin_fight(&mut self, view: &View<'_>) -> bool {
        let me = fighter(view);
        let prey = view
            .sight
            .monsters()
            .filter(|(thing, _)| !self.avoid.contains_key(&thing.entity))
            .filter(|(thing, _)| thing.at.distance(view.me.at) <= PREY_WITHIN)
            .filter_map(|(thing, id)| {
                let monster = view.data.monster(id);
                if !odds::may_begin(view.data, &me, monster) {
                    return None;
                }
                let worth = odds::worth(view.data, &me, monster, thing.at.distance(view.me.at) * 5)?;
                Some((thing.entity, if thing.hp < thing.max_hp { worth * SHARED_WORTH } else { worth }))
            })
            .reduce(|a, b| if b.1 > a.1 { b } else { a });
        match prey {
            Some((entity, _)) => {
                self.aim(view.tick, entity);
                true
            }
            None => false,
        }
    }

    /// One tick of a fight: go near, use skills, strike. `urgent` comes first.
    pub(super) fn fight<R: Rng>(
        &mut self,
        view: &View<'_>,
        thing: Thing,
        urgent: Option<Action>,
        rng: &mut R,
    ) -> Decision {
        let distance = thing.at.distance(view.me.at);
        let go_close = self.target.is_some_and(|target| target.go_close);
        let reach = view.data.balance.player_reach_cm;
        let range = weapon_range_cm(view.data, view.bag).filter(|_| !go_close).unwrap_or(reach).max(reach);
        let stand_at = inside(range);
        let action = urgent
            .or_else(|| self.skill_at(view, thing, distance, go_close))
            .or_else(|| self.strike(view.tick, thing.entity, distance <= inside(range.max(reach))));
        if distance <= stand_at {
            self.progress.rest();
            return Decision { walk: None, action };
        }
        Decision { walk: Some(self.way(view, thing.at, rng)), action }
    }

    fn skill_at(&mut self, view: &View<'_>, thing: Thing, distance: u32, go_close: bool) -> Option<Action> {
        let reach = view.data.balance.player_reach_cm;
        let in_range = |skill: &Skill| match skill.kind {
            SkillKind::Heal => false,
            SkillKind::Melee => distance <= inside(skill.range_cm.max(reach)),
            // Around the caster: no line of sight, no aim.
            SkillKind::Area if skill.range_cm == 0 => distance <= inside(skill.radius_cm),
            SkillKind::Ranged | SkillKind::Area => distance <= inside(if go_close { reach } else { skill.range_cm }),
        };
        let (id, skill) = self.ready_skills(view).find(|(_, skill)| in_range(skill))?;
        self.ready_at.insert(id, view.tick + SKILL_PAUSE);
        let around_me = skill.kind == SkillKind::Area && skill.range_cm == 0;
        let (target, at) = if around_me { (0, view.me.at) } else { (thing.entity, thing.at) };
        Some(Action::UseSkill { skill: id, target, at })
    }

    fn strike(&mut self, tick: u32, entity: u32, in_range: bool) -> Option<Action> {
        let target = self.target.as_mut()?;
        let quiet = tick.saturating_sub(target.last_blow) >= ASK_AGAIN;
        let due = target.asked_at.is_none_or(|asked| quiet && tick.saturating_sub(asked) >= ASK_AGAIN);
        if !in_range || !due {
            return None;
        }
        // Asked before, in range, and no blow came of it: something stands between.
        target.go_close |= target.asked_at.is_some();
        target.asked_at = Some(tick);
        Some(Action::Attack(entity))
    }

    pub(super) fn hit_target(&mut self, tick: u32, entity: u32) {
        if let Some(target) = self.target.as_mut().filter(|target| target.entity == entity) {
            target.last_blow = tick;
        }
    }

    pub(super) fn give_up(&mut self, tick: u32, entity: u32) {
        self.avoid.insert(entity, tick + ASK_AGAIN);
        self.attackers.remove(&entity);
        if self.target.is_some_and(|target| target.entity == entity) {
            self.target = None;
        }
    }

    pub(super) fn skill_answered(&mut self, tick: u32, skill: SkillId, aimed_at: u32, outcome: Outcome<'_>) {
        let pause = match outcome {
            Outcome::Done { cooldown_ticks } => cooldown_ticks,
            Outcome::Refused { ticks_left, .. } => ticks_left.unwrap_or(SKILL_PAUSE),
        };
        self.ready_at.insert(skill, tick + pause);
        let Outcome::Refused { reason, .. } = outcome else { return };
        match (reason, self.target.as_mut().filter(|target| target.entity == aimed_at)) {
            ("NO_LINE_OF_SIGHT", Some(target)) => target.go_close = true,
            ("BAD_TARGET", Some(_)) => self.give_up(tick, aimed_at),
            _ => {}
        }
    }

    /// The class's skills that the level allows and that are off cooldown.
    pub(super) fn ready_skills<'a>(&self, view: &View<'a>) -> impl Iterator<Item = (SkillId, &'a Skill)> + use<'_, 'a> {
        let (class, level, tick) = (view.class, view.me.level, view.tick);
        (0_u16..)
            .map(SkillId)
            .zip(&view.data.skills)
            .filter(move |(_, skill)| skill.class == class && u32::from(skill.level_req) <= level)
            .filter(move |(id, _)| self.ready_at.get(id).is_none_or(|ready| *ready <= tick))
    }
}

fn inside(range_cm: u32) -> u32 {
    (u64::from(range_cm) * u64::from(INSIDE_PERCENT) / 100) as u32
}

/// The bot's own side of an estimate, from the tables and what it wears.
pub(super) fn fighter(view: &View<'_>) -> Fighter {
    let (data, balance) = (view.data, &view.data.balance);
    let level = u8::try_from(view.me.level).unwrap_or(u8::MAX);
    let base_attack = data.level(level).base_attack;
    let weapon = view.bag.worn(EquipSlot::MainHand).map(|held| data.item(held.template));
    let weapon = weapon.filter(|item| item.kind == ItemKind::Weapon);
    let by_dexterity = weapon
        .is_some_and(|item| item.range_cm.is_some() || item.properties.iter().any(|property| property == "finesse"));
    let bonus = |score: u8| f64::from((i32::from(score) - 10).div_euclid(2));
    let own = bonus(if by_dexterity { view.abilities.dex.max(view.abilities.str) } else { view.abilities.str });
    let dice = weapon.and_then(|item| item.damage).map_or(1.0, |damage| odds::mean(damage.dice));
    let skills = data.skills.iter().filter(|s| s.class == view.class && u32::from(s.level_req) <= view.me.level);
    Fighter {
        hp: f64::from(view.me.hp),
        max_hp: f64::from(view.me.max_hp.max(1)),
        armor: f64::from(view.me.armor),
        to_hit: own + f64::from(base_attack) / f64::from(balance.attack_per_to_hit.max(1)),
        damage: (dice + own + f64::from(base_attack) / f64::from(balance.attack_per_damage.max(1))).max(1.0),
        skill_damage_per_s: odds::skill_damage_per_s(skills),
        speed: f64::from(balance.player_speed_cm_per_s),
    }
}
