//! Which way to walk: straight, round a block, or aside when something unseen holds the bot.

use rand_core::Rng;
use shallot_masterdata::{Rect, roll};

use super::place::{Obstacle, Point};

/// Bodies keep so far from blocks, centimetres.
const MARGIN_CM: i32 = 120;
/// Less than this in [`STUCK_AFTER_TICKS`] of walking is no progress, centimetres.
const STUCK_CM: u32 = 25;
/// Ticks between two looks at the progress.
const STUCK_AFTER_TICKS: u32 = 20;
/// Ticks of walking aside.
const ASIDE_TICKS: u32 = 15;
/// How far aside, centimetres.
const ASIDE_CM: u32 = 800;

/// The next point to walk straight at, on the way to `goal`: the goal itself, or a corner of the first block between.
#[must_use]
pub fn waypoint(from: Point, goal: Point, blocks: &[Rect]) -> Point {
    let in_the_way = blocks
        .iter()
        .map(|block| Obstacle::around(*block, MARGIN_CM))
        // One who stands in the margin already must get out of it, not round it.
        .filter(|obstacle| !obstacle.contains(from) && !obstacle.contains(goal) && obstacle.crosses(from, goal))
        .min_by_key(|obstacle| obstacle.corners().iter().map(|c| from.distance(*c)).min());
    let Some(obstacle) = in_the_way else { return goal };
    let way = |corner: &Point| u64::from(from.distance(*corner)) + u64::from(corner.distance(goal));
    let reachable = |corner: &Point| *corner != from && !obstacle.crosses(from, *corner);
    obstacle.corners().into_iter().filter(reachable).min_by_key(way).unwrap_or(goal)
}

/// Sees that a walk makes no progress and sends the bot aside for a moment.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    looked: Option<(u32, Point)>,
    aside: Option<(u32, Point)>,
}

impl Progress {
    /// Where to walk at `tick` to get from `at` to `goal`.
    pub fn correct<R: Rng>(&mut self, tick: u32, at: Point, goal: Point, rng: &mut R) -> Point {
        if let Some((until, aside)) = self.aside.filter(|(until, _)| tick < *until) {
            self.aside = Some((until, aside));
            return aside;
        }
        self.aside = None;
        match self.looked {
            Some((when, _)) if tick.wrapping_sub(when) < STUCK_AFTER_TICKS => goal,
            Some((when, before))
                if tick.wrapping_sub(when) < 2 * STUCK_AFTER_TICKS && before.distance(at) < STUCK_CM =>
            {
                let mut stray = || roll::below(rng, 2 * ASIDE_CM + 1) as i32 - ASIDE_CM as i32;
                let aside = at.offset(stray(), stray());
                self.looked = None;
                self.aside = Some((tick.saturating_add(ASIDE_TICKS), aside));
                aside
            }
            _ => {
                self.looked = Some((tick, at));
                goal
            }
        }
    }

    /// Standing still on purpose is no lack of progress.
    pub fn rest(&mut self) {
        self.looked = None;
        self.aside = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    const BLOCK: Rect = Rect { x: 10, y: 10, width: 10, height: 4 };

    #[test]
    fn a_free_way_is_straight() {
        let goal = Point { x: 5_000, y: 0 };
        assert_eq!(waypoint(Point::default(), goal, &[BLOCK]), goal);
    }

    #[test]
    fn a_walk_round_a_block_arrives() {
        let (mut at, goal) = (Point { x: 1_500, y: 0 }, Point { x: 1_500, y: 3_000 });
        let obstacle = Obstacle::around(BLOCK, 0);
        for _ in 0..600 {
            let next = waypoint(at, goal, &[BLOCK]);
            let distance = at.distance(next).max(1) as i32;
            let step = distance.min(20);
            at = at.offset((next.x - at.x) * step / distance, (next.y - at.y) * step / distance);
            assert!(!obstacle.contains(at), "{at:?}");
        }
        assert!(at.distance(goal) < 50, "{at:?}");
    }

    #[test]
    fn the_shorter_side_is_taken() {
        let corner = waypoint(Point { x: 1_100, y: 0 }, Point { x: 1_100, y: 3_000 }, &[BLOCK]);
        assert_eq!(corner, Point { x: 880, y: 880 });
    }

    #[test]
    fn no_progress_leads_aside_and_back() {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut progress = Progress::default();
        let goal = Point { x: 9_000, y: 0 };
        let walked: Vec<Point> =
            (0..60).map(|tick| progress.correct(tick, Point { x: 5, y: 5 }, goal, &mut rng)).collect();
        assert_eq!(walked.first(), Some(&goal));
        assert!(walked.iter().skip(20).take(15).all(|p| *p != goal), "{walked:?}");
        assert_eq!(walked.get(36), Some(&goal));
    }

    #[test]
    fn progress_and_rest_change_nothing() {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut progress = Progress::default();
        let goal = Point { x: 9_000, y: 0 };
        for tick in 0..100 {
            assert_eq!(progress.correct(tick, Point { x: tick as i32 * 10, y: 0 }, goal, &mut rng), goal);
        }
        progress.rest();
        assert_eq!(progress.correct(500, Point { x: 990, y: 0 }, goal, &mut rng), goal);
    }
}
