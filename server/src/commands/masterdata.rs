//! `shallot masterdata check`: every problem of the tables in a folder, or what the set has in it.

use std::path::Path;

use shallot_masterdata::author::load_dir;

use crate::masterdata::short_hash;

#[expect(clippy::print_stdout, reason = "the verb's result")]
pub(crate) fn check(folder: &Path) -> anyhow::Result<()> {
    let (set, warnings) =
        load_dir(folder).map_err(|report| anyhow::anyhow!("{} cannot be used\n{report}", folder.display()))?;
    for warning in &warnings {
        println!("{warning}");
    }
    println!(
        "{}: {} items, {} monsters, {} drop tables, {} regions, {} dungeons, {} levels, {} classes, {} skills; {} warnings; set {}",
        folder.display(),
        set.items.len(),
        set.monsters.len(),
        set.drop_tables.len(),
        set.regions.len(),
        set.dungeons.len(),
        set.levels.len(),
        set.classes.len(),
        set.skills.len(),
        warnings.len(),
        short_hash(&set.hash),
    );
    Ok(())
}
