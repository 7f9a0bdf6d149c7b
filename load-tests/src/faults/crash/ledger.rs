//! All grants that a store holds, and whether they are what was told. Pure: lines in, problems out.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::BufRead;

use serde::Deserialize;

use crate::bot::journal::{Holdings, Units};
use crate::reward_book::{Content, Pages};

/// Why the grants of a store cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LedgerError {
    /// The file itself.
    #[error("reading the grants: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line of it.
    #[error("line {line} of the grants: {source}")]
    BadLine {
        /// From 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// A line of what `shallot economy check --grants` writes.
#[derive(Deserialize)]
struct Line {
    grant_id: String,
    character: String,
    xp: u64,
    coins: i64,
    items: Vec<LineItem>,
}

#[derive(Deserialize)]
struct LineItem {
    template: String,
    quantity: u64,
}

/// Committed grants.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    grants: BTreeMap<String, Content>,
    /// Ids that stood there more than once; once for each time too many.
    doubled: Vec<String>,
}

impl Ledger {
    /// One JSON object a line.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub(super) fn read(lines: impl BufRead) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        for (number, line) in (1..).zip(lines.lines()) {
            let line = line?;
            let line: Line =
                serde_json::from_str(&line).map_err(|source| LedgerError::BadLine { line: number, source })?;
            let mut items = Units::new();
            for item in line.items {
                *items.entry(item.template).or_default() += item.quantity;
            }
            let content = Content { character: line.character, xp: line.xp, coins: line.coins, items };
            match ledger.grants.entry(line.grant_id) {
                Entry::Vacant(place) => {
                    place.insert(content);
                }
                Entry::Occupied(first) => ledger.doubled.push(first.key().clone()),
            }
        }
        Ok(ledger)
    }

    /// Grants.
    pub(super) fn len(&self) -> u64 {
        self.grants.len() as u64
    }

    /// Grants that nobody was told of.
    pub(super) fn untold(&self, told: &BTreeMap<String, Content>) -> u64 {
        self.grants.keys().filter(|id| !told.contains_key(*id)).count() as u64
    }

    /// What is there twice, one line each.
    pub(super) fn doubles(&self) -> Vec<String> {
        self.doubled.iter().map(|id| format!("grant {id} is stored twice")).collect()
    }

    /// What was told and is not stored just so, one line each.
    pub(super) fn losses(&self, told: &BTreeMap<String, Content>) -> Vec<String> {
        self.missing(told, "told")
    }

    /// What an earlier look found and this one does not, one line each.
    pub(super) fn vanished(&self, before: &Self) -> Vec<String> {
        self.missing(&before.grants, "stored before")
    }

    fn missing(&self, wanted: &BTreeMap<String, Content>, how: &str) -> Vec<String> {
        let problem = |(id, wanted): (&String, &Content)| match self.grants.get(id) {
            None => Some(format!("grant {id} was {how} ({wanted}) and is not stored")),
            Some(stored) if stored != wanted => {
                Some(format!("grant {id} was {how} as ({wanted}), stored is ({stored})"))
            }
            Some(_) => None,
        };
        wanted.iter().filter_map(problem).collect()
    }

    /// Whether each character has what it had first and the sum of its grants; one line for each difference. `level_of` tells the level for
    /// so much experience.
    pub(super) fn holdings(&self, pages: &Pages, level_of: impl Fn(u64) -> u32) -> Vec<String> {
        let mut expected = pages.first.clone();
        let mut lines = Vec::new();
        for (id, grant) in &self.grants {
            match expected.get_mut(&grant.character) {
                Some(holdings) => add(holdings, grant),
                None => lines.push(format!("grant {id} is for {}, who never signed in", grant.character)),
            }
        }
        for (character, mut expected) in expected {
            expected.level = level_of(expected.xp);
            let Some(newest) = pages.newest.get(&character) else { continue };
            let differences = expected.differences("grants make", newest);
            lines.extend(differences.into_iter().map(|difference| format!("{character}: {difference}")));
        }
        lines
    }
}

