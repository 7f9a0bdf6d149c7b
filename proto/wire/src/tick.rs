//! Simulation time.

/// Ticks in a second.
pub const TICKS_PER_SECOND: u32 = 20;
/// Length of a tick, milliseconds.
pub const TICK_MS: u32 = 1_000 / TICKS_PER_SECOND;

/// One step of a shard's simulation. Wraps after 6.8 years at 20 Hz; compared by distance, so there is no `Ord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tick(pub u32);

impl Tick {
    /// `n` ticks later.
    #[must_use]
    pub fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// `n` ticks earlier.
    #[must_use]
    pub fn minus(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }

    /// Ticks from `earlier` to `self`; negative when `self` is the earlier one.
    #[must_use]
    pub fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// Whether `self` comes after `other`.
    #[must_use]
    pub fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }

    /// The low bits that datagrams carry.
    #[must_use]
    pub fn low16(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }

    /// The tick nearest to `near` whose low bits are `low`.
    #[must_use]
    pub fn resolve(low: u16, near: Self) -> Self {
        let distance = low.wrapping_sub(near.low16()) as i16;
        Self(near.0.wrapping_add_signed(i32::from(distance)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_compare_across_the_wrap() {
        let last = Tick(u32::MAX);
        assert_eq!(last.plus(3), Tick(2));
        assert_eq!(Tick(2).minus(3), last);
        assert!(Tick(2).is_after(last));
        assert!(!last.is_after(Tick(2)));
        assert!(!last.is_after(last));
        assert_eq!(last.since(Tick(2)), -3);
    }

    #[test]
    fn low_bits_mean_the_nearest_tick() {
        let near = Tick(0x0001_0005);
        assert_eq!(Tick::resolve(0x0005, near), near);
        assert_eq!(Tick::resolve(0xFFFF, near), Tick(0xFFFF));
        assert_eq!(Tick::resolve(0x0104, near), Tick(0x0001_0104));
        assert_eq!(Tick::resolve(0xFFF0, Tick(3)), Tick(0xFFFF_FFF0));
        assert_eq!(Tick::resolve(3, Tick(0xFFFF_FFF0)), Tick(3));
        for offset in [-32_768_i32, -1, 0, 1, 32_767] {
            let tick = Tick(1_000_000_u32.wrapping_add_signed(offset));
            assert_eq!(Tick::resolve(tick.low16(), Tick(1_000_000)), tick);
        }
    }
}
