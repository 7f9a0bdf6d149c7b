use shallot_services::ports::{CharacterStore, StoreError};

use crate::fixture::{CALLER, HERO, World, spoils};

/// What reading the account's characters and the hero says after this was planted.
async fn seen(plant: &'static str) -> Vec<StoreError> {
    let world = World::with_hero().await;
    world.change(10, |state| spoils(state, 10)).await;
    let raw = world.raw().await;
    sqlx::raw_sql(plant).execute(&raw).await.unwrap();
    let listed = world.stores.characters(CALLER.account).await.err();
    let selected = match world.stores.selected(CALLER).await {
        Err(shallot_services::refusal::ChangeError::Store(error)) => Some(error),
        other => other.map(|_| None).unwrap(),
    };
    listed.into_iter().chain(selected).collect()
}

#[tokio::test]
async fn a_corrupt_row_is_named_by_table_column_and_key() {
    let hero = HERO.to_string();
    let item = crate::fixture::item_id(10).to_string();
    for (plant, in_table, in_column, key, times) in [
        ("UPDATE characters SET xp = -1", "characters", "xp", &hero, 2),
        ("UPDATE characters SET level = 256", "characters", "level", &hero, 2),
        ("UPDATE characters SET added_wis = 256", "characters", "added_wis", &hero, 2),
        ("UPDATE wallets SET copper = 1000000000000001", "wallets", "copper", &hero, 2),
        ("DELETE FROM wallets", "wallets", "copper", &hero, 2),
        ("UPDATE items SET quantity = 4294967296", "items", "quantity", &item, 1),
        ("UPDATE items SET worn_in = 14", "items", "worn_in", &item, 1),
        ("UPDATE items SET bound = 2", "items", "bound", &item, 1),
    ] {
        let errors = seen(plant).await;
        assert_eq!(errors.len(), times, "{plant}: {errors:?}");
        for error in errors {
            let StoreError::Corrupt { table, column, id, .. } = error else { panic!("{plant}: {error}") };
            assert_eq!((table, column, &id), (in_table, in_column, key), "{plant}");
        }
    }
}
