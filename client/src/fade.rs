//! An error that is seen no more at once: what is drawn goes over to what is right within [`CORRECTION_FADE`].

use std::time::Duration;

use shallot_proto::wire::Position;

use crate::limits::{CORRECTION_FADE, CORRECTION_SNAP_UNITS};

/// How far beside the right place something is drawn, less each microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fade {
    x: i32,
    y: i32,
    /// On the clock of its owner, microseconds.
    begun: i64,
}

impl Fade {
    /// Begins at `now` with what is drawn and what is right. Farther than [`CORRECTION_SNAP_UNITS`] there is nothing to smooth: `None`.
    pub(crate) fn begin(drawn: Position, right: Position, now: i64) -> Option<Self> {
        let is_small = drawn.is_within(CORRECTION_SNAP_UNITS, right);
        is_small.then(|| Self { x: drawn.x - right.x, y: drawn.y - right.y, begun: now })
    }

    /// What to draw for the right place.
    pub(crate) fn apply(self, right: Position, now: i64) -> Position {
        let whole = micros(CORRECTION_FADE);
        let left = whole.saturating_sub(now.saturating_sub(self.begun)).clamp(0, whole);
        let along = |right: i32, error: i32| right.saturating_add((i64::from(error) * left / whole) as i32);
        Position { x: along(right.x, self.x), y: along(right.y, self.y) }
    }
}

/// A time as a whole number.
pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The point that is `part` of `whole` on the way from one to another; `part` outside counts as the nearest end.
pub(crate) fn on_the_way(from: Position, to: Position, part: i64, whole: i64) -> Position {
    let part = part.clamp(0, whole);
    let along = |from: i32, to: i32| {
        let way = i64::from(to) - i64::from(from);
        from.saturating_add((way.saturating_mul(part) / whole.max(1)) as i32)
    };
    Position { x: along(from.x, to.x), y: along(from.y, to.y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Position = Position { x: 100, y: -100 };

    #[test]
    fn an_error_goes_evenly_and_is_over() {
        let fade = Fade::begin(Position { x: 400, y: -1_000 }, RIGHT, 7).expect("small");
        assert_eq!(fade.apply(RIGHT, 7), Position { x: 400, y: -1_000 });
        let half = 7 + micros(CORRECTION_FADE) / 2;
        assert_eq!(fade.apply(RIGHT, half), Position { x: 250, y: -550 });
        assert_eq!(fade.apply(RIGHT, 7 + micros(CORRECTION_FADE)), RIGHT);
        assert_eq!(fade.apply(RIGHT, i64::MAX), RIGHT);
        assert_eq!(Fade::default().apply(RIGHT, 0), RIGHT);
    }

    #[test]
    fn a_large_error_is_none_to_smooth() {
        let far = |units| Position { x: RIGHT.x + units, ..RIGHT };
        assert!(Fade::begin(far(CORRECTION_SNAP_UNITS), RIGHT, 0).is_some());
        assert!(Fade::begin(far(CORRECTION_SNAP_UNITS + 1), RIGHT, 0).is_none());
        assert!(Fade::begin(Position { x: i32::MIN, y: 0 }, Position { x: i32::MAX, y: 0 }, 0).is_none());
    }

    #[test]
    fn a_way_has_its_ends() {
        let to = Position { x: i32::MAX, y: i32::MIN };
        assert_eq!(on_the_way(RIGHT, to, -5, 50), RIGHT);
        assert_eq!(on_the_way(RIGHT, to, 60, 50), to);
        assert_eq!(on_the_way(Position::default(), RIGHT, 25, 50), Position { x: 50, y: -50 });
    }
}
