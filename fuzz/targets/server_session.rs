//! The life of a hub session at the server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shallot_hubs::fuzzing::server_session(bytes));
