//! A datagram from a server: refused whole, or read to its last byte.
#![no_main]

use shallot_wire::limits::MAX_RECORDS;
use shallot_wire::{Kind, Snapshot};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(snapshot) = Snapshot::decode(bytes) else { return };
    assert_eq!(Kind::of(bytes), Ok(Kind::Snapshot));
    assert!(snapshot.records().count() <= MAX_RECORDS);
});
