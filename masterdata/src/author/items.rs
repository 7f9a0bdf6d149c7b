//! `items.csv` and `item_bundles.csv`.

use super::findings::Findings;
use super::keys::Keys;
use super::row::{Row, is_property};
use super::sheet::Sheet;
use super::words::{DAMAGE_TYPES, ITEM_KINDS, RARITIES, SLOTS};
use crate::dice::Dice;
use crate::limits::{MAX_HP, MAX_LENGTH_CM, MAX_LEVEL, MAX_PRICE_COPPER, MAX_QUANTITY};
use crate::tables::{Bundle, DamageType, Effect, Item, ItemKind, ItemTemplateId, Rarity, Slot, WeaponDamage};

/// Reads all items, sorted by key.
pub(super) fn read(sheet: &Sheet, keys: &Keys, findings: &mut Findings) -> Vec<Item> {
    let mut items: Vec<(usize, Item)> =
        (0..sheet.len()).map(|at| (at, read_item(&mut Row::new(sheet, at, findings), keys))).collect();
    items.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    items.dedup_by(|(_, a), (_, b)| a.key == b.key);
    check_families(sheet, keys, &items, findings);
    items.into_iter().map(|(_, item)| item).collect()
}

fn read_item(row: &mut Row<'_>, keys: &Keys) -> Item {
    let length = (0, i64::from(MAX_LENGTH_CM));
    let quantity = (1, i64::from(MAX_QUANTITY));
    let item = Item {
        key: row.token("id"),
        name: row.name("name"),
        kind: row.word("kind", ITEM_KINDS),
        subkind: row.token("subkind"),
        slot: row.word("slot", SLOTS),
        rarity: row.word("rarity", RARITIES),
        level_req: row.integer("level_req", 1, i64::from(MAX_LEVEL)),
        parent: row.optional_reference("parent_id", keys).map(ItemTemplateId),
        is_abstract: row.flag("is_abstract"),
        bundle_qty: row.integer("bundle_qty", quantity.0, quantity.1),
        stack_max: row.integer("stack_max", quantity.0, quantity.1),
        weight_g: row.integer("weight_g", 0, 1_000_000_000),
        price_copper: row.integer("price_copper", 0, MAX_PRICE_COPPER),
        damage: read_damage(row),
        range_cm: row.optional_integer("range_cm", length.0, length.1),
        range_long_cm: row.optional_integer("range_long_cm", length.0, length.1),
        armor_base: row.optional_integer("armor_base", 0, 100),
        armor_dex_cap: row.optional_integer("armor_dex_cap", 0, 99),
        str_req: row.optional_integer("str_req", 0, 30),
        noisy: row.flag("noisy"),
        durability_max: row.optional_integer("durability_max", 1, 1_000_000),
        bind_on_equip: row.flag("bind_on_equip"),
        effects: row.effects("effects"),
        properties: row.tokens("properties", is_property),
        capacity_g: row.optional_integer("capacity_g", 0, 1_000_000_000_000),
        speed_cm_per_s: row.optional_integer("speed_cm_per_s", 0, i64::from(MAX_LENGTH_CM)),
    };
    if row.is_sound() {
        check_item(row, &item);
    }
    item
}

fn read_damage(row: &mut Row<'_>) -> Option<WeaponDamage> {
    let dice = row.dice_with_bounds(["damage_dice", "damage_min", "damage_max"]);
    let two_handed = row.dice("two_handed_dice");
    let Some(dice) = dice else {
        if row.is_empty("damage_dice") {
            for column in ["damage_type", "two_handed_dice"] {
                row.require(row.is_empty(column), column, "empty, since damage_dice is empty");
            }
        }
        return None;
    };
    Some(WeaponDamage { dice, two_handed, damage_type: row.word("damage_type", DAMAGE_TYPES) })
}

/// The rules that compare cells of one row.
fn check_item(row: &mut Row<'_>, item: &Item) {
    row.require(item.damage.is_none() || item.kind == ItemKind::Weapon, "damage_dice", "only weapons have damage");
    if let Some(damage) = item.damage {
        row.require(damage.dice != Dice::ZERO, "damage_dice", "a weapon's dice are not 0; leave the cell empty");
        row.require(damage.damage_type != DamageType::Untyped, "damage_type", "a weapon's damage has a type");
    }
    let in_hand = matches!(item.slot, Some(Slot::MainHand | Slot::TwoHand | Slot::OffHand));
    row.require(item.kind != ItemKind::Weapon || in_hand, "slot", "a weapon is held: main_hand, two_hand or off_hand");
    let range_is_known = item.range_long_cm.is_none() || item.range_cm.is_some();
    row.require(range_is_known, "range_cm", "must be there, since range_long_cm is");
    if let (Some(range), Some(long)) = (item.range_cm, item.range_long_cm) {
        row.require_range((range, long), ("range_cm", "range_long_cm"));
    }
    check_armor(row, item);
    check_heal(row, &item.effects);
    if item.is_abstract {
        row.require(item.price_copper == 0, "price_copper", "an abstract row is never sold: 0");
        row.require(item.parent.is_none(), "parent_id", "an abstract row has no parent of its own");
    } else {
        row.require(item.rarity != Rarity::Varies, "rarity", "varies is for abstract rows only");
    }
    if item.kind == ItemKind::Currency {
        row.require(item.price_copper > 0, "price_copper", "a coin is worth at least 1");
        row.require(item.slot.is_none(), "slot", "a coin is not worn: none");
        row.require(!item.is_abstract, "is_abstract", "a coin is a thing: 0");
    }
}

