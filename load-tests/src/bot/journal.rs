//! What a bot was told it got and what it spent, and whether its store agrees afterwards.

use std::collections::{BTreeMap, BTreeSet};

use shallot_client::proto::economy::v1::Inventory;
use shallot_client::proto::player::v1::Character;
use shallot_client::proto::world::v1::Reward;

/// Units by key in items.csv.
pub type Units = BTreeMap<String, u64>;

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// 1 to 40.
    pub level: u32,
    /// Experience in all.
    pub xp: u64,
    /// Copper pieces.
    pub wallet: i64,
    /// Bag and worn.
    pub items: Units,
}

impl Holdings {
    /// Out of the replies of the character and the inventory call.
    #[must_use]
    pub fn of_store(character: &Character, inventory: &Inventory) -> Self {
        let mut items = Units::new();
        for item in &inventory.items {
            *items.entry(item.template.clone()).or_default() += u64::from(item.quantity);
        }
        Self { level: character.level, xp: character.xp, wallet: inventory.wallet_copper, items }
    }

    /// Where a store differs from what was expected, one line each with both numbers; `how` it was expected.
    #[must_use]
    pub fn differences(&self, how: &str, store: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, expected: i128, stored: i128| {
            if expected != stored {
                lines.push(format!("{what}: {how} {expected}, stored {stored}"));
            }
        };
        compare("level", self.level.into(), store.level.into());
        compare("xp", self.xp.into(), store.xp.into());
        compare("wallet", self.wallet.into(), store.wallet.into());
        let templates: BTreeSet<&String> = self.items.keys().chain(store.items.keys()).collect();
        for template in templates {
            let units = |holdings: &Self| i128::from(holdings.items.get(template).copied().unwrap_or(0));
            compare(template, units(self), units(store));
        }
        lines
    }
}

/// What one reward was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gain {
    /// Experience.
    pub xp: u64,
    /// Copper pieces.
    pub coins: i64,
    /// Units of items.
    pub items: u64,
    /// Levels.
    pub levels: u32,
}

/// The sums since the bot began.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    start: Holdings,
    grants: BTreeSet<String>,
    xp: u64,
    coins: i64,
    levels: u32,
    gained: Units,
    spent: Units,
}

impl Journal {
    /// Begins with what the store holds now.
    #[must_use]
    pub fn new(start: Holdings) -> Self {
        Self { start, ..Self::default() }
    }

    /// Enters a reward; `None`: it was told before, by push and by reply.
    pub fn reward(&mut self, reward: &Reward) -> Option<Gain> {
        if !self.grants.insert(reward.grant_id.clone()) {
            return None;
        }
        let mut units = 0_u64;
        for item in &reward.items {
            *self.gained.entry(item.template.clone()).or_default() += u64::from(item.quantity);
            units += u64::from(item.quantity);
        }
        self.xp = self.xp.saturating_add(reward.xp);
        self.coins = self.coins.saturating_add(reward.coins);
        self.levels = self.levels.saturating_add(reward.levels_gained);
        Some(Gain { xp: reward.xp, coins: reward.coins, items: units, levels: reward.levels_gained })
    }

    /// Enters what was drunk or thrown away.
    pub fn spent(&mut self, template: &str, quantity: u32) {
        *self.spent.entry(template.to_owned()).or_default() += u64::from(quantity);
    }

    /// What the store must hold now, if every reward was told and told right.
    #[must_use]
    pub fn expected(&self) -> Holdings {
        let mut items = self.start.items.clone();
        for (template, units) in &self.gained {
            *items.entry(template.clone()).or_default() += units;
        }
        for (template, units) in &self.spent {
            let left = items.get(template).copied().unwrap_or(0).saturating_sub(*units);
            items.insert(template.clone(), left);
        }
        items.retain(|_, units| *units > 0);
        Holdings {
            level: self.start.level + self.levels,
            xp: self.start.xp + self.xp,
            wallet: self.start.wallet + self.coins,
            items,
        }
    }

    /// Where the store differs, one line each with both numbers.
    #[must_use]
    pub fn differences(&self, store: &Holdings) -> Vec<String> {
        self.expected().differences("told", store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shallot_client::proto::world::v1::RewardItem;

    fn units(rows: &[(&str, u64)]) -> Units {
        rows.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    fn start() -> Holdings {
        Holdings { level: 1, xp: 0, wallet: 5, items: units(&[("club", 1), ("potion", 3)]) }
    }

    fn kill(id: &str, xp: u64, coins: i64, levels: u32) -> Reward {
        Reward {
            grant_id: id.to_owned(),
            xp,
            coins,
            levels_gained: levels,
            monster: "rat".to_owned(),
            ..Reward::default()
        }
    }

    fn pick_up(id: &str, template: &str, quantity: u32) -> Reward {
        let items = vec![RewardItem { template: template.to_owned(), quantity }];
        Reward { grant_id: id.to_owned(), items, ..Reward::default() }
    }

    fn played() -> Journal {
        let mut journal = Journal::new(start());
        assert!(journal.reward(&kill("a", 300, 7, 1)).is_some());
        assert_eq!(journal.reward(&pick_up("b", "fang", 2)), Some(Gain { items: 2, ..Gain::default() }));
        journal.spent("potion", 1);
        journal
    }

    #[test]
    fn a_store_that_holds_what_was_told_has_no_differences() {
        let store =
            Holdings { level: 2, xp: 300, wallet: 12, items: units(&[("club", 1), ("fang", 2), ("potion", 2)]) };
        assert_eq!(played().differences(&store), Vec::<String>::new());
    }

    #[test]
    fn a_reward_counts_once_however_often_it_is_told() {
        let mut journal = played();
        assert_eq!(journal.reward(&pick_up("b", "fang", 2)), None);
        assert_eq!(journal.expected(), played().expected());
    }

    #[test]
    fn each_kind_of_difference_is_named_with_both_numbers() {
        let store =
            Holdings { level: 1, xp: 299, wallet: 13, items: units(&[("club", 2), ("potion", 2), ("crown", 1)]) };
        assert_eq!(
            played().differences(&store),
            [
                "level: told 2, stored 1",
                "xp: told 300, stored 299",
                "wallet: told 12, stored 13",
                "club: told 1, stored 2",
                "crown: told 0, stored 1",
                "fang: told 2, stored 0",
            ]
        );
    }

    #[test]
    fn what_is_used_up_is_gone() {
        let mut journal = Journal::new(start());
        journal.spent("potion", 3);
        assert!(!journal.expected().items.contains_key("potion"));
    }
}
