//! `bench_server` with an allocator that counts. For allocations only: counting costs time.

#[path = "../bench_server/serve.rs"]
mod serve;

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    serve::main(Some(ALLOCATOR))
}
