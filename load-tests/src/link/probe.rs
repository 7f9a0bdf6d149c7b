//! What a line really does: an echo over UDP, which tells loss and round trips, and one over TCP.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::conditions::Conditions;
use crate::limits::{PROBE_BYTES, PROBE_EVERY, PROBE_EXCHANGES, PROBE_PACKETS, PROBE_SILENCE, PROBE_TIME_LIMIT};

/// Bytes of a UDP packet's payload, and of a small exchange over TCP.
const SMALL: usize = 100;

/// What a probe found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// UDP packets that were sent.
    pub sent: u32,
    /// Of them, those that came back; doubled ones count once.
    pub came_back: u32,
    /// Shortest round trip of a UDP packet, microseconds: the line's own, whatever else the machine does.
    pub udp_rtt_us_least: u64,
    /// The same, median.
    pub udp_rtt_us_p50: u64,
    /// The same, 99th percentile.
    pub udp_rtt_us_p99: u64,
    /// Shortest round trip of a small exchange over TCP, microseconds.
    pub tcp_rtt_us_least: u64,
    /// The same, median.
    pub tcp_rtt_us_p50: u64,
    /// Bytes that came back over TCP as they were sent.
    pub tcp_bytes: usize,
    /// In so long, microseconds.
    pub tcp_bytes_us: u64,
}

impl Found {
    /// Part of the packets that were lost on their way there or back.
    #[must_use]
    pub fn loss(&self) -> f64 {
        1.0 - f64::from(self.came_back) / f64::from(self.sent.max(1))
    }

    /// Beside what was asked for.
    #[must_use]
    pub fn to_text(&self, asked: &Conditions) -> String {
        let both_ways = 1.0 - (1.0 - asked.loss.as_f64()).powi(2);
        let ms = |us: u64| us as f64 / 1e3;
        format!(
            "udp  {} of {} came back: {:.2} % lost both ways, {:.2} % asked for; round trip {:.1} ms median, {:.1} ms p99, {:.1} ms asked for\n\
             tcp  round trip {:.1} ms median; {} bytes there and back in {:.0} ms",
            self.came_back,
            self.sent,
            self.loss() * 1e2,
            both_ways * 1e2,
            ms(self.udp_rtt_us_p50),
            ms(self.udp_rtt_us_p99),
            (2 * asked.delay).as_secs_f64() * 1e3,
            ms(self.tcp_rtt_us_p50),
            self.tcp_bytes,
            ms(self.tcp_bytes_us),
        )
    }
}

/// Probes the line between a server at `near` and a client that finds it at `far`.
///
/// # Errors
/// When an address cannot be bound, no packet or connection passes, or bytes came back changed.
pub async fn probe(near: IpAddr, far: IpAddr) -> anyhow::Result<Found> {
    let mut echoes = JoinSet::new();
    let datagrams = UdpSocket::bind((near, 0)).await.with_context(|| format!("udp at {near}"))?;
    let streams = TcpListener::bind((near, 0)).await.with_context(|| format!("tcp at {near}"))?;
    let (udp_port, tcp_port) = (datagrams.local_addr()?.port(), streams.local_addr()?.port());
    echoes.spawn(echo_datagrams(datagrams));
    echoes.spawn(echo_streams(streams));

    let socket = UdpSocket::bind((near, 0)).await?;
    socket.connect((far, udp_port)).await?;
    let mut trips = timeout(PROBE_TIME_LIMIT, over_udp(&socket)).await.context("udp took too long")??;
    let came_back = u32::try_from(trips.len()).unwrap_or(u32::MAX);
    ensure!(came_back > 0, "no UDP packet came back");
    let stream =
        timeout(PROBE_TIME_LIMIT, TcpStream::connect((far, tcp_port))).await.context("no TCP connection")??;
    let (mut exchanges, took) = timeout(PROBE_TIME_LIMIT, over_tcp(stream)).await.context("tcp took too long")??;
    Ok(Found {
        sent: PROBE_PACKETS,
        came_back,
        udp_rtt_us_least: percentile(&mut trips, 0),
        udp_rtt_us_p50: percentile(&mut trips, 50),
        udp_rtt_us_p99: percentile(&mut trips, 99),
        tcp_rtt_us_least: percentile(&mut exchanges, 0),
        tcp_rtt_us_p50: percentile(&mut exchanges, 50),
        tcp_bytes: PROBE_BYTES,
        tcp_bytes_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    })
}

