//! Between what is stored of a character and what a shard knows of it.

use shallot_masterdata::{ItemTemplateId, MasterData, Slot};
use shallot_services::character::{CharacterRecord, Entered, Position as StoredPosition};
use shallot_services::grants::Grant;
use shallot_services::item::{EquipSlot, Worn};
use shallot_services::ledger::MintRule;
use shallot_services::ports::CharacterSave as StoredSave;
use shallot_world::{CharacterSave, CharacterSheet, GrantProposal, GrantReason, Position};

/// What a shard must know of a character; `None` when the set in force has not its class.
pub(crate) fn character_sheet(loaded: &Entered, data: &MasterData) -> Option<CharacterSheet> {
    let record = &loaded.view.record;
    let worn =
        loaded.items.iter().filter_map(|item| item.worn_in.map(|slot| Worn { slot, template: item.template.clone() }));
    Some(CharacterSheet {
        name: record.name.clone(),
        class: data.class_by_key(&record.class)?,
        level: record.level,
        xp: record.xp,
        abilities: loaded.view.scores.into(),
        abilities_version: u64::from(record.added.total()),
        worn: worn_rows(&worn.collect::<Vec<_>>(), data),
        equipment_version: record.inventory_version,
        position: place(record, data),
        hp: record.hp,
    })
}

/// Where a character stood last; `None` for one that is stored at its region's entry, as those are that never stood in the region: the
/// shard has a place there for each.
fn place(record: &CharacterRecord, data: &MasterData) -> Option<Position> {
    let StoredPosition { x, y } = record.position;
    let entry = data.region_by_key(&record.region).map(|region| StoredPosition::from_metres(data.region(region).entry));
    (entry != Some(record.position)).then_some(Position { x, y })
}

/// Worn items as rows; one that the set in force has not counts as not worn.
pub(crate) fn worn_rows(worn: &[Worn], data: &MasterData) -> Vec<(Slot, ItemTemplateId)> {
    worn.iter().filter_map(|worn| Some((slot(worn.slot), data.item_by_key(&worn.template)?))).collect()
}

fn slot(place: EquipSlot) -> Slot {
    match place {
        EquipSlot::MainHand => Slot::MainHand,
        EquipSlot::OffHand => Slot::OffHand,
        EquipSlot::Body => Slot::Body,
        EquipSlot::Head => Slot::Head,
        EquipSlot::Neck => Slot::Neck,
        EquipSlot::Back => Slot::Back,
        EquipSlot::Hands => Slot::Hands,
        EquipSlot::Waist => Slot::Waist,
        EquipSlot::Wrist => Slot::Wrist,
        EquipSlot::Feet => Slot::Feet,
        EquipSlot::Ring1 | EquipSlot::Ring2 => Slot::Ring,
        EquipSlot::Ammo => Slot::Ammo,
    }
}

/// A shard's save as the store takes it.
pub(crate) fn save(save: &CharacterSave, region: &str) -> StoredSave {
    StoredSave {
        character: save.character,
        owner_epoch: save.owner_epoch,
        region: region.to_owned(),
        position: StoredPosition { x: save.position.x, y: save.position.y },
        hp: save.hp,
    }
}

/// A shard's proposal as the grants' use case takes it.
pub(crate) fn grant(proposal: &GrantProposal) -> Grant {
    let rule = match proposal.reason {
        GrantReason::Kill { .. } => MintRule::Kill,
        GrantReason::PickUp => MintRule::Pickup,
    };
    Grant {
        id: proposal.id,
        character: proposal.character,
        owner_epoch: proposal.owner_epoch,
        request_id: proposal.request.map(|id| id.to_string()),
        rule,
        xp: proposal.xp,
        coins: proposal.coins,
        items: proposal.items.clone(),
    }
}
