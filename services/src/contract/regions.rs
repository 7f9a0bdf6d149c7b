use shallot_proto::wire::RegionEpoch;

use super::Adapters;

pub(super) async fn all(adapters: &Adapters) {
    let regions = &adapters.regions;
    assert_eq!(regions.region_epoch("far away").await.expect("asked"), None);
    for n in 1..=3 {
        assert_eq!(regions.start_region("far away").await.expect("started"), RegionEpoch(n));
        assert_eq!(regions.region_epoch("far away").await.expect("asked"), Some(RegionEpoch(n)));
    }
    assert_eq!(
        regions.start_region("farther").await.expect("started"),
        RegionEpoch(1),
        "each region counts for itself"
    );
}
