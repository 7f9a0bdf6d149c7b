//! What this process has used so far.

use std::alloc::System;
use std::fmt;

use rustix::time::{ClockId, clock_gettime};
use stats_alloc::StatsAlloc;

/// Reads it.
#[derive(Clone, Copy)]
pub(crate) struct Gauge {
    allocator: Option<&'static StatsAlloc<System>>,
}

/// At a moment; differences count.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reading {
    /// User and system time of all threads, nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Blocks that were allocated; growing in place is none.
    pub(crate) allocations: u64,
    /// Bytes that were allocated.
    pub(crate) allocated_bytes: u64,
    /// Resident set, KiB.
    pub(crate) rss_kib: u64,
}

impl Gauge {
    pub(crate) fn new(allocator: Option<&'static StatsAlloc<System>>) -> Self {
        Self { allocator }
    }

    pub(crate) fn read(&self) -> Result<Reading, Box<dyn std::error::Error>> {
        let stats = self.allocator.map(StatsAlloc::stats).unwrap_or_default();
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let status = std::fs::read_to_string("/proc/self/status")?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
        Ok(Reading {
            cpu_ns: u64::try_from(cpu.tv_sec)? * 1_000_000_000 + u64::try_from(cpu.tv_nsec)?,
            allocations: u64::try_from(stats.allocations)?,
            allocated_bytes: u64::try_from(stats.bytes_allocated)?,
            rss_kib: rss.trim().trim_end_matches("kB").trim_end().parse()?,
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu_ns, allocations, allocated_bytes, rss_kib } = self;
        write!(f, "{cpu_ns} {allocations} {allocated_bytes} {rss_kib}")
    }
}
