//! A client behind a firewall without UDP: inputs and snapshots go over the hub link.

use bytes::Bytes;
use shallot_client::inputs::PendingInputs;
use shallot_client::proto::world::v1::{EnterReply, EnterRequest, LeaveRequest};
use shallot_client::snapshots::{Applied, Report, Snapshots};
use shallot_client::wire::limits::MAX_INPUT_DATAGRAM;
use shallot_client::wire::{Input, NetId, Tick};
use shallot_client::{WorldLink, WorldPush, WorldPushes};

use crate::player::{PATIENCE, Player, account};
use crate::process::Server;

struct Walker {
    link: WorldLink,
    pushes: WorldPushes,
    entered: EnterReply,
    view: Snapshots,
    inputs: PendingInputs,
    tick: Tick,
    refused: Option<(String, u64)>,
}

impl Walker {
    async fn enter(link: WorldLink, pushes: WorldPushes) -> Self {
        let entered = link.world().enter(&EnterRequest::default()).await.unwrap();
        let tick = Tick(entered.tick);
        let (view, inputs) = (Snapshots::new(tick), PendingInputs::default());
        Self { link, pushes, entered, view, inputs, tick, refused: None }
    }

    /// The next snapshot, as a push.
    async fn sees(&mut self) -> Report {
        let next = async {
            loop {
                match self.pushes.next().await.expect("the session goes on") {
                    WorldPush::Snapshot(snapshot) => {
                        if let Applied::Newest(report) = self.view.apply(&snapshot.datagram).unwrap() {
                            return report;
                        }
                    }
                    WorldPush::InputRefused(refused) => self.refused = Some((refused.reason, refused.count)),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.unwrap()
    }

    async fn turn(&mut self, input: Input) -> Report {
        self.tick = self.tick.plus(1);
        self.inputs.push(self.tick, input);
        let me = NetId::from_bits(self.entered.entity).unwrap();
        let datagram = self.inputs.datagram(me, self.view.ack(), self.view.tick(), 0).unwrap();
        self.link.send_input(datagram).unwrap();
        let report = self.sees().await;
        report.last_input.map(|applied| self.inputs.acknowledge(applied));
        report
    }
}

#[tokio::test]
async fn a_client_without_udp_walks_by_the_hub_link_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let robin = account(server.grpc, "Robin").await;
    let (link, pushes) = WorldLink::open(&robin.api).await.unwrap();
    let mut walker = Walker::enter(link, pushes).await;
    let mut seen = Vec::new();
    for _ in 0..60 {
        seen.push(walker.turn(Input { heading: 0, throttle: 127, facing: 0 }).await);
    }
    let own = seen.last().unwrap().own.unwrap();
    assert!(own.position.x > walker.entered.x + 4_096, "from {} to {:?}", walker.entered.x, own.position);
    assert!(seen.windows(2).all(|pair| pair[1].tick.is_after(pair[0].tick)), "one snapshot a tick");
    assert_eq!(server.metric("shallot_snapshots_sent_total{way=\"datagram\"}"), 0.0);
    assert!(server.metric("shallot_snapshots_sent_total{way=\"link\"}") >= 60.0);
    assert_eq!(walker.link.session().one_way_refused(), 0);

    // What is no input has no effect, and is told.
    walker.link.send_input(Bytes::from_static(&[0xFF; 20])).unwrap();
    assert!(walker.link.send_input(vec![0; MAX_INPUT_DATAGRAM + 1].into()).is_err());
    for _ in 0..40 {
        walker.turn(Input::default()).await;
        if walker.refused.is_some() {
            break;
        }
    }
    assert_eq!(walker.refused, Some(("MALFORMED_DATAGRAM".to_owned(), 1)));
    walker.link.world().leave(&LeaveRequest {}).await.unwrap();
    walker.link.close().await;
    server.stop();
}

#[tokio::test]
async fn snapshots_are_pushed_until_a_channel_opens_and_again_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let mut player = Player::enter(server.grpc, "Robin").await;
    player.walk(0, 5).await;
    let Player { link, pushes, channel, .. } = player;
    channel.close().await;
    let mut walker = Walker::enter(link, pushes).await;
    walker.sees().await;
    walker.turn(Input::default()).await;
    walker.link.close().await;
}
