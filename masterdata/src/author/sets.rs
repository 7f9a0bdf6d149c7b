//! `set_bonuses.csv`.

use super::findings::Findings;
use super::items::require_thing;
use super::keys::Keys;
use super::row::{MAX_EFFECT, Row};
use super::sheet::Sheet;
use crate::tables::{Effect, Item, ItemSet, ItemTemplateId};

/// Reads all sets, sorted by key; the bonuses of a set by pieces and stat.
pub(super) fn read(
    sheet: Option<&Sheet>,
    keys: &Keys,
    item_keys: &Keys,
    items: &[Item],
    findings: &mut Findings,
) -> Vec<ItemSet> {
    let empty =
        |key: &str| ItemSet { key: key.to_owned(), name: String::new(), members: Vec::new(), bonuses: Vec::new() };
    let mut sets: Vec<ItemSet> = keys.iter().map(empty).collect();
    let Some(sheet) = sheet else { return sets };
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        row.token("set_id");
        let name = row.name("name");
        let members = read_members(&mut row, item_keys, items);
        let pieces = row.integer("pieces_required", 1, i64::from(u8::MAX));
        let effect = Effect { stat: row.token("stat"), value: row.integer("value", MAX_EFFECT.0, MAX_EFFECT.1) };
        let id = keys.id(row.cell("set_id"));
        let Some(set) = id.and_then(|id| sets.get_mut(usize::from(id))).filter(|_| row.is_sound()) else { continue };
        row.require(usize::from(pieces) <= members.len(), "pieces_required", "at most as many as the set has members");
        if set.bonuses.is_empty() {
            warn_of_unwearable(&mut row, &members, items);
            (set.name, set.members) = (name, members);
        } else {
            row.require(set.name == name, "name", "the same in all rows of a set");
            row.require(set.members == members, "member_item_ids", "the same members in all rows of a set");
        }
        let doubled = set.bonuses.iter().any(|(other, bonus)| *other == pieces && bonus.stat == effect.stat);
        row.require(!doubled, "stat", "stands in another row of this set with as many pieces already");
        set.bonuses.push((pieces, effect));
    }
    for set in &mut sets {
        set.bonuses.sort_by(|(a_pieces, a), (b_pieces, b)| (a_pieces, &a.stat).cmp(&(b_pieces, &b.stat)));
    }
    sets
}

fn read_members(row: &mut Row<'_>, item_keys: &Keys, items: &[Item]) -> Vec<ItemTemplateId> {
    let mut members: Vec<ItemTemplateId> =
        row.references("member_item_ids", item_keys).into_iter().map(ItemTemplateId).collect();
    if row.is_sound() {
        row.require(members.len() >= 2, "member_item_ids", "a set has at least 2 members");
        for member in &members {
            require_thing(row, "member_item_ids", items, *member);
        }
    }
    members.sort();
    members
}

fn warn_of_unwearable(row: &mut Row<'_>, members: &[ItemTemplateId], items: &[Item]) {
    let unwearable = |id: &&ItemTemplateId| items.get(id.index()).is_some_and(|item| item.slot.is_none());
    let count = members.iter().filter(unwearable).count();
    if count > 0 {
        row.warning("member_item_ids", format!("{count} of the members have slot none, so that nobody can wear them"));
    }
}
