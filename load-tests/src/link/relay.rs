//! A UDP relay with the conditions of a line. Each client has a line of its own, as each player has, with a seed of its own.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::conditions::Conditions;
use super::line::{Fate, Line, Way, Why};
use super::under_way::UnderWay;
use crate::limits::{RELAY_CLIENTS_MAX, RELAY_IDLE, RELAY_INBOX, RELAY_UNDER_WAY_MAX, UDP_PAYLOAD_MAX};

/// What the relay does, which may change while it runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    /// From clients.
    pub up: Conditions,
    /// To clients.
    pub down: Conditions,
    /// Whenever this changes each client gets another address towards the server, as behind a NAT that forgot it.
    pub rebinds: u64,
}

/// What became of packets, both ways together.
#[derive(Debug, Default)]
pub struct Counts {
    /// Handed on; a packet that was doubled counts twice.
    pub carried: AtomicU64,
    /// Lost by chance.
    pub lost: AtomicU64,
    /// Lost since they were too large.
    pub too_large: AtomicU64,
    /// Lost since too much waited for the line, or for the relay itself.
    pub overflowed: AtomicU64,
    /// Doubled.
    pub doubled: AtomicU64,
    /// Addresses given up for another.
    pub rebound: AtomicU64,
    /// Packets of clients beyond [`RELAY_CLIENTS_MAX`].
    pub refused: AtomicU64,
}

/// A relay as whoever commands it knows it.
#[derive(Debug)]
pub struct Relay {
    /// Where clients find it.
    pub address: SocketAddr,
    /// What became of packets.
    pub counts: Arc<Counts>,
    orders: watch::Sender<Orders>,
}

impl Relay {
    /// Binds a relay to `to`, and gives the future that carries. It ends when the relay is dropped.
    ///
    /// # Errors
    /// When `listen` cannot be bound.
    pub async fn open(
        listen: SocketAddr,
        to: SocketAddr,
        orders: Orders,
        seed: u64,
    ) -> io::Result<(Self, impl Future<Output = io::Result<()>> + Send + 'static)> {
        let near = Arc::new(UdpSocket::bind(listen).await?);
        let (sender, receiver) = watch::channel(orders);
        let relay = Self { address: near.local_addr()?, counts: Arc::default(), orders: sender };
        let switch = Switch { near, to, seed, counts: Arc::clone(&relay.counts), orders: receiver };
        Ok((relay, switch.run()))
    }

    /// Changes what it does from now on.
    pub fn change(&self, change: impl FnOnce(&mut Orders)) {
        self.orders.send_modify(change);
    }

    /// Gives each client another address towards the server.
    pub fn rebind(&self) {
        self.change(|orders| orders.rebinds += 1);
    }
}

/// Each line takes two seeds; so many are the relay's own before those of its next seed begin.
const SEEDS_APART: u64 = 1 << 20;

/// Sends what comes from clients to their lines.
struct Switch {
    near: Arc<UdpSocket>,
    to: SocketAddr,
    seed: u64,
    counts: Arc<Counts>,
    orders: watch::Receiver<Orders>,
}

