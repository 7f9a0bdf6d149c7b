//! Scenes: who is drawn where and when.

use super::*;
use crate::limits::{CORRECTION_FADE, DRAW_DELAY_MIN, EXTRAPOLATED_TICKS_MAX};

const FIRST: Tick = Tick(u32::MAX - 5);

fn id(index: u16) -> NetId {
    NetId { index, generation: 1 }
}

/// A state of the tick `n` after the first.
fn state(index: u16, n: u32, x: i32, way: i32) -> Sighting {
    Sighting {
        id: id(index),
        tick: FIRST.plus(n),
        position: Position { x, y: 0 },
        velocity: Velocity { x: way, y: 0 },
        facing: 0,
        is_dead: false,
    }
}

/// A client that gets the snapshot of each tick exactly 20 ms after it.
#[derive(Default)]
struct Scene(Interpolation);

impl Scene {
    fn snapshot(&mut self, n: u32, seen: &[Sighting]) {
        self.0.observe(Duration::from_millis(u64::from(n) * 50 + 20), FIRST.plus(n), seen.iter().copied());
    }

    /// What is drawn so many ticks and milliseconds after the first.
    fn drawn(&self, index: u16, n: u32, ms: u32) -> Option<Drawn> {
        self.0.drawn(id(index), Moment { tick: FIRST.plus(n), us: ms * 1_000 })
    }

    fn x(&self, index: u16, n: u32, ms: u32) -> Option<i32> {
        self.drawn(index, n, ms).map(|drawn| drawn.position.x)
    }
}

#[test]
fn a_walk_is_drawn_between_its_states() {
    let mut scene = Scene::default();
    for n in 0..10 {
        scene.snapshot(n, &[state(1, n, n as i32 * 300, 300)]);
    }
    assert_eq!(scene.x(1, 7, 0), Some(2_100));
    assert_eq!(scene.x(1, 7, 25), Some(2_250));
    assert_eq!(scene.0.delay(), DRAW_DELAY_MIN);
    // 20 ms on the line, and the delay.
    let at = scene.0.moment(Duration::from_millis(8 * 50 + 20 + 30) + DRAW_DELAY_MIN);
    assert_eq!(at, Some(Moment { tick: FIRST.plus(8), us: 30_000 }));
}

#[test]
fn who_comes_is_there_from_its_first_state_and_who_goes_until_the_snapshot_without() {
    let mut scene = Scene::default();
    scene.snapshot(0, &[]);
    for n in 1..6 {
        scene.snapshot(n, &if n < 3 { vec![] } else { vec![state(1, n, 900, 0)] });
    }
    scene.snapshot(6, &[]);
    assert_eq!(scene.x(1, 2, 49), None);
    assert_eq!(scene.x(1, 3, 0), Some(900));
    assert_eq!(scene.x(1, 5, 49), Some(900));
    assert_eq!(scene.x(1, 6, 0), None);
    (7..10).for_each(|n| scene.snapshot(n, &[]));
    assert!(scene.0.tracks.is_empty(), "it is forgotten");
}

#[test]
fn without_news_it_goes_on_for_a_while_and_stands() {
    let mut scene = Scene::default();
    scene.snapshot(0, &[state(1, 0, 0, 300)]);
    assert_eq!(scene.x(1, 3, 0), Some(900));
    assert_eq!(scene.x(1, 100, 0), Some(300 * EXTRAPOLATED_TICKS_MAX));
}

#[test]
fn an_unforeseen_turn_is_smoothed_over() {
    let mut scene = Scene::default();
    scene.snapshot(0, &[state(1, 0, 0, 300)]);
    // Nothing comes for eight ticks; meanwhile, in the fourth, it stopped. The snapshot of tick 8 finds 6 being drawn.
    scene.snapshot(8, &[state(1, 8, 1_200, 0)]);
    let at = |after: Duration| {
        let at = scene.0.moment(Duration::from_millis(420) + after).expect("a snapshot came");
        scene.0.drawn(id(1), at).expect("in view").position.x
    };
    assert_eq!(at(Duration::ZERO), 1_800, "it was drawn there before");
    let halfway = at(CORRECTION_FADE / 2);
    assert!((1_400..1_600).contains(&halfway), "{halfway}");
    assert_eq!(at(CORRECTION_FADE * 2), 1_200);
}

