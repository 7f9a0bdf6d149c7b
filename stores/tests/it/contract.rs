use std::sync::Arc;

use shallot_services::contract::{Adapters, after_restart, all, before_restart};
use shallot_services::ports::EconomyAudit;
use shallot_stores::SqliteStores;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_the_ports_promise() {
    let folder = TempDir::new().unwrap();
    let stores = Arc::new(SqliteStores::open(folder.path()).await.unwrap());
    all(&Adapters::of(&stores)).await;
    assert_eq!(stores.violations().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_it_over_a_restart() {
    let folder = TempDir::new().unwrap();
    let stores = Arc::new(SqliteStores::open(folder.path()).await.unwrap());
    let witness = before_restart(&Adapters::of(&stores)).await;
    stores.close().await.unwrap();
    drop(stores);
    let stores = Arc::new(SqliteStores::open(folder.path()).await.unwrap());
    after_restart(&Adapters::of(&stores), witness).await;
    assert_eq!(stores.violations().await.unwrap(), []);
}
