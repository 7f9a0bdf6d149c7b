//! Starts one of the servers and does what comes on standard input, a line each:
//!
//! | Command | Answer |
//! | --- | --- |
//! | | at the start: `ready ADDRESS` |
//! | `tokens N` | `tokens T T ..`: access tokens of N accounts |
//! | `members` | `members N`: those who have joined a room and not gone |
//! | `gauge` | `gauge` and a [`gauge::Reading`] as words |
//! | `ticks HZ ROOMS BYTES DELIVERY FIRST COUNT` | `ticked`, when COUNT ticks are over, numbered from FIRST |
//! | `contract` | `contract` and the hash of the hubs' contracts, as hexadecimal digits |
//!
//! The server that counts has more of them, see [`counting`].
//!
//! At the end of standard input the process ends.

mod counting;
mod door;
mod gauge;
mod hub;
mod ledger;
mod listen;
mod messages;
mod plain;
mod ticks;

/// Generated from `examples/proto`.
#[expect(
    dead_code,
    unreachable_pub,
    reason = "a benchmark uses a part of what the generator writes, and is no library"
)]
mod contracts {
    include!(concat!(env!("OUT_DIR"), "/bench_hubs.rs"));
}

use std::alloc::System;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

use bytes::Bytes;
use stats_alloc::StatsAlloc;

use door::Door;
use gauge::Gauge;
use ticks::Ticks;

/// A server under measurement.
trait Server: Send + Sync {
    /// To every member of the room: a [`Payload`](messages::bench::v1::Payload) with these bytes, of which a newer may take the place.
    fn push(&self, room: u32, body: &Bytes, newest_counts: bool);

    /// Who has joined a room and not gone.
    fn members(&self) -> usize;

    /// The answer to a command that this server alone knows; `None`: it does not.
    fn command(&self, words: &[&str]) -> Option<String> {
        let _ = words;
        None
    }
}

/// Runs until standard input ends. With an allocator that counts, readings have allocations.
pub(crate) fn main(allocator: Option<&'static StatsAlloc<System>>) -> ExitCode {
    match try_main(Gauge::new(allocator)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when this fails too.
            let _ = writeln!(std::io::stderr(), "bench server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_main(gauge: Gauge) -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let workers: u16 =
        arguments.next().ok_or("usage: bench_server hub|plain WORKERS, or counting WORKERS GRACE_MS")?.parse()?;
    // As the server has it: counters and histograms cost what they cost there.
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let door = Door::new()?;
    let (address, server): (_, Box<dyn Server>) = match &*kind {
        "hub" => hub::start(workers, door.clone())?,
        "plain" => plain::start(workers)?,
        "counting" => {
            let grace_ms = arguments.next().ok_or("no grace time for lost links")?.parse()?;
            counting::start(workers, grace_ms, door.clone())?
        }
        _ => return Err(format!("no such server: {kind:?}").into()),
    };
    answer(&format!("ready {address}"))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            ["tokens", count] => answer(&format!("tokens {}", door.tokens(count.parse()?).join(" ")))?,
            ["members"] => answer(&format!("members {}", server.members()))?,
            ["gauge"] => answer(&format!("gauge {}", gauge.read()?))?,
            ["ticks", hz, rooms, bytes, delivery, first, count] => {
                let ticks = Ticks {
                    hz: hz.parse()?,
                    rooms: rooms.parse()?,
                    bytes: bytes.parse()?,
                    newest_counts: delivery == "latest",
                    first: first.parse()?,
                    count: count.parse()?,
                };
                ticks.run(&*server);
                answer("ticked")?;
            }
            ["contract"] => answer(&format!("contract {}", door::to_hex(&contracts::CONTRACT_HASH)))?,
            _ => match server.command(&words) {
                Some(told) => answer(&told)?,
                None => return Err(format!("no such command: {line:?}").into()),
            },
        }
    }
    Ok(())
}

fn answer(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
