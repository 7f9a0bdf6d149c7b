//! Random operations of one player against a naive model: units, coins and experience that were counted on paper.

use std::collections::BTreeMap;

use shallot_proto::wire::{ItemId, OwnerEpoch};

use super::fixture::BAG_SLOTS;
use super::{Adapters, Player, Stage};
use crate::clock::Entropy;
use crate::desk::Outcome;
use crate::grants::Grant;
use crate::inventory::InventoryChange;
use crate::item::{EquipSlot, ItemRecord};
use crate::memory::TestEntropy;
use crate::refusal::ChangeError;

/// What a player must have.
#[derive(Debug, Default, PartialEq, Eq)]
struct Paper {
    units: BTreeMap<String, u64>,
    coins: i64,
    xp: u64,
}

/// A run of random operations by a new player, repeatable by its seed. After each, what the store has equals what was counted, no
/// place is taken twice, the bag is within its slots; in the end every invariant holds.
pub async fn random_operations(adapters: &Adapters, seed: u32, steps: u32) {
    let stage = Stage::new(adapters, 1_000 + u32::from(seed.to_be_bytes()[3]));
    let dice = Dice { entropy: TestEntropy::starting_at(u64::from(seed) << 32 | 1 << 63) };
    let player = stage.player(&format!("Random {seed}"), "fighter").await;
    let owner_epoch = stage.enter(player, "meadow").await.owner_epoch;
    let mut paper = counted(&stage, player).await;
    let mut version = 0;
    for step in 0..steps {
        let items = stage.items(player).await;
        if dice.roll(3) == 0 {
            grant(&stage, player, owner_epoch, &dice, &mut paper).await;
        } else if let Some(change) = act(&stage, player, &items, &dice, &mut paper).await {
            assert!(change.version >= version, "step {step}: a version fell");
            version = change.version;
        }
        let now = counted(&stage, player).await;
        assert_eq!(now, paper, "seed {seed}, step {step}");
        assert_places(&stage.items(player).await);
    }
    stage.assert_conserved().await;
}

struct Dice {
    entropy: TestEntropy,
}

impl Dice {
    /// 0 to `sides` - 1.
    fn roll(&self, sides: u32) -> u32 {
        let mut bytes = [0_u8; 4];
        self.entropy.fill(&mut bytes);
        u32::from_be_bytes(bytes) % sides.max(1)
    }

    fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.roll(u32::try_from(of.len()).unwrap_or(u32::MAX)) as usize)
    }
}

async fn counted(stage: &Stage, player: Player) -> Paper {
    let mut units: BTreeMap<String, u64> = BTreeMap::new();
    for item in stage.items(player).await {
        *units.entry(item.template).or_default() += u64::from(item.quantity);
    }
    let record = stage.characters.selected(player.caller, &stage.data).await.expect("read").record;
    Paper { units, coins: record.wallet.copper(), xp: record.xp }
}

async fn grant(stage: &Stage, player: Player, owner_epoch: OwnerEpoch, dice: &Dice, paper: &mut Paper) {
    let templates = ["arrow", "dagger", "gold", "potion", "ring", "rope", "sword", "helm"];
    let template = *dice.pick(&templates).unwrap_or(&"rope");
    let quantity = dice.roll(8) + 1;
    let xp = u64::from(dice.roll(40));
    let grant =
        Grant { coins: i64::from(dice.roll(5)), ..stage.grant(player, owner_epoch, xp, &[(template, quantity)]) };
    for time in 0..=dice.roll(2) {
        let Ok(outcome) = stage.grants.grant(&grant, &stage.data).await else { return };
        assert_eq!(outcome.replayed, time > 0);
    }
    paper.xp += xp;
    paper.coins += grant.coins;
    match template {
        "gold" => paper.coins += 100 * i64::from(quantity),
        _ => *paper.units.entry(template.to_owned()).or_default() += u64::from(quantity),
    }
}

/// One operation, perhaps a foolish one; `None` when it was refused.
async fn act(
    stage: &Stage,
    player: Player,
    items: &[ItemRecord],
    dice: &Dice,
    paper: &mut Paper,
) -> Option<InventoryChange> {
    let item = dice.pick(items)?;
    let other = dice.pick(items)?.id;
    let quantity = dice.roll(5);
    let slot = dice.pick(&EquipSlot::ALL).copied();
    let (caller, data, request) = (player.caller, &stage.data, &stage.request());
    let (result, lost): (Result<Outcome<InventoryChange>, ChangeError>, u32) = match dice.roll(8) {
        0 | 1 => (stage.inventory.equip(caller, data, request, item.id, None).await, 0),
        2 => (stage.inventory.equip(caller, data, request, item.id, slot).await, 0),
        3 => (stage.inventory.unequip(caller, data, request, slot?).await, 0),
        4 => (stage.inventory.split(caller, data, request, item.id, quantity).await, 0),
        5 => (stage.inventory.merge(caller, data, request, item.id, other, quantity).await, 0),
        6 => (stage.inventory.use_item(caller, data, request, item.id).await, 1),
        _ => {
            let lost = if quantity == 0 { item.quantity } else { quantity };
            (stage.inventory.destroy(caller, data, request, item.id, quantity).await, lost)
        }
    };
    let change = match result {
        Ok(outcome) => outcome.reply,
        Err(ChangeError::Refused(_)) => return None,
        Err(other) => unexpected(&other),
    };
    if let Some(units) = paper.units.get_mut(&item.template) {
        *units -= u64::from(lost);
    }
    paper.units.retain(|_, units| *units > 0);
    Some(change)
}

#[expect(clippy::panic, reason = "a suite that cannot go on fails")]
fn unexpected(error: &ChangeError) -> ! {
    panic!("an operation failed that may only be refused: {error}")
}

fn assert_places(items: &[ItemRecord]) {
    let mut slots: Vec<EquipSlot> = items.iter().filter_map(|item| item.worn_in).collect();
    let worn = slots.len();
    slots.sort();
    slots.dedup();
    assert_eq!(slots.len(), worn, "one item in a slot");
    assert!(items.len() - worn <= BAG_SLOTS as usize, "the bag is within its slots");
    let mut ids: Vec<ItemId> = items.iter().map(|item| item.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), items.len());
}
