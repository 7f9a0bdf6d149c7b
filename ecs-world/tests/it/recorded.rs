//! A session over a bad link as a client got it, and what that made of it: decoders in other places are tried on the record.

use std::fmt::Write;

use shallot_wire::OwnerEpoch;
use shallot_wire::datagram::Ack;
use shallot_world::Command;

use crate::baselines::{Dice, Field, stroll};
use crate::eye::Eye;
use crate::stage::{character, metres, sheet};

/// Of each hundred datagrams, either way.
const LOST: u64 = 10;

/// Whom it sees, by entity: index, generation, and the position of the newest state.
fn line_of(eye: &Eye) -> String {
    let mut line = "=".to_owned();
    for (entity, entry) in eye.shown() {
        let at = entry.state.position();
        write!(line, " {}.{}@{},{}", entity.index, entity.generation, at.x, at.y).unwrap();
    }
    line + "\n"
}

/// Records a session of eight seconds. With `SHALLOT_RECORD` it goes into the file of that name, as `examples/session.txt` was made:
/// datagrams in hexadecimal as they came (`>`), and after each that counts whom the client sees (`=`).
#[test]
fn a_session_over_a_bad_link() {
    let (mut field, mut eye, mut dice) = (Field::new(16, 30), Eye::default(), Dice(7));
    let (mut under_way, mut answers, mut session) = (Vec::new(), Vec::<(u64, Ack)>::new(), String::new());
    let (mut lost, mut doubled, mut late) = (0, 0, 0);
    field.stage.enter(40, sheet(metres(75, 75)));
    for n in 0..160_u64 {
        match n {
            60 => {
                let correlation = field.stage.correlation();
                field.stage.push(Command::Leave { character: character(40), owner_epoch: OwnerEpoch(1), correlation });
            }
            120 => drop(field.stage.enter(41, sheet(metres(70, 70)))),
            _ => {}
        }
        let acks: Vec<Ack> = answers.extract_if(.., |(at, _)| *at <= n).map(|(_, ack)| ack).collect();
        let datagram = field.step(acks.last().copied(), stroll);
        let copies = 1 + u64::from(dice.under(10) == 0);
        doubled += copies - 1;
        for _ in 0..copies {
            if dice.under(100) < LOST {
                lost += 1;
            } else {
                under_way.push((n + dice.under(4), datagram.clone()));
            }
        }
        for (_, datagram) in under_way.extract_if(.., |(at, _)| *at <= n).collect::<Vec<_>>() {
            session.push_str("> ");
            datagram.iter().for_each(|byte| write!(session, "{byte:02x}").unwrap());
            session.push('\n');
            if eye.take(&datagram) {
                session.push_str(&line_of(&eye));
            } else {
                late += 1;
            }
        }
        answers.extend(eye.ack().filter(|_| dice.under(100) >= LOST).map(|ack| (n + 1 + dice.under(4), ack)));
    }
    assert!(lost > 5 && doubled > 5 && late > 5, "{lost} lost, {doubled} doubled, {late} late or doubled");
    assert_eq!(eye.without_baseline, 0);
    if let Some(path) = std::env::var_os("SHALLOT_RECORD") {
        std::fs::write(path, session).unwrap();
    }
}
