//! The backplane over a real Redis: the suite that every adapter passes, an outage, and two nodes over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shallot_hubs::backplane::contract;
use shallot_hubs::{Backplane, BackplaneError, Bytes, Cluster, NodeId, SystemClock};
use shallot_stores::RedisBackplane;
use tokio_util::sync::CancellationToken;

use crate::redis_server::{RedisServer, shared};

/// Real time that an awaited event may take: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A name that no other test uses on a shared Redis.
fn cluster_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn node(number: u64) -> NodeId {
    NodeId::new(&format!("n{number}"), number).unwrap()
}

fn end(url: &str, cluster: &str, node: NodeId) -> Arc<dyn Backplane> {
    Arc::new(RedisBackplane::new(url, cluster, node).unwrap())
}

#[tokio::test]
async fn redis_keeps_the_contract_of_a_backplane() {
    let (url, _server) = shared();
    let cluster = cluster_name();
    contract::run(|node| end(&url, &cluster, node)).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_through_an_outage() {
    let mut server = RedisServer::start();
    let cluster = cluster_name();
    let ends: Vec<_> = (1..=3).map(|number| end(&server.url(), &cluster, node(number))).collect();
    for end in &ends {
        end.connect().await.unwrap();
    }
    server.kill();
    contract::run_outage(&ends, || async { assert!(server.again()) }).await;
}

#[tokio::test]
async fn clusters_on_one_redis_do_not_hear_each_other() {
    let (url, _server) = shared();
    let (here, there) = (end(&url, &cluster_name(), node(1)), end(&url, &cluster_name(), node(1)));
    here.connect().await.unwrap();
    there.connect().await.unwrap();
    here.send(&shallot_hubs::backplane::To::All, Bytes::from_static(b"here")).await.unwrap();
    there.send(&shallot_hubs::backplane::To::All, Bytes::from_static(b"there")).await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, there.receive()).await.unwrap().unwrap();
    assert_eq!(heard, b"there"[..]);
}

#[tokio::test]
async fn nodes_find_each_other_over_redis_and_again_after_it_was_away() {
    let mut server = RedisServer::start();
    let (name, stop) = (cluster_name(), CancellationToken::new());
    let mut nodes = tokio::task::JoinSet::new();
    let mut clusters = Vec::new();
    for number in 1..=2 {
        let cluster = Cluster::new(node(number), Arc::new(SystemClock::start()));
        let (running, backplane, stop) = (cluster.clone(), end(&server.url(), &name, node(number)), stop.clone());
        nodes.spawn(async move { running.run(backplane, stop).await });
        clusters.push(cluster);
    }
    others_become(&clusters, 1).await;
    server.kill();
    others_become(&clusters, 0).await;
    assert!(server.again());
    others_become(&clusters, 1).await;
    stop.cancel();
    while nodes.join_next().await.is_some() {}
}

/// Waits until each node sees so many others.
async fn others_become(clusters: &[Cluster], count: usize) {
    let all = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while clusters.iter().any(|cluster| cluster.others().len() != count) {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test]
async fn what_is_no_redis_is_an_error_and_nothing_else() {
    assert!(RedisBackplane::new("http://127.0.0.1", "c", node(1)).is_err());
    let nobody = end("redis://127.0.0.1:1", "c", node(1));
    assert!(nobody.connect().await.is_err());
    assert!(nobody.send(&shallot_hubs::backplane::To::All, Bytes::new()).await.is_err());
    let error: Result<_, BackplaneError> = nobody.receive().await;
    assert!(error.is_err());
}
