//! A small world to run suites in: a set of master data, a clock that is moved by hand, the use cases, and players.

use std::sync::Arc;

use shallot_masterdata::{
    Abilities, Ability, Balance, Bundle, Class, Effect, Item, ItemKind, ItemTemplateId, Level, MasterData, Rarity,
    Rect, Region, Slot,
};
use shallot_proto::wire::{CharacterId, GrantId, ItemId, OwnerEpoch, RequestId};

use super::Adapters;
use crate::auth::{Auth, AuthConfig, PasswordCost, SignedIn, TokenKeys};
use crate::character::{Caller, Entered, Position};
use crate::characters::Characters;
use crate::clock::Ids;
use crate::grants::{Grant, Grants};
use crate::inventory::Inventory;
use crate::item::ItemRecord;
use crate::ledger::MintRule;
use crate::memory::{TestClock, TestEntropy};
use crate::ports::{CharacterSave, CharacterStore};

/// Stacks a bag holds in this set.
pub(super) const BAG_SLOTS: u32 = 6;
/// Characters an account may have in this set.
pub(super) const CHARACTERS: u32 = 3;

/// The use cases over one store.
pub struct Stage {
    pub(super) adapters: Adapters,
    pub(super) clock: Arc<TestClock>,
    pub(super) ids: Ids,
    pub(super) data: Arc<MasterData>,
    pub(super) auth: Auth,
    pub(super) characters: Characters,
    pub(super) inventory: Arc<Inventory>,
    pub(super) grants: Arc<Grants>,
}

/// Somebody with a selected character.
#[derive(Clone, Copy, Debug)]
pub struct Player {
    /// The session.
    pub caller: Caller,
    /// The character.
    pub character: CharacterId,
}

impl Stage {
    /// On that store. Stages of one store need different numbers, or their ids collide.
    #[must_use]
    pub fn new(adapters: &Adapters, number: u32) -> Self {
        let clock = Arc::new(TestClock::default());
        let entropy = TestEntropy::starting_at(u64::from(number) << 32);
        let ids = Ids::new(Arc::clone(&clock) as _, Arc::new(entropy));
        let cost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1, permits: 4 };
        let config = AuthConfig { password: cost, ..AuthConfig::default() };
        let keys = TokenKeys { signing: [7; 32], retired: Vec::new() };
        let auth = Auth::new(config, &keys, Arc::clone(&adapters.accounts), ids.clone(), Arc::new(()));
        let store = || Arc::clone(&adapters.characters);
        Self {
            adapters: adapters.clone(),
            clock,
            data: Arc::new(master_data()),
            auth: auth.expect("the test's keys and costs are good"),
            characters: Characters::new(store(), ids.clone()),
            inventory: Arc::new(Inventory::new(store(), ids.clone())),
            grants: Arc::new(Grants::new(store(), ids.clone())),
            ids,
        }
    }

    /// A request id of now.
    pub(super) fn request(&self) -> String {
        RequestId(self.ids.uuid_v7()).to_string()
    }

    /// A new account, signed in by device.
    pub(super) async fn sign_in(&self) -> (SignedIn, Caller) {
        self.sign_in_with(&self.ids.random::<32>()).await
    }

    /// Signed in with that device key.
    pub(super) async fn sign_in_with(&self, device_key: &[u8]) -> (SignedIn, Caller) {
        let signed = self.auth.log_in_device(device_key, true).await.expect("a device signs in");
        let principal = self.auth.verify(&signed.access_token).await.expect("a new token is good");
        (signed, principal.caller())
    }

    /// A new account with a character of that name and class, selected.
    pub(super) async fn player(&self, name: &str, class: &str) -> Player {
        let (_, caller) = self.sign_in().await;
        let character = self.create(caller, name, class).await;
        self.characters.select(caller, &self.data, character).await.expect("its own character");
        Player { caller, character }
    }

    /// One more character.
    pub(super) async fn create(&self, caller: Caller, name: &str, class: &str) -> CharacterId {
        let made = self.characters.create(caller, &self.data, &self.request(), name, class).await;
        made.expect("a new name").reply.record.id
    }

    /// Into a region that starts anew.
    pub(super) async fn enter(&self, player: Player, region: &str) -> Entered {
        let epoch = self.adapters.regions.start_region(region).await.expect("a region starts");
        self.characters
            .enter_world(player.caller, &self.data, region, epoch)
            .await
            .expect("a selected character enters")
    }

    /// All the character has.
    pub(super) async fn items(&self, player: Player) -> Vec<ItemRecord> {
        self.inventory.list(player.caller, &self.data).await.expect("a selected character has an inventory").items
    }

    /// The first item of that template.
    pub(super) async fn item(&self, player: Player, template: &str) -> ItemRecord {
        let found = self.items(player).await.into_iter().find(|item| item.template == template);
        found.unwrap_or_else(|| missing(template))
    }

    /// The id of a template that the set must have.
    pub(super) fn template(&self, key: &str) -> ItemTemplateId {
        self.data.item_by_key(key).unwrap_or_else(|| missing(key))
    }

    /// A grant that was never made before.
    pub(super) fn grant(&self, player: Player, owner_epoch: OwnerEpoch, xp: u64, items: &[(&str, u32)]) -> Grant {
        Grant {
            id: GrantId(self.ids.random()),
            character: player.character,
            owner_epoch,
            rule: MintRule::Kill,
            xp,
            coins: 0,
            items: items.iter().map(|(key, quantity)| (self.template(key), *quantity)).collect(),
            request_id: None,
        }
    }

    /// Grants items to a character that may hold them; it is in the meadow afterwards, in nobody's view.
    pub(super) async fn give(&self, player: Player, items: &[(&str, u32)]) {
        let owner_epoch = self.enter(player, "meadow").await.owner_epoch;
        self.grants.grant(&self.grant(player, owner_epoch, 0, items), &self.data).await.expect("there is room");
    }

    /// Every invariant holds.
    pub(super) async fn assert_conserved(&self) {
        let violations = self.adapters.audit.violations().await.expect("the audit runs");
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// The store's port.
    pub(super) fn store(&self) -> &dyn CharacterStore {
        &*self.adapters.characters
    }
}