impl Switch {
    async fn run(mut self) -> io::Result<()> {
        let mut clients: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
        let mut carriers = JoinSet::new();
        let mut met = 0;
        let mut buffer = vec![0; UDP_PAYLOAD_MAX];
        loop {
            let (length, client) = tokio::select! {
                came = self.near.recv_from(&mut buffer) => match came {
                    Ok(came) => came,
                    // What was sent to a client that is gone came back as an error.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                    Err(error) => return Err(error),
                },
                gone = carriers.join_next(), if !carriers.is_empty() => {
                    if let Some(Ok(client)) = gone {
                        clients.remove(&client);
                    }
                    continue;
                }
                changed = self.orders.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                },
            };
            let packet = buffer.get(..length).unwrap_or_default().to_vec();
            if let Some(inbox) = clients.get(&client) {
                if inbox.try_send(packet).is_err() {
                    self.counts.overflowed.fetch_add(1, Ordering::Relaxed);
                }
            } else if clients.len() < RELAY_CLIENTS_MAX {
                let (inbox, packets) = mpsc::channel(RELAY_INBOX);
                if inbox.try_send(packet).is_ok() {
                    let carrier = self.carrier(client, met).await?;
                    met += 1;
                    carriers.spawn(carrier.run(packets));
                    clients.insert(client, inbox);
                }
            } else {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn carrier(&self, client: SocketAddr, number: u64) -> io::Result<Carrier> {
        let seed = self.seed.wrapping_mul(SEEDS_APART).wrapping_add(2 * number);
        Ok(Carrier {
            near: Arc::clone(&self.near),
            client,
            far: towards(self.to).await?,
            to: self.to,
            up: Line::new(seed),
            down: Line::new(seed.wrapping_add(1)),
            orders: self.orders.clone(),
            counts: Arc::clone(&self.counts),
            under_way: UnderWay::new(),
            began: Instant::now(),
        })
    }
}

/// A socket of a new address that knows the server alone.
async fn towards(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr =
        if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// One client's line.
struct Carrier {
    near: Arc<UdpSocket>,
    client: SocketAddr,
    far: UdpSocket,
    to: SocketAddr,
    up: Line,
    down: Line,
    orders: watch::Receiver<Orders>,
    counts: Arc<Counts>,
    under_way: UnderWay<(Way, Vec<u8>)>,
    began: Instant,
}

impl Carrier {
    /// Carries until nobody has said anything for [`RELAY_IDLE`]; whose line it was.
    async fn run(mut self, mut packets: mpsc::Receiver<Vec<u8>>) -> SocketAddr {
        let mut buffer = vec![0; UDP_PAYLOAD_MAX];
        let mut rebinds = self.orders.borrow_and_update().rebinds;
        let mut idle_at = Instant::now() + RELAY_IDLE;
        loop {
            let next = self.under_way.next().map(|at| self.began + at);
            tokio::select! {
                packet = packets.recv() => {
                    let Some(packet) = packet else { return self.client };
                    self.enter(Way::Up, packet);
                }
                came = self.far.recv(&mut buffer) => match came {
                    Ok(length) => self.enter(Way::Down, buffer.get(..length).unwrap_or_default().to_vec()),
                    // The server is not there, now or any more: as if nothing had come.
                    Err(_) => tokio::task::yield_now().await,
                },
                () = sleep_until(next.unwrap_or(idle_at)) => {
                    if next.is_none() {
                        return self.client;
                    }
                }
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return self.client;
                    }
                    let now = self.orders.borrow_and_update().rebinds;
                    if std::mem::replace(&mut rebinds, now) != now
                        && let Ok(other) = towards(self.to).await
                    {
                        self.far = other;
                        self.counts.rebound.fetch_add(1, Ordering::Relaxed);
                    }
                    continue;
                }
            }
            idle_at = Instant::now() + RELAY_IDLE;
            self.deliver().await;
        }
    }

    fn enter(&mut self, way: Way, bytes: Vec<u8>) {
        let now = self.began.elapsed();
        let orders = *self.orders.borrow();
        let fate = match way {
            Way::Up => self.up.fate(&orders.up, now, bytes.len()),
            Way::Down => self.down.fate(&orders.down, now, bytes.len()),
        };
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match fate {
            Fate::Lost(Why::Chance) => count(&self.counts.lost),
            Fate::Lost(Why::TooLarge) => count(&self.counts.too_large),
            Fate::Lost(Why::QueueFull) => count(&self.counts.overflowed),
            Fate::Arrives { .. } if self.under_way.len() + 2 > RELAY_UNDER_WAY_MAX => count(&self.counts.overflowed),
            Fate::Arrives { at, again } => {
                if let Some(again) = again {
                    count(&self.counts.doubled);
                    self.under_way.push(again, (way, bytes.clone()));
                }
                self.under_way.push(at, (way, bytes));
            }
        }
    }

    async fn deliver(&mut self) {
        let now = self.began.elapsed();
        while let Some((way, bytes)) = self.under_way.arrived(now) {
            // An end that is gone takes nothing, as on a real line.
            let _ = match way {
                Way::Up => self.far.send(&bytes).await,
                Way::Down => self.near.send_to(&bytes, self.client).await,
            };
            self.counts.carried.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
