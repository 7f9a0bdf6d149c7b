//! The datagram channel under bad input.

use bytes::Bytes;
use shallot_client::channel::DatagramChannel;
use shallot_client::inputs::PendingInputs;
use shallot_client::wire::{Input, NetId, Tick};
use shallot_client::{Trust, WorldLink};

use crate::bystanders::Bystanders;
use crate::player::{Player, account};
use crate::process::Server;

#[tokio::test]
async fn garbage_and_foreign_input_have_no_effect_and_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let mut player = Player::enter(server.grpc, "Robin").await;
    let victim = Player::enter(server.grpc, "Marian").await;
    player.walk(0, 5).await;
    let still = Input { heading: 0, throttle: 0, facing: 0 };
    player.stand().await;
    let stood = player.position();

    // Inputs that name somebody else's entity, or nobody's.
    for entity in [victim.me, NetId { index: 0, generation: 0 }, NetId { index: u16::MAX, generation: 7 }] {
        let mut inputs = PendingInputs::default();
        inputs.push(Tick(player.entered.tick), Input { heading: 64, throttle: 127, facing: 64 });
        player.channel.send(inputs.datagram(entity, None, Tick(0), 0).unwrap()).unwrap();
    }
    // Every length, every kind.
    for n in 0..10_u8 {
        player.channel.send(Bytes::from(vec![n.wrapping_mul(29); usize::from(n) * 20])).unwrap();
    }
    for _ in 0..40 {
        player.turn(still).await;
        if player.seen.refused.len() == 2 {
            break;
        }
    }
    assert_eq!(player.seen.refused.get("FOREIGN_ENTITY"), Some(&3), "{:?}", player.seen.refused);
    assert_eq!(player.seen.refused.get("MALFORMED_DATAGRAM"), Some(&10), "{:?}", player.seen.refused);
    assert_eq!(player.position(), stood, "a refused input moved somebody");
    player.leave().await;
    victim.leave().await;
    beside.lost_nothing().await;
}

#[tokio::test]
async fn a_ticket_opens_one_channel_and_no_forged_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let robin = account(server.grpc, "Robin").await;
    let (link, _pushes) = WorldLink::open(&robin.api).await.unwrap();
    let channel = link.welcome().channel.unwrap();
    let host = robin.api.host().to_owned();
    let open = async |ticket: &[u8]| DatagramChannel::open(&channel.address, &host, ticket, &Trust::Development).await;

    let mut forged = channel.ticket.to_vec();
    forged[20] ^= 1;
    assert!(open(&forged).await.is_err());
    assert!(open(b"").await.is_err());
    let first = open(&channel.ticket).await.unwrap();
    assert!(open(&channel.ticket).await.is_err(), "a ticket counted twice");
    first.close().await;
    beside.lost_nothing().await;
}

#[tokio::test]
async fn a_flood_of_datagrams_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let mut player = Player::enter(server.grpc, "Robin").await;
    for _ in 0..400 {
        // A full send buffer refuses some itself; what gets through is enough.
        drop(player.channel.send(Bytes::from_static(&[0xFF; 40])));
        tokio::task::yield_now().await;
    }
    for _ in 0..40 {
        player.turn(Input::default()).await;
        if player.seen.refused.contains_key("DATAGRAM_RATE") {
            break;
        }
    }
    assert!(player.seen.refused.contains_key("DATAGRAM_RATE"), "{:?}", player.seen.refused);
    beside.lost_nothing().await;
}
