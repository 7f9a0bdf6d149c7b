//! The verbs and their flags. A flag beats the environment, which beats the file, which beats the default.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::limits::LimitProfile;

/// A real-time multiplayer game server.
#[derive(Debug, Parser)]
#[command(name = "shallot", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the server.
    Serve(ServeArgs),
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Look at the economy of a data folder that no server uses.
    Economy {
        #[command(subcommand)]
        verb: EconomyVerb,
    },
    /// Look at master data.
    Masterdata {
        #[command(subcommand)]
        verb: MasterdataVerb,
    },
    /// Step the simulation through a shard's journal and compare the state at every mark.
    #[command(after_help = REPLAY_CODES)]
    Replay {
        /// A file of the folder `journal.dir`.
        file: PathBuf,
        /// The folder of CSV tables it was recorded over [default: the starter set in the binary].
        #[arg(long, value_name = "DIR")]
        masterdata: Option<PathBuf>,
    },
}

const REPLAY_CODES: &str = "\
Exit codes: 0 equal at all marks; 3 no such file; 4 not a journal; 5 another version; 6 other master data;
7 the state differs; 8 the simulation panicked; 9 nothing to compare; 10 records that do not fit together.
A journal that was cut off is replayed up to there, with a warning.";

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print every problem of the configuration that `serve` would start with, or the configuration itself.
    Check(ServeArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum EconomyVerb {
    /// Prove that nothing was created, lost or doubled: print every broken invariant, and the sums.
    Check {
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "data")]
        data: PathBuf,
        /// Write every committed grant there, a line of JSON each.
        #[arg(long, value_name = "FILE")]
        grants: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MasterdataVerb {
    /// Print every problem of the tables in a folder.
    Check {
        /// A folder of CSV tables, read flat.
        folder: PathBuf,
    },
}

/// What `serve` takes on the command line; everything else stands in the file or the environment.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML). Without one the defaults count.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where data and keys are kept [default: ./data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A folder of CSV tables [default: the starter set in the binary].
    #[arg(long, value_name = "DIR")]
    pub(crate) masterdata: Option<PathBuf>,
    /// Address of gRPC and hubs [default: 127.0.0.1:7400].
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) grpc: Option<SocketAddr>,
    /// Address of /healthz, /readyz and /metrics [default: 127.0.0.1:7401].
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) http: Option<SocketAddr>,
    /// First address of the datagram channel; each gateway worker takes the next port [default: 127.0.0.1:7410].
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) quic: Option<SocketAddr>,
    /// TLS for gRPC too, under the certificate of the data folder.
    #[arg(long)]
    pub(crate) tls: bool,
    /// `load` raises address, connection and command rates for clients on loopback; `tight` is for tests of the limits.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) limits: Option<LimitProfile>,
    /// Log filter, such as `info` or `shallot=debug,warn` [default: info].
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Seed of the simulation [default: drawn at each start].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}
