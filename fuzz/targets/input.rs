//! A datagram from a client: refused, or these bytes and no others.
#![no_main]

use shallot_wire::limits::MAX_DATAGRAM;
use shallot_wire::{Arrival, InputWindow, Kind, Received, Sequence};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(window) = InputWindow::decode(bytes) else { return };
    assert_eq!(Kind::of(bytes), Ok(Kind::Input));
    let mut buffer = [0; MAX_DATAGRAM];
    assert_eq!(window.encode(&mut buffer).map(|length| &buffer[..length]), Ok(bytes));
    assert_eq!(window.by_tick().count(), window.inputs.as_slice().len());
    // What it acknowledges is what a client says who took that, one after the other.
    if let Some(ack) = window.ack {
        let mut received = Received::default();
        let newest_first: Vec<Sequence> = ack.sequences().collect();
        for sequence in newest_first.into_iter().rev() {
            assert!(ack.contains(sequence));
            assert_eq!(received.note(sequence), Arrival::Newest);
        }
        assert_eq!(received.ack(), Some(ack));
    }
});
