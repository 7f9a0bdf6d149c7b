//! Ctrl-C at inconvenient times.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::player::PATIENCE;
use crate::process::{Server, command, interrupt, wait};

#[test]
fn ctrl_c_during_the_start_is_an_orderly_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    // The first line of the log is written while the parts are wired, before anything listens.
    let mut said = String::new();
    log.read_line(&mut said).unwrap();
    assert!(said.contains("master data is loaded"), "{said}");
    interrupt(&child);
    log.read_to_string(&mut said).unwrap();
    let status = wait(&mut child);
    assert!(status.success(), "{status}:\n{said}");
    assert!(said.contains("stopped in order"), "{said}");
    // What was begun is whole: the next start finds it good.
    Server::start(folder.path(), &[]).stop();
}

#[tokio::test]
async fn a_second_ctrl_c_ends_what_the_first_one_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    // A client that keeps a stream open holds up an orderly stop for a while.
    let address = format!("http://{}", server.grpc);
    let channel = tonic::transport::Endpoint::from_shared(address).unwrap().connect().await.unwrap();
    let mut watch = HealthClient::new(channel).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    server.interrupt();
    let heard = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while !server.log_text().contains("once more to stop at once") {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap();
    server.interrupt();
    let (status, log) = tokio::task::spawn_blocking(|| server.ends_at_once()).await.unwrap();
    assert!(!status.success(), "{status}");
    assert!(log.contains("stopping at once") && log.contains("what was not saved is lost"), "{log}");
}
