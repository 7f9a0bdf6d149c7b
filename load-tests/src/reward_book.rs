//! What bots were told over many runs, kept outside of all of them: each reward by its grant id, and what each character had whenever it
//! signed in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shallot_client::proto::world::v1::Reward;

use crate::bot::journal::{Holdings, Units};
use crate::limits::REWARDS_KEPT_MAX;

/// What a grant is: whose, and all of it. Two with equal content are the same grant when their ids are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Id of the character.
    pub character: String,
    /// Experience.
    pub xp: u64,
    /// Copper pieces.
    pub coins: i64,
    /// Units by key in items.csv.
    pub items: Units,
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} xp, {} copper", self.xp, self.coins)?;
        self.items.iter().try_for_each(|(template, units)| write!(f, ", {units} {template}"))?;
        write!(f, " for {}", self.character)
    }
}

/// What the book holds.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// Rewards by grant id.
    pub told: BTreeMap<String, Content>,
    /// What each character had at its first sign-in.
    pub first: BTreeMap<String, Holdings>,
    /// And at its newest.
    pub newest: BTreeMap<String, Holdings>,
    /// Rewards that were told twice and differed, or found no room here; one line each.
    pub broken: Vec<String>,
}

/// Many bots write into it at once.
#[derive(Debug, Default)]
pub struct RewardBook(Mutex<Pages>);

impl RewardBook {
    /// A bot was told of a reward, by a push or by a reply; twice the same is fine.
    pub fn told(&self, character: &str, reward: &Reward) {
        let mut items = Units::new();
        for item in &reward.items {
            *items.entry(item.template.clone()).or_default() += u64::from(item.quantity);
        }
        let content = Content { character: character.to_owned(), xp: reward.xp, coins: reward.coins, items };
        let mut pages = self.pages();
        let problem = match pages.told.get(&reward.grant_id) {
            Some(before) if *before == content => return,
            Some(before) => format!("grant {} was told as ({before}) and as ({content})", reward.grant_id),
            None if pages.told.len() >= REWARDS_KEPT_MAX => format!("no room for more than {REWARDS_KEPT_MAX} rewards"),
            None => {
                pages.told.insert(reward.grant_id.clone(), content);
                return;
            }
        };
        if pages.broken.len() < REWARDS_KEPT_MAX {
            pages.broken.push(problem);
        }
    }

    /// A character signed in and the store told what it has.
    pub fn signed_in(&self, character: &str, holdings: Holdings) {
        let mut pages = self.pages();
        pages.first.entry(character.to_owned()).or_insert_with(|| holdings.clone());
        pages.newest.insert(character.to_owned(), holdings);
    }

    /// All of it; hold it for a moment only.
    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        // Each lock guards one whole entry, so that a panic elsewhere leaves none by halves.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shallot_client::proto::world::v1::RewardItem;

    fn reward(xp: u64, fangs: &[u32]) -> Reward {
        let items = fangs.iter().map(|&quantity| RewardItem { template: "fang".to_owned(), quantity }).collect();
        Reward { grant_id: "g".to_owned(), xp, coins: 3, items, ..Reward::default() }
    }

    #[test]
    fn the_same_reward_twice_is_one_and_another_under_its_id_is_told() {
        let book = RewardBook::default();
        book.told("robin", &reward(10, &[1, 2]));
        book.told("robin", &reward(10, &[3]));
        assert!(book.pages().broken.is_empty());
        book.told("robin", &reward(11, &[3]));
        book.told("marian", &reward(10, &[3]));
        let pages = book.pages();
        assert_eq!((pages.told.len(), pages.broken.len()), (1, 2));
        assert_eq!(pages.told.values().next().expect("one").to_string(), "10 xp, 3 copper, 3 fang for robin");
    }

    #[test]
    fn the_first_and_the_newest_sign_in_are_kept() {
        let book = RewardBook::default();
        for xp in [5, 6, 7] {
            book.signed_in("robin", Holdings { xp, ..Holdings::default() });
        }
        let pages = book.pages();
        assert_eq!(pages.first.get("robin").map(|had| had.xp), Some(5));
        assert_eq!(pages.newest.get("robin").map(|has| has.xp), Some(7));
    }
}
