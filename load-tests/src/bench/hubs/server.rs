//! A server of the hub benchmarks: which there are, and what can be asked of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use super::super::server_child::ServerChild;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Hub,
    /// Plain tonic.
    Plain,
}

impl Kind {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Plain => "plain",
        }
    }
}

/// The program, twice.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// For times.
    pub timed: PathBuf,
    /// For allocations.
    pub counting: PathBuf,
}

impl Binaries {
    /// The one that counts or the one that does not.
    #[must_use]
    pub fn of(&self, is_counting: bool) -> &Path {
        if is_counting { &self.counting } else { &self.timed }
    }
}

/// Worker threads of a server: one a core, as a gateway has them.
#[must_use]
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a server process has used, at a moment or between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// User and system time of all its threads, nanoseconds.
    pub cpu_ns: u64,
    /// Blocks allocated; 0 from a server that does not count.
    pub allocations: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Resident set, KiB.
    pub rss_kib: u64,
}

impl Reading {
    fn parse(words: &str) -> anyhow::Result<Self> {
        let numbers: Vec<u64> = words.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let &[cpu_ns, allocations, allocated_bytes, rss_kib] = &*numbers else { bail!("no reading: {words:?}") };
        Ok(Self { cpu_ns, allocations, allocated_bytes, rss_kib })
    }

    /// What was used since an earlier one.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            allocations: self.allocations.saturating_sub(earlier.allocations),
            allocated_bytes: self.allocated_bytes.saturating_sub(earlier.allocated_bytes),
            rss_kib: self.rss_kib.saturating_sub(earlier.rss_kib),
        }
    }
}

/// Runs until it is dropped.
pub struct BenchServer {
    child: ServerChild,
    address: SocketAddr,
}

impl BenchServer {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time.
    pub async fn start(binary: &Path, kind: Kind) -> anyhow::Result<Self> {
        Self::launch(Command::new(binary).args([kind.name(), &workers().to_string()])).await
    }

    /// The same of the server that counts, whose sessions wait so long for a new link.
    ///
    /// # Errors
    /// As above.
    pub async fn start_counting(binary: &Path, grace: Duration) -> anyhow::Result<Self> {
        let grace_ms = grace.as_millis().to_string();
        Self::launch(Command::new(binary).args(["counting", &workers().to_string(), &grace_ms])).await
    }

    async fn launch(command: &mut Command) -> anyhow::Result<Self> {
        let child = ServerChild::start(command).await?;
        Ok(Self { address: child.ready().parse()?, child })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Access tokens of so many accounts.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn tokens(&mut self, count: u32) -> anyhow::Result<Vec<String>> {
        let answer = self.child.command(&format!("tokens {count}"), "tokens", Duration::ZERO).await?;
        Ok(answer.split_whitespace().map(str::to_owned).collect())
    }

    /// Those who have joined a room and not gone.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn members(&mut self) -> anyhow::Result<u64> {
        Ok(self.child.command("members", "members", Duration::ZERO).await?.trim().parse()?)
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn gauge(&mut self) -> anyhow::Result<Reading> {
        Reading::parse(&self.child.command("gauge", "gauge", Duration::ZERO).await?)
    }

    /// Runs ticks.
    ///
    /// # Errors
    /// It does not answer in the time that they take.
    pub async fn ticks(&mut self, ticks: Ticks) -> anyhow::Result<()> {
        let Ticks { hz, rooms, bytes, newest_counts, first, count } = ticks;
        let delivery = if newest_counts { "latest" } else { "reliable" };
        let takes = Duration::from_secs(1) * count / hz.max(1);
        let command = format!("ticks {hz} {rooms} {bytes} {delivery} {first} {count}");
        self.child.command(&command, "ticked", takes).await.map(drop)
    }

    /// The contract of its hubs.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn contract(&mut self) -> anyhow::Result<[u8; 32]> {
        let digits = self.child.command("contract", "contract ", Duration::ZERO).await?;
        let byte = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).with_context(|| format!("no hash: {digits:?}"))
    }

    /// The server that counts pushes and asks no more; the number of its last push to all.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn be_still(&mut self) -> anyhow::Result<u64> {
        Ok(self.child.command("still", "still", Duration::ZERO).await?.trim().parse()?)
    }

    /// The sessions of an account as the server that counts has them in its ledger; the account is that of a token by its place, from 0.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn lives(&mut self, account: u32) -> anyhow::Result<String> {
        self.child.command(&format!("lives {account}"), "lives", Duration::ZERO).await
    }
}

/// Ticks that a server is to run.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    /// A second.
    pub hz: u32,
    /// Rooms that get a message each.
    pub rooms: u32,
    /// Length of the message.
    pub bytes: u32,
    /// A newer message may take the place of an older.
    pub newest_counts: bool,
    /// Number of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_four_numbers() {
        let reading = Reading::parse(" 5 4 3 2").expect("four numbers");
        assert_eq!(reading, Reading { cpu_ns: 5, allocations: 4, allocated_bytes: 3, rss_kib: 2 });
        assert!(Reading::parse("5 4 3").is_err() && Reading::parse("5 4 3 x").is_err());
        assert_eq!(reading.since(Reading { cpu_ns: 2, ..Reading::default() }).cpu_ns, 3);
    }
}
