//! A player whose connection is cut: the session waits, the character stays in the world, and nothing is lost or done twice.

use std::net::SocketAddr;
use std::sync::Arc;

use shallot_client::hubs::SessionState;
use shallot_client::proto::world::v1::{AttackRequest, EnterRequest, LeaveRequest};
use shallot_client::{Code, WorldLink};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::pages::counted;
use crate::player::{PATIENCE, Player, account};
use crate::process::Server;

/// A TCP proxy in front of a server, whose connections a test kills.
struct Proxy {
    address: SocketAddr,
    /// How often, and whether new ones are turned away.
    kills: Arc<watch::Sender<(u32, bool)>>,
    _running: JoinSet<()>,
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kills = Arc::new(watch::Sender::new((0, false)));
        let told = Arc::clone(&kills);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                let mut kill = told.subscribe();
                if kill.borrow_and_update().1 {
                    continue;
                }
                connections.spawn(async move {
                    let Ok(mut there) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut here, &mut there) => {}
                        _ = kill.changed() => {}
                    }
                });
            }
        });
        Self { address, kills, _running: running }
    }

    /// Kills all connections; new ones come through, or not.
    fn kill(&self, stays_down: bool) {
        self.kills.send_modify(|(kills, is_down)| (*kills, *is_down) = (*kills + 1, stays_down));
    }

    fn come_up(&self) {
        self.kills.send_modify(|(_, is_down)| *is_down = false);
    }
}

/// Waits until the session stands so.
async fn until(link: &WorldLink, is_so: impl FnMut(&SessionState) -> bool) -> SessionState {
    let mut state = link.state();
    let state = tokio::time::timeout(PATIENCE, state.wait_for(is_so)).await.unwrap().unwrap();
    state.clone()
}

fn is_resumed(state: &SessionState) -> bool {
    matches!(state, SessionState::Live { welcome, .. } if welcome.resumed)
}

#[tokio::test]
async fn a_playing_client_whose_connection_is_killed_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let proxy = Proxy::before(server.grpc).await;
    let mut robin = Player::enter(proxy.address, "Robin").await;
    let session = robin.link.welcome().session;
    for cut in 1..=5_u32 {
        robin.walk(64, 5).await;
        proxy.kill(false);
        until(&robin.link, |state| matches!(state, SessionState::Reconnecting) || is_resumed(state)).await;
        // A call made without a link completes, and the body has never left the world: its channel lives on.
        let attack = AttackRequest { target: 0 };
        tokio::time::timeout(PATIENCE, robin.link.world().attack(&attack)).await.unwrap().unwrap();
        robin.walk(192, 5).await;
        let resumed = until(&robin.link, is_resumed).await;
        let SessionState::Live { welcome, lost_sessions } = resumed else { panic!("{resumed:?}") };
        assert_eq!((welcome.session, lost_sessions), (session, 0), "after {cut} cuts");
    }
    // The character is where it walked to, so it can leave, once.
    robin.link.world().leave(&LeaveRequest {}).await.unwrap();
    robin.link.close().await;
}

#[tokio::test]
async fn after_the_grace_time_the_client_is_told_and_the_character_leaves_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("SHALLOT__LIMITS__RESUME_GRACE_MS", "300")];
    let server = Server::start_with(folder.path(), &["--limits", "load"], &environment);
    let proxy = Proxy::before(server.grpc).await;
    let account = account(proxy.address, "Robin").await;
    let (link, _pushes) = WorldLink::open(&account.api).await.unwrap();
    link.world().enter(&EnterRequest::default()).await.unwrap();
    proxy.kill(true);
    until(&link, |state| matches!(state, SessionState::Reconnecting)).await;
    // The hub lets the character go before the session has ended.
    let ends = "shallot_hub_session_ends_total";
    tokio::time::timeout(PATIENCE, async { while counted(server.http, ends, "LINK_LOST").await != 1 {} })
        .await
        .unwrap();
    proxy.come_up();
    let ended = until(&link, |state| matches!(state, SessionState::Ended(_))).await;
    let SessionState::Ended(reason) = ended else { panic!("{ended:?}") };
    assert_eq!((reason.code, &*reason.reason), (Code::Unavailable, "SESSION_LOST"));
    let refused = link.world().leave(&LeaveRequest {}).await.unwrap_err();
    assert_eq!(refused.reason, "SESSION_LOST");
    // A session anew finds the character out of the world, and may enter it again.
    let (link, _pushes) = WorldLink::open(&account.api).await.unwrap();
    let attack = link.world().attack(&AttackRequest { target: 0 }).await.unwrap_err();
    assert_eq!(attack.reason, "NOT_IN_WORLD");
    link.world().enter(&EnterRequest::default()).await.unwrap();
    link.close().await;
}
