//! `shallot-load`: see `shallot-load --help`.

use std::process::ExitCode;

use clap::Parser;
use shallot_load::cli::{BenchVerb, Cli, FaultsVerb, LinkVerb, Verb};
use shallot_load::{bench, demo, faults, link, screen};
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
        Ok(code) => code,
        Err(error) => {
            screen::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn try_main(cli: &Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let passed = match &cli.verb {
        Verb::Demo(options) => runtime.block_on(demo::run(options)),
        Verb::Bench { verb: BenchVerb::Hubs(options) } => runtime.block_on(bench::hubs::run(options)),
        Verb::Bench { verb: BenchVerb::Netcode(options) } => runtime.block_on(bench::netcode::run(options)),
        Verb::Bench { verb: BenchVerb::PlainQuic(options) } => bench::netcode::serve_plain_quic(options),
        Verb::Faults { verb: FaultsVerb::Crash(options) } => runtime.block_on(faults::crash::run(options)),
        Verb::Faults { verb: FaultsVerb::SlowReaders(options) } => runtime.block_on(faults::slow_readers::run(options)),
        Verb::Faults { verb: FaultsVerb::CutLinks(options) } => runtime.block_on(faults::cut_links::run(options)),
        Verb::Faults { verb: FaultsVerb::Crowd(options) } => runtime.block_on(faults::crowd::run(options)),
        Verb::Faults { verb: FaultsVerb::Reconnects(options) } => runtime.block_on(faults::reconnects::run(options)),
        Verb::Link { verb: LinkVerb::Relay(options) } => runtime.block_on(link::run::relay(options)),
        Verb::Link { verb: LinkVerb::Tun(options) } => return runtime.block_on(link::tun::run(options)),
    }?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
