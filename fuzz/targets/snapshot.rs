//! Datagrams from a server, each read against the sets of those before it: refused whole, or read to the last byte.
//!
//! The input is datagrams, each behind its length in two bytes.
#![no_main]

use shallot_wire::limits::{MAX_RECORDS, MAX_SET};
use shallot_wire::{Entry, Kind, Snapshot, Tick};

/// Sets that are kept.
const SETS: usize = 4;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut sets: [Vec<Entry>; SETS] = Default::default();
    let (mut rest, mut now) = (bytes, Tick(0));
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let (datagram, more) = more.split_at(usize::from(u16::from_be_bytes(*length)).min(more.len()));
        rest = more;
        let Ok(snapshot) = Snapshot::decode(datagram) else { continue };
        assert_eq!(Kind::of(datagram), Ok(Kind::Snapshot));
        assert!(snapshot.records().count() <= MAX_RECORDS && snapshot.changes().count() <= MAX_SET);
        now = Tick::resolve(snapshot.header.tick, now);
        let baseline = snapshot.header.baseline.map(|baseline| &sets[usize::from(baseline.0) % SETS]);
        let Ok(set) = snapshot.set(baseline.map_or(&[], Vec::as_slice), now) else { continue };
        let set: Vec<Entry> = set.collect();
        assert!(set.len() <= MAX_SET && set.iter().all(|entry| entry.age(now).is_some()));
        for entry in &set {
            let _ = (entry.state.position(), entry.state.velocity());
        }
        sets[usize::from(snapshot.header.sequence.0) % SETS] = set;
    }
});
