//! Names for grants that no restart repeats.

use shallot_masterdata::RegionIndex;
use shallot_wire::{GrantId, NetId, RegionEpoch, Tick};

/// What a grant is for, among those of one tick, entity and recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordinal {
    /// The share in a death.
    Kill = 0,
    /// The pick-up of a drop.
    PickUp = 1,
}

/// Bits of the region epoch that the id holds.
const EPOCH_BITS: u32 = 32;

/// The id of a grant: its tuple, packed bit for bit, so that two grants have two ids.
///
/// From the highest bit: region 16, region epoch 32, tick 32, entity (the dead monster or the drop) 19, recipient (its
/// entity) 19, ordinal 10. In one tick of one epoch an entity's number means one character, so it names the recipient
/// exactly. An id could come twice only after 2^32 starts of one region's shard, or after 6.8 years without a restart.
#[must_use]
pub fn grant_id(
    region: RegionIndex,
    epoch: RegionEpoch,
    tick: Tick,
    entity: NetId,
    recipient: NetId,
    ordinal: Ordinal,
) -> GrantId {
    let mut bits = u128::from(region.0);
    bits = bits << EPOCH_BITS | u128::from(epoch.0 & u64::from(u32::MAX));
    bits = bits << 32 | u128::from(tick.0);
    bits = bits << 19 | u128::from(entity.to_bits());
    bits = bits << 19 | u128::from(recipient.to_bits());
    bits = bits << 10 | ordinal as u128;
    GrantId(bits.to_be_bytes())
}

/// The dead monster or the drop that a grant of [`grant_id`] is for.
#[must_use]
pub fn grant_entity(grant: GrantId) -> NetId {
    let bits = (u128::from_be_bytes(grant.0) >> 29) & 0x7_FFFF;
    NetId { index: (bits >> 3) as u16, generation: (bits & 7) as u8 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Ordinal, grant_entity, grant_id};
    use shallot_masterdata::RegionIndex;
    use shallot_wire::{NetId, RegionEpoch, Tick};

    #[test]
    fn worked_example() {
        let id = grant_id(
            RegionIndex(2),
            RegionEpoch(3),
            Tick(0x0102_0304),
            NetId { index: 5, generation: 1 },
            NetId { index: 1, generation: 0 },
            Ordinal::PickUp,
        );
        // 2 | 3 | 0x01020304 | 5 << 3 | 1 | 1 << 3 | 1: the last 48 bits are 41 << 29 | 8 << 10 | 1.
        assert_eq!(id.to_string(), "00020000-0003-0102-0304-000520002001");
        assert_eq!(grant_entity(id), NetId { index: 5, generation: 1 });
    }

    #[test]
    fn each_part_counts() {
        let (a, b) = (NetId { index: u16::MAX, generation: 7 }, NetId { index: u16::MAX, generation: 6 });
        let mut ids = BTreeSet::new();
        for region in [0, u16::MAX] {
            for epoch in [0, u64::from(u32::MAX)] {
                for tick in [0, u32::MAX] {
                    for (entity, recipient) in [(a, a), (a, b), (b, a)] {
                        for ordinal in [Ordinal::Kill, Ordinal::PickUp] {
                            let id = grant_id(
                                RegionIndex(region),
                                RegionEpoch(epoch),
                                Tick(tick),
                                entity,
                                recipient,
                                ordinal,
                            );
                            assert!(ids.insert(id));
                        }
                    }
                }
            }
        }
        assert_eq!(ids.len(), 48);
    }
}
