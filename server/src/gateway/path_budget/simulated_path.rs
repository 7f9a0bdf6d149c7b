//! QUIC itself under the budget, over simulated paths in simulated time: how old a client's newest state is.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, ServerConfig, TransportConfig,
};
use rustls::pki_types::CertificateDer;

use super::*;
use crate::limits::{DATAGRAM_SEND_BUFFER, PATH_SAMPLE};
use crate::listeners::quic;
use crate::listeners::quic_window::{Window, Windows};
use crate::listeners::tls::Identity;

const TICK: Duration = Duration::from_millis(TICK_MS as u64);
/// Bytes of an input datagram.
const INPUT: usize = 40;

/// One way of a path.
struct Way {
    delay: Duration,
    loss_permille: u64,
    /// Bytes a second, and bytes that may wait for them.
    narrow: Option<(u64, u64)>,
    /// Larger packets are lost.
    largest: usize,
    dice: u64,
    free_at: Duration,
    under_way: VecDeque<(Duration, Bytes)>,
}

impl Way {
    fn new(delay: Duration, loss_permille: u64, narrow: Option<(u64, u64)>, seed: u64) -> Self {
        Self {
            delay,
            loss_permille,
            narrow,
            largest: usize::MAX,
            dice: seed,
            free_at: Duration::ZERO,
            under_way: VecDeque::new(),
        }
    }

    fn enter(&mut self, now: Duration, packet: &[u8]) {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if packet.len() > self.largest || (self.dice >> 33) % 1_000 < self.loss_permille {
            return;
        }
        let mut out = now;
        if let Some((rate, room)) = self.narrow {
            let length = packet.len() as u64;
            let waiting = self.free_at.saturating_sub(now).as_micros() as u64 * rate / 1_000_000;
            if waiting + length > room {
                return;
            }
            self.free_at = self.free_at.max(now) + Duration::from_micros(length * 1_000_000 / rate);
            out = self.free_at;
        }
        self.under_way.push_back((out + self.delay, Bytes::copy_from_slice(packet)));
    }

    fn next(&self) -> Option<Duration> {
        self.under_way.front().map(|(at, _)| *at)
    }

    fn arrived(&mut self, now: Duration) -> Option<Bytes> {
        self.under_way.pop_front_if(|(at, _)| *at <= now).map(|(_, packet)| packet)
    }
}

/// One end, with at most one connection.
struct End {
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
    peer: SocketAddr,
    buffer: Vec<u8>,
}

impl End {
    fn of(endpoint: Endpoint, peer: SocketAddr) -> Self {
        Self { endpoint, connection: None, peer, buffer: Vec::new() }
    }

    fn take(&mut self, now: Instant, packet: &[u8]) {
        self.buffer.clear();
        match self.endpoint.handle(now, self.peer, None, None, BytesMut::from(packet), &mut self.buffer) {
            Some(DatagramEvent::NewConnection(incoming)) => {
                let accepted = self.endpoint.accept(incoming, now, &mut self.buffer, None);
                self.connection = Some(accepted.unwrap_or_else(|error| panic!("{}", error.cause)));
            }
            Some(DatagramEvent::ConnectionEvent(_, event)) => {
                self.connection.as_mut().unwrap().1.handle_event(event);
            }
            Some(DatagramEvent::Response(_)) => panic!("an endpoint answered by itself"),
            None => {}
        }
    }

    /// Lets timers fire and everything leave that may.
    fn turn(&mut self, now: Instant, since: Duration, way: &mut Way) {
        let Some((handle, connection)) = &mut self.connection else { return };
        if connection.poll_timeout().is_some_and(|due| due <= now) {
            connection.handle_timeout(now);
        }
        while let Some(event) = connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(*handle, event) {
                connection.handle_event(event);
            }
        }
        while connection.poll().is_some() {}
        self.buffer.clear();
        while let Some(transmit) = connection.poll_transmit(now, 1, &mut self.buffer) {
            way.enter(since, &self.buffer[..transmit.size]);
            self.buffer.clear();
        }
    }

    fn connection(&mut self) -> &mut Connection {
        &mut self.connection.as_mut().unwrap().1
    }
}

/// QUIC's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settings {
    /// Those of our server; its client asks for acknowledgements as the Rust client does.
    Ours,
    /// Ours, but for acknowledgements, which go out when QUIC says so.
    EagerAcks,
    /// Those of quinn, and no budget.
    Stock,
}

