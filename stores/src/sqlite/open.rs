//! Finds, locks, opens and migrates the file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::SqliteStores;
use crate::limits::{ACQUIRE_TIMEOUT, BUSY_TIMEOUT, READERS_MAX, STATEMENTS_MAX};

/// The file's name when a folder is given.
const FILE_NAME: &str = "shallot.db";
/// What a path must end in to name the file itself.
const FILE_EXTENSION: &str = "db";

/// Primary result codes of SQLite, the low byte of what it reports.
mod code {
    pub(super) const READONLY: u32 = 8;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const NOT_A_DATABASE: u32 = 26;
}

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// The stores cannot be opened. Each is one line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The process may not read or write there.
    #[error("no rights to read and write {}", path.display())]
    NoRights {
        /// Which file or folder.
        path: PathBuf,
    },
    /// The file system says no for another reason.
    #[error("cannot use {}: {why}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// There is no database, and none was to be made.
    #[error("there is no database {}", path.display())]
    Absent {
        /// The database file.
        path: PathBuf,
    },
    /// Another server is running on the same data.
    #[error("another server uses {}", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a SQLite database", path.display())]
    NotADatabase {
        /// Which file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{} is damaged: {why}", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// A newer server wrote it.
    #[error("{} has schema {found}, but this server knows only up to {known}: use the newer server", path.display())]
    NewerSchema {
        /// Which file.
        path: PathBuf,
        /// Its newest migration.
        found: i64,
        /// The newest one built in.
        known: i64,
    },
    /// Its schema is not what this server's migrations make.
    #[error("the schema of {} cannot be brought up to date: {why}", path.display())]
    Migration {
        /// Which file.
        path: PathBuf,
        /// Which migration, and why.
        why: MigrateError,
    },
    /// SQLite fails in another way.
    #[error("cannot open {}: {why}", path.display())]
    Driver {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: sqlx::Error,
    },
}

impl SqliteStores {
    /// Opens the stores for this process alone and brings their schema up to date.
    ///
    /// A path that ends in `.db` names the file; any other names a folder with `shallot.db` in it. What is missing is made. Beside
    /// the file lies `<file>.lock`, held until [`SqliteStores::close`] or the end of the process, however it ends.
    ///
    /// # Errors
    /// See [`OpenError`]. A file that a newer server wrote, or that is no database, is left as it is.
    pub async fn open(folder_or_file: &Path) -> Result<Self, OpenError> {
        Self::open_as(folder_or_file, Sharing::Alone).await
    }

    /// The same where there is a database already: none is made.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_existing(folder_or_file: &Path) -> Result<Self, OpenError> {
        let path = database_path(folder_or_file);
        if !path.exists() {
            return Err(OpenError::Absent { path });
        }
        Self::open(folder_or_file).await
    }

    /// The same beside other servers of one cluster on this machine, each of which opens it so. SQLite lets one of them write at a time.
    ///
    /// # Errors
    /// See [`OpenError`]; [`OpenError::Busy`] also when a server uses the file for itself alone.
    pub async fn open_shared(folder_or_file: &Path) -> Result<Self, OpenError> {
        Self::open_as(folder_or_file, Sharing::Cluster).await
    }

    async fn open_as(folder_or_file: &Path, sharing: Sharing) -> Result<Self, OpenError> {
        let path = database_path(folder_or_file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|why| file_error(folder, why))?;
        }
        let lock = lock(&path, sharing)?;
        // Of two servers that start at once one migrates first. Given back when it is dropped.
        let _migrating = lock_to_migrate(&path).await?;
        // SQLite would only say that it cannot open the file; the operating system says why.
        open_file(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS_MAX);
        let writer = pool(1).connect_with(options.clone()).await.map_err(|why| driver_error(&path, why))?;
        migrate(&writer, &path).await?;
        let readers = pool(READERS_MAX).connect_lazy_with(options.pragma("query_only", "ON"));
        tracing::info!(path = %path.display(), "stores opened");
        Ok(Self { writer, readers, lock })
    }
}

/// The database file that a path means.
fn database_path(folder_or_file: &Path) -> PathBuf {
    if folder_or_file.extension().is_some_and(|extension| extension == FILE_EXTENSION) {
        folder_or_file.to_owned()
    } else {
        folder_or_file.join(FILE_NAME)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Who else may use the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Alone,
    Cluster,
}

/// Takes the lock file beside the database. It is never deleted: two processes could then each hold a lock of their own.
fn lock(path: &Path, sharing: Sharing) -> Result<File, OpenError> {
    let lock_path = beside(path, ".lock");
    let file = open_file(&lock_path)?;
    let taken = match sharing {
        Sharing::Alone => file.try_lock(),
        Sharing::Cluster => file.try_lock_shared(),
    };
    match taken {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(file_error(&lock_path, source)),
    }
}

/// Waits for its turn to migrate.
async fn lock_to_migrate(path: &Path) -> Result<File, OpenError> {
    let lock_path = beside(path, ".migrating");
    let file = open_file(&lock_path)?;
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    let locked = waiting.unwrap_or_else(|error| Err(io::Error::other(error)));
    locked.map_err(|source| file_error(&lock_path, source))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    PathBuf::from(beside)
}

fn open_file(path: &Path) -> Result<File, OpenError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| file_error(path, source))
}

/// Refuses a newer schema before anything is written, then applies what is missing, each migration in a transaction of its own.
async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let driver = |source| driver_error(path, source);
    let recorded: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_one(writer)
        .await
        .map_err(driver)?;
    if recorded > 0 {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(writer).await.map_err(driver)?;
        if let Some(found) = found.filter(|found| *found > known) {
            return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
        }
    }
    MIGRATIONS.run(writer).await.map_err(|why| OpenError::Migration { path: path.to_owned(), why })
}

fn file_error(path: &Path, why: io::Error) -> OpenError {
    let path = path.to_owned();
    match why.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => OpenError::NoRights { path },
        // What is there is no folder, or making one had been no error.
        io::ErrorKind::AlreadyExists => OpenError::Io { path, why: io::ErrorKind::NotADirectory.into() },
        _ => OpenError::Io { path, why },
    }
}

fn driver_error(path: &Path, why: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    let database = why.as_database_error();
    let primary =
        database.and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xFF);
    match primary {
        Some(code::READONLY) => OpenError::NoRights { path },
        Some(code::NOT_A_DATABASE) => OpenError::NotADatabase { path },
        Some(code::CORRUPT) => OpenError::Corrupt { path, why: why.to_string() },
        _ => OpenError::Driver { path, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_by_its_ending_and_else_a_folder() {
        for (path, file) in [
            ("data", "data/shallot.db"),
            ("a/b.c", "a/b.c/shallot.db"),
            ("world.db", "world.db"),
            ("a/world.db", "a/world.db"),
        ] {
            assert_eq!(database_path(Path::new(path)), Path::new(file));
        }
    }

    #[test]
    fn missing_rights_are_told_from_other_troubles() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            assert!(matches!(file_error(Path::new("data"), kind.into()), OpenError::NoRights { .. }), "{kind}");
        }
        let full = file_error(Path::new("data"), io::ErrorKind::StorageFull.into());
        assert!(matches!(full, OpenError::Io { .. }), "{full}");
    }
}
