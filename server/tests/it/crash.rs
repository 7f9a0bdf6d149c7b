//! kill -9 between commit and telling: what a client was told is there exactly once, what it was not told at most once.

use std::collections::BTreeMap;
use std::time::Duration;

use shallot_client::{Api, Trust, clock};

use crate::player::{Account, Player, units};
use crate::process::Server;

const DEVICE: [u8; 32] = [11; 32];
/// Kills. Every second one hits a grant that is stored and not told.
const ROUNDS: usize = 4;
const BETWEEN: usize = ROUNDS / 2;
/// Time between commit and telling in those rounds, milliseconds: longer than the kill takes.
const DELAY_MS: &str = "5000";
const NOT_TOLD: &str = "failpoint: committed, not told yet";

/// A short form; the long one is `scripts/soak crash`, which kills a server under load 20 times.
#[tokio::test]
async fn what_was_told_is_stored_once_whenever_the_process_dies() {
    let folder = tempfile::tempdir().unwrap();
    let (mut told_xp, mut told_items) = (0, BTreeMap::<String, u64>::new());
    let (mut between, mut start) = (0, None);
    for round in 0..ROUNDS {
        let is_between = round % 2 == 1;
        let environment = [("SHALLOT__FAULTS__GRANT_TOLD_DELAY_MS", DELAY_MS)];
        let environment = if is_between { &environment[..] } else { &[] };
        let server = Server::start_with(folder.path(), &["--limits", "load"], environment);
        let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
        api.log_in_by_device(DEVICE, true).await.unwrap();
        let character = match api.characters().list().await.unwrap().pop() {
            Some(character) => character,
            None => api.characters().create(clock::new_request_id().unwrap(), "Robin", "warrior").await.unwrap(),
        };
        api.characters().select(&character.id).await.unwrap();
        let inventory = api.inventory().list().await.unwrap();
        let start = start.get_or_insert_with(|| units(&inventory)).clone();
        // At most one grant for each earlier kill was stored and not told.
        assert!(character.xp >= told_xp, "round {round}: told experience is not stored");
        for (template, count) in &told_items {
            let stored =
                units(&inventory).get(template).copied().unwrap_or(0) - start.get(template).copied().unwrap_or(0);
            assert!(stored >= *count, "round {round}: {template} was told {count} times and is there {stored} times");
            assert!(stored <= *count + 10 * (round as u64), "round {round}: {template} was doubled");
        }
        let mut player = Player::enter_as(Account { api, character: character.clone() }).await;
        let earlier = server.log_text().matches(NOT_TOLD).count();
        if is_between {
            tokio::select! {
                () = player.hunt(|_| false) => {}
                () = fires(&server, earlier) => {}
            }
        } else {
            player.hunt(|seen| !seen.rewards.is_empty()).await;
        }
        let log = server.log_text();
        between += usize::from(log.matches(NOT_TOLD).count() > log.matches("failpoint: told now").count() + between);
        server.kill();
        let (xp, _, items) = player.seen.sums();
        told_xp = told_xp.max(character.xp) + xp;
        for (template, count) in items {
            *told_items.entry(template).or_default() += count;
        }
    }
    println!("failpoint grant_told: {between} of {ROUNDS} kills fell between commit and telling");
    assert_eq!(between, BETWEEN, "the fault never fired: the test proves nothing");
}

/// Waits until the fault has fired once more.
async fn fires(server: &Server, earlier: usize) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while server.log_text().matches(NOT_TOLD).count() <= earlier {
        look.tick().await;
    }
}
