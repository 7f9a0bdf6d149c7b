//! Input datagrams: round trips, refusals, and bytes that nobody meant.

use proptest::prelude::*;
use shallot_wire::limits::{FULL_THROTTLE, INPUT_BYTES, INPUT_HEADER_BYTES, MAX_INPUT_DATAGRAM, MAX_INPUTS};
use shallot_wire::{Ack, DecodeError, Full, Input, InputWindow, Inputs, Kind, NetId, Sequence};

fn input() -> impl Strategy<Value = Input> {
    (any::<u8>(), 0..=FULL_THROTTLE, any::<u8>()).prop_map(|(heading, throttle, facing)| Input {
        heading,
        throttle,
        facing,
    })
}

fn window() -> impl Strategy<Value = InputWindow> {
    let ack = prop::option::of((any::<u16>(), any::<u32>()));
    let inputs = prop::collection::vec(input(), 1..=MAX_INPUTS);
    let ticks = (any::<u16>(), any::<u16>(), any::<u16>());
    (any::<u16>(), 0..8_u8, ack, ticks, inputs).prop_map(|(index, generation, ack, ticks, inputs)| InputWindow {
        entity: NetId { index, generation },
        ack: ack.map(|(newest, mask)| Ack { newest: Sequence(newest), mask }),
        newest_tick: ticks.0,
        view_tick: ticks.1,
        stamp_ms: ticks.2,
        inputs: Inputs::new(&inputs).unwrap(),
    })
}

fn encoded(window: &InputWindow) -> Vec<u8> {
    let mut buffer = [0; MAX_INPUT_DATAGRAM];
    let length = window.encode(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(window in window()) {
        let bytes = encoded(&window);
        prop_assert_eq!(bytes.len(), INPUT_HEADER_BYTES + INPUT_BYTES * window.inputs.as_slice().len());
        prop_assert_eq!(InputWindow::decode(&bytes), Ok(window));
    }

    #[test]
    fn every_cut_and_every_addition_is_refused(window in window(), extra in 1..20_usize) {
        let mut bytes = encoded(&window);
        for end in 0..bytes.len() {
            prop_assert_eq!(InputWindow::decode(&bytes[..end]), Err(DecodeError::Truncated));
            prop_assert_eq!(window.encode(&mut vec![0; end]), Err(Full));
        }
        bytes.resize(bytes.len() + extra, 0);
        prop_assert_eq!(InputWindow::decode(&bytes), Err(DecodeError::TrailingBytes(extra)));
    }

    /// No bytes panic, and whatever is accepted has one form only.
    #[test]
    fn accepted_bytes_encode_to_themselves(mut bytes in prop::collection::vec(any::<u8>(), 0..64), fits in any::<bool>()) {
        if let (true, [first, ..]) = (fits, bytes.as_mut_slice()) {
            *first = 0x21;
        }
        if let Ok(window) = InputWindow::decode(&bytes) {
            prop_assert_eq!(encoded(&window), bytes);
        }
    }

    /// As above, but with the right length and the reserved bits mostly right, so that much is accepted.
    #[test]
    fn flipped_bits_are_refused_or_mean_something(window in window(), byte in 0..MAX_INPUT_DATAGRAM, bit in 0..8) {
        let mut bytes = encoded(&window);
        let place = byte % bytes.len();
        bytes[place] ^= 1_u8 << bit;
        if let Ok(other) = InputWindow::decode(&bytes) {
            prop_assert_ne!(other, window);
            prop_assert_eq!(encoded(&other), bytes);
        }
    }
}

fn one() -> InputWindow {
    let inputs = Inputs::new(&[Input { heading: 1, throttle: 2, facing: 3 }]).unwrap();
    let entity = NetId { index: 9, generation: 1 };
    InputWindow { entity, ack: None, newest_tick: 5, view_tick: 4, stamp_ms: 6, inputs }
}

#[test]
fn refusals_say_why() {
    let refused = |place: usize, value: u8| {
        let mut bytes = encoded(&one());
        bytes[place] = value;
        InputWindow::decode(&bytes).unwrap_err()
    };
    assert_eq!(InputWindow::decode(&[]), Err(DecodeError::Truncated));
    assert_eq!(refused(0, 0x11), DecodeError::WrongKind(Kind::Snapshot));
    assert_eq!(refused(0, 0xF1), DecodeError::UnknownKind(15));
    assert_eq!(refused(0, 0x22), DecodeError::UnknownVersion(2));
    assert_eq!(refused(3, encoded(&one())[3] | 0b1000), DecodeError::ReservedBits, "the reserved bit");
    assert_eq!(refused(4, 1), DecodeError::ReservedBits, "an ack without its flag");
    assert_eq!(refused(9, 1), DecodeError::ReservedBits, "a mask without its flag");
    assert_eq!(refused(17, 128), DecodeError::ReservedBits, "more than full throttle");
}

#[test]
fn inputs_are_bounded() {
    assert_eq!(Inputs::new(&[]), None);
    let ten: Vec<Input> = (0..10).map(|heading| Input { heading, ..Input::default() }).collect();
    assert_eq!(Inputs::new(&ten).unwrap().as_slice(), &ten[..MAX_INPUTS], "the newest are kept");
}

#[test]
fn ticks_count_back_across_the_wrap() {
    let all: Vec<Input> = (0..3).map(|heading| Input { heading, ..Input::default() }).collect();
    let window = InputWindow { newest_tick: 1, inputs: Inputs::new(&all).unwrap(), ..one() };
    let ticks: Vec<(u16, u8)> = window.by_tick().map(|(tick, input)| (tick, input.heading)).collect();
    assert_eq!(ticks, [(1, 0), (0, 1), (65_535, 2)]);
}
