//! Inputs as a whole: one a tick, and what the snapshot says of them. The ring itself has its tests beside the code.

use shallot_wire::{Input, InputWindow, Inputs, NetId};
use shallot_world::Command;

use crate::stage::{Stage, metres, sheet};

fn burst(player: NetId, newest_tick: u16, count: usize) -> Command {
    let inputs = Inputs::new(&vec![Input { heading: 0, throttle: 127, facing: 0 }; count]).unwrap();
    let window = InputWindow { entity: player, ack: None, newest_tick, view_tick: 0, stamp_ms: 9, inputs };
    Command::Input { window, held_ms: 25 }
}

#[test]
fn a_burst_goes_no_faster() {
    let mut stage = Stage::new(|_| ());
    let id = stage.enter(1, sheet(metres(100, 100))).entity;
    stage.push(burst(id, 10, 1));
    stage.push(burst(id, 17, 8));
    stage.push(burst(id, 17, 8));
    stage.step();
    assert_eq!(stage.position(1).x - metres(100, 0).x, 409, "one tick's way");
    assert_eq!(stage.snapshot(1).header.last_input, Some(10));
    assert_eq!(stage.snapshot(1).header.buffer_depth, 7 * 4 + 2, "seven and a half ticks early");
    stage.steps(30);
    let ticks = 8 + 3;
    assert_eq!(stage.position(1).x - metres(100, 0).x, ticks * 409, "eight inputs, three repeats, then it stands");
    assert_eq!(stage.snapshot(1).header.last_input, Some(17));
    assert_eq!(stage.snapshot(1).header.buffer_depth, 0);
}

/// The way of one tick at full throttle, units.
const STEP: i32 = 409;

/// How far east a player has come in so many ticks, each of which is preceded by what `sends` says of it.
fn way(ticks: u16, mut sends: impl FnMut(NetId, u16) -> Vec<Command>) -> i32 {
    let mut stage = Stage::new(|_| ());
    let id = stage.enter(1, sheet(metres(100, 100))).entity;
    for tick in 0..ticks {
        sends(id, tick).into_iter().for_each(|command| stage.push(command));
        stage.step();
    }
    stage.position(1).x - metres(100, 0).x
}

#[test]
fn one_input_a_tick_is_one_step_a_tick() {
    assert_eq!(way(100, |id, tick| vec![burst(id, tick, 3)]), 100 * STEP);
}

#[test]
fn a_replayed_datagram_goes_nowhere() {
    // The first one, again and again: one input, its repeats for want of others, and it stands.
    assert_eq!(way(50, |id, _| vec![burst(id, 10, 1), burst(id, 10, 1)]), 4 * STEP);
    // Each one twice, and all of the last second again.
    let again =
        |id, tick: u16| (tick.saturating_sub(20)..=tick).flat_map(|t| [burst(id, t, 8), burst(id, t, 8)]).collect();
    assert_eq!(way(100, again), 100 * STEP);
}

#[test]
fn inputs_of_the_future_bring_nothing_forward() {
    // An honest client whose every second datagram claims to be far ahead.
    for ahead in [16, 17, 1_000, 32_767, 32_768, 65_535] {
        let both = |id, tick: u16| vec![burst(id, tick, 3), burst(id, tick.wrapping_add(ahead), 8)];
        assert!(way(100, both) <= 100 * STEP, "{ahead} ticks ahead");
    }
    // One that jumps ahead in each tick is never waited for, and never faster.
    for jump in [2, 5, 16, 40, 1_000, 30_000] {
        let way = way(100, |id, tick| vec![burst(id, tick.wrapping_mul(jump), 8)]);
        assert!((0..=100 * STEP).contains(&way), "{way} in jumps of {jump}");
    }
}

#[test]
fn a_client_at_double_speed_gains_nothing() {
    for speed in [2, 3, 8] {
        let fast = |id, tick: u16| (0..speed).map(|part| burst(id, tick * speed + part, 1)).collect();
        assert!(way(400, fast) <= 400 * STEP, "{speed} times as many inputs");
        // The same in one datagram.
        assert!(way(400, |id, tick| vec![burst(id, tick * speed, usize::from(speed))]) <= 400 * STEP);
    }
    // A clock that runs 10 % too slow, or 5, 10 and 50 % too fast.
    for percent in [90, 105_u32, 110, 150] {
        let drifting = |id, tick: u16| vec![burst(id, (u32::from(tick) * percent / 100) as u16, 3)];
        assert!(way(400, drifting) <= 400 * STEP, "{percent} % of the time");
    }
}

