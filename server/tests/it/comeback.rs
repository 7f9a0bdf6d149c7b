//! What a player leaves behind is there when they come back.

use shallot_client::proto::economy::v1::EquipSlot;
use shallot_client::proto::world::v1::EnterRequest;
use shallot_client::wire::Position;
use shallot_client::{Api, Trust, clock};

use crate::player::{Account, Player, units};
use crate::process::Server;

const DEVICE: [u8; 32] = [42; 32];

async fn sign_in(server: &Server) -> Api {
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    api.log_in_by_device(DEVICE, true).await.unwrap();
    api
}

#[tokio::test]
async fn level_equipment_items_and_position_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load", "--seed", "7"]);
    let api = sign_in(&server).await;
    let id = || clock::new_request_id().unwrap();
    let character = api.characters().create(id(), "Robin", "warrior").await.unwrap();
    api.characters().select(&character.id).await.unwrap();
    let start = api.inventory().list().await.unwrap();
    let worn = start.items.iter().find(|item| item.worn_in == EquipSlot::MainHand as i32).unwrap();

    let mut player = Player::enter_as(Account { api, character: character.clone() }).await;
    player
        .hunt(|seen| seen.rewards.values().any(|r| r.xp > 0) && seen.rewards.values().any(|r| r.monster.is_empty()))
        .await;
    player.account.api.inventory().unequip(id(), EquipSlot::MainHand).await.unwrap();
    player.stand().await;
    let stood = player.position();
    let (account, seen) = player.leave().await;
    let before = account.api.characters().list().await.unwrap().remove(0);
    let inventory = account.api.inventory().list().await.unwrap();
    server.stop();

    let server = Server::start(folder.path(), &["--limits", "load"]);
    let api = sign_in(&server).await;
    let after = api.characters().list().await.unwrap().remove(0);
    assert_eq!(after, before);
    let (xp, coins, looted) = seen.sums();
    assert_eq!((after.xp, after.wallet_copper), (xp, coins));
    api.characters().select(&after.id).await.unwrap();
    assert_eq!(api.inventory().list().await.unwrap(), inventory);
    let mut expected = units(&start);
    for (template, count) in looted {
        *expected.entry(template).or_default() += count;
    }
    assert_eq!(units(&inventory), expected);
    let kept = inventory.items.iter().find(|item| item.id == worn.id).unwrap();
    assert_eq!(kept.worn_in, EquipSlot::Unspecified as i32);
    let player = Player::enter_as(Account { api, character: after }).await;
    assert_eq!((player.entered.x, player.entered.y), (stood.x, stood.y));
    server.stop();
}

#[tokio::test]
async fn ctrl_c_saves_those_who_are_in_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let api = sign_in(&server).await;
    let character = api.characters().create(clock::new_request_id().unwrap(), "Robin", "warrior").await.unwrap();
    api.characters().select(&character.id).await.unwrap();
    let mut player = Player::enter_as(Account { api, character }).await;
    player.walk(0, 30).await;
    player.stand().await;
    let stood = player.position();
    server.interrupt();
    let end = tokio::time::timeout(crate::player::PATIENCE, player.link.session().ended()).await.unwrap();
    assert_eq!(end.reason, "DRAINING");
    server.ends_in_order();

    let server = Server::start(folder.path(), &["--limits", "load"]);
    let api = sign_in(&server).await;
    let character = api.characters().list().await.unwrap().remove(0);
    api.characters().select(&character.id).await.unwrap();
    let player = Player::enter_as(Account { api, character }).await;
    assert_eq!((player.entered.x, player.entered.y), (stood.x, stood.y));
}

#[tokio::test]
async fn a_shard_that_panics_goes_on_and_its_players_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // Ten seconds after the start: time enough to come in.
    let environment = [("SHALLOT__FAULTS__SHARD_PANIC_TICK", "200")];
    let server = Server::start_with(folder.path(), &["--limits", "load"], &environment);
    let mut player = Player::enter(server.grpc, "Robin").await;
    let came_back = |server: &Server| server.log_text().matches("goes on from its checkpoint").count() > 0;
    let mut turns = 0;
    while !came_back(&server) {
        player.walk(64, 5).await;
        turns += 5;
        assert!(turns < 2_000, "the fault never fired");
    }
    let before = player.view.counters().arrived;
    player.walk(192, 40).await;
    assert_eq!(player.view.counters().arrived, before + 40, "each is news to the client");
    let hp = player.seen.hp;
    let (account, _) = player.leave().await;
    assert!(hp > 0);
    assert_eq!(account.api.characters().list().await.unwrap().len(), 1);
    server.stop();
}

#[tokio::test]
async fn newcomers_appear_around_the_entry_and_come_back_where_they_stood() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables");
    std::fs::create_dir(&tables).unwrap();
    for (name, text) in shallot_masterdata::author::STARTER_FILES {
        let column = ["entry_radius_m", "60", "60"];
        let text = match name {
            "regions.csv" => text.lines().zip(column).map(|(line, cell)| format!("{line},{cell}\n")).collect(),
            _ => text.to_owned(),
        };
        std::fs::write(tables.join(name), text).unwrap();
    }
    let server = Server::start(folder.path(), &["--limits", "load", "--masterdata", tables.to_str().unwrap()]);
    let is_around = |at: Position, x_m: i64, y_m: i64| {
        let entry = Position::from_cm(x_m * 100, y_m * 100);
        at != entry && entry.is_within(60 * 4_096, at)
    };
    let (one, two) = (Player::enter(server.grpc, "Robin").await, Player::enter(server.grpc, "Ada").await);
    let [first, second] = [&one, &two].map(|player| Position { x: player.entered.x, y: player.entered.y });
    assert!(is_around(first, 384, 384) && is_around(second, 384, 384), "{first:?} {second:?}");
    assert_ne!(first, second);

    let (account, _) = one.leave().await;
    let again = Player::enter_as(account).await;
    assert_eq!((again.entered.x, again.entered.y), (first.x, first.y));
    let moor = EnterRequest { region: "stonewash_moor".to_owned() };
    let there = again.link.world().enter(&moor).await.unwrap();
    assert!(is_around(Position { x: there.x, y: there.y }, 1_152, 384), "{there:?}");
    server.stop();
}
