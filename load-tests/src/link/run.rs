//! The verbs of `link`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::relay::{Counts, Orders, Relay};
use crate::cli::RelayOptions;
use crate::screen::say;

/// Relays until its time is over or Ctrl-C, and tells what became of packets.
///
/// # Errors
/// When the address cannot be bound, or the socket breaks.
pub async fn relay(options: &RelayOptions) -> anyhow::Result<bool> {
    let orders = Orders { up: options.conditions, down: options.conditions, rebinds: 0 };
    let (relay, carries) = Relay::open(options.listen, options.to, orders, options.seed)
        .await
        .with_context(|| format!("cannot listen on udp {}", options.listen))?;
    say(&format!("relay ready listen={} to={}", relay.address, options.to));
    tokio::select! {
        ended = carries => ended.context("the relay's socket broke")?,
        () = rebinding(&relay, options.rebind_every) => {}
        () = over(options.seconds) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    say(&summary(&relay.counts));
    Ok(true)
}

async fn rebinding(relay: &Relay, every: Option<Duration>) {
    let Some(every) = every.filter(|every| !every.is_zero()) else { return std::future::pending().await };
    let mut beats = tokio::time::interval(every);
    beats.tick().await;
    loop {
        beats.tick().await;
        relay.rebind();
    }
}

async fn over(seconds: Option<u32>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
        None => std::future::pending().await,
    }
}

fn summary(counts: &Counts) -> String {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    format!(
        "{} carried, {} lost, {} too large, {} overflowed, {} doubled, {} rebound, {} refused",
        of(&counts.carried),
        of(&counts.lost),
        of(&counts.too_large),
        of(&counts.overflowed),
        of(&counts.doubled),
        of(&counts.rebound),
        of(&counts.refused)
    )
}
