//! What a bot carries, what it should wear, and what it can drink.

use shallot_client::proto::economy::v1::{EquipSlot, Inventory};
use shallot_masterdata::{Abilities, Class, Item, ItemKind, ItemTemplateId, MasterData, Slot};

use super::odds::mean;

/// An item stack as the inventory call told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// UUIDv7, text.
    pub id: String,
    /// Its row.
    pub template: ItemTemplateId,
    /// Units.
    pub quantity: u32,
    /// [`EquipSlot::Unspecified`]: in the bag.
    pub worn_in: EquipSlot,
}

/// Everything a bot carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bag {
    /// Bag and worn.
    pub held: Vec<Held>,
    /// Stacks the bag holds at most.
    pub slots: u32,
}

/// Who would wear it.
#[derive(Clone, Copy, Debug)]
pub struct Wearer<'a> {
    /// Decides which armor and weapons.
    pub class: &'a Class,
    /// Lower than an item's: not yet.
    pub level: u32,
    /// For strength needed and the share of dexterity in armor.
    pub abilities: Abilities,
}

impl Bag {
    /// Out of the reply of the inventory call. Items of an unknown template are left out.
    #[must_use]
    pub fn of_reply(data: &MasterData, reply: &Inventory) -> Self {
        let held = |item: &shallot_client::proto::economy::v1::Item| {
            let template = data.item_by_key(&item.template)?;
            Some(Held { id: item.id.clone(), template, quantity: item.quantity, worn_in: item.worn_in() })
        };
        Self { held: reply.items.iter().filter_map(held).collect(), slots: reply.bag_slots }
    }

    /// What is worn in a place.
    #[must_use]
    pub fn worn(&self, place: EquipSlot) -> Option<&Held> {
        self.held.iter().find(|held| held.worn_in == place && place != EquipSlot::Unspecified)
    }

    /// Stacks in the bag.
    #[must_use]
    pub fn stacks(&self) -> usize {
        self.held.iter().filter(|held| held.worn_in == EquipSlot::Unspecified).count()
    }

    /// Whether another stack would not fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.stacks() >= self.slots as usize
    }

    /// The first thing in the bag that is better than what is worn in its place, and that is not in `refused`.
    #[must_use]
    pub fn upgrade(&self, data: &MasterData, wearer: Wearer<'_>, refused: &dyn Fn(&str) -> bool) -> Option<&Held> {
        self.held
            .iter()
            .filter(|held| held.worn_in == EquipSlot::Unspecified && !refused(&held.id))
            .filter(|held| wearer.may_wear(data.item(held.template)))
            .find(|held| self.is_better(data, wearer, data.item(held.template)))
    }

    fn is_better(&self, data: &MasterData, wearer: Wearer<'_>, item: &Item) -> bool {
        let worth_of = |place| self.worn(place).map_or(0.0, |worn| worth(data.item(worn.template), wearer.abilities));
        let in_both_hands =
            self.worn(EquipSlot::MainHand).is_some_and(|worn| data.item(worn.template).slot == Some(Slot::TwoHand));
        // The other hand is left as it is: a trade of a shield for a second hand on the hilt is no clear gain.
        match item.slot {
            None => return false,
            Some(Slot::TwoHand) if self.worn(EquipSlot::OffHand).is_some() => return false,
            Some(Slot::OffHand) if in_both_hands => return false,
            Some(_) => {}
        }
        let worst = places(item.slot).iter().map(|place| worth_of(*place)).fold(f64::INFINITY, f64::min);
        worth(item, wearer.abilities) > worst * 1.01
    }

    /// A potion that heals.
    #[must_use]
    pub fn potion(&self, data: &MasterData, level: u32) -> Option<&Held> {
        self.held.iter().find(|held| {
            let item = data.item(held.template);
            item.kind == ItemKind::Consumable && u32::from(item.level_req) <= level && heals(item)
        })
    }

    /// What is best thrown away to make room: the cheapest stack in the bag that heals nobody.
    #[must_use]
    pub fn junk(&self, data: &MasterData) -> Option<&Held> {
        let price = |held: &Held| {
            let item = data.item(held.template);
            item.price_copper.saturating_mul(i64::from(held.quantity)) / i64::from(item.bundle_qty.max(1))
        };
        self.held
            .iter()
            .filter(|held| held.worn_in == EquipSlot::Unspecified && !heals(data.item(held.template)))
            .min_by_key(|held| price(held))
    }
}

impl Wearer<'_> {
    fn may_wear(&self, item: &Item) -> bool {
        let class_allows = match item.kind {
            ItemKind::Weapon => self.class.weapons.contains(&item.subkind),
            ItemKind::Armor => self.class.armor.contains(&item.subkind),
            _ => true,
        };
        class_allows
            && item.slot.is_some()
            && !item.is_abstract
            && u32::from(item.level_req) <= self.level
            && item.str_req.is_none_or(|needed| needed <= u32::from(self.abilities.str))
    }
}

fn heals(item: &Item) -> bool {
    item.effects.iter().any(|effect| effect.stat == "heal_max" && effect.value > 0)
}

fn places(slot: Option<Slot>) -> &'static [EquipSlot] {
    match slot {
        None => &[],
        Some(Slot::MainHand | Slot::TwoHand) => &[EquipSlot::MainHand],
        Some(Slot::OffHand) => &[EquipSlot::OffHand],
        Some(Slot::Body) => &[EquipSlot::Body],
        Some(Slot::Head) => &[EquipSlot::Head],
        Some(Slot::Neck) => &[EquipSlot::Neck],
        Some(Slot::Back) => &[EquipSlot::Back],
        Some(Slot::Hands) => &[EquipSlot::Hands],
        Some(Slot::Waist) => &[EquipSlot::Waist],
        Some(Slot::Wrist) => &[EquipSlot::Wrist],
        Some(Slot::Feet) => &[EquipSlot::Feet],
        Some(Slot::Ring) => &[EquipSlot::Ring1, EquipSlot::Ring2],
        Some(Slot::Ammo) => &[EquipSlot::Ammo],
    }
}

