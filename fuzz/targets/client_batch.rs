//! A message from a hub client.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shallot_hubs::fuzzing::client_batch(bytes));
