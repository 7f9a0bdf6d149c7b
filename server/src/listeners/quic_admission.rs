//! Who may begin a QUIC handshake. Under pressure an address must first prove that it is its own (Retry), which a flood under
//! made-up addresses cannot; under twice that nobody new is let in. No IO, no clock.

use std::time::Duration;

use super::bucket::{Bucket, Rate};

/// The first mark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuicPressure {
    /// Handshakes under way.
    pub(crate) pending: usize,
    /// Handshakes begun.
    pub(crate) new: Rate,
}

/// What to do with one who knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admit {
    /// Begin the handshake.
    Enter,
    /// Send it back for a proof of its address.
    Prove,
    /// Say nothing.
    Ignore,
}

/// Of one endpoint.
#[derive(Debug)]
pub(super) struct Admission {
    pending: usize,
    prove: Bucket,
    ignore: Bucket,
}

impl Admission {
    pub(super) fn new(pressure: QuicPressure, now: Duration) -> Self {
        let twice = Rate { per_second: pressure.new.per_second * 2, burst: pressure.new.burst * 2 };
        Self { pending: pressure.pending, prove: Bucket::full(pressure.new, now), ignore: Bucket::full(twice, now) }
    }

    /// One knocks while `pending` handshakes are under way; `is_proven` when its address is.
    pub(super) fn knock(&mut self, now: Duration, pending: usize, is_proven: bool) -> Admit {
        let (is_calm, is_bearable) = (self.prove.draw(now), self.ignore.draw(now));
        if !is_bearable || pending >= 2 * self.pending {
            Admit::Ignore
        } else if !is_proven && (!is_calm || pending >= self.pending) {
            Admit::Prove
        } else {
            Admit::Enter
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::limits::LimitProfile;
    use crate::listeners::allowance::Allowance;

    fn admission() -> Admission {
        Admission::new(Allowance::of(LimitProfile::Default).quic, Duration::ZERO)
    }

    #[test]
    fn handshakes_under_way_are_the_first_measure() {
        for (pending, unproven, proven) in [
            (0, Admit::Enter, Admit::Enter),
            (255, Admit::Enter, Admit::Enter),
            (256, Admit::Prove, Admit::Enter),
            (511, Admit::Prove, Admit::Enter),
            (512, Admit::Ignore, Admit::Ignore),
            (usize::MAX, Admit::Ignore, Admit::Ignore),
        ] {
            let now = Duration::ZERO;
            assert_eq!(admission().knock(now, pending, false), unproven, "{pending}");
            assert_eq!(admission().knock(now, pending, true), proven, "{pending}");
        }
    }

    #[test]
    fn how_many_begin_in_a_second_is_the_other() {
        let mut admission = admission();
        let knocks: Vec<Admit> = (0..1_500).map(|_| admission.knock(Duration::ZERO, 0, false)).collect();
        let count = |wanted| knocks.iter().filter(|admit| **admit == wanted).count();
        assert_eq!((count(Admit::Enter), count(Admit::Prove), count(Admit::Ignore)), (500, 500, 500));
        // Spread over seconds the same number is nothing.
        let mut admission = self::admission();
        for n in 0..5_000 {
            assert_eq!(admission.knock(Duration::from_millis(2) * n, 0, false), Admit::Enter);
        }
    }
}
