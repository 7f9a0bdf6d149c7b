//! CPU and memory of a process, and what the machine has of its processors, from the operating system.

use std::collections::BTreeMap;
use std::time::Duration;

/// CPU and memory of a process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time over all threads, seconds.
    pub cpu_s: f64,
    /// Largest resident set that was seen, bytes.
    pub peak_rss_bytes: u64,
}

/// CPU time of this process so far.
#[must_use]
pub fn own_cpu() -> Duration {
    Duration::from_secs_f64(Meter::new(Some(std::process::id())).sample().cpu_s)
}

/// Processor time of a virtual machine so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostTime {
    /// That the host gave to others while something here wanted to run.
    stolen: u64,
    /// In all.
    all: u64,
}

impl HostTime {
    /// `None` where the system does not tell: only Linux does.
    pub(crate) fn now() -> Option<Self> {
        Self::of(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line has user, nice, system, idle, iowait, irq, softirq, steal; what comes after is part of the first two.
    fn of(stat: &str) -> Option<Self> {
        let times: Option<Vec<u64>> = stat
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            .take(8)
            .map(|time| time.parse().ok())
            .collect();
        let times = times.filter(|times| times.len() == 8)?;
        Some(Self { stolen: *times.last()?, all: times.iter().sum() })
    }

    /// Percent of the time since then that were stolen.
    pub(crate) fn stolen_percent_since(self, before: Self) -> f64 {
        let since = |now: u64, then: u64| now.saturating_sub(then) as f64;
        100.0 * since(self.stolen, before.stolen) / since(self.all, before.all).max(1.0)
    }
}

/// Asks the operating system about one process.
pub(crate) struct Meter {
    /// `None`: this platform tells nothing.
    watched: Option<(sysinfo::System, sysinfo::Pid)>,
    usage: Usage,
}

impl Meter {
    /// Of the process with this number.
    pub(crate) fn new(pid: Option<u32>) -> Self {
        let pid = pid.map(sysinfo::Pid::from_u32);
        Self { watched: sysinfo::System::new().ok().zip(pid), usage: Usage::default() }
    }

    /// What it used so far.
    pub(crate) fn sample(&mut self) -> Usage {
        let Some((system, pid)) = &mut self.watched else { return self.usage };
        let kind = sysinfo::ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[*pid]), true, kind);
        if let Some(process) = system.process(*pid) {
            let cpu = Duration::from_millis(process.accumulated_cpu_time()).as_secs_f64();
            self.usage.cpu_s = self.usage.cpu_s.max(cpu);
            self.usage.peak_rss_bytes = self.usage.peak_rss_bytes.max(process.memory());
        }
        self.usage
    }

    /// CPU time of its threads by name up to the first space.
    pub(super) fn cpu_by_thread(&mut self) -> BTreeMap<String, Duration> {
        let mut times = BTreeMap::<String, Duration>::new();
        let Some((system, pid)) = &mut self.watched else { return times };
        let kind = sysinfo::ProcessRefreshKind::nothing().with_cpu().with_tasks();
        // Of one process alone it tells which threads there are, and nothing of them.
        system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::All, true, kind);
        let tasks = system.process(*pid).and_then(sysinfo::Process::tasks).into_iter().flatten();
        for task in tasks.filter_map(|task| system.process(*task)) {
            let name = task.name().to_string_lossy();
            let first = name.split(' ').next().unwrap_or_default().to_owned();
            *times.entry(first).or_default() += Duration::from_millis(task.accumulated_cpu_time());
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_took_is_a_part_of_all() {
        let stat =
            |idle: u64, stolen: u64| HostTime::of(&format!("cpu  10 0 20 {idle} 0 1 2 {stolen} 5 0\ncpu0 1 1 1 1"));
        let (before, after) = (stat(100, 7).unwrap(), stat(160, 27).unwrap());
        assert_eq!(after.stolen_percent_since(before), 25.0);
        assert_eq!(after.stolen_percent_since(after), 0.0);
        assert_eq!(["", "cpu  1 2 3", "cpu  1 2 3 4 5 6 7 x", "intr 1"].map(HostTime::of), [None; 4]);
    }

    #[test]
    fn a_meter_sees_this_very_process() {
        let mut meter = Meter::new(Some(std::process::id()));
        assert!(meter.sample().peak_rss_bytes > 100_000);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_meter_tells_threads_apart_by_the_first_word_of_their_names() {
        let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ends = std::sync::Arc::clone(&is_over);
        let busy = std::thread::Builder::new().name("busy one".to_owned()).spawn(move || {
            while !ends.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let mut meter = Meter::new(Some(std::process::id()));
        let is_seen = (0..1_000).any(|_| {
            std::thread::yield_now();
            meter.cpu_by_thread().get("busy").is_some_and(|time| time.as_millis() >= 20)
        });
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        busy.expect("a thread").join().expect("its end");
        assert!(is_seen, "{:?}", meter.cpu_by_thread());
    }
}
