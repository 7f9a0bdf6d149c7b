//! `dungeon_templates.csv` and `dungeon_spawns.csv`.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::items::require_thing;
use super::keys::Keys;
use super::row::Row;
use super::sheet::Sheet;
use crate::limits::{MAX_LEVEL, MAX_SECONDS, MAX_SPAWN_COUNT, MAX_XP};
use crate::tables::{DropTableId, Dungeon, DungeonSpawn, Item, ItemTemplateId, MonsterId};

/// A dungeon on its way, with its row in the file.
struct DungeonRow {
    at: usize,
    /// Neither it nor one of its spawns broke a rule so far.
    sound: bool,
    dungeon: Dungeon,
}

/// The tables dungeons refer to.
pub(super) struct DungeonReferences<'a> {
    pub(super) dungeons: &'a Keys,
    pub(super) monsters: &'a Keys,
    pub(super) drop_tables: &'a Keys,
    pub(super) item_keys: &'a Keys,
    pub(super) items: &'a [Item],
}

/// Reads all dungeons with their spawns, sorted by key.
pub(super) fn read(
    sheet: &Sheet,
    spawns: Option<&Sheet>,
    known: &DungeonReferences<'_>,
    findings: &mut Findings,
) -> Vec<Dungeon> {
    let mut rows: Vec<DungeonRow> = (0..sheet.len())
        .map(|at| {
            let mut row = Row::new(sheet, at, findings);
            let dungeon = read_dungeon(&mut row, known);
            DungeonRow { at, sound: row.is_sound(), dungeon }
        })
        .collect();
    rows.sort_by(|a, b| a.dungeon.key.cmp(&b.dungeon.key));
    rows.dedup_by(|a, b| a.dungeon.key == b.dungeon.key);
    if let Some(spawns) = spawns {
        read_spawns(spawns, known, &mut rows, findings);
        for row in rows.iter().filter(|row| row.sound) {
            check_rooms(&mut Row::new(sheet, row.at, findings), &row.dungeon);
        }
    }
    rows.into_iter().map(|row| row.dungeon).collect()
}

fn read_dungeon(row: &mut Row<'_>, known: &DungeonReferences<'_>) -> Dungeon {
    row.token("biome");
    let level = i64::from(MAX_LEVEL);
    let dungeon = Dungeon {
        key: row.token("id"),
        name: row.name("name"),
        levels: (row.integer("level_min", 1, level), row.integer("level_max", 1, level)),
        party: (row.integer("party_min", 1, 40), row.integer("party_max", 1, 40)),
        rooms: (row.integer("rooms_min", 1, 100), row.integer("rooms_max", 1, 100)),
        time_limit_s: row.integer("time_limit_s", 1, i64::from(MAX_SECONDS)),
        wipe_limit: row.integer("wipe_limit", 1, 1_000),
        entry_item: row.optional_reference("entry_item_id", known.item_keys).map(ItemTemplateId),
        boss: MonsterId(row.reference("boss_monster_id", known.monsters)),
        clear_table: row.optional_reference("clear_table_id", known.drop_tables).map(DropTableId),
        clear_xp: row.integer("clear_xp", 0, i64::from(MAX_XP)),
        enabled: row.flag("enabled"),
        spawns: Vec::new(),
    };
    if row.is_sound() {
        row.require_range(dungeon.levels, ("level_min", "level_max"));
        row.require_range(dungeon.party, ("party_min", "party_max"));
        row.require_range(dungeon.rooms, ("rooms_min", "rooms_max"));
        if let Some(item) = dungeon.entry_item {
            require_thing(row, "entry_item_id", known.items, item);
        }
    }
    dungeon
}

fn read_spawns(sheet: &Sheet, known: &DungeonReferences<'_>, rows: &mut [DungeonRow], findings: &mut Findings) {
    let mut numbered: Vec<(u16, u32, DungeonSpawn)> = Vec::new();
    let mut seen = BTreeSet::new();
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        let dungeon = row.reference("dungeon_id", known.dungeons);
        let number = row.integer("spawn_no", 1, i64::from(u32::MAX));
        let spawn = DungeonSpawn {
            rooms: (row.integer("room_from", 1, 100), row.integer("room_to", 1, 100)),
            monster: MonsterId(row.reference("monster_id", known.monsters)),
            weight: row.integer("weight", 1, 1_000_000),
            count: (
                row.integer("count_min", 1, i64::from(MAX_SPAWN_COUNT)),
                row.integer("count_max", 1, i64::from(MAX_SPAWN_COUNT)),
            ),
        };
        if !row.is_sound() {
            let of_dungeon = known.dungeons.id(row.cell("dungeon_id")).and_then(|id| rows.get_mut(usize::from(id)));
            of_dungeon.into_iter().for_each(|row| row.sound = false);
            continue;
        }
        row.require(seen.insert((dungeon, number)), "spawn_no", "stands in another row of this dungeon already");
        row.require_range(spawn.rooms, ("room_from", "room_to"));
        row.require_range(spawn.count, ("count_min", "count_max"));
        if let Some(DungeonRow { sound: true, dungeon, .. }) = rows.get(usize::from(dungeon)) {
            let last = dungeon.rooms.1;
            row.require(spawn.rooms.1 <= last, "room_to", &format!("the dungeon has at most {last} rooms (rooms_max)"));
        }
        numbered.push((dungeon, number, spawn));
    }
    numbered.sort_by_key(|(dungeon, number, _)| (*dungeon, *number));
    for (dungeon, _, spawn) in numbered {
        if let Some(row) = rows.get_mut(usize::from(dungeon)) {
            row.dungeon.spawns.push(spawn);
        }
    }
}

/// A dungeon that is offered has monsters in each room but the last, which is the boss's.
fn check_rooms(row: &mut Row<'_>, dungeon: &Dungeon) {
    let is_filled = |room: u8| dungeon.spawns.iter().any(|spawn| (spawn.rooms.0..=spawn.rooms.1).contains(&room));
    let first_empty = (1..dungeon.rooms.0).find(|room| !is_filled(*room));
    if let Some(room) = first_empty.filter(|_| dungeon.enabled) {
        row.error(
            "enabled",
            format!("an enabled dungeon has spawn rows for each room before its last; room {room} has none"),
        );
    }
}
