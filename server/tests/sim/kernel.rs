//! Both ends move a body alike, whatever the inputs and whatever stands in the way.

use std::time::Duration;

use proptest::prelude::*;
use shallot_client::Prediction;
use shallot_client::prediction::terrain_of;
use shallot_client::wire::{Input, Position, Tick};
use shallot_masterdata::Rect;

use crate::region::Region;

/// Around the middle of the region, whole metres.
fn blocks() -> impl Strategy<Value = Vec<Rect>> {
    let block = (360..420, 360..410, 1..12, 1..12).prop_map(|(x, y, width, height)| Rect { x, y, width, height });
    prop::collection::vec(block, 0..12)
}

fn inputs() -> impl Strategy<Value = Vec<(Input, u8)>> {
    let input = (any::<u8>(), any::<u8>()).prop_map(|(heading, throttle)| Input {
        heading,
        throttle: throttle % 128,
        facing: heading,
    });
    prop::collection::vec((input, 1..20_u8), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn client_and_server_agree_on_every_step(blocks in blocks(), inputs in inputs(), x in 36_000..42_000_i64, y in 36_000..41_000_i64) {
        let mut region = Region::with(&[Position::from_cm(x, y)], |land| land.blocks.extend(blocks));
        let start = region.truths(0)[0].position;
        let land = region.data.region(region.data.start_region());
        let mut ahead = Prediction::new(terrain_of(land), region.data.balance.player_speed_cm_per_s, start);
        let mut tick = Tick(0);
        for (input, times) in inputs {
            for _ in 0..times {
                tick = tick.plus(1);
                region.input(0, 0, input);
                region.step(0);
                prop_assert_eq!(ahead.step(Duration::ZERO, tick, input), region.truths(0).last().unwrap().position);
                // Every now and then, as a client without loss does it: nothing is left to predict.
                let own = region.own(0);
                let correction = ahead.reconcile(Duration::ZERO, tick, Some(tick), &own);
                prop_assert_eq!(correction.units, 0);
            }
        }
    }
}
