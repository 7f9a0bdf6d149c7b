//! Decisions in small situations.

use super::*;
use crate::bot::fixture::{self, FANG, FIGHTER, OGRE, POTION, RAT, SWORD};
use crate::bot::gear::Held;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use shallot_client::proto::economy::v1::EquipSlot;
use shallot_client::proto::world::v1::{Appeared, appeared};
use shallot_masterdata::MonsterId;

const ME: u32 = 8;

struct Scene {
    data: MasterData,
    sight: Sight,
    places: Vec<(u32, Point)>,
    bag: Bag,
    me: Me,
    phase: Phase,
    mind: Mind,
    rng: Pcg32,
}

impl Scene {
    fn new() -> Self {
        let mut mind = Mind::new(false);
        // Dressing and points are quiet unless a test is about them.
        mind.inventory_is_stale = false;
        mind.spent_for_level = 40;
        Self {
            data: fixture::set(),
            sight: Sight::default(),
            places: Vec::new(),
            bag: Bag { held: Vec::new(), slots: 30 },
            me: Me { entity: ME, at: Point { x: 10_000, y: 10_000 }, hp: 50, max_hp: 50, armor: 14, level: 1 },
            phase: Phase::Play,
            mind,
            rng: Pcg32::seed_from_u64(5),
        }
    }

    fn appears(&mut self, tick: u32, entity: u32, what: appeared::What, at: (i32, i32)) {
        let (hp, amount) = if matches!(what, appeared::What::Drop(_)) { (0, 1) } else { (7, 1) };
        let event = Appeared { entity, what: Some(what), amount, max_hp: hp, hp };
        assert!(self.sight.appeared(&self.data, &event, tick));
        self.places.push((entity, Point { x: at.0, y: at.1 }));
        self.sight.see(self.places.iter().copied());
    }

    fn monster(&mut self, entity: u32, id: MonsterId, at: (i32, i32)) {
        let key = self.data.monster(id).key.clone();
        self.appears(0, entity, appeared::What::Monster(key), at);
    }

    fn drop(&mut self, tick: u32, entity: u32, at: (i32, i32)) {
        self.appears(tick, entity, appeared::What::Drop("fang".to_owned()), at);
    }

    fn holds(&mut self, id: &str, template: shallot_masterdata::ItemTemplateId, worn_in: EquipSlot) {
        self.bag.held.push(Held { id: id.to_owned(), template, quantity: 1, worn_in });
    }

    fn decide(&mut self, tick: u32) -> Decision {
        let view = View {
            tick,
            data: &self.data,
            region: self.data.regions.first().expect("a region"),
            class: FIGHTER,
            abilities: Abilities { str: 16, dex: 12, con: 14, int: 8, wis: 10, cha: 10 },
            me: self.me,
            sight: &self.sight,
            bag: &self.bag,
            phase: self.phase,
        };
        self.mind.decide(&view, &mut self.rng)
    }

    fn target(&self) -> Option<u32> {
        self.mind.target.map(|target| target.entity)
    }
}

const DONE: Outcome<'_> = Outcome::Done { cooldown_ticks: 0 };

fn refused(reason: &str) -> Outcome<'_> {
    Outcome::Refused { reason, ticks_left: None }
}

#[test]
fn it_goes_for_prey_it_can_beat_and_leaves_the_rest() {
    let mut scene = Scene::new();
    scene.monster(16, OGRE, (10_300, 10_000));
    scene.monster(24, RAT, (10_000, 11_000));
    scene.decide(0);
    assert_eq!(scene.target(), Some(24));
    let walk = scene.decide(1).walk.expect("it walks");
    assert_eq!(walk, Point { x: 10_000, y: 11_000 });
}

#[test]
fn in_reach_it_stands_uses_its_skill_and_strikes_once() {
    let mut scene = Scene::new();
    scene.monster(24, RAT, (10_100, 10_000));
    scene.decide(0);
    let first = scene.decide(1);
    assert_eq!(first.walk, None);
    assert!(matches!(first.action, Some(Action::UseSkill { target: 24, .. })), "{first:?}");
    assert_eq!(scene.decide(2).action, Some(Action::Attack(24)));
    assert_eq!(scene.decide(3).action, None);
}

#[test]
fn a_skill_around_the_caster_needs_no_aim() {
    let mut scene = Scene::new();
    let smash = scene.data.skills.get_mut(1).expect("smash");
    (smash.kind, smash.range_cm, smash.radius_cm) = (SkillKind::Area, 0, 350);
    scene.monster(24, RAT, (10_250, 10_000));
    scene.decide(0);
    let around = Action::UseSkill { skill: SkillId(1), target: 0, at: scene.me.at };
    assert_eq!(scene.decide(1).action, Some(around));
}

