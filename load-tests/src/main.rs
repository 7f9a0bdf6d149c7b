//! `shallot-load`: see `shallot-load --help`.

use std::process::ExitCode;

use clap::Parser;
use shallot_load::cli::{BenchVerb, Cli, FaultsVerb, Verb};
use shallot_load::{bench, demo, faults, screen};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A failure to print leaves nothing to do; help is no error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match try_main(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            screen::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn try_main(cli: &Cli) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &cli.verb {
        Verb::Demo(options) => runtime.block_on(demo::run(options)),
        Verb::Bench { verb: BenchVerb::Hubs(options) } => runtime.block_on(bench::run(options)),
        Verb::Faults { verb: FaultsVerb::Crash(options) } => runtime.block_on(faults::crash::run(options)),
        Verb::Faults { verb: FaultsVerb::SlowReaders(options) } => runtime.block_on(faults::slow_readers::run(options)),
        Verb::Faults { verb: FaultsVerb::CutLinks(options) } => runtime.block_on(faults::cut_links::run(options)),
    }
}
