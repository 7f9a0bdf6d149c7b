//! The binary `shallot`: parse the command line, start the logs, run the verb, give its exit code.

mod cli;
mod clock;
mod commands;
mod config;
mod faults;
mod gateway;
mod grpc;
mod hubs;
mod keys;
mod lifecycle;
mod limits;
mod listeners;
mod masterdata;
mod rates;
mod services;
mod shard;
mod store_runtime;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // One provider in the whole process; rustls panics at the first handshake when it has to guess.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return refuse("the TLS provider was installed twice", ExitCode::FAILURE);
    }
    match try_main(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error.downcast_ref().map_or(ExitCode::FAILURE, commands::replay::Failure::exit_code);
            refuse(&format!("{error:#}"), code)
        }
    }
}

fn try_main(cli: cli::Cli) -> anyhow::Result<()> {
    match cli.verb {
        cli::Verb::Serve(args) => commands::serve::run(&args),
        cli::Verb::Config { verb: cli::ConfigVerb::Check(args) } => commands::config::check(&args),
        cli::Verb::Economy { verb: cli::EconomyVerb::Check { data, grants } } => {
            commands::economy::check(&data, grants.as_deref())
        }
        cli::Verb::Masterdata { verb: cli::MasterdataVerb::Check { folder } } => commands::masterdata::check(&folder),
        cli::Verb::Replay { file, masterdata } => commands::replay::run(&file, masterdata.as_deref()),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a program that failed, also when no log is set up yet")]
fn refuse(message: &str, code: ExitCode) -> ExitCode {
    eprintln!("shallot: {message}");
    code
}