#[test]
fn a_skill_waits_for_its_cooldown() {
    let mut scene = Scene::new();
    scene.monster(24, RAT, (10_100, 10_000));
    scene.decide(0);
    let Some(action) = scene.decide(1).action else { panic!("a skill") };
    scene.mind.answered(2, &action, Outcome::Done { cooldown_ticks: 160 });
    for tick in 2..162 {
        scene.mind.hit(tick, ME, ME, 24);
        assert!(!matches!(scene.decide(tick).action, Some(Action::UseSkill { .. })), "{tick}");
    }
    assert!(matches!(scene.decide(162).action, Some(Action::UseSkill { .. })));
}

#[test]
fn one_who_is_attacked_fights_back_until_peace() {
    let mut scene = Scene::new();
    scene.phase = Phase::Collect;
    scene.monster(24, RAT, (10_100, 10_000));
    scene.decide(0);
    assert_eq!(scene.target(), None);
    scene.mind.hit(1, ME, 24, ME);
    scene.decide(1);
    assert_eq!(scene.target(), Some(24));
    scene.phase = Phase::Peace;
    let decision = scene.decide(2);
    assert_eq!((scene.target(), decision.action), (None, None));
}

#[test]
fn hurt_it_heals_then_drinks() {
    let mut scene = Scene::new();
    scene.holds("p", POTION, EquipSlot::Unspecified);
    scene.me.hp = 15;
    let heal = scene.decide(0).action;
    assert!(matches!(heal, Some(Action::UseSkill { target: ME, .. })), "{heal:?}");
    assert_eq!(scene.decide(1).action, Some(Action::Drink { id: "p".to_owned(), template: "potion".to_owned() }));
    assert_eq!(scene.decide(2).action, None, "one call at a time");
}

#[test]
fn a_thrifty_one_neither_drinks_nor_throws_away() {
    let mut scene = Scene::new();
    scene.mind = Mind { spent_for_level: 40, inventory_is_stale: false, ..Mind::new(true) };
    scene.holds("p", POTION, EquipSlot::Unspecified);
    scene.holds("fang", FANG, EquipSlot::Unspecified);
    (scene.bag.slots, scene.mind.bag_is_full) = (2, true);
    assert_eq!(scene.decide(0).action, None);
    scene.me.hp = 15;
    let heal = scene.decide(1).action;
    assert!(matches!(heal, Some(Action::UseSkill { target: ME, .. })), "{heal:?}");
    assert_eq!(scene.decide(2).action, None);
}

#[test]
fn hurt_it_rests_instead_of_hunting() {
    let mut scene = Scene::new();
    scene.me.hp = 32;
    scene.monster(24, RAT, (10_000, 11_000));
    assert_eq!(scene.decide(0).walk, None);
    assert_eq!(scene.target(), None);
}

#[test]
fn its_own_spoils_are_fetched_at_once_and_foreign_ones_when_free() {
    let mut scene = Scene::new();
    scene.mind.died(10, ME, 24, ME, Some(Point { x: 10_400, y: 10_000 }));
    scene.drop(12, 32, (10_400, 10_100));
    scene.drop(12, 40, (10_000, 10_900));
    assert_eq!(scene.decide(13).walk, Some(Point { x: 10_400, y: 10_100 }));
    scene.me.at = Point { x: 10_300, y: 10_100 };
    assert_eq!(scene.decide(14).action, Some(Action::PickUp(32)));
    scene.mind.answered(15, &Action::PickUp(32), DONE);
    scene.sight.taken(32);
    assert_ne!(scene.decide(16).walk, Some(Point { x: 10_000, y: 10_900 }));
    assert_eq!(scene.decide(12 + 601).walk, Some(Point { x: 10_000, y: 10_900 }));
}

#[test]
fn spoils_of_one_that_was_out_of_view_before_its_death_was_told_are_its_own() {
    let mut scene = Scene::new();
    scene.monster(24, RAT, (10_400, 10_000));
    scene.places.clear();
    scene.drop(10, 32, (10_400, 10_100));
    scene.mind.died(10, ME, 24, ME, scene.sight.last_place(24));
    assert_eq!(scene.decide(11).walk, Some(Point { x: 10_400, y: 10_100 }));
}

#[test]
fn a_drop_out_of_reach_is_tried_again_nearer() {
    let mut scene = Scene::new();
    scene.mind.died(0, ME, 24, ME, Some(Point { x: 10_100, y: 10_000 }));
    scene.drop(0, 32, (10_100, 10_000));
    assert_eq!(scene.decide(1).action, Some(Action::PickUp(32)));
    scene.mind.answered(2, &Action::PickUp(32), refused("OUT_OF_REACH"));
    assert_eq!(scene.decide(3).action, None);
    assert_eq!(scene.decide(8).action, Some(Action::PickUp(32)));
}

#[test]
fn a_full_bag_is_listed_and_emptied_of_the_cheapest() {
    let mut scene = Scene::new();
    scene.bag.slots = 2;
    scene.holds("sword", SWORD, EquipSlot::Unspecified);
    scene.holds("fang", FANG, EquipSlot::Unspecified);
    scene.mind.answered(0, &Action::PickUp(32), refused("BAG_FULL"));
    let list = scene.decide(1).action.expect("an errand");
    assert_eq!(list, Action::ListInventory);
    scene.mind.answered(2, &list, DONE);
    let destroy = Action::Destroy { id: "fang".to_owned(), template: "fang".to_owned(), quantity: 1 };
    assert_eq!(scene.decide(3).action, Some(destroy));
}

