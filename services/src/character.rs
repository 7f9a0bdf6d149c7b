//! A character as it is stored, and what follows from it with the master data at hand.

use serde::{Deserialize, Serialize};
use shallot_masterdata::{Abilities, Class, MasterData};
use shallot_proto::wire::{AccountId, CharacterId, OwnerEpoch, SessionEpoch, SessionId};

use crate::amount::Amount;
use crate::item::{ItemRecord, Worn};
use crate::limits::SCORE_MAX;

/// Who calls: an access token that was verified says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose characters.
    pub account: AccountId,
    /// Which log-in.
    pub session: SessionId,
    /// Its epoch: an older one than the account's newest is refused.
    pub epoch: SessionEpoch,
}

/// A point of the world map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// 1/4096 metre.
    pub x: i32,
    /// 1/4096 metre.
    pub y: i32,
}

impl Position {
    /// Fixed-point units in a metre.
    pub const UNITS_PER_METRE: i32 = 4_096;

    /// That many whole metres; what lies beyond the map's range stays at its edge.
    #[must_use]
    pub fn from_metres((x, y): (i32, i32)) -> Self {
        Self { x: x.saturating_mul(Self::UNITS_PER_METRE), y: y.saturating_mul(Self::UNITS_PER_METRE) }
    }

    /// Whole centimetres, rounded down.
    #[must_use]
    pub fn to_cm(self) -> (i64, i64) {
        let cm = |units: i32| (i64::from(units) * 100).div_euclid(i64::from(Self::UNITS_PER_METRE));
        (cm(self.x), cm(self.y))
    }
}

/// Six scores, or points added to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scores {
    /// Strength.
    pub str: u8,
    /// Dexterity.
    pub dex: u8,
    /// Constitution.
    pub con: u8,
    /// Intelligence.
    pub int: u8,
    /// Wisdom.
    pub wis: u8,
    /// Charisma.
    pub cha: u8,
}

impl From<Abilities> for Scores {
    fn from(a: Abilities) -> Self {
        Self { str: a.str, dex: a.dex, con: a.con, int: a.int, wis: a.wis, cha: a.cha }
    }
}

impl From<Scores> for Abilities {
    fn from(s: Scores) -> Self {
        Self { str: s.str, dex: s.dex, con: s.con, int: s.int, wis: s.wis, cha: s.cha }
    }
}

impl Scores {
    /// In the order of the fields.
    #[must_use]
    pub fn to_array(self) -> [u8; 6] {
        [self.str, self.dex, self.con, self.int, self.wis, self.cha]
    }

    /// From the order of the fields.
    #[must_use]
    pub fn from_array([str, dex, con, int, wis, cha]: [u8; 6]) -> Self {
        Self { str, dex, con, int, wis, cha }
    }

    /// All points together.
    #[must_use]
    pub fn total(self) -> u32 {
        self.to_array().into_iter().map(u32::from).sum()
    }

    /// Score by score; stops at 255.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut sum = self.to_array();
        for (score, more) in sum.iter_mut().zip(other.to_array()) {
            *score = score.saturating_add(more);
        }
        Self::from_array(sum)
    }

    /// Whether each score is within what a character may have.
    #[must_use]
    pub fn are_in_range(self) -> bool {
        self.to_array().into_iter().all(|score| score <= SCORE_MAX)
    }
}

/// A row of the characters' table with its wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharacterRecord {
    /// UUIDv7.
    #[serde(with = "crate::id_text")]
    pub id: CharacterId,
    /// Whose.
    #[serde(with = "crate::id_text")]
    pub account: AccountId,
    /// As the player wrote it.
    pub name: String,
    /// Key in `classes.csv`.
    pub class: String,
    /// 1 to 40.
    pub level: u8,
    /// Experience in all.
    pub xp: u64,
    /// Stat points spent, by score.
    pub added: Scores,
    /// Key in `regions.csv`, where it was last saved.
    pub region: String,
    /// Where it was last saved.
    pub position: Position,
    /// Hit points when last saved, 0: dead; `None`: never saved, so all of them.
    pub hp: Option<u32>,
    /// Coins.
    pub wallet: Amount,
    /// Rises with each change of its items.
    pub inventory_version: u64,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
}

impl CharacterRecord {
    /// Its class; `None` when the set in force has no such class.
    #[must_use]
    pub fn class_of<'d>(&self, data: &'d MasterData) -> Option<&'d Class> {
        data.class_by_key(&self.class).map(|id| data.class(id))
    }

    /// The class's scores and the points spent, without what is worn. A class that the set does not have adds nothing.
    #[must_use]
    pub fn scores(&self, data: &MasterData) -> Scores {
        self.class_of(data).map_or_else(Scores::default, |class| class.abilities.into()).plus(self.added)
    }

    /// Points that its levels gave and that are not spent.
    #[must_use]
    pub fn unspent_stat_points(&self, data: &MasterData) -> u32 {
        let given: u32 = data.levels.iter().take(usize::from(self.level)).map(|level| level.stat_points).sum();
        given.saturating_sub(self.added.total())
    }
}

/// A character with what follows from the master data: what a client is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharacterView {
    /// As stored.
    pub record: CharacterRecord,
    /// With the points spent, without what is worn.
    pub scores: Scores,
    /// See [`CharacterRecord::unspent_stat_points`].
    pub unspent_stat_points: u32,
}

impl CharacterView {
    /// The view of `record` under that set.
    #[must_use]
    pub fn new(record: CharacterRecord, data: &MasterData) -> Self {
        Self { scores: record.scores(data), unspent_stat_points: record.unspent_stat_points(data), record }
    }
}

/// A character with all it owns, as one transaction sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterState {
    /// The row.
    pub character: CharacterRecord,
    /// Bag and worn, by id.
    pub items: Vec<ItemRecord>,
    /// Whether a living shard owns it.
    pub in_world: bool,
}

impl CharacterState {
    /// What is worn, by slot.
    #[must_use]
    pub fn worn(&self) -> Vec<Worn> {
        worn(&self.items)
    }
}

/// What of `items` is worn, by slot.
#[must_use]
pub fn worn(items: &[ItemRecord]) -> Vec<Worn> {
    let mut worn: Vec<Worn> = items
        .iter()
        .filter_map(|item| item.worn_in.map(|slot| Worn { slot, template: item.template.clone() }))
        .collect();
    worn.sort_by_key(|w| w.slot);
    worn
}

/// What a shard gets when a character comes to it: everything, and the epoch that its writes must carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// As of now; region and position are where it appears.
    pub view: CharacterView,
    /// Bag and worn, by id.
    pub items: Vec<ItemRecord>,
    /// What the shard's writes carry from now on; older ones are refused.
    pub owner_epoch: OwnerEpoch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metres_and_centimetres_round_down() {
        assert_eq!(Position::from_metres((2, -1)), Position { x: 8_192, y: -4_096 });
        assert_eq!(Position { x: 4_095, y: -1 }.to_cm(), (99, -1));
        assert_eq!(Position::from_metres((i32::MAX, 0)).x, i32::MAX);
    }
}
