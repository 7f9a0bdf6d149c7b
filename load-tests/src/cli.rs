//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::limits::{
    BENCH_ROUNDS_MAX, BENCH_SECONDS_MAX, BENCH_SESSIONS_MAX, BOTS_MAX, CHATTERS_MAX, CUT_CLIENTS_MAX, CUT_SECONDS_MAX,
    CUTS_MAX, GRACE_SECONDS_MAX, LINK_SECONDS_MAX, ROUND_SECONDS_MAX, ROUNDS_MAX, SECONDS_MAX, SECONDS_MIN, SLOW_MAX,
};
use crate::link::conditions::Conditions;
use crate::link::units::time;

/// Bots and load for Shallot.
#[derive(Debug, Parser)]
#[command(name = "shallot-load", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What the tool can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Starts a server with bots that sign in, walk, fight, loot and dress, and reports what they saw.
    Demo(DemoOptions),
    /// Measures what something costs.
    Bench {
        /// What.
        #[command(subcommand)]
        verb: BenchVerb,
    },
    /// Makes failures happen under load and looks at what they left behind.
    Faults {
        /// Which.
        #[command(subcommand)]
        verb: FaultsVerb,
    },
    /// A line with loss and delay between clients and a server.
    Link {
        /// Which.
        #[command(subcommand)]
        verb: LinkVerb,
    },
}

/// Lines with loss and delay.
#[derive(Debug, Subcommand)]
pub enum LinkVerb {
    /// Relays UDP with loss, delay and the like. What happens to each packet is drawn by a seed; each client has a line of its own.
    Relay(RelayOptions),
    /// Runs a command, or a probe of the line itself, in a network namespace in which all packets from 10.77.0.1 to 10.77.0.2 and back, of
    /// TCP and UDP alike, pass a line. A server listens at 10.77.0.1, its clients find it at 10.77.0.2. Needs Linux and root.
    Tun(TunOptions),
}

