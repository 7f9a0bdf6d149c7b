//! `regions.csv`, `region_spawns.csv` and `region_blocks.csv`.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::keys::Keys;
use super::row::Row;
use super::sheet::Sheet;
use crate::limits::{MAX_LEVEL, MAX_MAP_M, MAX_REGION_SIDE_M, MAX_SECONDS, MAX_SPAWN_COUNT};
use crate::tables::{MonsterId, Rect, Region, RegionSpawn};

/// A region on its way, with its row in the file.
struct RegionRow {
    at: usize,
    sound: bool,
    region: Region,
}

/// The three files.
pub(super) struct RegionSheets<'a> {
    pub(super) regions: &'a Sheet,
    pub(super) spawns: Option<&'a Sheet>,
    pub(super) blocks: Option<&'a Sheet>,
}

/// Reads all regions with their spawns and blocks, sorted by key.
pub(super) fn read(sheets: &RegionSheets<'_>, keys: &Keys, monsters: &Keys, findings: &mut Findings) -> Vec<Region> {
    let sheet = sheets.regions;
    let mut rows: Vec<RegionRow> = (0..sheet.len())
        .map(|at| {
            let mut row = Row::new(sheet, at, findings);
            let region = read_region(&mut row);
            RegionRow { at, sound: row.is_sound(), region }
        })
        .collect();
    check_start(sheet, &rows, findings);
    check_overlaps(sheet, &rows, findings);
    rows.sort_by(|a, b| a.region.key.cmp(&b.region.key));
    rows.dedup_by(|a, b| a.region.key == b.region.key);
    if let Some(blocks) = sheets.blocks {
        read_blocks(blocks, keys, &mut rows, findings);
    }
    for row in rows.iter().filter(|row| row.sound && in_block(&row.region, row.region.entry)) {
        findings.error(sheet, row.at, "entry_x_m", "the entry lies in no block (region_blocks.csv)");
    }
    if let Some(spawns) = sheets.spawns {
        read_spawns(spawns, keys, monsters, &mut rows, findings);
        for row in rows.iter().filter(|row| row.sound && row.region.spawns.is_empty()) {
            findings.warning(sheet, row.at, "id", "no row of region_spawns.csv is in this region");
        }
    }
    rows.into_iter().map(|row| row.region).collect()
}

fn read_rect(row: &mut Row<'_>) -> Rect {
    let (map, side) = (i64::from(MAX_MAP_M), i64::from(MAX_REGION_SIDE_M));
    Rect {
        x: row.integer("x_m", -map, map),
        y: row.integer("y_m", -map, map),
        width: row.integer("width_m", 1, side),
        height: row.integer("height_m", 1, side),
    }
}

fn read_point(row: &mut Row<'_>, x_column: &str, y_column: &str) -> (i32, i32) {
    let map = 2 * i64::from(MAX_MAP_M);
    (row.integer(x_column, -map, map), row.integer(y_column, -map, map))
}

fn read_region(row: &mut Row<'_>) -> Region {
    let level = i64::from(MAX_LEVEL);
    row.token("biome");
    let region = Region {
        key: row.token("id"),
        name: row.name("name"),
        area: read_rect(row),
        levels: (row.integer("level_min", 1, level), row.integer("level_max", 1, level)),
        entry: read_point(row, "entry_x_m", "entry_y_m"),
        entry_radius_m: row.optional_integer("entry_radius_m", 0, i64::from(MAX_REGION_SIDE_M / 2)).unwrap_or_default(),
        is_start: row.flag("is_start"),
        pvp: row.flag("pvp"),
        spawns: Vec::new(),
        blocks: Vec::new(),
    };
    if row.is_sound() {
        row.require_range(region.levels, ("level_min", "level_max"));
        require_in_region(row, &region, region.entry, ("entry_x_m", "entry_y_m"));
    }
    if row.is_sound() {
        require_disc_in_region(row, &region);
    }
    region
}

/// Reports a radius with which characters would appear outside; the entry lies in the region.
fn require_disc_in_region(row: &mut Row<'_>, region: &Region) {
    let (Rect { x, y, width, height }, (entry_x, entry_y)) = (region.area, region.entry);
    let to_edges = [entry_x - x, x + width - 1 - entry_x, entry_y - y, y + height - 1 - entry_y];
    let most = to_edges.into_iter().min().unwrap_or_default();
    if i64::from(region.entry_radius_m) > i64::from(most) {
        row.error(
            "entry_radius_m",
            format!("the disc around the entry lies in region \"{}\": at most {most} from there", region.key),
        );
    }
}