#[test]
fn one_who_is_put_elsewhere_does_not_slide_there() {
    let mut scene = Scene::default();
    for n in 0..4 {
        scene.snapshot(n, &[state(1, n, 0, 0)]);
    }
    for n in 4..8 {
        scene.snapshot(n, &[state(1, n, 1_000_000, 0)]);
    }
    assert_eq!(scene.x(1, 3, 49), Some(0));
    assert_eq!(scene.x(1, 4, 0), Some(1_000_000));
}

#[test]
fn death_stops_and_standing_up_is_no_walk() {
    let mut scene = Scene::default();
    scene.snapshot(0, &[state(1, 0, 0, 300)]);
    for n in 1..3 {
        scene.snapshot(n, &[Sighting { is_dead: true, ..state(1, n, 200, 300) }]);
    }
    for n in 3..7 {
        scene.snapshot(n, &[state(1, n, 6_000, 0)]);
    }
    assert_eq!(scene.drawn(1, 0, 49).map(|drawn| drawn.is_dead), Some(false));
    let dead = scene.drawn(1, 2, 49).expect("it lies there");
    assert!(dead.is_dead && dead.position.x == 200, "{dead:?}");
    let stands = scene.drawn(1, 3, 0).expect("it stands");
    assert!(!stands.is_dead && stands.position.x == 6_000, "{stands:?}");
}

#[test]
fn the_next_in_a_slot_is_another() {
    let mut scene = Scene::default();
    scene.snapshot(0, &[state(1, 0, 0, 0)]);
    let next = Sighting { id: NetId { index: 1, generation: 2 }, ..state(1, 1, 500, 0) };
    scene.snapshot(1, &[next]);
    assert_eq!(scene.x(1, 1, 0), None);
    let at = Moment { tick: FIRST.plus(1), us: 0 };
    assert_eq!(scene.0.drawn(next.id, at).map(|drawn| drawn.position.x), Some(500));
    assert_eq!(scene.0.all(at).count(), 1);
}

#[test]
fn sightings_may_come_in_any_order() {
    let (mut by_id, mut mixed) = (Scene::default(), Scene::default());
    for n in 0..30_u32 {
        // Everybody is out of view now and then.
        let in_view = (0..20_u16).filter(|index| (u32::from(*index) * 7 + n) % 5 != 0);
        let mut seen: Vec<Sighting> = in_view.map(|index| state(index, n, n as i32 * 100, 100)).collect();
        by_id.snapshot(n, &seen);
        seen.sort_by_key(|sighting| (u32::from(sighting.id.index) * 13 + n) % 20);
        mixed.snapshot(n, &seen);
        let at = |ticks: u32| Moment { tick: FIRST.plus(n).minus(ticks), us: 9_000 };
        for at in [at(0), at(2), at(5)] {
            let drawn: Vec<Drawn> = by_id.0.all(at).collect();
            assert!(drawn.is_sorted_by_key(|drawn| drawn.id.index));
            assert!(mixed.0.all(at).eq(drawn.iter().copied()));
            assert!(drawn.iter().all(|drawn| mixed.0.drawn(drawn.id, at) == Some(*drawn)));
        }
    }
}

#[test]
fn a_crowd_beyond_the_limit_is_left_out() {
    let mut scene = Interpolation::default();
    let crowd = (0..=ENTITIES_MAX as u16).map(|index| state(index, 0, 0, 0));
    scene.observe(Duration::ZERO, FIRST, crowd);
    assert_eq!(scene.tracks.len(), ENTITIES_MAX);
}

#[test]
fn before_the_first_snapshot_there_is_nothing() {
    let nothing = Interpolation::default();
    assert_eq!((nothing.moment(Duration::ZERO), nothing.delay()), (None, Duration::ZERO));
}