/// A rough number by which two things for the same place compare: mean damage, or armor, and what they add.
fn worth(item: &Item, abilities: Abilities) -> f64 {
    let dexterity = (i32::from(abilities.dex) - 10).div_euclid(2);
    let cap = i32::try_from(item.armor_dex_cap.unwrap_or(0)).unwrap_or(i32::MAX);
    let armor = item.armor_base.map_or(0.0, |base| f64::from(base) + f64::from(dexterity.min(cap)));
    let damage = item.damage.map_or(0.0, |damage| mean(damage.dice));
    let effects: f64 = item.effects.iter().map(|effect| f64::from(effect.value.clamp(-100, 100))).sum();
    0.01 + armor + damage + effects * 0.1
}

/// Normal range of what is held in the main hand, centimetres; `None`: bare hands, or a weapon without a range of its own.
#[must_use]
pub fn weapon_range_cm(data: &MasterData, bag: &Bag) -> Option<u32> {
    data.item(bag.worn(EquipSlot::MainHand)?.template).range_cm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::fixture::{self, BOW, CLUB, FANG, FIGHTER, POTION, SWORD};

    fn held(id: &str, template: ItemTemplateId, worn_in: EquipSlot) -> Held {
        Held { id: id.to_owned(), template, quantity: 1, worn_in }
    }

    fn bag(held: Vec<Held>) -> Bag {
        Bag { held, slots: 3 }
    }

    fn upgrade(data: &MasterData, bag: &Bag, level: u32) -> Option<String> {
        let wearer =
            Wearer { class: data.class(FIGHTER), level, abilities: Abilities { str: 16, ..Abilities::default() } };
        bag.upgrade(data, wearer, &|_| false).map(|held| held.id.clone())
    }

    const IN_BAG: EquipSlot = EquipSlot::Unspecified;

    #[test]
    fn the_better_weapon_is_worn_and_the_worse_is_not() {
        let data = fixture::set();
        let with_club = bag(vec![held("club", CLUB, EquipSlot::MainHand), held("sword", SWORD, IN_BAG)]);
        assert_eq!(upgrade(&data, &with_club, 1).as_deref(), Some("sword"));
        let with_sword = bag(vec![held("sword", SWORD, EquipSlot::MainHand), held("club", CLUB, IN_BAG)]);
        assert_eq!(upgrade(&data, &with_sword, 1), None);
        let twice = bag(vec![held("a", SWORD, EquipSlot::MainHand), held("b", SWORD, IN_BAG)]);
        assert_eq!(upgrade(&data, &twice, 1), None, "the same is not better");
    }

    #[test]
    fn what_level_strength_or_class_forbid_is_left() {
        let with_sword = bag(vec![held("sword", SWORD, IN_BAG)]);
        let spoil: [fn(&mut Item); 4] = [
            |item| item.level_req = 2,
            |item| item.str_req = Some(17),
            |item| item.subkind = "exotic".to_owned(),
            |item| item.slot = None,
        ];
        for spoil in spoil {
            let mut data = fixture::set();
            spoil(data.items.get_mut(SWORD.index()).expect("the sword"));
            assert_eq!(upgrade(&data, &with_sword, 1), None);
        }
        assert!(upgrade(&fixture::set(), &with_sword, 1).is_some());
    }

    #[test]
    fn two_hands_are_left_alone_while_one_holds_a_shield() {
        let mut data = fixture::set();
        data.items.get_mut(SWORD.index()).expect("the sword").slot = Some(Slot::TwoHand);
        data.items.get_mut(CLUB.index()).expect("the club").slot = Some(Slot::OffHand);
        let with_shield = bag(vec![held("shield", CLUB, EquipSlot::OffHand), held("sword", SWORD, IN_BAG)]);
        assert_eq!(upgrade(&data, &with_shield, 1), None);
        let with_sword = bag(vec![held("sword", SWORD, EquipSlot::MainHand), held("shield", CLUB, IN_BAG)]);
        assert_eq!(upgrade(&data, &with_sword, 1), None);
    }

    #[test]
    fn junk_is_the_cheapest_that_heals_nobody_and_is_not_worn() {
        let data = fixture::set();
        let full = bag(vec![
            held("club", CLUB, EquipSlot::MainHand),
            held("potion", POTION, IN_BAG),
            held("sword", SWORD, IN_BAG),
            held("fang", FANG, IN_BAG),
        ]);
        assert!(full.is_full());
        assert_eq!(full.junk(&data).map(|held| held.id.as_str()), Some("fang"));
        assert_eq!(full.potion(&data, 1).map(|held| held.id.as_str()), Some("potion"));
        assert_eq!(bag(vec![held("potion", POTION, IN_BAG)]).junk(&data), None);
    }

    #[test]
    fn range_is_that_of_the_weapon_in_hand() {
        let data = fixture::set();
        assert_eq!(weapon_range_cm(&data, &bag(vec![held("bow", BOW, EquipSlot::MainHand)])), Some(2_400));
        assert_eq!(weapon_range_cm(&data, &bag(vec![held("bow", BOW, IN_BAG)])), None);
    }
}
