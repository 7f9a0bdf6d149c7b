//! From files to a set, table by table: first the keys of all tables, then their rows, which refer to each other by dense id.

use std::collections::BTreeMap;

use super::columns::{self, FileSpec, Need};
use super::dungeons::DungeonReferences;
use super::findings::Findings;
use super::keys::Keys;
use super::regions::RegionSheets;
use super::report::{Finding, Report};
use super::sheet::Sheet;
use super::{balance, classes, drop_tables, dungeons, hash, items, levels, monsters, regions, sets, starter, strings};
use crate::tables::MasterData;

/// Name of each file of a folder, with its bytes or why it cannot be read.
pub(super) type Files = BTreeMap<String, Result<Vec<u8>, String>>;

/// The sheets that could be read.
struct Sheets {
    by_file: BTreeMap<&'static str, Sheet>,
}

impl Sheets {
    fn read(files: &Files, findings: &mut Findings) -> Sheets {
        let mut by_file = BTreeMap::new();
        for spec in columns::FILES {
            let borrowed = spec.need == Need::Borrowed && !files.contains_key(spec.name);
            let bytes = match files.get(spec.name) {
                Some(Ok(bytes)) => Some(bytes.as_slice()),
                Some(Err(rule)) => {
                    findings.file_error(spec.name, rule);
                    None
                }
                None if borrowed => starter::text(spec.name).map(str::as_bytes),
                None => {
                    if spec.need == Need::Required {
                        findings.file_error(spec.name, "the file is missing");
                    }
                    None
                }
            };
            if let Some(sheet) = bytes.and_then(|bytes| Sheet::read(spec, bytes, borrowed, findings)) {
                by_file.insert(spec.name, sheet);
            }
        }
        Sheets { by_file }
    }

    fn get(&self, spec: &FileSpec) -> Option<&Sheet> {
        self.by_file.get(spec.name)
    }
}

/// The keys of every table.
struct AllKeys {
    items: Keys,
    monsters: Keys,
    drop_tables: Keys,
    dungeons: Keys,
    sets: Keys,
    regions: Keys,
    classes: Keys,
    skills: Keys,
}

impl AllKeys {
    fn read(sheets: &Sheets, findings: &mut Findings) -> AllKeys {
        let mut unique = |what, spec, column| Keys::unique(what, sheets.get(spec), column, findings);
        AllKeys {
            items: unique("item", &columns::ITEMS, "id"),
            monsters: unique("monster", &columns::MONSTERS, "id"),
            dungeons: unique("dungeon", &columns::DUNGEONS, "id"),
            regions: unique("region", &columns::REGIONS, "id"),
            classes: unique("class", &columns::CLASSES, "id"),
            skills: unique("skill", &columns::SKILLS, "id"),
            drop_tables: Keys::grouped("drop table", sheets.get(&columns::DROP_TABLES), "table_id", findings),
            sets: Keys::grouped("set", sheets.get(&columns::SETS), "set_id", findings),
        }
    }
}

/// Compiles `files`, adding to what was found while they were read.
pub(super) fn compile(files: &Files, mut findings: Findings) -> Result<(MasterData, Vec<Finding>), Report> {
    let sheets = Sheets::read(files, &mut findings);
    let keys = AllKeys::read(&sheets, &mut findings);
    let set = read_tables(&sheets, &keys, &mut findings);
    let warnings = findings.verdict()?;
    let hash = hash::content_hash(&set);
    Ok((MasterData { hash, ..set }, warnings))
}

/// Reads each table that is there. When something was an error, some ids of the result mean nothing and it must not be used.
fn read_tables(sheets: &Sheets, keys: &AllKeys, findings: &mut Findings) -> MasterData {
    let of = |spec| sheets.get(spec);
    let items = of(&columns::ITEMS).map(|sheet| items::read(sheet, &keys.items, findings)).unwrap_or_default();
    let bundles = items::read_bundles(of(&columns::BUNDLES), &keys.items, &items, findings);
    let attacks = of(&columns::ATTACKS);
    let monsters = of(&columns::MONSTERS)
        .map(|sheet| monsters::read(sheet, attacks, &keys.monsters, &keys.drop_tables, findings))
        .unwrap_or_default();
    let drop_tables = of(&columns::DROP_TABLES)
        .map(|sheet| drop_tables::read(sheet, &keys.drop_tables, &keys.items, &items, findings))
        .unwrap_or_default();
    let known = DungeonReferences {
        dungeons: &keys.dungeons,
        monsters: &keys.monsters,
        drop_tables: &keys.drop_tables,
        item_keys: &keys.items,
        items: &items,
    };
    let dungeons = of(&columns::DUNGEONS)
        .map(|sheet| dungeons::read(sheet, of(&columns::DUNGEON_SPAWNS), &known, findings))
        .unwrap_or_default();
    let levels = of(&columns::LEVELS).map(|sheet| levels::read(sheet, findings)).unwrap_or_default();
    let sets = sets::read(of(&columns::SETS), &keys.sets, &keys.items, &items, findings);
    let (spawns, blocks) = (of(&columns::REGION_SPAWNS), of(&columns::REGION_BLOCKS));
    let regions = of(&columns::REGIONS)
        .map(|regions| RegionSheets { regions, spawns, blocks })
        .map(|sheets| regions::read(&sheets, &keys.regions, &keys.monsters, findings))
        .unwrap_or_default();
    let classes = of(&columns::CLASSES)
        .map(|sheet| classes::read_classes(sheet, &keys.items, &items, findings))
        .unwrap_or_default();
    let skills =
        of(&columns::SKILLS).map(|sheet| classes::read_skills(sheet, &keys.classes, findings)).unwrap_or_default();
    let strings = read_strings(sheets, keys, findings);
    let balance = balance::read(of(&columns::BALANCE), findings);
    let hash = [0; 32]; // not known before all tables are
    MasterData {
        hash,
        items,
        bundles,
        monsters,
        drop_tables,
        dungeons,
        levels,
        sets,
        regions,
        classes,
        skills,
        balance,
        strings,
    }
}

fn read_strings(sheets: &Sheets, keys: &AllKeys, findings: &mut Findings) -> Vec<(String, String)> {
    let tables = [
        ("item", &keys.items),
        ("monster", &keys.monsters),
        ("dungeon", &keys.dungeons),
        ("set", &keys.sets),
        ("region", &keys.regions),
        ("class", &keys.classes),
        ("skill", &keys.skills),
    ];
    strings::read(sheets.get(&columns::STRINGS), &tables, findings)
}
