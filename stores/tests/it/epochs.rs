use shallot_proto::wire::{CharacterId, OwnerEpoch, SessionEpoch};
use shallot_services::character::{Caller, Position};
use shallot_services::ports::{CharacterSave, CharacterStore, CreateError, Guard, Keys, SelectError};
use shallot_services::refusal::ChangeError;

use crate::fixture::{CALLER, HERO, NOW, REGION, TWIN, World, new_character, nothing, request};

fn body(character: CharacterId, owner_epoch: OwnerEpoch, hp: u32) -> CharacterSave {
    CharacterSave { character, owner_epoch, region: REGION.to_owned(), position: Position { x: 1, y: 2 }, hp }
}

#[tokio::test]
async fn what_nobody_owns_is_written_by_no_shard() {
    let world = World::with_hero().await;
    let hero = world.hero().await;
    let never_owned = OwnerEpoch(0);
    assert_eq!(world.stores.save(&[body(HERO, never_owned, 1)]).await.unwrap(), [HERO]);
    assert!(!world.stores.leave(&body(HERO, never_owned, 1)).await.unwrap());
    let owner = Guard::Owner(HERO, never_owned);
    let refused = world.stores.change(owner, Keys::default(), NOW, &|state| Ok(nothing(state))).await;
    assert!(matches!(refused, Err(ChangeError::Fenced)), "{refused:?}");
    assert_eq!(world.hero().await, hero);

    let epoch = world.enter().await;
    assert!(world.stores.leave(&body(HERO, epoch, 9)).await.unwrap());
    let left = world.hero().await;
    for late in [epoch, epoch.next()] {
        assert_eq!(world.stores.save(&[body(HERO, late, 1)]).await.unwrap(), [HERO], "{late:?}");
    }
    assert_eq!(world.hero().await, left);
}

#[tokio::test]
async fn one_call_saves_the_owned_and_names_the_stale() {
    let world = World::with_hero().await;
    let epoch = world.enter().await;
    let saves = [body(TWIN, epoch, 1), body(HERO, epoch, 7), body(CharacterId([0xEE; 16]), epoch, 1)];
    assert_eq!(world.stores.save(&saves).await.unwrap(), [TWIN, CharacterId([0xEE; 16])]);
    assert_eq!(world.hero().await.character.hp, Some(7));
}

#[tokio::test]
async fn a_newer_log_in_counts_even_after_its_character_is_gone() {
    let world = World::with_hero().await;
    let newer = Caller { epoch: SessionEpoch(CALLER.epoch.0 + 1), ..CALLER };
    world.stores.select(newer, TWIN).await.unwrap();
    world.stores.delete(newer, request(10), TWIN, NOW, &|state| Ok(nothing(state))).await.unwrap();

    let selected = world.stores.selected(CALLER).await;
    assert!(matches!(selected, Err(ChangeError::SessionReplaced)), "{selected:?}");
    let select = world.stores.select(CALLER, HERO).await;
    assert!(matches!(select, Err(SelectError::SessionReplaced)), "{select:?}");
    let create = world.stores.create(CALLER, request(11), &new_character(CharacterId([0xC3; 16])), NOW).await;
    assert!(matches!(create, Err(CreateError::SessionReplaced)), "{create:?}");
    let selected = world.stores.selected(newer).await;
    assert!(matches!(selected, Err(ChangeError::NoCharacter)), "{selected:?}");
    world.stores.select(newer, HERO).await.unwrap();
    assert_eq!(world.stores.selected(newer).await.unwrap().character.id, HERO);
}
