use std::fs;
use std::path::Path;

use shallot_services::ports::{DocumentStore, EconomyAudit, Totals};
use shallot_stores::{OpenError, SqliteStores};
use tempfile::TempDir;

use crate::fixture::World;

#[tokio::test]
async fn migrations_apply_to_nothing_and_then_again_without_effect() {
    let world = World::empty().await;
    world.stores.put_document("notes", "one", "{}").await.unwrap();
    let applied = versions(&world).await;
    assert!(!applied.is_empty());
    let world = world.reopened().await;
    assert_eq!(versions(&world).await, applied);
    assert_eq!(world.stores.count_documents("notes").await.unwrap(), 1);
    assert_eq!(world.stores.totals().await.unwrap(), Totals::default());
}

#[tokio::test]
async fn the_file_is_in_wal_mode() {
    let world = World::empty().await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&world.raw().await).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let world = World::empty().await;
    let raw = world.raw().await;
    let known = versions(&world).await.pop().unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (?, 'from tomorrow', 0, 1, x'00', 0)")
        .bind(known + 7)
        .execute(&raw)
        .await
        .unwrap();
    raw.close().await;
    world.stores.close().await.unwrap();
    for _ in 0..2 {
        let refused = SqliteStores::open(world.folder.path()).await.unwrap_err();
        assert!(
            matches!(refused, OpenError::NewerSchema { found, known: k, .. } if found == known + 7 && k == known),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_is_refused() {
    let world = World::empty().await;
    let raw = world.raw().await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&raw).await.unwrap();
    raw.close().await;
    world.stores.close().await.unwrap();
    let refused = SqliteStores::open(world.folder.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Migration { .. }), "{refused}");
}

#[tokio::test]
async fn one_server_at_a_time() {
    let world = World::empty().await;
    let refused = SqliteStores::open(world.folder.path()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Busy { path } if *path == world.file()), "{refused}");
    world.stores.put_document("notes", "one", "{}").await.unwrap();

    world.stores.close().await.unwrap();
    world.stores.close().await.unwrap();
    world.stores.put_document("notes", "two", "{}").await.unwrap_err();
    let again = SqliteStores::open(world.folder.path()).await.unwrap();
    assert_eq!(again.count_documents("notes").await.unwrap(), 1);
}

#[tokio::test]
async fn closing_leaves_everything_in_the_one_file() {
    let world = World::empty().await;
    world.stores.put_document("notes", "one", "{}").await.unwrap();
    world.stores.close().await.unwrap();
    let elsewhere = TempDir::new().unwrap();
    let copy = elsewhere.path().join("copy.db");
    fs::copy(world.file(), &copy).unwrap();
    let stores = SqliteStores::open(&copy).await.unwrap();
    assert_eq!(stores.count_documents("notes").await.unwrap(), 1);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_made() {
    let folder = TempDir::new().unwrap();
    let deep = folder.path().join("a").join("b");
    SqliteStores::open(&deep).await.unwrap();
    assert!(deep.join("shallot.db").is_file());
}

#[tokio::test]
async fn where_there_must_be_a_database_none_is_made() {
    let folder = TempDir::new().unwrap();
    let refused = SqliteStores::open_existing(folder.path()).await.unwrap_err();
    let file = folder.path().join("shallot.db");
    assert!(matches!(&refused, OpenError::Absent { path } if *path == file), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    SqliteStores::open(folder.path()).await.unwrap().close().await.unwrap();
    SqliteStores::open_existing(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_file_where_a_folder_must_be_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "not a folder").unwrap();
    let refused = SqliteStores::open(&file).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Io { path, .. } if *path == file), "{refused}");
    assert!(refused.to_string().contains("not a directory"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a folder");
}

/// Root may write anywhere: for root the unit test of the error's mapping has to do, and this test checks that the folder works.
#[cfg(unix)]
#[tokio::test]
async fn a_folder_without_rights_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let folder = TempDir::new().unwrap();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    let may_write_anyway = fs::write(locked.join("probe"), "").is_ok();
    let opened = SqliteStores::open(&locked).await;
    if may_write_anyway {
        eprintln!("run as root, which may write everywhere: only the mapping of the error was tested");
        opened.unwrap();
    } else {
        let refused = opened.unwrap_err();
        assert!(matches!(&refused, OpenError::NoRights { path } if path.starts_with(&locked)), "{refused}");
    }
}

#[tokio::test]
async fn another_kind_of_file_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("letters.db");
    let letters = "dear reader, ".repeat(1_000);
    fs::write(&file, &letters).unwrap();
    let refused = SqliteStores::open(&file).await.unwrap_err();
    assert!(matches!(&refused, OpenError::NotADatabase { path } if *path == file), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), letters);
}

#[tokio::test]
async fn each_refusal_is_one_line_with_the_path() {
    let world = World::empty().await;
    let line = SqliteStores::open(world.folder.path()).await.unwrap_err().to_string();
    assert_eq!(line, format!("another server uses {}", world.file().display()));
    let io = SqliteStores::open(Path::new("/dev/null/data")).await.unwrap_err().to_string();
    assert!(io.contains("/dev/null/data") && !io.contains('\n'), "{io}");
}

async fn versions(world: &World) -> Vec<i64> {
    let raw = world.raw().await;
    let versions =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version").fetch_all(&raw).await.unwrap();
    raw.close().await;
    versions
}
