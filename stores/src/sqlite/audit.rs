//! The economy's invariants as queries: each selects the rows that break one, with the numbers.
//!
//! All of them see one moment. Each is a whole scan of its tables; players' calls go on meanwhile, since readers block nobody.

use std::collections::BTreeMap;

use async_trait::async_trait;
use shallot_proto::wire::{CharacterId, GrantId, ItemId};
use shallot_services::ports::{CommittedGrant, EconomyAudit, StoreError, Totals, Violation};
use sqlx::SqliteConnection;

use super::SqliteStores;
use super::errors::failed;
use super::fields::Fields;

const AUDITING: &str = "auditing the economy";
const SUMMING: &str = "summing the economy";

/// Rows that break one invariant.
struct Check {
    invariant: &'static str,
    /// What the subject is.
    subject: Subject,
    /// Selects `subject` (text or id), `is` and `due`.
    sql: &'static str,
    /// Says what `is` and `due` are.
    what: fn(&str, &str) -> String,
}

/// What a check's rows name.
enum Subject {
    /// An id of 16 bytes, shown as text after this word.
    Id(&'static str),
    /// A text, shown after this word.
    Key(&'static str),
    /// A ledger account, which says itself what it is.
    LedgerAccount,
}

const CHECKS: [Check; 8] = [
    Check {
        invariant: "I1",
        subject: Subject::Id("posting"),
        sql: "SELECT posting AS subject, CAST(SUM(copper) AS TEXT) AS \"is\", '0' AS due
              FROM ledger_entries GROUP BY posting HAVING SUM(copper) <> 0",
        what: |is, due| format!("its entries sum to {is}, not {due}"),
    },
    Check {
        invariant: "I2",
        subject: Subject::LedgerAccount,
        sql: "WITH summed AS (SELECT account, SUM(copper) AS copper FROM ledger_entries WHERE account GLOB 'wallet:*' GROUP BY account)
              SELECT COALESCE(w.account, s.account) AS subject, CAST(COALESCE(w.copper, 0) AS TEXT) AS \"is\",
                     CAST(COALESCE(s.copper, 0) AS TEXT) AS due
              FROM wallets w FULL JOIN summed s ON s.account = w.account WHERE COALESCE(w.copper, 0) <> COALESCE(s.copper, 0)",
        what: |is, due| format!("its balance is {is}, its entries sum to {due}"),
    },
    Check {
        invariant: "I2",
        subject: Subject::LedgerAccount,
        sql: "SELECT account AS subject, CAST(copper AS TEXT) AS \"is\", '0' AS due FROM wallets WHERE copper < 0",
        what: |is, _| format!("its balance is {is}, below zero"),
    },
    Check {
        invariant: "I3",
        subject: Subject::Id("item"),
        sql: "SELECT i.id AS subject, lower(hex(i.character)) AS \"is\", '' AS due
              FROM items i LEFT JOIN characters c ON c.id = i.character WHERE c.id IS NULL",
        what: |is, _| format!("it lies with {is}, who is no character"),
    },
    Check {
        invariant: "I3",
        subject: Subject::Id("item"),
        sql: "SELECT i.id AS subject, CAST(i.worn_in AS TEXT) AS \"is\", '' AS due
              FROM items i WHERE i.worn_in NOT BETWEEN 1 AND 13 OR EXISTS
                  (SELECT 1 FROM items o WHERE o.character = i.character AND o.worn_in = i.worn_in AND o.id <> i.id)",
        what: |is, _| format!("it is worn in slot {is}, which another item has or nobody"),
    },
    Check {
        invariant: "I4",
        subject: Subject::Id("item"),
        sql: "WITH logged AS (SELECT item, SUM(delta) AS units FROM item_events GROUP BY item)
              SELECT COALESCE(i.id, l.item) AS subject, CAST(COALESCE(i.quantity, 0) AS TEXT) AS \"is\",
                     CAST(COALESCE(l.units, 0) AS TEXT) AS due
              FROM items i FULL JOIN logged l ON l.item = i.id WHERE COALESCE(i.quantity, 0) <> COALESCE(l.units, 0)",
        what: |is, due| format!("it has {is} units, its log sums to {due}"),
    },
    Check {
        invariant: "I4",
        subject: Subject::Key("template"),
        sql: "WITH live AS (SELECT template, SUM(quantity) AS units FROM items GROUP BY template),
                   made AS (SELECT template, SUM(delta) AS units FROM item_events
                            WHERE cause GLOB 'mint:*' OR cause GLOB 'sink:*' GROUP BY template)
              SELECT COALESCE(l.template, m.template) AS subject, CAST(COALESCE(l.units, 0) AS TEXT) AS \"is\",
                     CAST(COALESCE(m.units, 0) AS TEXT) AS due
              FROM live l FULL JOIN made m ON m.template = l.template WHERE COALESCE(l.units, 0) <> COALESCE(m.units, 0)",
        what: |is, due| format!("{is} units live, minted less destroyed is {due}"),
    },
    Check {
        invariant: "I4",
        subject: Subject::Id("item"),
        sql: "SELECT i.id AS subject, lower(hex(i.character)) AS \"is\", lower(hex(e.owner)) AS due
              FROM items i JOIN item_events e ON e.seq = (SELECT MAX(seq) FROM item_events WHERE item = i.id)
              WHERE e.owner <> i.character",
        what: |is, due| format!("{is} has it, its log's last owner is {due}"),
    },
];

#[async_trait]
impl EconomyAudit for SqliteStores {
    async fn violations(&self) -> Result<Vec<Violation>, StoreError> {
        let mut tx = self.read(AUDITING).await?;
        let mut found = Vec::new();
        for check in &CHECKS {
            run(&mut tx, check, &mut found).await?;
        }
        found.sort();
        Ok(found)
    }

    async fn grants(&self, after: Option<GrantId>, limit: u32) -> Result<Vec<CommittedGrant>, StoreError> {
        let mut tx = self.read(AUDITING).await?;
        let rows = sqlx::query("SELECT id, character, reply FROM grants WHERE ? IS NULL OR id > ? ORDER BY id LIMIT ?")
            .bind(after.as_ref().map(|id| &id.0[..]))
            .bind(after.as_ref().map(|id| &id.0[..]))
            .bind(limit)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(AUDITING))?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "grants", &"a row");
                Ok(CommittedGrant {
                    id: GrantId(fields.bytes("id")?),
                    character: CharacterId(fields.bytes("character")?),
                    reply: fields.value("reply")?,
                })
            })
            .collect()
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let mut tx = self.read(SUMMING).await?;
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM accounts) AS accounts, (SELECT COUNT(*) FROM characters) AS characters,
                    (SELECT COALESCE(SUM(level), 0) FROM characters) AS levels, (SELECT COALESCE(SUM(xp), 0) FROM characters) AS xp,
                    (SELECT COALESCE(SUM(copper), 0) FROM wallets) AS coins, (SELECT COUNT(*) FROM grants) AS grants",
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(failed(SUMMING))?;
        let sums = Fields::new(&row, "totals", &"all rows");
        Ok(Totals {
            accounts: sums.integer("accounts")?,
            characters: sums.integer("characters")?,
            levels: sums.integer("levels")?,
            xp: sums.integer("xp")?,
            coins: sums.integer("coins")?,
            grants: sums.integer("grants")?,
            items: units(&mut tx, "SELECT template AS key, SUM(quantity) AS units FROM items GROUP BY template").await?,
            minted: units(
                &mut tx,
                "SELECT substr(cause, 6) AS key, SUM(delta) AS units FROM item_events WHERE cause GLOB 'mint:*' GROUP BY cause",
            )
            .await?,
        })
    }
}

async fn run(on: &mut SqliteConnection, check: &Check, found: &mut Vec<Violation>) -> Result<(), StoreError> {
    let rows = sqlx::query(check.sql).fetch_all(on).await.map_err(failed(AUDITING))?;
    for row in &rows {
        let fields = Fields::new(row, "audit", &check.invariant);
        let subject = match check.subject {
            Subject::Id(word) => format!("{word} {}", ItemId(fields.bytes("subject")?)),
            Subject::Key(word) => format!("{word} {}", fields.value::<&str>("subject")?),
            Subject::LedgerAccount => fields.value("subject")?,
        };
        let what = (check.what)(fields.value("is")?, fields.value("due")?);
        found.push(Violation { invariant: check.invariant, subject, what });
    }
    Ok(())
}

async fn units(on: &mut SqliteConnection, sql: &'static str) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows = sqlx::query(sql).fetch_all(on).await.map_err(failed(SUMMING))?;
    rows.iter()
        .map(|row| {
            let key: String = Fields::new(row, "totals", &"a sum").value("key")?;
            let units = Fields::new(row, "totals", &key).integer("units")?;
            Ok((key, units))
        })
        .collect()
}
