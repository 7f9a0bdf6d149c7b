//! An item instance or stack, and the places where it may be worn.

use serde::{Deserialize, Serialize};
use shallot_masterdata::Slot;
use shallot_proto::wire::ItemId;

/// A place on the body. The numbers are those of the contract and of the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
#[repr(u8)]
pub enum EquipSlot {
    /// Weapon, or both hands' weapon.
    MainHand = 1,
    /// Shield, focus, or a light second weapon.
    OffHand = 2,
    /// Armor, robes.
    Body = 3,
    /// Helmets.
    Head = 4,
    /// Amulets.
    Neck = 5,
    /// Cloaks.
    Back = 6,
    /// Gloves.
    Hands = 7,
    /// Belts.
    Waist = 8,
    /// Bracers.
    Wrist = 9,
    /// Boots.
    Feet = 10,
    /// The first ring.
    Ring1 = 11,
    /// The second ring.
    Ring2 = 12,
    /// Quivers.
    Ammo = 13,
}

/// No place has that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no equipment slot has this number")]
pub struct UnknownEquipSlot;

impl EquipSlot {
    /// All places, by number.
    pub const ALL: [Self; 13] = [
        Self::MainHand,
        Self::OffHand,
        Self::Body,
        Self::Head,
        Self::Neck,
        Self::Back,
        Self::Hands,
        Self::Waist,
        Self::Wrist,
        Self::Feet,
        Self::Ring1,
        Self::Ring2,
        Self::Ammo,
    ];

    /// Its number, 1 to 13.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Where an item of a table's slot may go, the usual place first.
    #[must_use]
    pub fn places(slot: Slot) -> &'static [Self] {
        match slot {
            Slot::MainHand | Slot::TwoHand => &[Self::MainHand],
            Slot::OffHand => &[Self::OffHand],
            Slot::Body => &[Self::Body],
            Slot::Head => &[Self::Head],
            Slot::Neck => &[Self::Neck],
            Slot::Back => &[Self::Back],
            Slot::Hands => &[Self::Hands],
            Slot::Waist => &[Self::Waist],
            Slot::Wrist => &[Self::Wrist],
            Slot::Feet => &[Self::Feet],
            Slot::Ring => &[Self::Ring1, Self::Ring2],
            Slot::Ammo => &[Self::Ammo],
        }
    }
}

impl TryFrom<u8> for EquipSlot {
    type Error = UnknownEquipSlot;

    fn try_from(number: u8) -> Result<Self, UnknownEquipSlot> {
        Self::ALL.into_iter().find(|slot| slot.number() == number).ok_or(UnknownEquipSlot)
    }
}

impl From<EquipSlot> for u8 {
    fn from(slot: EquipSlot) -> Self {
        slot.number()
    }
}

/// One item or stack of a character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRecord {
    /// UUIDv7.
    #[serde(with = "crate::id_text")]
    pub id: ItemId,
    /// Key in `items.csv`.
    pub template: String,
    /// Units, at least 1.
    pub quantity: u32,
    /// `None`: in the bag.
    pub worn_in: Option<EquipSlot>,
    /// Cannot leave the character any more.
    pub bound: bool,
    /// Points left; `None` cannot wear out.
    pub durability: Option<u32>,
}

/// What is worn where: all that combat needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worn {
    /// Where.
    pub slot: EquipSlot,
    /// Key in `items.csv`.
    pub template: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_slots_agree_both_ways() {
        for (i, slot) in EquipSlot::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(slot.number()), i + 1);
            assert_eq!(EquipSlot::try_from(slot.number()), Ok(slot));
        }
        assert_eq!(EquipSlot::try_from(0), Err(UnknownEquipSlot));
        assert_eq!(EquipSlot::try_from(14), Err(UnknownEquipSlot));
    }
}
