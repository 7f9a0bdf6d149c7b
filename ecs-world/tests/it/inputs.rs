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