fn add(holdings: &mut Holdings, grant: &Content) {
    holdings.xp = holdings.xp.saturating_add(grant.xp);
    holdings.wallet = holdings.wallet.saturating_add(grant.coins);
    for (template, units) in &grant.items {
        *holdings.items.entry(template.clone()).or_default() += units;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reward_book::RewardBook;
    use shallot_client::proto::world::v1::{Reward, RewardItem};

    const KILL: &str = r#"{"grant_id":"a","character":"robin","xp":10,"coins":3,"items":[]}"#;
    const PICK_UP: &str =
        r#"{"grant_id":"b","character":"robin","xp":0,"coins":0,"items":[{"template":"fang","quantity":2}]}"#;

    fn ledger(lines: &[&str]) -> Ledger {
        Ledger::read(lines.join("\n").as_bytes()).expect("readable")
    }

    fn kill() -> Reward {
        Reward { grant_id: "a".to_owned(), xp: 10, coins: 3, ..Reward::default() }
    }

    fn pick_up() -> Reward {
        let items = vec![RewardItem { template: "fang".to_owned(), quantity: 2 }];
        Reward { grant_id: "b".to_owned(), items, ..Reward::default() }
    }

    fn told(rewards: &[Reward]) -> BTreeMap<String, Content> {
        let book = RewardBook::default();
        rewards.iter().for_each(|reward| book.told("robin", reward));
        let pages = book.pages().clone();
        assert!(pages.broken.is_empty());
        pages.told
    }

    #[test]
    fn what_was_told_and_is_stored_once_holds() {
        let (ledger, told) = (ledger(&[KILL, PICK_UP]), told(&[kill(), pick_up()]));
        assert_eq!((ledger.losses(&told), ledger.doubles()), (Vec::new(), Vec::new()));
        assert_eq!((ledger.len(), ledger.untold(&told)), (2, 0));
    }

    #[test]
    fn what_was_stored_and_not_told_holds_and_is_counted() {
        let (ledger, told) = (ledger(&[KILL, PICK_UP]), told(&[kill()]));
        assert!(ledger.losses(&told).is_empty());
        assert_eq!(ledger.untold(&told), 1);
    }

    #[test]
    fn a_planted_loss_is_found() {
        let losses = ledger(&[KILL]).losses(&told(&[kill(), pick_up()]));
        assert_eq!(losses, ["grant b was told (0 xp, 0 copper, 2 fang for robin) and is not stored"]);
    }

    #[test]
    fn a_planted_double_is_found_even_with_the_same_content() {
        assert_eq!(ledger(&[KILL, PICK_UP, KILL, KILL]).doubles(), ["grant a is stored twice"; 2]);
    }

    #[test]
    fn planted_differences_of_content_are_found() {
        let told = told(&[kill(), pick_up()]);
        for (from, to) in [("robin", "marian"), (":10", ":11"), (":3", ":2"), ("fang", "claw"), (":2}", ":4}")] {
            let (kill, pick_up) = (KILL.replace(from, to), PICK_UP.replace(from, to));
            assert!(!ledger(&[&kill, &pick_up]).losses(&told).is_empty(), "{from} {to}");
        }
    }

    #[test]
    fn a_grant_that_an_earlier_look_saw_must_stay() {
        assert!(ledger(&[KILL, PICK_UP]).vanished(&ledger(&[KILL])).is_empty());
        let gone = ledger(&[PICK_UP]).vanished(&ledger(&[KILL]));
        assert_eq!(gone, ["grant a was stored before (10 xp, 3 copper for robin) and is not stored"]);
    }

    fn pages(xp: u64, wallet: i64, fangs: u64) -> Pages {
        let book = RewardBook::default();
        let holdings = |level, xp, wallet, fangs| {
            let items = [("club".to_owned(), 1), ("fang".to_owned(), fangs)];
            Holdings { level, xp, wallet, items: items.into_iter().filter(|(_, units)| *units > 0).collect() }
        };
        book.signed_in("robin", holdings(1, 0, 5, 0));
        book.signed_in("robin", holdings(2, xp, wallet, fangs));
        book.pages().clone()
    }

    fn level_of(xp: u64) -> u32 {
        if xp >= 10 { 2 } else { 1 }
    }

    #[test]
    fn sums_of_grants_must_be_what_the_store_says() {
        let ledger = ledger(&[KILL, PICK_UP]);
        assert_eq!(ledger.holdings(&pages(10, 8, 2), level_of), Vec::<String>::new());
        assert_eq!(ledger.holdings(&pages(20, 8, 2), level_of), ["robin: xp: grants make 10, stored 20"]);
        assert_eq!(ledger.holdings(&pages(10, 5, 2), level_of), ["robin: wallet: grants make 8, stored 5"]);
        assert_eq!(ledger.holdings(&pages(10, 8, 4), level_of), ["robin: fang: grants make 2, stored 4"]);
        assert_eq!(ledger.holdings(&pages(10, 8, 2), |_| 3), ["robin: level: grants make 3, stored 2"]);
    }

    #[test]
    fn a_grant_for_nobody_is_found() {
        let stray = KILL.replace("robin", "marian");
        let lines = ledger(&[&stray]).holdings(&pages(0, 5, 0), |_| 2);
        assert_eq!(lines, ["grant a is for marian, who never signed in"]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let broken = format!("{KILL}\nnonsense");
        let error = Ledger::read(broken.as_bytes()).expect_err("broken");
        assert!(error.to_string().starts_with("line 2 of the grants"), "{error}");
    }
}
