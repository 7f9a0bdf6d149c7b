//! `drop_tables.csv`.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::items::require_thing;
use super::keys::Keys;
use super::row::Row;
use super::sheet::Sheet;
use super::words::DROP_MODES;
use crate::limits::{MAX_DROP_DEPTH, MAX_DROP_RESULTS, MAX_DROP_TABLE_ROLLS, MAX_QUANTITY, PPM};
use crate::tables::{DropEntry, DropGroup, DropMode, DropTable, DropTableId, DropYield, Item, ItemTemplateId};

/// A row on its way into its table.
struct EntryRow {
    at: usize,
    table: u16,
    group: u32,
    number: u32,
    mode: DropMode,
    entry: DropEntry,
}

/// Reads all drop tables, sorted by key.
pub(super) fn read(
    sheet: &Sheet,
    keys: &Keys,
    item_keys: &Keys,
    items: &[Item],
    findings: &mut Findings,
) -> Vec<DropTable> {
    let mut rows: Vec<EntryRow> = Vec::with_capacity(sheet.len());
    let mut numbers = BTreeSet::new();
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        row.token("table_id");
        let Some(read) = read_entry(&mut row, keys, item_keys, items) else { continue };
        row.require(
            numbers.insert((read.table, read.number)),
            "entry_no",
            "stands in another row of this table already",
        );
        rows.push(read);
    }
    rows.sort_by_key(|row| (row.table, row.group, row.number));
    for group in rows.chunk_by(|a, b| (a.table, a.group) == (b.table, b.group)) {
        check_group(sheet, group, findings);
    }
    let tables = assemble(keys, &rows);
    check_sub_tables(sheet, &rows, &tables, findings);
    tables
}

/// `None` when a cell is wrong, so that the row cannot be judged with the others of its group.
fn read_entry(row: &mut Row<'_>, keys: &Keys, item_keys: &Keys, items: &[Item]) -> Option<EntryRow> {
    let quantity = (1, i64::from(MAX_QUANTITY));
    let number = row.integer("entry_no", 1, i64::from(u32::MAX));
    let group = row.integer("group_no", 1, i64::from(u32::MAX));
    let mode = row.word("mode", DROP_MODES);
    let item = row.optional_reference("item_id", item_keys).map(ItemTemplateId);
    let sub_table = row.optional_reference("sub_table_id", keys).map(DropTableId);
    let chance_ppm = row.integer("chance_ppm", 1, i64::from(PPM));
    let qty_min = row.integer("qty_min", quantity.0, quantity.1);
    let qty_max = row.integer("qty_max", quantity.0, quantity.1);
    if row.is_sound() {
        row.require_range((qty_min, qty_max), ("qty_min", "qty_max"));
    }
    if let Some(item) = item.filter(|_| item_keys.id(row.cell("item_id")).is_some()) {
        require_thing(row, "item_id", items, item);
    }
    let yields = match (item, sub_table) {
        (Some(item), None) => DropYield::Item(item),
        (None, Some(table)) => DropYield::Table(table),
        _ => {
            row.error("sub_table_id", "exactly one of item_id and sub_table_id is set");
            return None;
        }
    };
    let entry = DropEntry { yields, chance_ppm, qty_min, qty_max };
    let table = keys.id(row.cell("table_id")).filter(|_| row.is_sound())?;
    Some(EntryRow { at: row.at, table, group, number, mode, entry })
}

/// One mode in a group; the chances of a pick-one group sum to one at most.
fn check_group(sheet: &Sheet, group: &[EntryRow], findings: &mut Findings) {
    let Some(first) = group.first() else { return };
    for row in group.iter().filter(|row| row.mode != first.mode) {
        let first_row = sheet.row_number(first.at);
        findings.error(
            sheet,
            row.at,
            "mode",
            format!("all rows of a group have the same mode; row {first_row} differs"),
        );
    }
    let sum: u64 = group.iter().map(|row| u64::from(row.entry.chance_ppm)).sum();
    if first.mode == DropMode::PickOne && sum > u64::from(PPM) {
        let rule = format!("the chances of a pick_one group sum to at most {PPM}; those of this group sum to {sum}");
        findings.error(sheet, first.at, "chance_ppm", rule);
    }
}

fn assemble(keys: &Keys, rows: &[EntryRow]) -> Vec<DropTable> {
    let mut tables: Vec<DropTable> =
        keys.iter().map(|key| DropTable { key: key.to_owned(), groups: Vec::new() }).collect();
    for group in rows.chunk_by(|a, b| (a.table, a.group) == (b.table, b.group)) {
        let Some(first) = group.first() else { continue };
        if let Some(table) = tables.get_mut(usize::from(first.table)) {
            let entries = group.iter().map(|row| row.entry).collect();
            table.groups.push(DropGroup { mode: first.mode, entries });
        }
    }
    tables
}