/// A server that sends snapshots as the gateway does, and a client that sends inputs.
struct Play {
    server: End,
    client: End,
    up: Way,
    down: Way,
    start: Instant,
    now: Duration,
    /// `None`: all is sent, whatever becomes of it.
    budget: Option<PathBudget>,
    lowered: Vec<Lowered>,
    /// What a datagram does not carry and a link does, if there is one: when each snapshot was sent.
    link: Option<VecDeque<Duration>>,
    /// When the newest state that the client has was sent.
    newest: Duration,
    ages: Vec<Duration>,
    /// How old each snapshot was when it arrived, to a tick.
    arrivals: Vec<Duration>,
}

impl Play {
    fn new(delay: Duration, loss_permille: u64, narrow: Option<(u64, u64)>, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (identity, _) = Identity::development(folder.path()).unwrap();
        let mut server = quic::server_config(&identity).unwrap();
        let mut client_transport = TransportConfig::default();
        match settings {
            Settings::Ours => {
                client_transport
                    .ack_frequency_config(Some(quic::acknowledgements()))
                    .congestion_controller_factory(Arc::new(Windows));
            }
            Settings::EagerAcks => {
                Arc::get_mut(&mut server.transport).unwrap().ack_frequency_config(None);
            }
            Settings::Stock => server.transport = Arc::new(TransportConfig::default()),
        }
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (near, far) = (address(1_001), address(1_002));
        let endpoint = |server: Option<ServerConfig>, seed| {
            Endpoint::new(Arc::new(EndpointConfig::default()), server.map(Arc::new), true, Some([seed; 32]))
        };
        let start = tokio::time::Instant::now().into_std();
        let mut client = End::of(endpoint(None, 1), near);
        let config = client_config(identity.der().unwrap().0, client_transport);
        client.connection = Some(client.endpoint.connect(start, config, near, "localhost").unwrap());
        Self {
            server: End::of(endpoint(Some(server), 2), far),
            client,
            up: Way::new(delay, loss_permille, None, 3),
            down: Way::new(delay, loss_permille, narrow, 4),
            start,
            now: Duration::ZERO,
            budget: (settings != Settings::Stock).then(PathBudget::new),
            lowered: Vec::new(),
            link: None,
            newest: Duration::ZERO,
            ages: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    /// Lets everything happen that happens until `until`.
    fn run(&mut self, until: Duration) {
        loop {
            let now = self.start + self.now;
            self.client.turn(now, self.now, &mut self.up);
            self.server.turn(now, self.now, &mut self.down);
            while let Some(packet) = self.up.arrived(self.now) {
                self.server.take(now, &packet);
            }
            while let Some(packet) = self.down.arrived(self.now) {
                self.client.take(now, &packet);
            }
            let mut due = [self.up.next(), self.down.next(), None, None];
            for (end, due) in [&mut self.client, &mut self.server].into_iter().zip(&mut due[2..]) {
                let timeout = end.connection.as_mut().and_then(|(_, connection)| connection.poll_timeout());
                *due = timeout.map(|at| at.saturating_duration_since(self.start));
            }
            match due.into_iter().flatten().min() {
                Some(next) if next <= until => self.now = self.now.max(next),
                _ => break,
            }
        }
        self.now = until;
    }

    fn connect(&mut self) {
        let limit = Duration::from_secs(30);
        while self.server.connection.as_ref().is_none_or(|(_, connection)| connection.is_handshaking()) {
            self.run(self.now + TICK);
            assert!(self.now < limit, "no handshake");
        }
        self.newest = self.now;
    }

    /// One tick with a snapshot of at most `wanted` bytes, and of so many with a link; notes the age of the client's newest state.
    fn tick(&mut self, wanted: usize) {
        let told = self.budget.as_ref().filter(|_| self.link.is_none());
        let size = wanted.min(told.map_or(MAX_DATAGRAM, PathBudget::snapshot_bytes));
        let pass = self.budget.as_mut().map_or(Pass::Go, |budget| budget.pass(size));
        if let Some(link) = self.link.as_mut().filter(|_| pass == Pass::TooLarge) {
            link.push_back(self.now);
        }
        if pass == Pass::Go {
            let mut snapshot = vec![0; size];
            snapshot[..8].copy_from_slice(&(self.now.as_micros() as u64).to_le_bytes());
            self.server.connection().datagrams().send(snapshot.into(), true).unwrap();
        }
        self.client.connection().datagrams().send(vec![0; INPUT].into(), true).unwrap();
        self.run(self.now + TICK);
        while self.server.connection().datagrams().recv().is_some() {}
        while let Some(snapshot) = self.client.connection().datagrams().recv() {
            let sent = Duration::from_micros(u64::from_le_bytes(*snapshot.first_chunk().unwrap()));
            self.newest = self.newest.max(sent);
            self.arrivals.push(self.now - sent);
        }
        let arrived = self.now.saturating_sub(self.down.delay);
        while let Some(sent) = self.link.as_mut().and_then(|link| link.pop_front_if(|sent| *sent <= arrived)) {
            self.newest = self.newest.max(sent);
        }
        self.ages.push(self.now - self.newest);
        if self.now.as_micros() % PATH_SAMPLE.as_micros() < TICK.as_micros() {
            self.look();
        }
    }

    fn look(&mut self) {
        let Some(budget) = &mut self.budget else { return };
        let connection = &self.server.connection.as_ref().unwrap().1;
        let trips = Window::round_trips(connection.congestion_state().clone_box());
        self.lowered.extend(budget.observe(PathSample::of(&connection.stats(), trips)));
    }

    /// Plays so long; the age that 99 of 100 looks in the last `judged` saw at most.
    fn play(&mut self, time: Duration, judged: Duration, wanted: usize) -> Duration {
        let ticks = |time: Duration| (time.as_millis() / TICK.as_millis()) as usize;
        (0..ticks(time)).for_each(|_| self.tick(wanted));
        let mut ages = self.ages[self.ages.len() - ticks(judged)..].to_vec();
        ages.sort_unstable();
        ages[ages.len() * 99 / 100]
    }
}

fn client_config(chain: Vec<CertificateDer<'static>>, transport: TransportConfig) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    chain.into_iter().for_each(|certificate| roots.add(certificate).unwrap());
    let mut tls = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"shallot/1".to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(transport));
    config
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Under quinn's stock controller each loss halves a window that grows hardly at all, until snapshots wait for it.
#[test]
fn five_percent_loss_for_ten_minutes_do_not_add_up() {
    let delay = Duration::from_millis(100);
    let mut ours = Play::new(delay, 50, None, Settings::Ours);
    ours.connect();
    let first = ours.play(seconds(60), seconds(50), MAX_DATAGRAM);
    let last = ours.play(seconds(540), seconds(60), MAX_DATAGRAM);
    // The way, a tick until the next look, and two snapshots lost in a row.
    let floor = delay + 3 * TICK;
    assert!(first <= floor + TICK && last <= floor + TICK, "{first:?} at first, {last:?} at last");
    assert_eq!(ours.lowered, []);
    let path = ours.server.connection().stats().path;
    assert!(path.lost_packets > 500, "the loss never happened: {path:?}");
    assert!(path.cwnd >= crate::limits::WINDOW_FLOOR, "{path:?}");

    let mut stock = Play::new(delay, 50, None, Settings::Stock);
    stock.connect();
    let stock = stock.play(seconds(120), seconds(60), MAX_DATAGRAM);
    assert!(stock > 2 * last, "the test proves nothing: the stock controller does as well, {stock:?}");
}

#[test]
fn on_a_line_of_64_kbit_old_state_is_dropped_and_not_queued() {
    let narrow = Some((8_000, 32 * 1_024));
    let delay = Duration::from_millis(25);
    let mut ours = Play::new(delay, 0, narrow, Settings::Ours);
    ours.connect();
    let age = ours.play(seconds(120), seconds(90), MAX_DATAGRAM);
    assert!(age < Duration::from_millis(600), "{age:?}, {:?}", ours.lowered);
    assert!(ours.lowered.contains(&Lowered::Queue), "{:?}", ours.lowered);

    let mut stock = Play::new(delay, 0, narrow, Settings::Stock);
    stock.connect();
    let stock = stock.play(seconds(120), seconds(90), MAX_DATAGRAM);
    assert!(stock > seconds(2), "the test proves nothing: all that is sent arrives in time, {stock:?}");
}

/// Nothing gets through for so many seconds, either way, and then all does: how many snapshots arrive after that which are old, in how
/// many ticks the newest is young again, and why the budget was lowered.
fn after_a_silence(silence: u64, settings: Settings) -> (usize, Option<usize>, Vec<Lowered>) {
    let delay = Duration::from_millis(25);
    let mut play = Play::new(delay, 0, None, settings);
    play.connect();
    play.play(seconds(10), seconds(5), MAX_DATAGRAM);
    (play.up.largest, play.down.largest) = (0, 0);
    play.play(seconds(silence), seconds(1), MAX_DATAGRAM);
    (play.up.largest, play.down.largest) = (usize::MAX, usize::MAX);
    let (begun, arrived) = (play.ages.len(), play.arrivals.len());
    play.play(seconds(10), seconds(1), MAX_DATAGRAM);
    let old = play.arrivals[arrived..].iter().filter(|age| **age > delay + 4 * TICK).count();
    (old, play.ages[begun..].iter().position(|age| *age <= delay + 2 * TICK), play.lowered)
}

/// Were the window full of what was lost, snapshots would wait behind it, and quinn would keep a MiB of them.
#[test]
fn what_waited_through_a_silence_is_dropped() {
    for silence in 1..=9 {
        let (old, young_after, lowered) = after_a_silence(silence, Settings::Ours);
        assert!(old <= DATAGRAM_SEND_BUFFER / MAX_DATAGRAM, "{silence} s: {old} old ones");
        assert!(young_after.is_some_and(|ticks| ticks <= 5), "{silence} s: {young_after:?}");
        assert_eq!(lowered, [], "{silence} s: the path is what it was");
    }
    let (stock, ..) = after_a_silence(8, Settings::Stock);
    assert!(stock > 20, "the test proves nothing: of what waits {stock} come");
}

/// Below what QUIC asks of any path, so that QUIC itself has no way out.
#[test]
fn on_a_path_that_carries_less_than_before_state_comes_again() {
    let delay = Duration::from_millis(25);
    let mut play = Play::new(delay, 0, None, Settings::Ours);
    play.connect();
    play.play(seconds(10), seconds(5), MAX_DATAGRAM);
    play.down.largest = 900;
    let age = play.play(seconds(10), seconds(6), MAX_DATAGRAM);
    assert_eq!(play.lowered, [Lowered::Collapse]);
    assert!(age <= delay + 2 * TICK, "{age:?}");
}

/// With a link to go round by, each trial of the path costs a snapshot now and then, and not a second of them. Small snapshots pass all the time.
#[test]
fn while_a_path_is_tried_again_state_is_as_young_as_before() {
    for (delay_ms, sizes) in [(25, [1_100, 1_100]), (25, [1_100, 300]), (200, [1_100, 1_100])] {
        let delay = Duration::from_millis(delay_ms);
        let mut play = Play::new(delay, 0, None, Settings::Ours);
        play.connect();
        play.link = Some(VecDeque::new());
        play.play(seconds(10), seconds(5), MAX_DATAGRAM);
        play.down.largest = 900;
        play.play(seconds(5), seconds(1), MAX_DATAGRAM);
        assert_eq!(play.lowered, [Lowered::Collapse]);
        let begun = play.ages.len();
        for size in sizes.into_iter().cycle().take(120 * 20) {
            play.tick(size);
        }
        let oldest = play.ages[begun..].iter().max().unwrap();
        assert!(*oldest <= delay + 4 * TICK, "{oldest:?}; {delay_ms} ms, {sizes:?} bytes, {:?}", play.lowered);
    }
}

/// What arrived is said with the next datagram: half of the packets a client sends are gone, and no state comes later for it.
#[test]
fn acknowledgements_go_with_datagrams_and_state_is_as_young() {
    for loss_permille in [0, 20] {
        let delay = Duration::from_millis(25);
        let [ours, eager] = [Settings::Ours, Settings::EagerAcks].map(|settings| {
            let mut play = Play::new(delay, loss_permille, None, settings);
            play.connect();
            let p99 = play.play(seconds(300), seconds(290), 120);
            let packets = play.client.connection().stats().udp_tx.datagrams as f64 / play.ages.len() as f64;
            (p99, play.ages.iter().sum::<Duration>(), packets)
        });
        assert!(ours.0 <= eager.0, "{loss_permille}: at p99 {:?}, and {:?} with eager ones", ours.0, eager.0);
        assert!(ours.1 <= eager.1.mul_f64(1.02), "{loss_permille}: {ours:?}, {eager:?}");
        assert!(ours.2 < 1.1 && eager.2 > 1.9, "{loss_permille}: {} packets a tick, and {}", ours.2, eager.2);
    }
}
