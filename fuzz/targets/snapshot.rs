//! Datagrams from a server, each read against the tables of those before it: refused whole, or read to the last byte.
//!
//! The input is datagrams, each behind its length in two bytes.
#![no_main]

use shallot_wire::limits::{MAX_RECORDS, PLACES};
use shallot_wire::{Change, Kind, Snapshot, Table, Tick};

/// Tables that are kept.
const TABLES: usize = 4;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let empty = Table::default();
    let (mut newest, mut tables) = (empty.clone(), [(); TABLES].map(|()| empty.clone()));
    let (mut rest, mut now) = (bytes, Tick(0));
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let (datagram, more) = more.split_at(usize::from(u16::from_be_bytes(*length)).min(more.len()));
        rest = more;
        let Ok(snapshot) = Snapshot::decode(datagram) else { continue };
        assert_eq!(Kind::of(datagram), Ok(Kind::Snapshot));
        assert!(snapshot.records().count() <= MAX_RECORDS && snapshot.changes().count() <= PLACES);
        now = Tick::resolve(snapshot.header.tick, now);
        let baseline = snapshot.header.baseline.map_or(&empty, |baseline| &tables[usize::from(baseline.0) % TABLES]);
        let told: Result<Vec<_>, _> = snapshot.told(|place| baseline.get(place), now).collect();
        let Ok(told) = told else { continue };
        if snapshot.header.baseline.is_none() {
            newest.clear();
        }
        let mut emptied = 0;
        for (place, entry) in told {
            assert!(usize::from(place) < PLACES);
            match &entry {
                Some(entry) => {
                    assert_eq!(entry.tick, now);
                    let _ = (entry.state.position(), entry.state.velocity());
                }
                None => emptied += 1,
            }
            newest.put(place, entry);
        }
        assert_eq!(emptied, snapshot.changes().filter(|(_, change)| *change == Change::Gone).count());
        tables[usize::from(snapshot.header.sequence.0) % TABLES] = newest.clone();
    }
});
