//! The servers that `shallot-load bench hubs` measures, one in a process: our hub runtime, or the best plain tonic service we know
//! how to write. Commands come on standard input, answers go to standard output; see `serve`.
//!
//! Allocations are not counted here, since counting costs time; `bench_server_counting` is the same program with counters.

#[path = "serve.rs"]
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    serve::main(None)
}