/// It holds its inputs back while it walks, and lets them go at once.
#[test]
fn a_lag_switch_gains_nothing() {
    for held in [3, 5, 10, 20, 40, 100] {
        let switched = |id, tick: u16| match tick % (2 * held) {
            at if at < held => vec![],
            at if at == held => (0..=held / 8).rev().map(|part| burst(id, tick - 8 * part, 8)).collect(),
            _ => vec![burst(id, tick, 8)],
        };
        let way = way(400, switched);
        assert!((1..=400 * STEP).contains(&way), "{way} with {held} ticks held back");
    }
}

#[test]
fn ticks_wrap_without_a_step_lost_or_gained() {
    for first in [u16::MAX - 50, u16::MAX, 0, 32_768 - 50] {
        assert_eq!(way(100, |id, tick| vec![burst(id, first.wrapping_add(tick), 3)]), 100 * STEP, "from {first}");
    }
}

/// Twenty ticks without an input: three are repeated, then it stands until the next one comes.
#[test]
fn who_stood_while_ticks_wrapped_goes_on() {
    for first in [u16::MAX - 25, 32_768 - 25, 100] {
        let with_a_gap = |id, tick: u16| match tick {
            20..40 => vec![],
            _ => vec![burst(id, first.wrapping_add(tick), 1)],
        };
        assert_eq!(way(60, with_a_gap), (60 - 20 + 3) * STEP, "from {first}");
    }
}

#[test]
fn how_early_inputs_come_is_told_while_ticks_wrap() {
    for first in [u16::MAX - 25, 32_768 - 25, 100] {
        let mut stage = Stage::new(|_| ());
        let id = stage.enter(1, sheet(metres(100, 100))).entity;
        stage.push(burst(id, first, 1));
        for tick in 0..60 {
            stage.push(burst(id, first.wrapping_add(tick + 3), 4));
            stage.step();
            let header = stage.snapshot(1).header;
            assert_eq!((header.last_input, header.buffer_depth), (Some(first.wrapping_add(tick)), 3 * 4 + 2), "{tick}");
        }
    }
}

#[test]
fn a_loss_of_three_ticks_is_bridged_and_a_longer_one_stands() {
    // Nothing but the newest input in each datagram, and ticks 10 to 10 + lost not sent.
    let lossy = |lost: u16| {
        way(50, move |id, tick| if (10..10 + lost).contains(&tick) { vec![] } else { vec![burst(id, tick, 1)] })
    };
    for lost in 0..=3 {
        assert_eq!(lossy(lost), 50 * STEP, "{lost} lost");
    }
    for lost in 4..=10 {
        assert_eq!(lossy(lost), (50 - (i32::from(lost) - 3)) * STEP, "{lost} lost: three are repeated, then it stands");
    }
}

#[test]
fn nobody_s_input_moves_nobody() {
    let mut stage = Stage::new(|_| ());
    let id = stage.enter(1, sheet(metres(100, 100))).entity;
    stage.push(burst(NetId { generation: id.generation + 1, ..id }, 10, 1));
    stage.push(burst(NetId { index: id.index + 1, ..id }, 10, 1));
    stage.push(burst(NetId { index: 60_000, generation: 0 }, 10, 1));
    stage.step();
    assert_eq!(stage.position(1), metres(100, 100));
    assert_eq!(stage.snapshot(1).header.last_input, None);
}

#[test]
fn the_time_stamp_comes_back_once() {
    let mut stage = Stage::new(|_| ());
    let id = stage.enter(1, sheet(metres(100, 100))).entity;
    stage.push(burst(id, 10, 1));
    let mut echoes = Vec::new();
    for _ in 0..40 {
        stage.step();
        echoes.extend(stage.snapshot(1).time_echo);
    }
    assert_eq!(echoes.len(), 1);
    assert_eq!((echoes[0].client_stamp_ms, echoes[0].hold_ms), (9, 25));
}