#[expect(clippy::panic, reason = "a suite that cannot go on fails")]
fn missing<T>(what: &str) -> T {
    panic!("there is no {what}")
}

/// A body somewhere.
pub(super) fn body(player: Player, owner_epoch: OwnerEpoch, x: i32, hp: u32) -> CharacterSave {
    let position = Position { x, y: -x };
    CharacterSave { character: player.character, owner_epoch, region: "meadow".to_owned(), position, hp }
}

/// Two items of a list by template, oldest first.
pub(super) fn ids_of(items: &[ItemRecord], template: &str) -> Vec<ItemId> {
    items.iter().filter(|item| item.template == template).map(|item| item.id).collect()
}

fn master_data() -> MasterData {
    let items = items();
    let id = |key: &str| {
        let at = items.iter().position(|item| item.key == key).unwrap_or_else(|| missing(key));
        ItemTemplateId(u16::try_from(at).unwrap_or_else(|_| missing(key)))
    };
    let bundles = vec![Bundle { item: id("kit"), parts: vec![(id("arrow"), 20), (id("potion"), 2)] }];
    let fighter_items = vec![(id("sword"), 1), (id("shield"), 1), (id("axe"), 1), (id("potion"), 3)];
    let classes = vec![
        class("fighter", 15, &["heavy_armor", "shield"], &["simple_melee", "martial_melee"], fighter_items),
        class("mage", 8, &[], &["simple_melee"], vec![(id("dagger"), 1)]),
    ];
    MasterData {
        hash: [1; 32],
        items,
        bundles,
        monsters: Vec::new(),
        drop_tables: Vec::new(),
        dungeons: Vec::new(),
        levels: [(0, 10), (300, 3), (900, 3)].map(|(xp_total, stat_points)| level(xp_total, stat_points)).to_vec(),
        sets: Vec::new(),
        regions: vec![region("marsh", 100, false), region("meadow", 0, true)],
        classes,
        skills: Vec::new(),
        balance: balance(),
        strings: Vec::new(),
    }
}