async fn echo_datagrams(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = [0; SMALL];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(buffer.get(..length).unwrap_or_default(), from).await?;
    }
}

async fn echo_streams(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await?;
    }
}

/// Round trips of all packets that came back.
async fn over_udp(socket: &UdpSocket) -> io::Result<Vec<Duration>> {
    let mut sent_at = Vec::new();
    let mut trips: Vec<Option<Duration>> = Vec::new();
    let mut beats = interval(PROBE_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buffer = [0; SMALL];
    let mut missing = PROBE_PACKETS;
    while missing > 0 {
        let are_all_sent = trips.len() == PROBE_PACKETS as usize;
        tokio::select! {
            came = socket.recv(&mut buffer) => {
                came?;
                let number = buffer.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes)) as usize;
                if let (Some(sent), Some(trip @ None)) = (sent_at.get(number), trips.get_mut(number)) {
                    *trip = Some(Instant::now().duration_since(*sent));
                    missing -= 1;
                }
            }
            _ = beats.tick(), if !are_all_sent => {
                let mut packet = [0; SMALL];
                packet[..4].copy_from_slice(&u32::try_from(trips.len()).unwrap_or(u32::MAX).to_be_bytes());
                sent_at.push(Instant::now());
                trips.push(None);
                socket.send(&packet).await?;
            }
            () = tokio::time::sleep(PROBE_SILENCE), if are_all_sent => break,
        }
    }
    Ok(trips.into_iter().flatten().collect())
}

/// Round trips of small exchanges, and the time of many bytes.
async fn over_tcp(mut stream: TcpStream) -> anyhow::Result<(Vec<Duration>, Duration)> {
    stream.set_nodelay(true)?;
    let mut trips = Vec::new();
    for _ in 0..PROBE_EXCHANGES {
        let began = Instant::now();
        stream.write_all(&[7; SMALL]).await?;
        stream.read_exact(&mut [0; SMALL]).await?;
        trips.push(began.elapsed());
    }
    let bytes: Vec<u8> = (0..PROBE_BYTES).map(|n| (n % 251) as u8).collect();
    let mut back = vec![0; PROBE_BYTES];
    let (mut from, mut to) = stream.split();
    let began = Instant::now();
    let (sent, came) = tokio::join!(to.write_all(&bytes), from.read_exact(&mut back));
    sent?;
    came?;
    ensure!(bytes == back, "bytes came back changed");
    Ok((trips, began.elapsed()))
}

/// In microseconds; of none 0.
fn percentile(trips: &mut [Duration], percent: usize) -> u64 {
    trips.sort_unstable();
    let at = (trips.len() * percent / 100).min(trips.len().saturating_sub(1));
    trips.get(at).map_or(0, |trip| u64::try_from(trip.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn on_the_loopback_nothing_is_lost() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let found = probe(here, here).await.unwrap();
        assert_eq!((found.sent, found.came_back, found.tcp_bytes), (PROBE_PACKETS, PROBE_PACKETS, PROBE_BYTES));
        assert!(found.udp_rtt_us_least <= found.udp_rtt_us_p50 && found.udp_rtt_us_p50 <= found.udp_rtt_us_p99);
        assert!(found.loss() < f64::EPSILON);
        let text = found.to_text(&Conditions::default());
        assert!(text.contains("1000 of 1000 came back: 0.00 % lost"), "{text}");
    }
}
