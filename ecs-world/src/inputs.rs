//! A player's inputs between datagram and tick: exactly one is applied a tick, whatever arrives.
//!
//! Ticks of the client count; the ring knows which of them comes next and goes on by one each tick, whether its input
//! is there or not, so that latency stays what it is:
//!
//! - there: it is applied;
//! - missing: the last one is applied again, at most [`INPUT_REPEATS`] times; then the body stands and the next input
//!   begins anew, whatever its tick (later than the last applied);
//! - late (its tick has passed) or there already: dropped;
//! - too far ahead ([`INPUT_RING`] ticks): dropped. A burst fills future ticks, it never makes a tick longer.

use bevy_ecs::prelude::Component;
use shallot_wire::{Input, InputWindow, TICK_MS};
use wincode::{SchemaRead, SchemaWrite};

use crate::limits::{INPUT_FORGET_TICKS, INPUT_REPEATS, INPUT_RING};
use crate::schema::InputSchema;

/// The ring of one player.
#[derive(Component, Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct InputRing {
    /// By tick modulo its length.
    #[wincode(with = "[Option<InputSchema>; INPUT_RING]")]
    pub(crate) waiting: [Option<Input>; INPUT_RING],
    /// The client's tick that is applied next (low 16 bits); `None` while the body stands for want of inputs.
    pub(crate) expected: Option<u16>,
    /// The client's tick that was applied last.
    pub(crate) applied: Option<u16>,
    /// What was applied last.
    #[wincode(with = "InputSchema")]
    pub(crate) last: Input,
    /// Ticks since an input was there.
    pub(crate) missed: u32,
    /// The newest tick that arrived, and how long its datagram waited for the tick, milliseconds.
    pub(crate) newest: Option<(u16, u16)>,
}

impl Default for InputRing {
    fn default() -> Self {
        Self {
            waiting: [None; INPUT_RING],
            expected: None,
            applied: None,
            last: Input::default(),
            missed: 0,
            newest: None,
        }
    }
}

fn is_after(tick: u16, other: u16) -> bool {
    tick.wrapping_sub(other).cast_signed() > 0
}

impl InputRing {
    fn slot(tick: u16) -> usize {
        usize::from(tick) % INPUT_RING
    }

    /// Takes what a datagram brought, `held_ms` before the tick; whether it is the newest.
    pub(crate) fn offer(&mut self, window: &InputWindow, held_ms: u16) -> bool {
        let newest = window.newest_tick;
        if self.expected.is_none() {
            if self.applied.is_some_and(|applied| !is_after(newest, applied)) {
                return false;
            }
            self.expected = Some(newest);
            self.missed = 0;
        }
        let Some(expected) = self.expected else { return false };
        let is_newest = self.newest.is_none_or(|(known, _)| is_after(newest, known));
        if is_newest {
            self.newest = Some((newest, held_ms));
        }
        for (tick, input) in window.by_tick() {
            let is_in_time = usize::from(tick.wrapping_sub(expected)) < INPUT_RING;
            if let Some(slot) = self.waiting.get_mut(Self::slot(tick)).filter(|slot| is_in_time && slot.is_none()) {
                *slot = Some(input);
            }
        }
        is_newest
    }

    fn take(&mut self, tick: u16) -> Option<Input> {
        self.waiting.get_mut(Self::slot(tick))?.take()
    }

    /// The input of this tick.
    pub(crate) fn next(&mut self) -> Input {
        self.missed = self.missed.saturating_add(1);
        if self.missed >= INPUT_FORGET_TICKS {
            (self.applied, self.newest) = (None, None); // 16 bits of a tick mean nothing after so long
        }
        let Some(mut expected) = self.expected else { return self.standing() };
        let mut input = self.take(expected);
        if input.is_none() && self.missed > INPUT_REPEATS {
            let ahead = (1..INPUT_RING as u16).map(|n| expected.wrapping_add(n));
            let Some(first) = ahead.into_iter().find(|tick| self.waiting[Self::slot(*tick)].is_some()) else {
                self.expected = None;
                return self.standing();
            };
            expected = first;
            input = self.take(first);
        }
        self.expected = Some(expected.wrapping_add(1));
        if let Some(input) = input {
            (self.applied, self.last, self.missed) = (Some(expected), input, 0);
        }
        self.last
    }

    fn standing(&self) -> Input {
        Input { throttle: 0, ..self.last }
    }

    /// How early the newest input came, quarter ticks; 255 is that or more. To be read after [`InputRing::next`].
    pub(crate) fn depth(&self) -> u8 {
        let (Some(expected), Some((newest, held_ms))) = (self.expected, self.newest) else { return 0 };
        let ticks = i32::from(newest.wrapping_sub(expected.wrapping_sub(1)).cast_signed());
        let held = i32::from(held_ms) * 4 / TICK_MS as i32;
        (ticks * 4 + held.min(3)).clamp(0, 255) as u8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};
    use shallot_wire::{Input, InputWindow, Inputs, NetId};

