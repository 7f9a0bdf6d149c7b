//! The bytes of a hub link on a QUIC stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shallot_hubs::fuzzing::framed(bytes));
