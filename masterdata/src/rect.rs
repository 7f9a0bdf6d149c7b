//! What lies in a rectangle of the map.

use crate::tables::Rect;

impl Rect {
    /// Whether the point lies in it; the far edges do not belong to it.
    #[must_use]
    pub fn contains(self, (x, y): (i32, i32)) -> bool {
        let within = |value: i32, from: i32, side: i32| {
            let from = i64::from(from);
            (from..from + i64::from(side)).contains(&i64::from(value))
        };
        within(x, self.x, self.width) && within(y, self.y, self.height)
    }

    /// Whether some point lies in both. Rectangles that share an edge do not overlap.
    #[must_use]
    pub fn overlaps(self, other: Rect) -> bool {
        let meet = |a: i32, a_side: i32, b: i32, b_side: i32| {
            let (a, b) = (i64::from(a), i64::from(b));
            a < b + i64::from(b_side) && b < a + i64::from(a_side)
        };
        meet(self.x, self.width, other.x, other.width) && meet(self.y, self.height, other.y, other.height)
    }
}

#[cfg(test)]
mod tests {
    use crate::tables::Rect;

    #[test]
    fn far_edges_do_not_belong() {
        let rect = Rect { x: 10, y: 20, width: 5, height: 2 };
        assert!(rect.contains((10, 20)) && rect.contains((14, 21)));
        assert!(!rect.contains((15, 20)) && !rect.contains((10, 22)) && !rect.contains((9, 20)));
        assert!(!Rect { x: i32::MAX, y: 0, width: i32::MAX, height: 1 }.contains((i32::MIN, 0)));
    }

    #[test]
    fn neighbours_do_not_overlap() {
        let rect = |x, y| Rect { x, y, width: 10, height: 10 };
        assert!(!rect(0, 0).overlaps(rect(10, 0)) && !rect(0, 0).overlaps(rect(0, -10)));
        assert!(rect(0, 0).overlaps(rect(9, 9)) && rect(0, 0).overlaps(rect(0, 0)));
    }
}