/// Exactly one region is the start.
fn check_start(sheet: &Sheet, rows: &[RegionRow], findings: &mut Findings) {
    let mut starts = rows.iter().filter(|row| row.region.is_start);
    let Some(first) = starts.next() else {
        findings.file_error(&sheet.shown_name(), "exactly one region has is_start 1; none has");
        return;
    };
    let first_row = sheet.row_number(first.at);
    for row in starts {
        findings.error(
            sheet,
            row.at,
            "is_start",
            format!("exactly one region has is_start 1; row {first_row} has it too"),
        );
    }
}

fn check_overlaps(sheet: &Sheet, rows: &[RegionRow], findings: &mut Findings) {
    for (place, row) in rows.iter().enumerate().filter(|(_, row)| row.sound) {
        let earlier = rows[..place].iter().filter(|other| other.sound);
        for other in earlier.filter(|other| row.region.area.overlaps(other.region.area)) {
            let rule = format!("regions do not overlap; this one overlaps \"{}\"", other.region.key);
            findings.error(sheet, row.at, "x_m", rule);
        }
    }
}

fn read_blocks(sheet: &Sheet, keys: &Keys, rows: &mut [RegionRow], findings: &mut Findings) {
    let mut numbered: Vec<(u16, u32, Rect)> = Vec::new();
    let mut seen = BTreeSet::new();
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        let region = row.reference("region_id", keys);
        let number = row.integer("block_no", 1, i64::from(u32::MAX));
        let block = read_rect(&mut row);
        if !row.is_sound() {
            continue;
        }
        row.require(seen.insert((region, number)), "block_no", "stands in another row of this region already");
        if let Some(RegionRow { sound: true, region, .. }) = rows.get(usize::from(region)) {
            let far_corner = (block.x + block.width - 1, block.y + block.height - 1);
            require_in_region(&mut row, region, (block.x, block.y), ("x_m", "y_m"));
            if row.is_sound() {
                require_in_region(&mut row, region, far_corner, ("width_m", "height_m"));
            }
        }
        numbered.push((region, number, block));
    }
    numbered.sort_by_key(|(region, number, _)| (*region, *number));
    for (region, _, block) in numbered {
        if let Some(row) = rows.get_mut(usize::from(region)) {
            row.region.blocks.push(block);
        }
    }
}

fn read_spawns(sheet: &Sheet, keys: &Keys, monsters: &Keys, rows: &mut [RegionRow], findings: &mut Findings) {
    let mut numbered: Vec<(u16, u32, RegionSpawn)> = Vec::new();
    let mut seen = BTreeSet::new();
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        let region = row.reference("region_id", keys);
        let number = row.integer("spawn_no", 1, i64::from(u32::MAX));
        let spawn = RegionSpawn {
            monster: MonsterId(row.reference("monster_id", monsters)),
            center: read_point(&mut row, "x_m", "y_m"),
            radius_m: row.integer("radius_m", 1, i64::from(MAX_REGION_SIDE_M)),
            count_max: row.integer("count_max", 1, i64::from(MAX_SPAWN_COUNT)),
            respawn_s: row.integer("respawn_s", 1, i64::from(MAX_SECONDS)),
        };
        if !row.is_sound() {
            continue;
        }
        row.require(seen.insert((region, number)), "spawn_no", "stands in another row of this region already");
        if let Some(RegionRow { sound: true, region, .. }) = rows.get(usize::from(region)) {
            require_in_region(&mut row, region, spawn.center, ("x_m", "y_m"));
            row.require(
                !in_block(region, spawn.center),
                "x_m",
                "a spawn's centre lies in no block (region_blocks.csv)",
            );
        }
        numbered.push((region, number, spawn));
    }
    numbered.sort_by_key(|(region, number, _)| (*region, *number));
    for (region, _, spawn) in numbered {
        if let Some(row) = rows.get_mut(usize::from(region)) {
            row.region.spawns.push(spawn);
        }
    }
}

/// Reports the coordinate of `point` that leaves the region.
fn require_in_region(row: &mut Row<'_>, region: &Region, point: (i32, i32), (x_column, y_column): (&str, &str)) {
    let Rect { x, y, width, height } = region.area;
    let axes = [(point.0, x, width, x_column, "x"), (point.1, y, height, y_column, "y")];
    for (value, from, side, column, axis) in axes {
        let to = from + side;
        if !(from..to).contains(&value) {
            row.error(
                column,
                format!("lies in region \"{}\", whose {axis} is {from} to below {to}; this is {value}", region.key),
            );
        }
    }
}

fn in_block(region: &Region, point: (i32, i32)) -> bool {
    region.blocks.iter().any(|block| block.contains(point))
}
