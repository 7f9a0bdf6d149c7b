use std::time::Duration;

use super::super::units::{Share, Size};
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A server that answers each packet with its bytes and the port it came from.
async fn echo(socket: UdpSocket) {
    let mut buffer = [0; 2_048];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let answer = [&buffer[..length], &from.port().to_be_bytes()].concat();
        let _ = socket.send_to(&answer, from).await;
    }
}

struct Scene {
    relay: Relay,
    client: UdpSocket,
    _tasks: JoinSet<()>,
}

async fn scene(orders: Orders) -> Scene {
    let server = UdpSocket::bind(loopback()).await.unwrap();
    let (relay, carries) = Relay::open(loopback(), server.local_addr().unwrap(), orders, 1).await.unwrap();
    let client = UdpSocket::bind(loopback()).await.unwrap();
    client.connect(relay.address).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(echo(server));
    tasks.spawn(async move { drop(carries.await) });
    Scene { relay, client, _tasks: tasks }
}

impl Scene {
    /// Sends so many bytes; the answer without the port, and the port.
    async fn ask(&self, bytes: &[u8]) -> (Vec<u8>, u16) {
        self.client.send(bytes).await.unwrap();
        self.answer().await
    }

    async fn answer(&self) -> (Vec<u8>, u16) {
        let mut buffer = [0; 2_048];
        let length = tokio::time::timeout(PATIENCE, self.client.recv(&mut buffer)).await.unwrap().unwrap();
        let (bytes, port) = buffer[..length].split_at(length - 2);
        (bytes.to_vec(), u16::from_be_bytes([port[0], port[1]]))
    }
}

#[tokio::test]
async fn what_goes_in_comes_out_and_back() {
    let scene = scene(Orders::default()).await;
    for length in [0, 1, 1_200, 1_472] {
        assert_eq!(scene.ask(&vec![7; length]).await.0, vec![7; length]);
    }
    assert_eq!(scene.relay.counts.carried.load(Ordering::Relaxed), 8);
}

#[tokio::test]
async fn both_ways_take_their_time() {
    let slow = |ms| Conditions { delay: Duration::from_millis(ms), ..Conditions::default() };
    let scene = scene(Orders { up: slow(30), down: slow(20), rebinds: 0 }).await;
    let began = Instant::now();
    scene.ask(b"x").await;
    assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_lost_packet_does_not_arrive_and_a_doubled_one_arrives_twice() {
    let lossy = Conditions { loss: Share::percent(100), ..Conditions::default() };
    let doubling = Conditions { duplicates: Share::percent(100), ..Conditions::default() };
    let scene = scene(Orders { up: lossy, down: doubling, rebinds: 0 }).await;
    scene.client.send(b"lost").await.unwrap();
    while scene.relay.counts.lost.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    scene.relay.change(|orders| orders.up = Conditions::default());
    assert_eq!(scene.ask(b"twice").await.0, b"twice");
    assert_eq!(scene.answer().await.0, b"twice");
    assert_eq!(scene.relay.counts.doubled.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_too_large_stays_out_from_the_moment_it_is_said() {
    let scene = scene(Orders::default()).await;
    scene.ask(&[1; 1_200]).await;
    scene.relay.change(|orders| orders.up.max_size = Some(Size(1_000)));
    scene.client.send(&[2; 1_200]).await.unwrap();
    assert_eq!(scene.ask(&[3; 1_000]).await.0, [3; 1_000]);
    assert_eq!(scene.relay.counts.too_large.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn after_a_rebind_the_server_sees_another_address() {
    let scene = scene(Orders::default()).await;
    let (_, before) = scene.ask(b"a").await;
    assert_eq!(scene.ask(b"b").await.1, before);
    scene.relay.rebind();
    while scene.relay.counts.rebound.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert_ne!(scene.ask(b"c").await.1, before);
}