#[test]
fn better_things_are_worn_once_and_refused_ones_never_again() {
    let mut scene = Scene::new();
    scene.holds("club", fixture::CLUB, EquipSlot::MainHand);
    scene.holds("sword", SWORD, EquipSlot::Unspecified);
    let equip = scene.decide(0).action.expect("an errand");
    assert_eq!(equip, Action::Equip("sword".to_owned()));
    scene.mind.answered(1, &equip, refused("WRONG_CLASS"));
    scene.mind.inventory_is_stale = false;
    assert_eq!(scene.decide(2).action, None);
}

#[test]
fn points_are_spent_once_a_level() {
    let mut scene = Scene::new();
    scene.mind.levelled_up();
    assert_eq!(scene.decide(0).action, Some(Action::SpendPoints));
    scene.mind.answered(1, &Action::SpendPoints, DONE);
    assert_eq!(scene.decide(2).action, None);
}

#[test]
fn the_dead_ask_to_stand_up_once_a_second() {
    let mut scene = Scene::new();
    scene.me.hp = 0;
    let asked: Vec<u32> = (0..60).filter(|tick| scene.decide(*tick).action == Some(Action::Respawn)).collect();
    assert_eq!(asked, [0, 20, 40]);
}

#[test]
fn with_nothing_in_view_it_walks_to_prey_it_can_beat_round_blocks() {
    let mut scene = Scene::new();
    for tick in 0..4_000 {
        let Some(walk) = scene.decide(tick).walk else { continue };
        let distance = scene.me.at.distance(walk).max(1) as i32;
        let step = distance.min(22);
        let at = scene.me.at;
        scene.me.at = at.offset((walk.x - at.x) * step / distance, (walk.y - at.y) * step / distance);
        assert!(scene.me.at.x > 9_000, "it never goes to the ogres");
        if scene.me.at.distance(Point { x: 15_000, y: 10_000 }) < 3_000 {
            return;
        }
    }
    panic!("it never came to the rats: {:?}", scene.me.at);
}

#[test]
fn a_fight_that_does_not_come_to_blows_is_given_up() {
    let mut scene = Scene::new();
    scene.monster(24, RAT, (10_000, 11_000));
    scene.decide(0);
    scene.decide(399);
    assert_eq!(scene.target(), Some(24));
    scene.decide(400);
    assert_eq!(scene.target(), None);
    scene.decide(401);
    assert_eq!(scene.target(), None, "and not begun again at once");
}

#[test]
fn a_target_behind_a_wall_is_gone_to() {
    let mut scene = Scene::new();
    scene.holds("bow", fixture::BOW, EquipSlot::MainHand);
    scene.monster(24, RAT, (10_000, 11_500));
    scene.decide(0);
    assert_eq!(scene.decide(1).walk, None, "in range of the bow");
    let shot = Action::UseSkill { skill: SkillId(1), target: 24, at: Point::default() };
    scene.mind.answered(2, &shot, refused("NO_LINE_OF_SIGHT"));
    assert!(scene.decide(3).walk.is_some());
}

#[test]
fn shots_that_never_land_bring_it_near() {
    let mut scene = Scene::new();
    scene.holds("bow", fixture::BOW, EquipSlot::MainHand);
    scene.monster(24, RAT, (10_000, 11_500));
    scene.decide(0);
    assert_eq!(scene.decide(1), Decision { walk: None, action: Some(Action::Attack(24)) });
    assert!((2..60).all(|tick| scene.decide(tick) == Decision::default()));
    scene.decide(61);
    assert!(scene.decide(62).walk.is_some());
}

#[test]
fn the_same_seed_decides_the_same() {
    let run = || {
        let mut scene = Scene::new();
        (0..200).map(|tick| scene.decide(tick)).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn every_class_of_the_starter_set_finds_prey_near_its_entry() {
    let data = shallot_masterdata::author::starter();
    let region = data.region(data.start_region());
    for (class, id) in data.classes.iter().zip((0..).map(ClassId)) {
        let mut mind = Mind::new(false);
        let hp = data.level(1).base_hp + class.hp_bonus;
        let me = Me { entity: ME, at: Point::of_metres(region.entry), hp, max_hp: hp, armor: 10, level: 1 };
        let (sight, bag) = (Sight::default(), Bag::default());
        let abilities = class.abilities;
        let (tick, phase) = (0, Phase::Play);
        let view = View { tick, data: &data, region, class: id, abilities, me, sight: &sight, bag: &bag, phase };
        let goal = mind.roam(&view, &mut Pcg32::seed_from_u64(3));
        assert!(goal.distance(me.at) < 15_000, "{}: {goal:?}", class.key);
    }
}
