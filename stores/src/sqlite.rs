//! SQLite in WAL mode: one connection that writes, a few that read, one file.
//!
//! A commit is on the disk before it is answered (`synchronous = FULL`), so that what was acknowledged survives the end of the
//! process and of the machine. Writers queue for one connection and take the database's write lock at once (`BEGIN IMMEDIATE`):
//! whatever a transaction reads stays true until it commits, and no two writers deadlock. Readers never wait for the writer.
//!
//! One file per port; [`open`] finds, locks and migrates the file, `fencing` and `once` hold the two guards of every change of
//! value (epochs, idempotency), `holdings` writes a change line by line.

use std::fs::File;

use shallot_services::ports::StoreError;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};

use errors::failed;

mod accounts;
mod audit;
mod characters;
mod documents;
mod errors;
mod fencing;
mod fields;
mod holdings;
mod once;
mod open;
mod regions;

pub use open::OpenError;

/// All ports over one SQLite file that belongs to this process alone, or to the servers of one cluster on this machine.
///
/// Dropping it without [`SqliteStores::close`] loses nothing: the next open reads the write-ahead log.
#[derive(Debug)]
pub struct SqliteStores {
    writer: SqlitePool,
    readers: SqlitePool,
    lock: File,
}

impl SqliteStores {
    /// Brings all into the one file, closes it and lets go of its lock. Calls under way end first; later ones fail. A second
    /// call does nothing.
    ///
    /// # Errors
    /// When the write-ahead log cannot be brought into the file or the lock not be given up. Nothing is lost then.
    pub async fn close(&self) -> Result<(), StoreError> {
        const CLOSING: &str = "closing the store";
        if self.writer.is_closed() {
            return Ok(());
        }
        self.readers.close().await;
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await;
        self.writer.close().await;
        checkpoint.map_err(failed(CLOSING))?;
        self.lock.unlock().map_err(|error| failed(CLOSING)(sqlx::Error::Io(error)))
    }

    /// A transaction that holds the write lock from its start. Dropped before its commit, it leaves nothing.
    async fn write(&self, operation: &'static str) -> Result<Write, StoreError> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(operation))?;
        Ok(Write { transaction, operation })
    }

    /// A transaction that sees one moment.
    async fn read(&self, operation: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.readers.begin().await.map_err(failed(operation))
    }
}

/// A transaction that writes, and what it is for.
struct Write {
    transaction: Transaction<'static, Sqlite>,
    operation: &'static str,
}

impl Write {
    /// The connection inside.
    fn on(&mut self) -> &mut sqlx::SqliteConnection {
        &mut self.transaction
    }

    /// Makes it last.
    async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(failed(self.operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_are_set_as_the_module_says() {
        let folder = tempfile::tempdir().unwrap();
        let stores = SqliteStores::open(folder.path()).await.unwrap();
        for (pool, pragma, expected) in [
            (&stores.writer, "PRAGMA synchronous", 2_i64),
            (&stores.writer, "PRAGMA foreign_keys", 1),
            (&stores.writer, "PRAGMA query_only", 0),
            (&stores.readers, "PRAGMA query_only", 1),
        ] {
            let value: i64 = sqlx::query_scalar(pragma).fetch_one(pool).await.unwrap();
            assert_eq!(value, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_reader_sees_one_moment_and_waits_for_no_writer() {
        let folder = tempfile::tempdir().unwrap();
        let stores = SqliteStores::open(folder.path()).await.unwrap();
        let mut tx = stores.read("reading").await.unwrap();
        let count = "SELECT COUNT(*) FROM documents";
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *tx).await.unwrap(), 0);
        let mut write = stores.write("writing").await.unwrap();
        sqlx::query("INSERT INTO documents VALUES ('a', 'b', '1')").execute(write.on()).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *tx).await.unwrap(), 0);
        drop(tx);
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&stores.readers).await.unwrap(), 1);
    }
}
