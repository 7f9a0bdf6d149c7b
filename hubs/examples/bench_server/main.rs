//! The servers of `shallot-load`, one in a process: the two that `bench hubs` measures, our hub runtime and the best plain tonic
//! service we know how to write, and one whose sessions outlive their links and that counts all they do. Commands come on standard
//! input, answers go to standard output; see `serve`.
//!
//! Allocations are not counted here, since counting costs time; `bench_server_counting` is the same program with counters.

#[path = "serve.rs"]
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    serve::main(None)
}
