//! A message from a hub server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shallot_hubs::fuzzing::server_batch(bytes));