/// Options of `link tun`.
#[derive(Clone, Debug, Args)]
pub struct TunOptions {
    /// What the line does to packets.
    #[command(flatten)]
    pub conditions: Conditions,
    /// Decides what happens to which packet.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes what the probe found there as JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub report: Option<PathBuf>,
    /// Already in the namespace: the tool starts itself there.
    #[arg(long, hide = true)]
    pub inside: bool,
    /// What to run; its exit code is the tool's. Without it the line is probed.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// Options of `link relay`.
#[derive(Clone, Debug, Args)]
pub struct RelayOptions {
    /// UDP address that clients send to.
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// UDP address that it sends to.
    #[arg(long, value_name = "ADDR")]
    pub to: SocketAddr,
    /// What it does to packets.
    #[command(flatten)]
    pub conditions: Conditions,
    /// Clients get another address towards the server so often, as behind a NAT that forgets; without it never.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub rebind_every: Option<std::time::Duration>,
    /// Decides what happens to which packet.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Ends after so long; without it at Ctrl-C.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(LINK_SECONDS_MAX)))]
    pub seconds: Option<u32>,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum BenchVerb {
    /// Server CPU of the hub runtime for a delivery or a call, beside a plain tonic service on the same bytes; allocations and
    /// memory of an idle session.
    Hubs(BenchHubsOptions),
    /// The datagram channel at speed: what players have before them (age of states, what is drawn against the truth), and what it costs a
    /// server, beside the targets. Scenes with a line need Linux and root.
    Netcode(BenchNetcodeOptions),
    /// Serves plain QUIC until standard input ends: what `netcode` measures beside our own.
    #[command(hide = true)]
    PlainQuic(PlainQuicOptions),
}

/// Options of `bench plain-quic`.
#[derive(Clone, Debug, Args)]
pub struct PlainQuicOptions {
    /// Address of this machine that it listens at.
    #[arg(long)]
    pub host: std::net::IpAddr,
    /// Bytes of each datagram that it sends.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1_150))]
    pub bytes: u16,
}

/// Options of `bench netcode`.
#[derive(Clone, Debug, Args)]
pub struct BenchNetcodeOptions {
    /// Scenes by name; without it all of them.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Measured part of each scene.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=i64::from(BENCH_SECONDS_MAX)))]
    pub seconds: u32,
    /// Players of each scene at most; without it as many as it is made for.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(BOTS_MAX)))]
    pub players: Option<u32>,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Already behind a line: the tool starts itself there.
    #[arg(long, hide = true)]
    pub inside: bool,
}

/// Options of `bench hubs`.
#[derive(Clone, Debug, Args)]
pub struct BenchHubsOptions {
    /// Scenarios by name; without it all of them.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Measured part of each run.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=i64::from(BENCH_SECONDS_MAX)))]
    pub seconds: u32,
    /// Sessions of each scenario at most; without it as many as it is made for.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(BENCH_SESSIONS_MAX)))]
    pub sessions: Option<u32>,
    /// Runs of each server; the least counts. One more counts allocations.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=i64::from(BENCH_ROUNDS_MAX)))]
    pub rounds: u32,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Failures that are made on purpose.
#[derive(Debug, Subcommand)]
pub enum FaultsVerb {
    /// Ends the server by `kill -9` again and again while rewards flow, and proves after each time that what bots were told is stored
    /// exactly once.
    Crash(CrashOptions),
    /// Lets some members of a room stop reading while the others chat: the slow ones must be ended, the others not be hurt.
    SlowReaders(SlowReadersOptions),
    /// Cuts the links of clients again and again while they are pushed to, call and are asked: those that come back in time lose
    /// nothing and have nothing twice, those that do not are told.
    CutLinks(CutLinksOptions),
    /// Ends a server with many players by `kill -9`, starts it again, and has all of them come back within seconds.
    Reconnects(ReconnectsOptions),
    /// Has players come into one place within seconds and stay: ticks, bytes and the age of state must stay within bounds.
    Crowd(CrowdOptions),
}

/// Options of `faults crowd`.
#[derive(Clone, Debug, Args)]
pub struct CrowdOptions {
    /// Players.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(BOTS_MAX)))]
    pub clients: u32,
    /// Their first attempts fall into so long.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUND_SECONDS_MAX)))]
    pub seconds: u32,
    /// Decides who comes when.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `faults reconnects`.
#[derive(Clone, Debug, Args)]
pub struct ReconnectsOptions {
    /// Players.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(BOTS_MAX)))]
    pub clients: u32,
    /// Their first attempts fall into so long.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUND_SECONDS_MAX)))]
    pub seconds: u32,
    /// Decides who comes when.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `faults cut-links`.
#[derive(Clone, Debug, Args)]
pub struct CutLinksOptions {
    /// Clients.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=i64::from(CUT_CLIENTS_MAX)))]
    pub clients: u32,
    /// Cuts of all together.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(CUTS_MAX)))]
    pub cuts: u32,
    /// Time in which they fall.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=i64::from(CUT_SECONDS_MAX)))]
    pub seconds: u32,
    /// So many of a hundred clients are kept away for longer than the server waits, at least one.
    #[arg(long, default_value_t = 5, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub away: u32,
    /// For so long the server keeps a session without a link.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(GRACE_SECONDS_MAX)))]
    pub grace_seconds: u32,
    /// Decides which links are cut, when and how.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `faults slow-readers`.
#[derive(Clone, Debug, Args)]
pub struct SlowReadersOptions {
    /// Members who chat, 50 messages a second together.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=i64::from(CHATTERS_MAX)))]
    pub chatters: u32,
    /// Members who stop reading.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=i64::from(SLOW_MAX)))]
    pub slow: u32,
    /// Time with all reading, and at least so long with some not.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(BENCH_SECONDS_MAX)))]
    pub seconds: u32,
    /// Runs; of their p99 the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=i64::from(BENCH_ROUNDS_MAX)))]
    pub rounds: u32,
    /// The others' p99 may rise by this factor; 0: it is not looked at.
    #[arg(long, default_value_t = 1.2)]
    pub p99_factor: f64,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `faults crash`.
#[derive(Clone, Debug, Args)]
pub struct CrashOptions {
    /// Kills.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MAX)))]
    pub rounds: u32,
    /// How many bots play.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=i64::from(BOTS_MAX)))]
    pub bots: u32,
    /// Longest play before a kill, from when all bots are in; the shortest is half of it.
    #[arg(long, default_value_t = 8, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUND_SECONDS_MAX)))]
    pub seconds_per_round: u32,
    /// Decides when kills fall and what bots choose by chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// How many bots play.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(BOTS_MAX)))]
    pub bots: u32,
    /// How long they play; the last part of it they only collect what lies there.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(i64::from(SECONDS_MIN)..=i64::from(SECONDS_MAX)))]
    pub seconds: u32,
    /// Folder of CSV tables to play on; without it the set that the server carries.
    #[arg(long, value_name = "DIR")]
    pub masterdata: Option<PathBuf>,
    /// gRPC address of a server that runs already (it needs `--limits load`); without it one is built and started.
    #[arg(long, value_name = "ADDR")]
    pub server: Option<String>,
    /// HTTP address of that server, for its tick times.
    #[arg(long, value_name = "ADDR", requires = "server")]
    pub metrics: Option<SocketAddr>,
    /// Writes the report there as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Decides names, classes and what bots choose by chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// So many of a hundred bots go to a second region, when the set has one for beginners.
    #[arg(long, default_value_t = 20, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub second_region: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &[&str]) -> Result<DemoOptions, clap::Error> {
        match Cli::try_parse_from(["shallot-load", "demo"].iter().chain(words))?.verb {
            Verb::Demo(options) => Ok(options),
            verb => panic!("{verb:?} out of `demo`"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_options_fifty_bots_play_a_minute() {
        let options = parse(&[]).expect("defaults");
        assert_eq!((options.bots, options.seconds, options.seed), (50, 60, 1));
        assert!(options.server.is_none() && options.masterdata.is_none() && options.report.is_none());
    }

    #[test]
    fn a_cut_links_run_is_a_thousand_cuts_of_two_hundred_clients_links_in_a_minute() {
        let cli = Cli::try_parse_from(["shallot-load", "faults", "cut-links"]).expect("defaults");
        let Verb::Faults { verb: FaultsVerb::CutLinks(options) } = cli.verb else { panic!("{cli:?}") };
        assert_eq!((options.clients, options.cuts, options.seconds), (200, 1_000, 60));
        assert_eq!((options.away, options.grace_seconds, options.seed), (5, 10, 1));
    }

    #[test]
    fn a_storm_is_two_thousand_in_five_seconds_and_a_crowd_one_thousand_in_ten() {
        let verb = |words: &[&str]| match Cli::try_parse_from(["shallot-load", "faults"].iter().chain(words)) {
            Ok(Cli { verb: Verb::Faults { verb } }) => verb,
            other => panic!("{other:?}"),
        };
        let FaultsVerb::Reconnects(storm) = verb(&["reconnects"]) else { panic!("no storm") };
        assert_eq!((storm.clients, storm.seconds, storm.seed), (2_000, 5, 1));
        let FaultsVerb::Crowd(crowd) = verb(&["crowd"]) else { panic!("no crowd") };
        assert_eq!((crowd.clients, crowd.seconds, crowd.seed), (1_000, 10, 1));
    }

    #[test]
    fn a_crash_test_is_twenty_kills_under_forty_bots() {
        let cli = Cli::try_parse_from(["shallot-load", "faults", "crash"]).expect("defaults");
        let Verb::Faults { verb: FaultsVerb::Crash(options) } = cli.verb else { panic!("{cli:?}") };
        assert_eq!((options.rounds, options.bots, options.seconds_per_round, options.seed), (20, 40, 8, 1));
        for words in [["--rounds", "0"], ["--bots", "0"], ["--seconds-per-round", "0"], ["--seed", "x"]] {
            assert!(
                Cli::try_parse_from(["shallot-load", "faults", "crash"].iter().chain(&words)).is_err(),
                "{words:?}"
            );
        }
        assert!(Cli::try_parse_from(["shallot-load", "faults"]).is_err());
    }

    #[test]
    fn a_relay_has_the_conditions_it_is_given() {
        let words = ["shallot-load", "link", "relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:7410"];
        let relay = |more: &[&str]| Cli::try_parse_from(words.iter().chain(more));
        let cli = relay(&["--loss", "2%", "--delay", "25ms", "--rate", "64kbit", "--max-size", "1200"]).expect("relay");
        let Verb::Link { verb: LinkVerb::Relay(options) } = cli.verb else { panic!("{cli:?}") };
        let conditions = options.conditions;
        assert_eq!((conditions.loss.as_f64(), conditions.delay.as_millis()), (0.02, 25));
        assert_eq!((conditions.rate.map(|r| r.0), conditions.max_size.map(|s| s.0)), (Some(8_000), Some(1_200)));
        for more in [["--loss", "2"], ["--loss", "200%"], ["--delay", "25"], ["--rate", "fast"], ["--max-size", "1GiB"]]
        {
            assert!(relay(&more).is_err(), "{more:?}");
        }
    }

    #[test]
    fn a_tun_line_runs_what_stands_behind_the_dashes() {
        let cli = Cli::try_parse_from(["shallot-load", "link", "tun", "--loss", "2%", "--", "sh", "-c", "true"]);
        let Ok(Verb::Link { verb: LinkVerb::Tun(options) }) = cli.map(|cli| cli.verb) else { panic!("no tun") };
        assert_eq!((options.command.len(), options.inside, options.seed), (3, false, 1));
        assert!(Cli::try_parse_from(["shallot-load", "link", "tun", "sh"]).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [
            &["--bots", "0"][..],
            &["--bots", "x"],
            &["--seconds", "1"],
            &["--second-region", "101"],
            &["--metrics", "127.0.0.1:1"],
            &["--server"],
            &["--nonsense"],
            &["run"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
