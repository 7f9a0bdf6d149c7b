//! The land that is measured on: one region in the middle of nowhere, as large as the scene needs, with monsters that can be fought for ever.
//! All else is the starter set's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use shallot_masterdata::MasterData;
use shallot_masterdata::author::{STARTER_FILES, load_files};

/// The monster that stands everywhere, from the starter set.
const MONSTER: &str = "stray_hound";
/// Its hit points with dice that may give them, and those that each player has more: fights last as long as the run.
const HIT_POINTS: &str = "1000000";
const HIT_DICE: &str = "1000d1000";
const HIT_POINTS_MORE: &str = "900000";
/// Monsters around one spot.
const MONSTERS_A_SPOT: u32 = 10;

/// What is to be on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Land {
    /// Its sides, metres.
    pub(super) side_m: u32,
    /// Players begin within so much of its middle, metres.
    pub(super) players_within_m: u32,
    /// Monsters.
    pub(super) monsters: u32,
    /// Spots of ten of them are spread over a square with such a side around the middle, metres.
    pub(super) monsters_within_m: u32,
}

impl Land {
    /// Its tables, by file name.
    ///
    /// # Errors
    /// The starter set has changed so that it cannot be made of it.
    pub(super) fn tables(self) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        let mut tables: BTreeMap<&str, String> =
            STARTER_FILES.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let (side, middle, within) = (self.side_m, self.side_m / 2, self.players_within_m);
        tables.insert(
            "regions.csv",
            format!(
                "id,name,biome,x_m,y_m,width_m,height_m,level_min,level_max,entry_x_m,entry_y_m,is_start,pvp,entry_radius_m\n\
                 ground,Ground,meadow,0,0,{side},{side},1,8,{middle},{middle},1,0,{within}\n"
            ),
        );
        tables.insert("region_spawns.csv", self.spawns());
        tables.insert("region_blocks.csv", "region_id,block_no,x_m,y_m,width_m,height_m\n".to_owned());
        let monsters = tables.get_mut("monsters.csv").context("no monsters")?;
        *monsters = with_cell(monsters, Some(MONSTER), "hp", HIT_POINTS)?;
        *monsters = with_cell(monsters, Some(MONSTER), "hp_dice", HIT_DICE)?;
        let classes = tables.get_mut("classes.csv").context("no classes")?;
        *classes = with_cell(classes, None, "hp_bonus", HIT_POINTS_MORE)?;
        Ok(tables.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect())
    }

    /// Writes them into a folder, and reads them as the server will.
    ///
    /// # Errors
    /// They cannot be written, or make no sense.
    pub(super) fn write(self, folder: &Path) -> anyhow::Result<MasterData> {
        let tables = self.tables()?;
        for (name, text) in &tables {
            std::fs::write(folder.join(name), text).with_context(|| format!("writing {name}"))?;
        }
        match load_files(tables) {
            Ok((data, _)) => Ok(data),
            Err(report) => bail!("the ground cannot be played:\n{report}"),
        }
    }

    /// Spots in rows and columns, ten monsters each that wander half of the way to the next.
    fn spawns(self) -> String {
        let mut text = "region_id,spawn_no,monster_id,x_m,y_m,radius_m,count_max,respawn_s\n".to_owned();
        let spots = self.monsters.div_ceil(MONSTERS_A_SPOT);
        let columns = (1..=spots).find(|columns| columns * columns >= spots).unwrap_or(1);
        let gap = self.monsters_within_m / columns;
        let corner = (self.side_m - self.monsters_within_m) / 2 + gap / 2;
        for spot in 0..spots {
            let (x, y) = (corner + spot % columns * gap, corner + spot / columns * gap);
            let count = MONSTERS_A_SPOT.min(self.monsters - spot * MONSTERS_A_SPOT);
            // Writing into a String cannot fail.
            let _ = writeln!(text, "ground,{},{MONSTER},{x},{y},{},{count},15", spot + 1, (gap / 2).max(1));
        }
        text
    }
}

/// A table with another value in a column, in the row of that id or in all. The starter's cells have no quotes in what is changed here.
fn with_cell(table: &str, id: Option<&str>, column: &str, value: &str) -> anyhow::Result<String> {
    let mut lines = table.lines();
    let head = lines.next().context("an empty table")?;
    let at = head.split(',').position(|name| name == column).with_context(|| format!("no column {column}"))?;
    let mut text = format!("{head}\n");
    for line in lines {
        let mut cells: Vec<&str> = line.split(',').collect();
        let is_meant = id.is_none_or(|id| cells.first() == Some(&id));
        if let Some(cell) = cells.get_mut(at).filter(|_| is_meant) {
            *cell = value;
        }
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_played_and_has_as_many_monsters_as_asked_for() {
        for (side_m, monsters) in [(2_400, 2_000), (200, 45), (1_318, 600)] {
            let land = Land { side_m, players_within_m: 20, monsters, monsters_within_m: side_m - 20 };
            let folder = tempfile::tempdir().expect("a folder");
            let data = land.write(folder.path()).unwrap_or_else(|error| panic!("{error:#}"));
            let region = data.region(data.start_region());
            assert_eq!(region.spawns.iter().map(|spawn| spawn.count_max).sum::<u32>(), monsters);
            assert!(data.classes.iter().all(|class| class.hp_bonus == 900_000));
        }
    }
}
