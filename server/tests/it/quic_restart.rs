//! A server that comes back after a kill: clients learn at once that their QUIC connections are gone.

use bytes::Bytes;
use quinn::ConnectionError;

use crate::player::{PATIENCE, Player};
use crate::process::Server;

#[tokio::test]
async fn a_connection_of_before_the_restart_is_reset_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    // One worker: of several the first alone would come back to its port.
    let one_worker = [("SHALLOT__NET__WORKERS", "1")];
    let server = Server::start_with(folder.path(), &["--limits", "load"], &one_worker);
    let mut player = Player::enter(server.grpc, "Robin").await;
    player.walk(0, 5).await;
    let quic = server.quic.to_string();
    server.kill();
    let server = Server::start_with(folder.path(), &["--limits", "load", "--quic", &quic], &one_worker);
    let end = async {
        // Large enough that a reset, which must be shorter, has room.
        while player.channel.send(Bytes::from_static(&[0; 60])).is_ok() {
            match player.channel.receive().await {
                Ok(_) => {}
                Err(end) => return end,
            }
        }
        player.channel.receive().await.unwrap_err()
    };
    let end = tokio::time::timeout(PATIENCE, end).await.unwrap();
    assert!(matches!(end, ConnectionError::Reset), "{end}");
    server.stop();
}
