//! The rules of wearing, as pure functions over a draft.
//!
//! Who may wear what: the item has a slot and is no family; the character has its `level_req` and, in scores without what is worn,
//! its `str_req`; armor and weapons are of a subkind that the class names. A two-handed weapon fills the main hand and empties the
//! off hand; something in the off hand drives a two-handed weapon out. A weapon that is `light` may be held in the off hand. What was
//! in the place goes to the bag, which must have room.

use shallot_masterdata::{Item, ItemKind, Slot};
use shallot_proto::wire::ItemId;

use crate::holdings::Draft;
use crate::item::EquipSlot;
use crate::refusal::Refusal;

/// Wears an item: in `slot`, or (`None`) in the item's own, the first free one of two.
///
/// Of a stack one unit is worn, but ammunition goes as a whole.
///
/// # Errors
/// `UnknownItem`, `NotWearable`, `SlotMismatch`, `LevelTooLow`, `StrengthTooLow`, `WrongClass`, `BagFull`.
pub fn wear(draft: &mut Draft<'_>, id: ItemId, slot: Option<EquipSlot>) -> Result<(), Refusal> {
    let item = draft.item(id)?.clone();
    let template = draft.template(&item.template)?;
    let place = choose_place(draft, template, slot)?;
    check_wearer(draft, template)?;
    if item.worn_in == Some(place) {
        return Ok(());
    }
    let worn = if item.quantity > 1 && place != EquipSlot::Ammo { draft.split_off(id, 1)? } else { id };
    make_room(draft, template, place);
    draft.put(worn, Some(place));
    if template.bind_on_equip {
        draft.bind(worn);
    }
    draft.check_bag()
}

/// Takes off what is worn there.
///
/// # Errors
/// `SlotEmpty`, `BagFull`.
pub fn take_off(draft: &mut Draft<'_>, slot: EquipSlot) -> Result<(), Refusal> {
    let id = draft.worn_at(slot).ok_or(Refusal::SlotEmpty)?.id;
    draft.put(id, None);
    draft.check_bag()
}

fn choose_place(draft: &Draft<'_>, template: &Item, asked: Option<EquipSlot>) -> Result<EquipSlot, Refusal> {
    let slot = template.slot.filter(|_| !template.is_abstract).ok_or(Refusal::NotWearable)?;
    let places = EquipSlot::places(slot);
    match asked {
        Some(place) if places.contains(&place) => Ok(place),
        Some(EquipSlot::OffHand) if is_light_weapon(template) => Ok(EquipSlot::OffHand),
        Some(_) => Err(Refusal::SlotMismatch),
        None => {
            let free = places.iter().find(|place| draft.worn_at(**place).is_none());
            free.or_else(|| places.first()).copied().ok_or(Refusal::NotWearable)
        }
    }
}

fn is_light_weapon(template: &Item) -> bool {
    template.kind == ItemKind::Weapon
        && template.slot == Some(Slot::MainHand)
        && template.properties.iter().any(|property| property == "light")
}

fn check_wearer(draft: &Draft<'_>, template: &Item) -> Result<(), Refusal> {
    let character = draft.character();
    if character.level < template.level_req {
        return Err(Refusal::LevelTooLow);
    }
    let allowed = match template.kind {
        ItemKind::Armor => character.class_of(draft.data()).map(|class| &class.armor),
        ItemKind::Weapon => character.class_of(draft.data()).map(|class| &class.weapons),
        _ => None,
    };
    let needs_class = matches!(template.kind, ItemKind::Armor | ItemKind::Weapon);
    if needs_class && !allowed.is_some_and(|subkinds| subkinds.contains(&template.subkind)) {
        return Err(Refusal::WrongClass);
    }
    if template.str_req.is_some_and(|needed| u32::from(character.scores(draft.data()).str) < needed) {
        return Err(Refusal::StrengthTooLow);
    }
    Ok(())
}

fn make_room(draft: &mut Draft<'_>, template: &Item, place: EquipSlot) {
    if let Some(id) = draft.worn_at(place).map(|worn| worn.id) {
        draft.put(id, None);
    }
    let other = match place {
        EquipSlot::MainHand if template.slot == Some(Slot::TwoHand) => draft.worn_at(EquipSlot::OffHand),
        EquipSlot::OffHand => {
            let main = draft.worn_at(EquipSlot::MainHand);
            let is_two_handed = |key: &str| draft.template(key).is_ok_and(|item| item.slot == Some(Slot::TwoHand));
            main.filter(|worn| is_two_handed(&worn.template))
        }
        _ => None,
    };
    if let Some(id) = other.map(|worn| worn.id) {
        draft.put(id, None);
    }
}
