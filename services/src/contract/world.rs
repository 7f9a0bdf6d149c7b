use shallot_proto::wire::{OwnerEpoch, RegionEpoch};

use super::fixture::body;
use super::{Adapters, Stage, reason_of};
use crate::character::Position;
use crate::characters::SaveError;
use crate::ports::{Claim, RegionOwner, StoreError};

pub(super) async fn all(adapters: &Adapters) {
    let stage = Stage::new(adapters, 300);
    entering(&stage).await;
    saving(&stage).await;
    leaving(&stage).await;
    a_restarted_region_owns_nobody(&stage).await;
    a_region_has_one_owner(&stage).await;
    stage.assert_conserved().await;
}

fn fenced(result: &Result<(), SaveError>) -> bool {
    matches!(result, Err(SaveError::Fenced))
}

async fn entering(stage: &Stage) {
    let player = stage.player("Ida", "fighter").await;
    let meadow = stage.adapters.regions.start_region("meadow").await.expect("started");
    let marsh = stage.adapters.regions.start_region("marsh").await.expect("started");
    let enter = |region: &'static str, epoch| stage.characters.enter_world(player.caller, &stage.data, region, epoch);
    assert_eq!(reason_of(&enter("nowhere", meadow).await), "UNKNOWN_REGION");
    assert_eq!(reason_of(&enter("meadow", RegionEpoch(meadow.0 - 1)).await), "STALE_REGION");
    let (_, stranger) = stage.sign_in().await;
    let nobody = stage.characters.enter_world(stranger, &stage.data, "meadow", meadow).await;
    assert_eq!(reason_of(&nobody), "NO_CHARACTER");

    let first = enter("meadow", meadow).await.expect("its saved region");
    assert_eq!((first.view.record.position, first.items.len()), (Position::from_metres((50, 50)), 4));
    stage.characters.save(body(player, first.owner_epoch, 77, 5)).await.expect("owned");
    let second = enter("meadow", meadow).await.expect("again");
    assert_eq!(
        (second.view.record.position, second.view.record.hp),
        (Position { x: 77, y: -77 }, Some(5)),
        "where it was"
    );
    assert!(second.owner_epoch > first.owner_epoch);
    let third = enter("marsh", marsh).await.expect("another region");
    assert_eq!(third.view.record.position, Position::from_metres((150, 50)), "at the other region's entry");
    assert!(fenced(&stage.characters.save(body(player, second.owner_epoch, 1, 1)).await), "the meadow has lost it");
    stage.characters.save(body(player, third.owner_epoch, 1, 1)).await.expect("the marsh has it");
}

async fn saving(stage: &Stage) {
    let (one, two) = (stage.player("Jana", "mage").await, stage.player("Jano", "mage").await);
    let epoch = stage.adapters.regions.start_region("meadow").await.expect("started");
    let enter = |caller| stage.characters.enter_world(caller, &stage.data, "meadow", epoch);
    let (a, b) = (enter(one.caller).await.expect("entered"), enter(two.caller).await.expect("entered"));
    let stale = OwnerEpoch(b.owner_epoch.0 - 1);
    let saves = [body(one, a.owner_epoch, 10, 0), body(two, stale, 10, 9), body(one, a.owner_epoch, 11, 3)];
    let fenced = stage.characters.save_all(&saves).await.expect("saved");
    assert_eq!(fenced, [two.character]);
    let of = |caller| stage.characters.selected(caller, &stage.data);
    let (one, two) = (of(one.caller).await.expect("read").record, of(two.caller).await.expect("read").record);
    assert_eq!((one.position.x, one.hp), (11, Some(3)), "in order");
    assert_eq!((two.position, two.hp), (Position::from_metres((50, 50)), None), "untouched");
    assert!(stage.characters.save_all(&[]).await.expect("nothing to do").is_empty());
}

async fn leaving(stage: &Stage) {
    let player = stage.player("Karl", "fighter").await;
    let entered = stage.enter(player, "meadow").await;
    let stale = OwnerEpoch(entered.owner_epoch.0 + 1);
    assert!(fenced(&stage.characters.leave_world(&body(player, stale, 1, 1)).await));
    stage.characters.leave_world(&body(player, entered.owner_epoch, 20, 7)).await.expect("it left");
    let record = stage.characters.selected(player.caller, &stage.data).await.expect("read").record;
    assert_eq!((record.position.x, record.hp), (20, Some(7)));
    for late in [entered.owner_epoch, entered.owner_epoch.next()] {
        assert!(fenced(&stage.characters.save(body(player, late, 1, 1)).await), "nobody owns it");
        assert!(fenced(&stage.characters.leave_world(&body(player, late, 1, 1)).await));
        let grant = stage.grant(player, late, 5, &[]);
        assert_eq!(reason_of(&stage.grants.grant(&grant, &stage.data).await), "FENCED");
    }
}

async fn a_restarted_region_owns_nobody(stage: &Stage) {
    let player = stage.player("Lena", "fighter").await;
    let entered = stage.enter(player, "meadow").await;
    let newest: Result<RegionEpoch, StoreError> = stage.adapters.regions.start_region("meadow").await;
    assert!(fenced(&stage.characters.save(body(player, entered.owner_epoch, 1, 1)).await));
    let grant = stage.grant(player, entered.owner_epoch, 5, &[]);
    assert_eq!(reason_of(&stage.grants.grant(&grant, &stage.data).await), "FENCED");
    let again = stage
        .characters
        .enter_world(player.caller, &stage.data, "meadow", newest.expect("started"))
        .await
        .expect("entered");
    assert!(again.owner_epoch > entered.owner_epoch);
}

async fn a_region_has_one_owner(stage: &Stage) {
    let regions = &stage.adapters.regions;
    let owner = |node: &str| RegionOwner { node: node.to_owned(), address: format!("{node}.example:7400") };
    let (one, two) = (owner("one"), owner("two"));
    let started = regions.start_region("fen").await.expect("started");
    assert_eq!(regions.region_owner("fen", 0).await.expect("read"), None, "a server that is alone claims nothing");
    let ours = regions.claim_region("fen", &one, 1_000, 6_000).await.expect("claimed");
    assert_eq!(ours, Claim::Ours(started.next()));
    assert_eq!(regions.claim_region("fen", &two, 1_001, 6_001).await.expect("asked"), Claim::Theirs(one.clone()));
    assert_eq!(regions.region_owner("fen", 5_999).await.expect("read"), Some(one.clone()));
    assert_eq!(
        regions.region_epoch("fen").await.expect("read"),
        Some(started.next()),
        "who is refused changes nothing"
    );
    assert_eq!(regions.renew_regions("one", 9_000).await.expect("renewed"), 1);
    assert_eq!(regions.renew_regions("two", 9_999).await.expect("nothing to renew"), 0);
    assert_eq!(regions.claim_region("fen", &two, 8_999, 12_000).await.expect("asked"), Claim::Theirs(one.clone()));
    let again = regions.claim_region("fen", &one, 8_999, 9_500).await.expect("its own earlier run");
    assert_eq!(again, Claim::Ours(started.next().next()));
    assert_eq!(regions.region_owner("fen", 9_500).await.expect("read"), None, "its time is over");
    assert!(matches!(regions.claim_region("fen", &two, 9_500, 12_000).await, Ok(Claim::Ours(_))));
    assert_eq!(regions.region_owner("fen", 9_501).await.expect("read"), Some(two));
}
