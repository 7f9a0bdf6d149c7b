//! Whole lives of a bot, over TCP and UDP, against the toy server.

use super::*;
use crate::bot::fixture;
use crate::bot::fixture::FIGHTER;
use crate::game::SignIn;
use crate::reward_book::RewardBook;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;
use shallot_client::Trust;

const SECONDS: u32 = 6;
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

fn plan(by_password: bool) -> BotPlan {
    let sign_in = if by_password { SignIn::NewLogin } else { SignIn::NewDevice };
    BotPlan { number: 0, sign_in, is_thrifty: false, class: FIGHTER, region: None, rng: Pcg64::seed_from_u64(4) }
}

async fn lived(by_password: bool, forgets: i64) -> (Arc<Game>, toy_server::Running) {
    let server = toy_server::start(forgets).await;
    let data = Arc::new(fixture::set());
    let game = Arc::new(Game::new(data, server.address.to_string(), Trust::Development, SECONDS));
    run(Arc::clone(&game), plan(by_password)).await;
    (game, server)
}

#[tokio::test]
async fn a_bot_walks_fights_loots_leaves_and_finds_its_store_right() {
    let (game, server) = lived(false, 0).await;
    let tally = &game.tally;
    assert_eq!(tally.errors(), Default::default(), "{:?}", tally.examples());
    assert_eq!((tally.logins.get(), tally.bots_moved.get(), tally.online_peak(), tally.online()), (1, 1, 1, 0));
    let seen = tally.sightings().clone();
    assert_eq!(seen.kills().get("rat"), Some(&1));
    assert_eq!((tally.xp.get(), tally.coins.get(), tally.items_looted.get()), (10, 3, 2));
    assert_eq!((seen.left(), seen.dropped().get("fang")), (0, Some(&2)));
    assert_eq!((tally.stores_compared.get(), tally.stores_differing.get()), (1, 0));
    assert!(!server.toy.state().in_region, "it left");

    let (sent, applied) = (tally.inputs_sent.get(), server.toy.state().inputs);
    assert!(sent > 80 && applied + 20 > sent && applied <= sent, "{applied} of {sent} inputs applied");
    let told = tally.inputs_acknowledged.get();
    assert!(told.abs_diff(applied) < 10, "{told} acknowledged, {applied} applied");
    assert!(tally.snapshots.get() > 80, "{}", tally.snapshots.get());
    assert!(tally.bytes_down.get() > 5_000 && tally.bytes_up.get() > 2_000 && tally.channel_ms.get() > 4_000);
    assert!(tally.ages().p50 < 100.0, "{:?}", tally.ages());
}

#[tokio::test]
async fn a_store_that_forgets_is_found_out() {
    let (game, _server) = lived(true, 1).await;
    assert_eq!((game.tally.stores_compared.get(), game.tally.stores_differing.get()), (1, 1));
    assert_eq!(game.tally.errors().into_iter().collect::<Vec<_>>(), [("store: DIFFERS".to_owned(), 1)]);
    let example = game.tally.examples().pop().expect("an example");
    assert!(example.contains("wallet: told 8, stored 7"), "{example}");
}

#[tokio::test]
async fn a_stop_ends_play_in_order() {
    let server = toy_server::start(0).await;
    let data = Arc::new(fixture::set());
    let game = Arc::new(Game::new(data, server.address.to_string(), Trust::Development, 3_600));
    let stopped = async {
        while game.tally.snapshots.get() == 0 {
            tokio::task::yield_now().await;
        }
        game.stop.cancel();
    };
    let living = tokio::time::timeout(std::time::Duration::from_secs(20), run(Arc::clone(&game), plan(false)));
    let (lived, ()) = tokio::join!(living, stopped);
    lived.expect("it left in time");
    assert_eq!(game.tally.errors(), Default::default(), "{:?}", game.tally.examples());
    assert_eq!(game.tally.stores_compared.get(), 1);
    assert!(!server.toy.state().in_region);
}

/// A bot of a known device, cut off once it was rewarded: with the server gone, or with it still there.
async fn cut_off(is_server_gone: bool) -> (Arc<Game>, Arc<RewardBook>) {
    // A runtime of its own ends all of the server at once, open connections too.
    let host = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let server = host.spawn(toy_server::start(0)).await.expect("a server");
    let book = Arc::new(RewardBook::default());
    let game = Game::new(Arc::new(fixture::set()), server.address.to_string(), Trust::Development, 3_600);
    let game = Arc::new(game.with_book(Arc::clone(&book)));
    let plan = BotPlan { sign_in: SignIn::Device([7; 32]), is_thrifty: true, ..plan(false) };
    let living = tokio::time::timeout(TIME_LIMIT, run(Arc::clone(&game), plan));
    let cut = async {
        while game.tally.items_looted.get() == 0 {
            tokio::task::yield_now().await;
        }
        game.cut.cancel();
        if is_server_gone {
            host.shutdown_background();
            None
        } else {
            Some(host)
        }
    };
    let (lived, host) = tokio::join!(living, cut);
    lived.expect("it ended in time");
    if let Some(host) = host {
        host.shutdown_background();
    }
    (game, book)
}

#[tokio::test]
async fn a_bot_whose_server_is_ended_by_force_keeps_what_it_was_told_and_complains_of_nothing() {
    let (game, book) = Box::pin(cut_off(true)).await;
    assert_eq!(game.tally.errors(), Default::default(), "{:?}", game.tally.examples());
    assert_eq!((game.tally.online(), game.tally.stores_compared.get()), (0, 0));
    let pages = book.pages();
    assert!(pages.told.len() == 2 && pages.broken.is_empty(), "{pages:?}");
    assert!(pages.told.values().all(|content| content.character == toy_server::CHARACTER));
    assert_eq!(pages.first.get(toy_server::CHARACTER).map(|had| (had.xp, had.wallet)), Some((0, 5)));
}

#[tokio::test]
async fn a_session_that_outlives_its_server_is_an_error() {
    let (game, _book) = Box::pin(cut_off(false)).await;
    assert_eq!(game.tally.errors().into_keys().collect::<Vec<_>>(), ["hub session: NOT_LOST"]);
}

#[tokio::test]
async fn other_master_data_is_told_at_once() {
    let server = toy_server::start(0).await;
    let mut data = fixture::set();
    data.hash = [9; 32];
    let game = Arc::new(Game::new(Arc::new(data), server.address.to_string(), Trust::Development, SECONDS));
    run(Arc::clone(&game), plan(false)).await;
    assert_eq!(game.tally.errors().into_keys().collect::<Vec<_>>(), ["enter: OTHER_MASTER_DATA"]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let game = Arc::new(Game::new(Arc::new(fixture::set()), free.to_string(), Trust::Development, SECONDS));
    run(Arc::clone(&game), plan(false)).await;
    assert_eq!(game.tally.errors().into_keys().collect::<Vec<_>>(), ["connect: UNREACHABLE"]);
    assert_eq!(game.tally.logins.get(), 0);
}
