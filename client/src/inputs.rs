//! The inputs that the server may not have yet: each datagram repeats them, so that a lost one costs nothing. No IO, no clock.

use std::collections::VecDeque;

use bytes::Bytes;
use shallot_proto::wire::datagram::Ack;
use shallot_proto::wire::input::{Input, InputWindow, Inputs};
use shallot_proto::wire::limits::{MAX_INPUT_DATAGRAM, MAX_INPUTS};
use shallot_proto::wire::{NetId, Tick};

/// The newest inputs of consecutive ticks that no snapshot has acknowledged, at most 8.
#[derive(Clone, Debug, Default)]
pub struct PendingInputs {
    newest: Option<Tick>,
    /// Newest first.
    inputs: VecDeque<Input>,
    /// Of `inputs`, the newest ones that are not acknowledged.
    open: usize,
}

impl PendingInputs {
    /// Adds the input for a tick. One that does not follow the last begins anew: a datagram holds consecutive ticks only.
    pub fn push(&mut self, tick: Tick, input: Input) {
        if self.newest.is_none_or(|newest| newest.plus(1) != tick) {
            self.inputs.clear();
            self.open = 0;
        }
        self.newest = Some(tick);
        self.inputs.push_front(input);
        self.inputs.truncate(MAX_INPUTS);
        self.open = (self.open + 1).min(MAX_INPUTS);
    }

    /// The server applied the input of `tick`, or went past it. Gives how many of the inputs here it took by that.
    pub fn acknowledge(&mut self, tick: Tick) -> u32 {
        let Some(newest) = self.newest else { return 0 };
        let still_open = usize::try_from(newest.since(tick)).unwrap_or(0).min(self.open);
        let taken = self.open - still_open;
        self.open = still_open;
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    /// The datagram for now: what is not acknowledged, and always the newest. `None` before the first input.
    ///
    /// `view_tick` is the tick that the player looks at, `stamp_ms` the client's clock modulo 65,536.
    #[must_use]
    pub fn datagram(&self, entity: NetId, ack: Option<Ack>, view_tick: Tick, stamp_ms: u16) -> Option<Bytes> {
        let mut inputs = [Input::default(); MAX_INPUTS];
        let count = self.inputs.len().min(self.open.max(1));
        inputs.iter_mut().zip(&self.inputs).for_each(|(to, input)| *to = *input);
        let window = InputWindow {
            entity,
            ack,
            newest_tick: self.newest?.low16(),
            view_tick: view_tick.low16(),
            stamp_ms,
            inputs: Inputs::new(inputs.get(..count)?)?,
        };
        let mut buffer = [0; MAX_INPUT_DATAGRAM];
        let length = window.encode(&mut buffer).ok()?;
        buffer.get(..length).map(Bytes::copy_from_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shallot_proto::wire::datagram::Sequence;

    const ME: NetId = NetId { index: 9, generation: 2 };

    fn input(heading: u8) -> Input {
        Input { heading, throttle: 127, facing: heading }
    }

    fn headings(pending: &PendingInputs) -> Vec<(u16, u8)> {
        let datagram = pending.datagram(ME, None, Tick(90), 5).expect("an input");
        let window = InputWindow::decode(&datagram).expect("sound");
        window.by_tick().map(|(tick, input)| (tick, input.heading)).collect()
    }

    fn pushed(ticks: impl Iterator<Item = u32>) -> PendingInputs {
        let mut pending = PendingInputs::default();
        ticks.for_each(|tick| pending.push(Tick(tick), input(tick as u8)));
        pending
    }

    #[test]
    fn what_is_not_acknowledged_is_repeated_newest_first() {
        let mut pending = pushed(100..104);
        assert_eq!(headings(&pending), [(103, 103), (102, 102), (101, 101), (100, 100)]);
        assert_eq!(pending.acknowledge(Tick(101)), 2);
        assert_eq!(headings(&pending), [(103, 103), (102, 102)]);
        assert_eq!(pending.acknowledge(Tick(101)), 0);
        assert_eq!(pending.acknowledge(Tick(99)), 0, "an old acknowledgement opens nothing again");
    }

    #[test]
    fn the_newest_is_always_sent_and_never_more_than_eight() {
        let mut pending = pushed(100..150);
        assert_eq!(headings(&pending).len(), 8);
        assert_eq!(pending.acknowledge(Tick(200)), 8);
        assert_eq!(headings(&pending), [(149, 149)]);
    }

    #[test]
    fn a_gap_or_a_step_back_begins_anew() {
        assert_eq!(headings(&pushed([100, 101, 104].into_iter())), [(104, 104)]);
        assert_eq!(headings(&pushed([100, 101, 101].into_iter())), [(101, 101)]);
    }

    #[test]
    fn the_datagram_carries_what_else_the_server_needs() {
        let ack = Some(Ack { newest: Sequence(7), mask: 3 });
        let datagram = pushed(100..101).datagram(ME, ack, Tick(65_537), 5).expect("an input");
        let window = InputWindow::decode(&datagram).expect("sound");
        assert_eq!((window.entity, window.ack, window.view_tick, window.stamp_ms), (ME, ack, 1, 5));
        assert!(PendingInputs::default().datagram(ME, ack, Tick(1), 5).is_none());
    }
}
