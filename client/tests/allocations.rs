//! Drawing takes no memory, however many there are to draw.

use std::alloc::System;
use std::time::Duration;

use shallot_client::interpolation::Sighting;
use shallot_client::wire::{Input, NetId, Position, Rect, TerrainIndex, Tick, Velocity};
use shallot_client::{Interpolation, Prediction};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Entities in view.
const CROWD: u16 = 500;

fn walker(index: u16, tick: Tick) -> Sighting {
    let walked = tick.0 as i32 * 300;
    Sighting {
        id: NetId { index: index + 1, generation: 0 },
        tick,
        position: Position { x: i32::from(index) * 1_000 + walked, y: -walked },
        velocity: Velocity { x: 300, y: -300 },
        facing: 0,
        is_dead: false,
    }
}

#[test]
fn a_frame_takes_no_memory() {
    let mut others = Interpolation::default();
    for n in 0..10 {
        let now = Duration::from_millis(u64::from(n) * 50);
        others.observe(now, Tick(n), (0..CROWD).map(|index| walker(index, Tick(n))));
    }
    let mut body = Prediction::new(TerrainIndex::new(Rect::WORLD, &[]), 600, Position::default());
    body.step(Duration::from_millis(450), Tick(10), Input { heading: 0, throttle: 127, facing: 0 });

    let region = Region::new(ALLOCATOR);
    let mut drawn = 0;
    for frame in 0..60 {
        let now = Duration::from_millis(450 + frame * 16);
        let at = others.moment(now).expect("snapshots came");
        let moved = others.all(at).filter(|other| other.position != Position::default()).count();
        drawn += moved + usize::from(body.drawn(now).x > 0);
    }
    let taken = region.change();
    assert_eq!(drawn, 60 * usize::from(CROWD) + 59, "all are drawn, the own body where it begins at first");
    assert_eq!((taken.allocations, taken.reallocations), (0, 0), "{taken:?}");
}
