//! `shallot economy check`: every broken invariant of a data folder, and its sums.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use shallot_services::grants::{GrantReply, GrantedItem};
use shallot_services::ports::{CommittedGrant, EconomyAudit};
use shallot_stores::SqliteStores;

/// Grants read at a time.
const PAGE: u32 = 1_000;

/// A line of the grants' file.
#[derive(Serialize)]
struct Line<'a> {
    grant_id: String,
    character: String,
    xp: u64,
    /// Copper pieces.
    coins: i64,
    items: &'a [GrantedItem],
}

pub(crate) fn check(data: &Path, grants: Option<&Path>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stores = SqliteStores::open_existing(data).await?;
        let outcome = audit(&stores, grants).await;
        stores.close().await?;
        outcome
    })
}

#[expect(clippy::print_stdout, reason = "the verb's result")]
async fn audit(stores: &SqliteStores, grants: Option<&Path>) -> anyhow::Result<()> {
    let totals = stores.totals().await?;
    println!(
        "{} accounts, {} characters, {} levels, {} experience, {} copper, {} units of items, {} grants",
        totals.accounts,
        totals.characters,
        totals.levels,
        totals.xp,
        totals.coins,
        totals.items.values().sum::<u64>(),
        totals.grants,
    );
    if let Some(file) = grants {
        write_grants(stores, file).await?;
    }
    let violations = stores.violations().await?;
    for violation in &violations {
        println!("{} {}: {}", violation.invariant, violation.subject, violation.what);
    }
    anyhow::ensure!(violations.is_empty(), "{} broken invariants", violations.len());
    println!("I1 to I4 hold");
    Ok(())
}

async fn write_grants(stores: &SqliteStores, path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).with_context(cannot)?);
    let mut after = None;
    loop {
        let page = stores.grants(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for grant in &page {
            write_line(&mut file, grant).with_context(cannot)?;
        }
    }
    file.flush().with_context(cannot)
}

fn write_line(file: &mut impl std::io::Write, grant: &CommittedGrant) -> anyhow::Result<()> {
    let reply: GrantReply =
        serde_json::from_slice(&grant.reply).with_context(|| format!("the reply of grant {}", grant.id))?;
    let line = Line {
        grant_id: grant.id.to_string(),
        character: grant.character.to_string(),
        xp: reply.xp,
        coins: reply.coins.copper(),
        items: &reply.items,
    };
    serde_json::to_writer(&mut *file, &line)?;
    file.write_all(b"\n")?;
    Ok(())
}
