//! One run of one server in one scenario.

use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::bail;
use tokio::time::sleep;

use super::crowd::Crowd;
use super::scenario::{ROOM_HZ, STATE_BYTES, Scenario, Work};
use super::server::{BenchServer, Kind, Reading, Ticks};
use crate::limits::{IDLE_WAIT, SETTLE_TIME_LIMIT, WARM_UP};

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Server CPU, microseconds a unit; of idle sessions KiB each.
    pub per_unit: f64,
    /// Blocks that the server allocated for a unit.
    pub allocations: f64,
    /// Bytes of them.
    pub allocated_bytes: f64,
}

/// Starts the server, lets the members in, measures, and looks whether everything arrived.
///
/// # Errors
/// Something did not arrive, or not as it should; the server cannot be started.
pub async fn measure(binary: &Path, kind: Kind, scenario: &Scenario) -> anyhow::Result<Measured> {
    let mut server = BenchServer::start(binary, kind).await?;
    match scenario.work {
        Work::Broadcast { hz, bytes } => ticks(&mut server, kind, scenario, hz, bytes, 1).await,
        Work::States { rooms } => {
            let members = scenario.sessions / rooms.max(1);
            ticks(&mut server, kind, scenario, ROOM_HZ, members * STATE_BYTES, members).await
        }
        Work::Tell => worked(&mut server, kind, scenario, scenario.sessions.into()).await,
        Work::Echo => worked(&mut server, kind, scenario, 1).await,
        Work::Idle => idle(&mut server, kind, scenario).await,
    }
}

/// The server pushes; a message counts for so many units.
async fn ticks(
    server: &mut BenchServer,
    kind: Kind,
    scenario: &Scenario,
    hz: u32,
    bytes: u32,
    units: u32,
) -> anyhow::Result<Measured> {
    let crowd = Crowd::open(server, kind, scenario).await?;
    let in_time = |time: std::time::Duration| (f64::from(hz) * time.as_secs_f64()) as u32;
    let newest_counts = matches!(scenario.work, Work::States { .. });
    let (before, count) = (in_time(WARM_UP), in_time(scenario.time).max(1));
    let ticks = |first, count| Ticks { hz, rooms: scenario.rooms(), bytes, newest_counts, first, count };
    let pushed = |ticks: u32| u64::from(ticks) * u64::from(scenario.sessions);
    server.ticks(ticks(0, before)).await?;
    crowd.settled(|_| pushed(before), SETTLE_TIME_LIMIT).await?;
    let (begun, delivered) = (server.gauge().await?, crowd.tally.delivered());
    server.ticks(ticks(before, count)).await?;
    // Until all has arrived: a server that is behind at the last tick has its work still to do.
    crowd.settled(|_| pushed(before + count), SETTLE_TIME_LIMIT).await?;
    let used = server.gauge().await?.since(begun);
    // Where a newer state took the place of an older one, the older was not delivered.
    let delivered = crowd.tally.delivered() - delivered;
    Ok(per_unit(used, delivered as f64 * f64::from(units)))
}

/// The members tell or call, and each message goes to so many.
async fn worked(server: &mut BenchServer, kind: Kind, scenario: &Scenario, to: u64) -> anyhow::Result<Measured> {
    let crowd = Crowd::open(server, kind, scenario).await?;
    crowd.work(true);
    sleep(WARM_UP).await;
    let (begun, delivered) = (server.gauge().await?, crowd.tally.delivered());
    sleep(scenario.time).await;
    let (ended, delivered) = (server.gauge().await?, crowd.tally.delivered() - delivered);
    crowd.work(false);
    // What was sent when they were told to stop is the last; none of it may be missing.
    crowd.settled(|tally| tally.sent.load(Ordering::Relaxed) * to, SETTLE_TIME_LIMIT).await?;
    if delivered == 0 {
        bail!("nothing arrived while it was measured");
    }
    Ok(per_unit(ended.since(begun), delivered as f64))
}

/// Memory alone.
async fn idle(server: &mut BenchServer, kind: Kind, scenario: &Scenario) -> anyhow::Result<Measured> {
    let empty = server.gauge().await?;
    let crowd = Crowd::open(server, kind, scenario).await?;
    sleep(IDLE_WAIT).await;
    let used = server.gauge().await?.since(empty);
    crowd.settled(|_| 0, SETTLE_TIME_LIMIT).await?;
    let sessions = f64::from(scenario.sessions);
    Ok(Measured { per_unit: used.rss_kib as f64 / sessions, ..per_unit(used, sessions) })
}

fn per_unit(used: Reading, units: f64) -> Measured {
    Measured {
        per_unit: used.cpu_ns as f64 / 1_000.0 / units,
        allocations: used.allocations as f64 / units,
        allocated_bytes: used.allocated_bytes as f64 / units,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_become_microseconds_a_unit() {
        let used = Reading { cpu_ns: 8_000_000, allocations: 500, allocated_bytes: 64_000, rss_kib: 0 };
        let measured = per_unit(used, 1_000.0);
        assert_eq!(measured, Measured { per_unit: 8.0, allocations: 0.5, allocated_bytes: 64.0 });
    }
}
