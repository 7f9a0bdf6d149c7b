//! Writes the present contracts as a release: `cargo run -p shallot-hubs-codegen --example release -- 1.2.3`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people")]

use std::path::Path;
use std::process::ExitCode;

use shallot_hubs_codegen::release::{Outcome, proto_files, release};

/// Folder of all contracts.
const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");

fn main() -> ExitCode {
    let Some(version) = std::env::args().nth(1) else {
        eprintln!("usage: release VERSION, for example: release 1.2.3");
        return ExitCode::from(2);
    };
    let proto = Path::new(PROTO);
    let files = proto_files(&proto.join("shallot"));
    let outcome = files
        .map_err(|error| error.to_string())
        .and_then(|files| release(proto, &files, &proto.join("released"), &version).map_err(|e| e.to_string()));
    match outcome {
        Ok(Outcome::Written(path)) => {
            println!("written: proto/released/{}", path.file_name().unwrap_or_default().display());
            ExitCode::SUCCESS
        }
        Ok(Outcome::Breaks(changes)) => {
            eprintln!("not written: clients of earlier releases would break");
            changes.iter().for_each(|change| eprintln!("  {change}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("not written: {error}");
            ExitCode::FAILURE
        }
    }
}