fn items() -> Vec<Item> {
    let stack = |stack_max, item: Item| Item { stack_max, ..item };
    let strong = |item: Item| Item { str_req: Some(13), ..item };
    let coin = |key, price_copper| Item { price_copper, ..item(key, ItemKind::Currency, "coin", None) };
    let heal = Effect { stat: "heal_min".to_owned(), value: 4 };
    let light = vec!["light".to_owned()];
    let mut items = vec![
        stack(50, item("arrow", ItemKind::Ammunition, "mundane", Some(Slot::Ammo))),
        strong(item("axe", ItemKind::Weapon, "martial_melee", Some(Slot::TwoHand))),
        item("bow", ItemKind::Weapon, "simple_ranged", Some(Slot::TwoHand)),
        coin("copper", 1),
        stack(3, Item { properties: light, ..item("dagger", ItemKind::Weapon, "simple_melee", Some(Slot::MainHand)) }),
        Item { is_abstract: true, ..item("family", ItemKind::Accessory, "ring", Some(Slot::Ring)) },
        coin("gold", 100),
        Item { level_req: 2, durability_max: Some(50), ..item("helm", ItemKind::Accessory, "head", Some(Slot::Head)) },
        item("kit", ItemKind::Bundle, "pack", None),
        strong(item("plate", ItemKind::Armor, "heavy_armor", Some(Slot::Body))),
        stack(5, Item { effects: vec![heal], ..item("potion", ItemKind::Consumable, "potion", None) }),
        Item { bind_on_equip: true, ..item("ring", ItemKind::Accessory, "ring", Some(Slot::Ring)) },
        stack(10, item("rope", ItemKind::Gear, "adventuring_gear", None)),
        item("shield", ItemKind::Armor, "shield", Some(Slot::OffHand)),
        item("sword", ItemKind::Weapon, "simple_melee", Some(Slot::MainHand)),
    ];
    items.sort_by(|a, b| a.key.cmp(&b.key));
    items
}

fn item(key: &str, kind: ItemKind, subkind: &str, slot: Option<Slot>) -> Item {
    Item {
        key: key.to_owned(),
        name: key.to_owned(),
        kind,
        subkind: subkind.to_owned(),
        slot,
        rarity: Rarity::None,
        level_req: 1,
        parent: None,
        is_abstract: false,
        bundle_qty: 1,
        stack_max: 1,
        weight_g: 0,
        price_copper: 0,
        damage: None,
        range_cm: None,
        range_long_cm: None,
        armor_base: None,
        armor_dex_cap: None,
        str_req: None,
        noisy: false,
        durability_max: None,
        bind_on_equip: false,
        effects: Vec::new(),
        properties: Vec::new(),
        capacity_g: None,
        speed_cm_per_s: None,
    }
}

fn class(key: &str, str: u8, armor: &[&str], weapons: &[&str], start_items: Vec<(ItemTemplateId, u32)>) -> Class {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Class {
        key: key.to_owned(),
        name: key.to_owned(),
        abilities: Abilities { str, dex: 10, con: 10, int: 25, wis: 10, cha: 10 },
        primary: Ability::Str,
        hp_bonus: 0,
        armor: owned(armor),
        weapons: owned(weapons),
        start_items,
    }
}

fn level(xp_total: u64, stat_points: u32) -> Level {
    Level { xp_total, xp_to_next: 0, base_hp: 10, base_attack: 1, base_defense: 1, stat_points }
}

fn region(key: &str, x: i32, is_start: bool) -> Region {
    Region {
        key: key.to_owned(),
        name: key.to_owned(),
        area: Rect { x, y: 0, width: 100, height: 100 },
        levels: (1, 3),
        entry: (x + 50, 50),
        entry_radius_m: 0,
        is_start,
        pvp: false,
        spawns: Vec::new(),
        blocks: Vec::new(),
    }
}

fn balance() -> Balance {
    Balance {
        player_speed_cm_per_s: 1,
        player_reach_cm: 1,
        player_attack_period_ticks: 1,
        monster_attack_period_ticks: 1,
        monster_notice_cm: 1,
        monster_leash_cm: 1,
        monster_wander_speed_ppm: 1,
        monster_wander_pause_ticks: 1,
        monster_home_heal_ppm: 1,
        attack_die: 20,
        critical_at: 20,
        attack_per_to_hit: 1,
        attack_per_damage: 1,
        unarmored_armor: 10,
        defense_per_armor: 1,
        hp_per_con_bonus_level: 1,
        resist_percent: 50,
        vulnerable_percent: 100,
        regen_delay_ticks: 1,
        regen_ppm_per_s: 1,
        respawn_delay_ticks: 1,
        respawn_hp_ppm: 1,
        pickup_reach_cm: 1,
        drop_lifetime_ticks: 1,
        drop_owner_ticks: 1,
        xp_share_cm: 1,
        xp_gain_ppm: 1_000_000,
        bag_slots: BAG_SLOTS,
        characters_per_account: CHARACTERS,
    }
}
