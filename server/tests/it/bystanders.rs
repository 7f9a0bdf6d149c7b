//! Five players beside whatever a test does: they must lose nothing by it.

use std::net::SocketAddr;

use shallot_client::wire::Input;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::player::Player;

/// Five players who walk about until they are asked.
pub(crate) struct Bystanders {
    players: JoinSet<Player>,
    stop: CancellationToken,
}

const COUNT: usize = 5;
/// Turns each of them takes at least: a second.
const TURNS: u64 = 20;

impl Bystanders {
    pub(crate) async fn come(server: SocketAddr) -> Self {
        let (mut players, stop) = (JoinSet::new(), CancellationToken::new());
        for n in 0..COUNT {
            let mut player = Player::enter(server, &format!("Bystander {}", ["A", "B", "C", "D", "E"][n])).await;
            let stop = stop.clone();
            players.spawn(async move {
                let mut heading = 50 * n as u8;
                while player.seen.snapshots < TURNS || !stop.is_cancelled() {
                    heading = heading.wrapping_add(3);
                    player.turn(Input { heading, throttle: 127, facing: heading }).await;
                }
                player
            });
        }
        Self { players, stop }
    }

    /// They are all still there, were refused nothing, saw every tick, and leave in order with what they were told stored.
    pub(crate) async fn lost_nothing(mut self) {
        self.stop.cancel();
        let mut left = 0;
        while let Some(player) = self.players.join_next().await {
            let player = player.unwrap();
            assert!(player.seen.snapshots >= TURNS);
            assert!(player.seen.refused.is_empty(), "a bystander was refused: {:?}", player.seen.refused);
            let lost = player.view.counters().lost;
            assert!(
                lost * 20 <= player.seen.snapshots,
                "a bystander lost {lost} of {} snapshots",
                player.seen.snapshots
            );
            let (account, seen) = player.leave().await;
            let stored = account.api.characters().list().await.unwrap();
            assert_eq!(stored.len(), 1);
            assert_eq!(stored[0].xp, seen.sums().0);
            left += 1;
        }
        assert_eq!(left, COUNT);
    }
}
