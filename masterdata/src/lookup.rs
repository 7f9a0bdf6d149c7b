//! Looking things up in a set: by dense id (cannot fail), by key (binary search), by experience.

use crate::tables::{
    Class, ClassId, DropTable, DropTableId, Dungeon, DungeonId, Item, ItemSet, ItemTemplateId, Level, MasterData,
    Monster, MonsterId, Region, RegionIndex, SetId, Skill, SkillId,
};

/// The place of `key` in a table sorted by key.
fn place<T>(rows: &[T], key: &str, key_of: impl Fn(&T) -> &str) -> Option<u16> {
    let at = rows.binary_search_by(|row| key_of(row).cmp(key)).ok()?;
    u16::try_from(at).ok()
}

/// By dense id. Ids come out of the same set only, so the row is there; an id of another set may name another row, or panic.
impl MasterData {
    /// The item's row.
    #[must_use]
    pub fn item(&self, id: ItemTemplateId) -> &Item {
        &self.items[id.index()]
    }

    /// The monster's row.
    #[must_use]
    pub fn monster(&self, id: MonsterId) -> &Monster {
        &self.monsters[id.index()]
    }

    /// The drop table.
    #[must_use]
    pub fn drop_table(&self, id: DropTableId) -> &DropTable {
        &self.drop_tables[id.index()]
    }

    /// The dungeon.
    #[must_use]
    pub fn dungeon(&self, id: DungeonId) -> &Dungeon {
        &self.dungeons[id.index()]
    }

    /// The set of items.
    #[must_use]
    pub fn set(&self, id: SetId) -> &ItemSet {
        &self.sets[id.index()]
    }

    /// The region.
    #[must_use]
    pub fn region(&self, id: RegionIndex) -> &Region {
        &self.regions[id.index()]
    }

    /// The class.
    #[must_use]
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    /// The skill.
    #[must_use]
    pub fn skill(&self, id: SkillId) -> &Skill {
        &self.skills[id.index()]
    }
}

/// By key, as the tables and everything outside the process name things. `None`: the set has no such key.
impl MasterData {
    /// An item by the `id` of `items.csv`.
    #[must_use]
    pub fn item_by_key(&self, key: &str) -> Option<ItemTemplateId> {
        place(&self.items, key, |row| &row.key).map(ItemTemplateId)
    }

    /// A monster by the `id` of `monsters.csv`.
    #[must_use]
    pub fn monster_by_key(&self, key: &str) -> Option<MonsterId> {
        place(&self.monsters, key, |row| &row.key).map(MonsterId)
    }

    /// A drop table by its `table_id`.
    #[must_use]
    pub fn drop_table_by_key(&self, key: &str) -> Option<DropTableId> {
        place(&self.drop_tables, key, |row| &row.key).map(DropTableId)
    }

    /// A dungeon by the `id` of `dungeon_templates.csv`.
    #[must_use]
    pub fn dungeon_by_key(&self, key: &str) -> Option<DungeonId> {
        place(&self.dungeons, key, |row| &row.key).map(DungeonId)
    }

    /// A set of items by its `set_id`.
    #[must_use]
    pub fn set_by_key(&self, key: &str) -> Option<SetId> {
        place(&self.sets, key, |row| &row.key).map(SetId)
    }

    /// A region by the `id` of `regions.csv`.
    #[must_use]
    pub fn region_by_key(&self, key: &str) -> Option<RegionIndex> {
        place(&self.regions, key, |row| &row.key).map(RegionIndex)
    }

    /// A class by the `id` of `classes.csv`.
    #[must_use]
    pub fn class_by_key(&self, key: &str) -> Option<ClassId> {
        place(&self.classes, key, |row| &row.key).map(ClassId)
    }

    /// A skill by the `id` of `skills.csv`.
    #[must_use]
    pub fn skill_by_key(&self, key: &str) -> Option<SkillId> {
        place(&self.skills, key, |row| &row.key).map(SkillId)
    }

    /// The English text of a key such as `item.club.name`.
    #[must_use]
    pub fn string(&self, key: &str) -> Option<&str> {
        let at = self.strings.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok()?;
        self.strings.get(at).map(|(_, text)| text.as_str())
    }
}

/// Levels and places.
impl MasterData {
    /// The level a character with `xp_total` experience in all has: 1 to the last level of the curve.
    #[must_use]
    pub fn level_for_xp(&self, xp_total: u64) -> u8 {
        let reached = self.levels.partition_point(|level| level.xp_total <= xp_total);
        u8::try_from(reached).unwrap_or(u8::MAX).max(1)
    }

    /// The row of `level`; a level out of the curve counts as the nearest in it.
    #[must_use]
    pub fn level(&self, level: u8) -> &Level {
        let at = usize::from(level).clamp(1, self.levels.len()) - 1;
        &self.levels[at]
    }

    /// The region new characters appear in.
    #[must_use]
    pub fn start_region(&self) -> RegionIndex {
        let at = self.regions.iter().position(|region| region.is_start).unwrap_or(0);
        RegionIndex(u16::try_from(at).unwrap_or(0))
    }
}