fn check_armor(row: &mut Row<'_>, item: &Item) {
    row.require(
        item.armor_base.is_none() || item.kind == ItemKind::Armor,
        "armor_base",
        "only armor has an armor value",
    );
    row.require(item.armor_base.is_none() || item.slot.is_some(), "slot", "armor is worn somewhere");
    for column in ["armor_dex_cap", "str_req"] {
        row.require(row.is_empty(column) || item.armor_base.is_some(), column, "empty, since armor_base is empty");
    }
    let capped = item.armor_base.is_none() || item.armor_dex_cap.is_some();
    row.require(capped, "armor_dex_cap", "0 (no DEX bonus adds), 1 to 98, or 99 (all of it adds)");
}

/// `heal_min` and `heal_max` come together, in order.
fn check_heal(row: &mut Row<'_>, effects: &[Effect]) {
    let value = |stat: &str| effects.iter().find(|effect| effect.stat == stat).map(|effect| effect.value);
    match (value("heal_min"), value("heal_max")) {
        (None, None) => {}
        (Some(min), Some(max)) => {
            let healing = 0 <= min && min <= max && i64::from(max) <= i64::from(MAX_HP);
            row.require(healing, "effects", &format!("0 <= heal_min <= heal_max <= {MAX_HP}"));
        }
        _ => row.error("effects", "heal_min and heal_max come together"),
    }
}

/// A parent is an abstract row.
fn check_families(sheet: &Sheet, keys: &Keys, items: &[(usize, Item)], findings: &mut Findings) {
    for (at, item) in items {
        let known = item.parent.filter(|_| keys.id(sheet.cell(*at, "parent_id")).is_some());
        let parent = known.and_then(|id| items.get(id.index()));
        if parent.is_some_and(|(_, parent)| !parent.is_abstract) {
            findings.error(sheet, *at, "parent_id", "a parent is an abstract row (is_abstract 1)");
        }
    }
}

/// Reports `column` when the item it names is an abstract row. For references that were found.
pub(super) fn require_thing(row: &mut Row<'_>, column: &str, items: &[Item], id: ItemTemplateId) {
    if let Some(item) = items.get(id.index()).filter(|item| item.is_abstract) {
        row.error(column, format!("\"{}\" is an abstract row, a family and not a thing", item.key));
    }
}

/// Reads all bundles, in order of the bundle's item.
pub(super) fn read_bundles(sheet: Option<&Sheet>, keys: &Keys, items: &[Item], findings: &mut Findings) -> Vec<Bundle> {
    let mut parts: Vec<(ItemTemplateId, u32, (ItemTemplateId, u32))> = Vec::new();
    if let Some(sheet) = sheet {
        for at in 0..sheet.len() {
            let mut row = Row::new(sheet, at, findings);
            let bundle = ItemTemplateId(row.reference("bundle_id", keys));
            let seq: u32 = row.integer("seq", 1, i64::from(u32::MAX));
            let item = ItemTemplateId(row.reference("item_id", keys));
            let quantity = row.integer("qty", 1, i64::from(MAX_QUANTITY));
            if row.is_sound() {
                let kind_of = |id: ItemTemplateId| items.get(id.index()).map(|item| item.kind);
                row.require(kind_of(bundle) == Some(ItemKind::Bundle), "bundle_id", "an item of kind bundle");
                row.require(kind_of(item) != Some(ItemKind::Bundle), "item_id", "a bundle holds no bundles");
                require_thing(&mut row, "item_id", items, item);
                let doubled = parts.iter().any(|(earlier, number, _)| (*earlier, *number) == (bundle, seq));
                row.require(!doubled, "seq", "stands in another row of this bundle already");
                parts.push((bundle, seq, (item, quantity)));
            }
        }
    }
    parts.sort_by_key(|(bundle, seq, _)| (*bundle, *seq));
    let mut bundles: Vec<Bundle> = Vec::new();
    for (item, _, part) in parts {
        match bundles.last_mut().filter(|bundle| bundle.item == item) {
            Some(bundle) => bundle.parts.push(part),
            None => bundles.push(Bundle { item, parts: vec![part] }),
        }
    }
    bundles
}