    use super::InputRing;
    use crate::limits::{INPUT_REPEATS, INPUT_RING};

    fn input(heading: u8) -> Input {
        Input { heading, throttle: 100, facing: heading }
    }

    /// A datagram whose inputs have their tick as heading.
    fn window(newest_tick: u16, count: u16) -> InputWindow {
        let inputs: Vec<Input> = (0..count).map(|age| input(newest_tick.wrapping_sub(age) as u8)).collect();
        InputWindow {
            entity: NetId { index: 1, generation: 0 },
            ack: None,
            newest_tick,
            view_tick: 0,
            stamp_ms: 0,
            inputs: Inputs::new(&inputs).unwrap(),
        }
    }

    #[test]
    fn one_a_tick_in_order_whatever_the_burst() {
        let mut ring = InputRing::default();
        ring.offer(&window(10, 1), 0);
        ring.offer(&window(14, 8), 0);
        let headings: Vec<u8> = (0..5).map(|_| ring.next().heading).collect();
        assert_eq!(headings, [10, 11, 12, 13, 14]);
        assert_eq!(ring.applied, Some(14));
    }

    #[test]
    fn a_missing_one_repeats_and_its_late_arrival_is_dropped() {
        let mut ring = InputRing::default();
        ring.offer(&window(10, 1), 0);
        assert_eq!(ring.next(), input(10));
        assert_eq!(ring.next(), input(10), "11 is missing");
        ring.offer(&window(12, 2), 0);
        assert_eq!(ring.next(), input(12), "11 came too late");
        assert_eq!(ring.applied, Some(12));
    }

    #[test]
    fn after_three_repeats_the_body_stands_and_any_later_input_begins_anew() {
        let mut ring = InputRing::default();
        ring.offer(&window(10, 1), 0);
        ring.next();
        for _ in 0..INPUT_REPEATS {
            assert_eq!(ring.next(), input(10));
        }
        for _ in 0..5 {
            assert_eq!(ring.next(), Input { throttle: 0, ..input(10) });
        }
        ring.offer(&window(9, 1), 0);
        assert_eq!(ring.next().throttle, 0, "9 was over before 10");
        ring.offer(&window(40, 8), 0);
        assert_eq!(ring.next(), input(40), "only the newest counts after a stall");
    }

    #[test]
    fn the_first_input_for_a_tick_counts() {
        let mut ring = InputRing::default();
        ring.offer(&window(10, 1), 0);
        let mut again = window(11, 2);
        again.inputs = Inputs::new(&[input(11), input(99)]).unwrap();
        ring.offer(&again, 0);
        assert_eq!(ring.next(), input(10));
    }

    #[test]
    fn ticks_wrap() {
        let mut ring = InputRing::default();
        ring.offer(&window(u16::MAX, 1), 0);
        ring.offer(&window(1, 3), 0);
        let headings: Vec<u8> = (0..3).map(|_| ring.next().heading).collect();
        assert_eq!(headings, [255, 0, 1]);
    }

    #[test]
    fn inputs_too_far_ahead_wait_for_nobody() {
        let mut ring = InputRing::default();
        ring.offer(&window(10, 1), 0);
        ring.offer(&window(10 + INPUT_RING as u16, 1), 0);
        assert_eq!(ring.next(), input(10));
        assert!(ring.waiting.iter().all(Option::is_none));
    }

    #[test]
    fn depth_is_how_early_the_newest_came() {
        let mut ring = InputRing::default();
        assert_eq!(ring.depth(), 0);
        ring.offer(&window(10, 1), 25);
        ring.next();
        assert_eq!(ring.depth(), 2, "half a tick before its own");
        ring.offer(&window(12, 2), 13);
        ring.next();
        assert_eq!(ring.depth(), 5, "a tick and a quarter");
    }

    proptest! {
        #[test]
        fn applied_inputs_are_sent_inputs_in_order(
            script in prop::collection::vec((any::<bool>(), 0_u16..20, 1_u16..=8), 1..200)
        ) {
            let mut ring = InputRing::default();
            let mut tick = 1_000_u16;
            let mut applied = None::<u16>;
            for (sends, skip, count) in script {
                if sends {
                    tick += skip / 6;
                    ring.offer(&window(tick, count), 0);
                }
                let input = ring.next();
                if ring.applied != applied {
                    let now = ring.applied.unwrap();
                    assert!(applied.is_none_or(|before| now > before), "never back, never twice");
                    assert_eq!(input.heading, now as u8);
                    applied = ring.applied;
                } else if let Some(last) = applied {
                    assert_eq!(input.heading, last as u8, "repeats or stands");
                }
                tick += 1;
            }
        }
    }
}
