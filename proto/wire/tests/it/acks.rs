//! Sequence numbers and acknowledgement, against a set of all that were taken.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shallot_wire::limits::ACK_WINDOW;
use shallot_wire::{Ack, Arrival, Received, Sequence};

proptest! {
    /// A server that numbers from anywhere (so the numbers wrap), and a network that loses, doubles and reorders.
    #[test]
    fn the_mask_is_what_was_taken(start in any::<u16>(), order in prop::collection::vec(0..120_i64, 1..200)) {
        let number = |place: i64| Sequence(start.wrapping_add(place as u16));
        let mut received = Received::default();
        let mut taken = BTreeSet::new();
        for place in order {
            let newest = taken.last().copied();
            let expected = match newest {
                Some(n) if taken.contains(&place) && n - place < i64::from(ACK_WINDOW) => Arrival::Duplicate,
                Some(n) if place < n => Arrival::Overtaken,
                _ => Arrival::Newest,
            };
            let before = received.ack();
            prop_assert_eq!(received.judge(number(place)), expected);
            prop_assert_eq!(received.ack(), before, "to judge notes nothing");
            prop_assert_eq!(received.note(number(place)), expected);
            if expected == Arrival::Newest {
                taken.insert(place);
            } else {
                prop_assert_eq!(received.ack(), before, "what was overtaken is never acknowledged");
            }
            let newest = *taken.last().unwrap();
            let told: Vec<Sequence> = received.ack().unwrap().sequences().collect();
            let recent = taken.iter().rev().filter(|&&p| newest - p < i64::from(ACK_WINDOW));
            prop_assert_eq!(told, recent.map(|&p| number(p)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_ack_names_only_its_window(newest in any::<u16>(), mask in any::<u32>(), other in any::<u16>()) {
        let ack = Ack { newest: Sequence(newest), mask };
        let listed = ack.sequences().any(|s| s == Sequence(other));
        prop_assert_eq!(ack.contains(Sequence(other)), listed);
        prop_assert_eq!(ack.sequences().count() as u32, 1 + mask.count_ones());
    }
}

#[test]
fn nothing_received_acknowledges_nothing() {
    assert_eq!(Received::default().ack(), None);
}

#[test]
fn sequences_compare_across_the_wrap() {
    assert!(Sequence(2).is_after(Sequence(65_535)));
    assert!(!Sequence(65_535).is_after(Sequence(2)));
    assert_eq!(Sequence(2).since(Sequence(65_535)), 3);
    assert_eq!(Sequence(65_535).next(), Sequence(0));
    assert!(!Sequence(7).is_after(Sequence(7)));
}
