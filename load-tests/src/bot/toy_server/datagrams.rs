//! The datagram channel of the toy world: 20 ticks a second, snapshots of the little there is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, ServerConfig};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use shallot_client::channel::ALPN;
use shallot_client::wire::datagram::{Sequence, SnapshotHeader};
use shallot_client::wire::{
    EntityKind, Form, Group, Input, InputWindow, Motion, NetId, OwnState, Places, Position, Rect, SnapshotWriter,
    State, TICK_MS, TerrainIndex, Velocity,
};

use super::Toy;
use super::world::{FANGS, ME, RAT, RAT_AT};

/// With a certificate that nobody knows.
pub(super) fn endpoint() -> Endpoint {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("its key");
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).expect("a cipher")));
    Endpoint::server(config, "127.0.0.1:0".parse().expect("an address")).expect("a free port")
}

/// One client, from its ticket to its end.
pub(super) async fn serve(endpoint: Endpoint, toy: Toy) {
    let Some(incoming) = endpoint.accept().await else { return };
    let Ok(connection) = incoming.await else { return };
    let Ok((mut send, mut receive)) = connection.accept_bi().await else { return };
    let mut ticket = [0; 2 + 6];
    receive.read_exact(&mut ticket).await.expect("a ticket");
    assert_eq!(&ticket, b"\0\x06ticket");
    send.write_all(&[0]).await.expect("an answer");
    run(&connection, &toy).await;
}

async fn run(connection: &Connection, toy: &Toy) {
    let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS.into()));
    let mut waiting: BTreeMap<u16, Input> = BTreeMap::new();
    let mut sequence = Sequence(0);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                step(toy, &mut waiting);
                sequence = sequence.next();
                let datagram = snapshot(toy, sequence, waiting.len());
                if connection.send_datagram(datagram.into()).is_err() {
                    return;
                }
            }
            datagram = connection.read_datagram() => {
                let Ok(datagram) = datagram else { return };
                let window = InputWindow::decode(&datagram).expect("sound inputs");
                assert_eq!(window.entity, ME);
                let now = toy.state().tick as u16;
                let early = |tick: u16| tick.wrapping_sub(now).cast_signed() > 0;
                waiting.extend(window.by_tick().filter(|(tick, _)| early(*tick)));
            }
        }
    }
}

fn step(toy: &Toy, waiting: &mut BTreeMap<u16, Input>) {
    let terrain = TerrainIndex::new(Rect::from_metres(0, 0, 200, 200), &[Rect::from_metres(120, 90, 4, 20)]);
    let mut state = toy.state();
    state.tick += 1;
    let now = state.tick as u16;
    if let Some(input) = waiting.remove(&now) {
        let motion = Motion { heading: input.heading, throttle: input.throttle, speed_cm_per_s: 450 };
        state.at = terrain.step(state.at, motion).0;
        state.applied = Some(now);
        state.inputs += 1;
    }
    waiting.retain(|tick, _| tick.wrapping_sub(now).cast_signed() > 0);
}

fn snapshot(toy: &Toy, sequence: Sequence, waiting: usize) -> Vec<u8> {
    let state = toy.state();
    let header = SnapshotHeader {
        tick: state.tick as u16,
        sequence,
        baseline: None,
        last_input: state.applied,
        buffer_depth: u8::try_from(waiting * 4).unwrap_or(u8::MAX),
    };
    let own = OwnState {
        entity: ME,
        position: state.at,
        z: 0,
        velocity: Velocity::ZERO,
        velocity_z: 0,
        facing: 0,
        animation: 0,
        is_dead: false,
        teleports: 0,
    };
    let mut buffer = [0; 1_150];
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, Some(&own), (Places::NONE, &[])).expect("room");
    let mut put = |place: u8, entity: NetId, kind: EntityKind, at: Position| {
        let (x, y) = State::steps(at);
        let (cell, base_height, record) = State { x, y, ..State::default() }.to_record(entity, kind);
        writer
            .begin_cell(Group { cell, form: Form::Entering, base_height })
            .push(place, &record.to_bytes())
            .expect("room");
    };
    if state.rat_lives {
        put(0, RAT, EntityKind::Monster, RAT_AT);
    }
    if state.fangs_lie_there {
        put(1, FANGS, EntityKind::Drop, RAT_AT);
    }
    let length = writer.finish();
    buffer.get(..length).expect("its length").to_vec()
}
