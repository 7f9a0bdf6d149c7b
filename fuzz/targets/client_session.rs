//! The life of a hub session at the client.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shallot_hubs::fuzzing::client_session(bytes));
