//! `shallot serve`: start everything, wait for the stop, take everything down in order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal;

use crate::cli::ServeArgs;
use crate::config;
use crate::config::Settings;
use crate::lifecycle::Lifecycle;
use crate::wiring::{Addresses, Wired, wire};
use crate::{limits, listeners, telemetry};

/// Threads of the store runtime.
const STORE_THREADS: usize = 2;
/// Over how long drained clients are spread when they come back, milliseconds.
const DRAIN_SPREAD_MS: u32 = 3_000;

/// Runs the server until it is stopped.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let settings = config::load(args)?;
    telemetry::init_logs(&settings.telemetry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(STORE_THREADS)
        .thread_name("stores")
        .enable_all()
        .build()
        .context("cannot start the store runtime")?;
    let outcome = runtime.block_on(serve(&settings));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::new();
    // Before anything else: a signal from here on is an orderly stop, also one that comes while the stores open.
    watch_signals(&lifecycle)?;
    let wired = tokio::select! {
        wired = wire(settings, &lifecycle) => wired?,
        () = lifecycle.hard.cancelled() => anyhow::bail!("stopped at once, before the start was done"),
    };
    let addresses = wired.addresses;
    let down = start(wired, &lifecycle)?;
    announce(addresses);
    lifecycle.soft.cancelled().await;
    down.take_down(&lifecycle).await
}

/// First signal: the soft stop; the second, or too long a drain: the hard one. The handlers stand when this returns.
fn watch_signals(lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let mut signals = Signals::watch().context("cannot watch for the signals that stop the server")?;
    let watched = lifecycle.clone();
    let task = async move {
        tokio::select! {
            () = signals.next() => tracing::info!("stopping; once more to stop at once"),
            () = watched.soft.cancelled() => {}
        }
        watched.soft.cancel();
        tokio::select! {
            () = signals.next() => tracing::warn!("stopping at once"),
            () = tokio::time::sleep(limits::DRAIN) => tracing::warn!("the drain took too long; stopping at once"),
        }
        watched.hard.cancel();
    };
    // Not tracked: it lasts as long as the process.
    tokio::runtime::Handle::current().spawn(task);
    Ok(())
}

/// Ctrl-C and the orchestrator's stop. Unlike `signal::ctrl_c()`, which registers at its first poll, both are registered
/// when `watch` returns: a signal between the ready line and the first poll would end the process without a save.
#[cfg(unix)]
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn watch() -> std::io::Result<Self> {
        use signal::unix::SignalKind;
        Ok(Self {
            interrupt: signal::unix::signal(SignalKind::interrupt())?,
            terminate: signal::unix::signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals(signal::windows::CtrlC);

#[cfg(not(unix))]
impl Signals {
    fn watch() -> std::io::Result<Self> {
        signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// What must be taken down.
struct Running {
    wired: Stopping,
    gateways: Vec<std::thread::JoinHandle<()>>,
    shards: Vec<std::thread::JoinHandle<()>>,
}

/// The parts of [`Wired`] that a stop needs.
struct Stopping {
    stores: std::sync::Arc<shallot_stores::SqliteStores>,
    hub: shallot_hubs::HubServer,
    workers: Vec<std::sync::Arc<crate::gateway::worker::Worker>>,
    health: listeners::http::Health,
    shard_stop: tokio_util::sync::CancellationToken,
    lease: Option<crate::shard::lease::RegionLease>,
}

fn start(wired: Wired, lifecycle: &Lifecycle) -> anyhow::Result<Running> {
    let Wired {
        stores,
        hub,
        workers,
        gateways,
        shards,
        desks,
        http,
        health,
        shard_stop,
        cluster,
        backplane,
        logins,
        presence,
        lease,
        ..
    } = wired;
    if let Some(backplane) = backplane {
        let stop = shard_stop.clone();
        lifecycle.spawn("backplane", async move { cluster.run(backplane, stop).await });
    }
    if let Some(lease) = lease.clone().filter(|_| !shards.is_empty()) {
        let count = u64::try_from(shards.len()).unwrap_or(u64::MAX);
        lifecycle.spawn("region lease", lease.keep(count, lifecycle.clone(), shard_stop.clone()));
    }
    lifecycle.spawn("presence", presence.run(lifecycle.soft.clone()));
    lifecycle.spawn("logins", logins.run(lifecycle.soft.clone()));
    for (desk, items) in desks {
        lifecycle.spawn("desk", desk.run(items));
    }
    let shards = shards.into_iter().map(|shard| shard.start()).collect::<Result<Vec<_>, _>>()?;
    let gateways = gateways.into_iter().map(|gateway| gateway.start()).collect::<Result<Vec<_>, _>>()?;
    let listener = tokio::net::TcpListener::from_std(http)?;
    let (pages, stop) = (health.clone(), lifecycle.soft.clone());
    lifecycle.spawn("http listener", async move {
        if let Err(error) = listeners::http::run(listener, pages, stop).await {
            tracing::error!(%error, "the HTTP listener failed");
        }
    });
    health.ready.store(true, Ordering::SeqCst);
    Ok(Running { wired: Stopping { stores, hub, workers, health, shard_stop, lease }, gateways, shards })
}

#[expect(clippy::print_stdout, reason = "the one line that scripts wait for; logs go to standard error")]
fn announce(addresses: Addresses) {
    let Addresses { grpc, http, quic } = addresses;
    println!("shallot ready grpc={grpc} http={http} quic={quic}");
}

impl Running {
    /// Sessions first, then shards, then desks, then the store.
    async fn take_down(self, lifecycle: &Lifecycle) -> anyhow::Result<()> {
        let Self { wired, gateways, shards } = self;
        wired.health.ready.store(false, Ordering::SeqCst);
        wired.hub.begin_drain(DRAIN_SPREAD_MS);
        tokio::select! {
            () = wired.hub.drained() => {}
            () = lifecycle.hard.cancelled() => {}
        }
        wired.workers.iter().for_each(|worker| worker.set_drained());
        wired.shard_stop.cancel();
        let joined = tokio::task::spawn_blocking(move || {
            shards.into_iter().chain(gateways).filter_map(|thread| thread.join().err()).count()
        });
        tokio::select! {
            panicked = joined => anyhow::ensure!(panicked? == 0, "a thread panicked"),
            () = lifecycle.hard.cancelled() => {}
        }
        lifecycle.finished().await;
        if let Some(lease) = &wired.lease {
            lease.release().await;
        }
        wired.stores.close().await?;
        anyhow::ensure!(!lifecycle.hard.is_cancelled(), "stopped at once; what was not saved is lost");
        anyhow::ensure!(!lifecycle.has_crashed(), "stopped since a part of the server crashed");
        tracing::info!("stopped in order");
        Ok(())
    }
}
