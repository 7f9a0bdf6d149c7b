//! Points and lines on the world map, centimetres.

use shallot_masterdata::Rect;

/// A point, centimetres on the world map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// East.
    pub x: i32,
    /// North.
    pub y: i32,
}

/// The wire's unit: so many to a metre.
const WIRE_PER_METRE: i64 = 4_096;

impl Point {
    /// Of whole metres, as the region tables have them.
    #[must_use]
    pub fn of_metres((x, y): (i32, i32)) -> Self {
        Self { x: x.saturating_mul(100), y: y.saturating_mul(100) }
    }

    /// Of the wire's 1/4096 metre, rounded down.
    #[must_use]
    pub fn of_wire(x: i32, y: i32) -> Self {
        let cm = |v: i32| i32::try_from((i64::from(v) * 100).div_euclid(WIRE_PER_METRE)).unwrap_or(0);
        Self { x: cm(x), y: cm(y) }
    }

    /// In the wire's 1/4096 metre, held inside its range.
    #[must_use]
    pub fn to_wire(self) -> (i32, i32) {
        let wire = |v: i32| {
            let units = (i64::from(v) * WIRE_PER_METRE).div_euclid(100);
            units.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
        };
        (wire(self.x), wire(self.y))
    }

    /// Straight distance, centimetres.
    #[must_use]
    pub fn distance(self, other: Self) -> u32 {
        let square = |a: i32, b: i32| u64::from(a.abs_diff(b)).pow(2);
        let sum = square(self.x, other.x).saturating_add(square(self.y, other.y));
        u32::try_from(sum.isqrt()).unwrap_or(u32::MAX)
    }

    /// The point `dx`, `dy` centimetres away.
    #[must_use]
    pub fn offset(self, dx: i32, dy: i32) -> Self {
        Self { x: self.x.saturating_add(dx), y: self.y.saturating_add(dy) }
    }

    /// The nearest point of a region that is at least `margin` centimetres from its edge.
    #[must_use]
    pub fn within(self, area: Rect, margin: i32) -> Self {
        let hold = |v: i32, from: i32, length: i32| {
            let low = from.saturating_mul(100).saturating_add(margin);
            let high = from.saturating_add(length).saturating_mul(100).saturating_sub(margin);
            v.clamp(low, high.max(low))
        };
        Self { x: hold(self.x, area.x, area.width), y: hold(self.y, area.y, area.height) }
    }
}

/// A block with a margin around it: where the middle of a body cannot be.
#[derive(Clone, Copy, Debug)]
pub struct Obstacle {
    low: Point,
    high: Point,
}

impl Obstacle {
    /// A block, `margin` centimetres larger on each side.
    #[must_use]
    pub fn around(block: Rect, margin: i32) -> Self {
        let low = Point::of_metres((block.x, block.y)).offset(-margin, -margin);
        let far = (block.x.saturating_add(block.width), block.y.saturating_add(block.height));
        Self { low, high: Point::of_metres(far).offset(margin, margin) }
    }

    /// Its four corners.
    #[must_use]
    pub fn corners(&self) -> [Point; 4] {
        let (low, high) = (self.low, self.high);
        [low, Point { x: low.x, y: high.y }, high, Point { x: high.x, y: low.y }]
    }

    /// Whether the inside has the point; its edge does not belong to it.
    #[must_use]
    pub fn contains(&self, p: Point) -> bool {
        self.low.x < p.x && p.x < self.high.x && self.low.y < p.y && p.y < self.high.y
    }

    /// Whether a straight walk crosses its inside.
    #[must_use]
    pub fn crosses(&self, from: Point, to: Point) -> bool {
        // Liang-Barsky: the part of the line, 0 to 1, that lies inside both slabs.
        let slab = |a: i32, b: i32, low: i32, high: i32| -> Option<(f64, f64)> {
            let (a, b, low, high) = (f64::from(a), f64::from(b), f64::from(low), f64::from(high));
            if a == b {
                return (low < a && a < high).then_some((0.0, 1.0));
            }
            let (t0, t1) = ((low - a) / (b - a), (high - a) / (b - a));
            Some((t0.min(t1), t0.max(t1)))
        };
        let Some(x) = slab(from.x, to.x, self.low.x, self.high.x) else { return false };
        let Some(y) = slab(from.y, to.y, self.low.y, self.high.y) else { return false };
        x.0.max(y.0).max(0.0) < x.1.min(y.1).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_convert_both_ways() {
        assert_eq!(Point::of_metres((3, -2)), Point { x: 300, y: -200 });
        assert_eq!(Point { x: 300, y: -200 }.to_wire(), (12_288, -8_192));
        assert_eq!(Point::of_wire(12_288, -8_192), Point { x: 300, y: -200 });
        assert_eq!(Point::of_wire(-1, 1), Point { x: -1, y: 0 });
        assert_eq!(Point { x: i32::MAX, y: i32::MIN }.to_wire(), (i32::MAX, i32::MIN));
    }

    #[test]
    fn distance_is_that_of_pythagoras() {
        assert_eq!(Point { x: 0, y: 0 }.distance(Point { x: -300, y: 400 }), 500);
        assert_eq!(Point { x: i32::MIN, y: 0 }.distance(Point { x: i32::MAX, y: 0 }), u32::MAX);
    }

    #[test]
    fn a_walk_crosses_a_block_or_passes_it() {
        let block = Obstacle::around(Rect { x: 10, y: 10, width: 5, height: 5 }, 50);
        let p = |x, y| Point { x, y };
        assert!(block.crosses(p(0, 1_200), p(3_000, 1_200)));
        assert!(block.crosses(p(1_200, 1_200), p(1_210, 1_210)), "from inside");
        assert!(!block.crosses(p(0, 900), p(3_000, 900)), "past its south side");
        assert!(!block.crosses(p(0, 950), p(3_000, 950)), "along its edge");
        assert!(!block.crosses(p(0, 1_200), p(900, 1_200)), "ends before it");
        assert!(!block.crosses(p(0, 0), p(0, 0)));
    }

    #[test]
    fn a_point_is_held_inside_a_region() {
        let area = Rect { x: 0, y: 0, width: 10, height: 10 };
        assert_eq!(Point { x: -5, y: 2_000 }.within(area, 100), Point { x: 100, y: 900 });
        assert_eq!(
            Point { x: 1, y: 1 }.within(Rect { x: 0, y: 0, width: 1, height: 1 }, 100),
            Point { x: 100, y: 100 }
        );
    }
}