/// The most one roll of a table can cost.
#[derive(Clone, Copy, Default)]
struct Worst {
    depth: usize,
    results: usize,
    table_rolls: usize,
}

/// No table contains itself, and no roll can be larger than its limits.
fn check_sub_tables(sheet: &Sheet, rows: &[EntryRow], tables: &[DropTable], findings: &mut Findings) {
    let Some(order) = contained_first(tables) else {
        report_cycles(sheet, rows, tables, findings);
        return;
    };
    let first_row: BTreeMap<u16, usize> = rows.iter().rev().map(|row| (row.table, row.at)).collect();
    let mut worst = vec![Worst::default(); tables.len()];
    for table in order {
        let of_table = worst_of(&tables[table], &worst);
        worst[table] = of_table;
        let limits = [
            ("deep sub-tables stand in it", of_table.depth, MAX_DROP_DEPTH),
            ("results one roll can have", of_table.results, MAX_DROP_RESULTS),
            ("tables one roll can roll", of_table.table_rolls, MAX_DROP_TABLE_ROLLS),
        ];
        for (what, is, most) in limits.into_iter().filter(|(_, is, most)| is > most) {
            let at = u16::try_from(table).ok().and_then(|table| first_row.get(&table)).copied().unwrap_or(0);
            findings.error(sheet, at, "table_id", format!("how many {what} is limited to {most}; here it is {is}"));
        }
    }
}

fn sub_tables(table: &DropTable) -> impl Iterator<Item = usize> {
    table.groups.iter().flat_map(|group| &group.entries).filter_map(|entry| match entry.yields {
        DropYield::Table(sub_table) => Some(sub_table.index()),
        DropYield::Item(_) => None,
    })
}

/// The tables in an order in which each comes after all it contains; `None` when some contain each other.
fn contained_first(tables: &[DropTable]) -> Option<Vec<usize>> {
    let mut containers: Vec<Vec<usize>> = vec![Vec::new(); tables.len()];
    let mut waiting_for: Vec<usize> = vec![0; tables.len()];
    for (container, table) in tables.iter().enumerate() {
        for contained in sub_tables(table) {
            containers[contained].push(container);
            waiting_for[container] += 1;
        }
    }
    let mut order: Vec<usize> = (0..tables.len()).filter(|table| waiting_for[*table] == 0).collect();
    let mut next = 0;
    while let Some(&table) = order.get(next) {
        next += 1;
        for &container in &containers[table] {
            waiting_for[container] -= 1;
            if waiting_for[container] == 0 {
                order.push(container);
            }
        }
    }
    (order.len() == tables.len()).then_some(order)
}

/// Reports each row through which a table reaches itself.
fn report_cycles(sheet: &Sheet, rows: &[EntryRow], tables: &[DropTable], findings: &mut Findings) {
    for row in rows {
        let DropYield::Table(sub_table) = row.entry.yields else { continue };
        let mut seen = BTreeSet::new();
        let mut open = vec![sub_table.index()];
        while let Some(table) = open.pop() {
            if seen.insert(table) {
                open.extend(sub_tables(&tables[table]));
            }
        }
        if seen.contains(&usize::from(row.table)) {
            findings.error(
                sheet,
                row.at,
                "sub_table_id",
                "sub-tables form no cycle; through this row the table contains itself",
            );
        }
    }
}

/// Adds up the worst case of each group: all entries of an independent one, the largest of a pick-one.
fn worst_of(table: &DropTable, known: &[Worst]) -> Worst {
    let mut worst = Worst { depth: 1, results: 0, table_rolls: 1 };
    for group in &table.groups {
        let (mut results, mut table_rolls) = (0_usize, 0_usize);
        for entry in &group.entries {
            let of_entry = match entry.yields {
                DropYield::Item(_) => Worst { depth: 0, results: 1, table_rolls: 0 },
                DropYield::Table(sub_table) => {
                    let times = usize::try_from(entry.qty_max).unwrap_or(usize::MAX);
                    let sub_table = known[sub_table.index()];
                    Worst {
                        depth: sub_table.depth,
                        results: sub_table.results.saturating_mul(times),
                        table_rolls: sub_table.table_rolls.saturating_mul(times),
                    }
                }
            };
            worst.depth = worst.depth.max(1 + of_entry.depth);
            match group.mode {
                DropMode::Independent => {
                    results = results.saturating_add(of_entry.results);
                    table_rolls = table_rolls.saturating_add(of_entry.table_rolls);
                }
                DropMode::PickOne => {
                    results = results.max(of_entry.results);
                    table_rolls = table_rolls.max(of_entry.table_rolls);
                }
            }
        }
        worst.results = worst.results.saturating_add(results);
        worst.table_rolls = worst.table_rolls.saturating_add(table_rolls);
    }
    worst
}
