//! The limits that HTTP/2 knows, as the server announces and keeps them.

use tokio::net::TcpStream;

use crate::bystanders::Bystanders;
use crate::pages::counted;
use crate::player::PATIENCE;
use crate::process::Server;
use crate::wire::{
    ACK, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, Frame, GOAWAY,
    HEADERS, HEALTH, NO_FLAGS, PING, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    Wire, call, frame,
};

/// Numbers of settings (RFC 9113, section 6.5.2).
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// What any connection's window is before it is told otherwise.
const FIRST_WINDOW: u32 = 65_535;

#[tokio::test]
async fn the_first_frames_announce_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut wire = Wire::open(server.grpc, &[]).await;
    let settings = wire.read.next().await.unwrap();
    assert_eq!((settings.kind, settings.stream), (SETTINGS, 0));
    for (number, value) in [
        (MAX_CONCURRENT_STREAMS, 64),
        (INITIAL_WINDOW_SIZE, 64 * 1024),
        (MAX_FRAME_SIZE, 16 * 1024),
        (MAX_HEADER_LIST_SIZE, 8 * 1024),
    ] {
        // What is as the protocol has it anyway need not be said.
        let is_standard = number == MAX_FRAME_SIZE;
        assert_eq!(settings.setting(number).or(is_standard.then_some(16 * 1024)), Some(value), "setting {number}");
    }
    let window = wire.read.until(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0).await.unwrap();
    let more = u32::from_be_bytes(window.payload.try_into().unwrap());
    assert_eq!(FIRST_WINDOW + more, 1024 * 1024);
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut wire = Wire::open(server.grpc, &[]).await;
    // Calls whose message is still to come, all at once: 64, and one.
    let calls: Vec<u8> = (0..65).flat_map(|n| call(2 * n + 1, HEALTH)).collect();
    assert!(wire.send(&calls).await);
    let refused = wire.read.until(|frame| frame.error() == Some(REFUSED_STREAM)).await.unwrap();
    assert_eq!((refused.kind, refused.stream), (RST_STREAM, 129));
    // The connection lives, and a stream may be opened as soon as one is done.
    let first_is_over = |frame: &Frame| frame.stream == 1 && frame.flags & END_STREAM != 0;
    assert!(wire.send(&frame(DATA, END_STREAM, 1, &[0; 5])).await);
    wire.read.until(first_is_over).await.unwrap();
    wire.ask(131).await;
}

#[tokio::test]
async fn of_the_calls_of_one_connection_32_are_worked_on_and_the_rest_is_shed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let socket = TcpStream::connect(server.grpc).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let mut connection = std::pin::pin!(connection);
    let mut client = client;
    let calls = async {
        let mut open = Vec::new();
        for _ in 0..40 {
            client = client.ready().await.unwrap();
            let request = http::Request::post(format!("http://localhost{HEALTH}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers");
            open.push(client.send_request(request.body(()).unwrap(), false).unwrap());
        }
        // Those that are shed are answered while the others wait for their message.
        let mut shed = 0;
        for (response, _body) in &mut open {
            let response = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap();
            match response.headers().get("grpc-status").unwrap().to_str().unwrap() {
                "8" => shed += 1,
                status => assert_eq!(status, "4", "a call whose message never comes ends by its deadline"),
            }
        }
        shed
    };
    let shed = tokio::select! {
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
        shed = calls => shed,
    };
    assert_eq!(shed, 40 - 32);
}

#[tokio::test]
async fn headers_above_8_kib_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let socket = TcpStream::connect(server.grpc).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let mut connection = std::pin::pin!(connection);
    let mut client = client.ready().await.unwrap();
    let mut ask = |bytes: usize| {
        let request = http::Request::post(format!("http://localhost{HEALTH}"))
            .header("content-type", "application/grpc")
            .header("x-long", "y".repeat(bytes));
        client.send_request(request.body(()).unwrap(), true).unwrap().0
    };
    let (long, too_long) = (ask(7 * 1024), ask(9 * 1024));
    let answers = async { (long.await, too_long.await) };
    let (long, too_long) = tokio::select! {
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
        answers = answers => answers,
    };
    assert_eq!(long.unwrap().status(), 200);
    match too_long {
        Ok(answer) => assert_eq!(answer.status(), 431),
        Err(error) => assert!(error.is_reset(), "{error}"),
    }
}

#[tokio::test]
async fn a_compressed_message_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let socket = TcpStream::connect(server.grpc).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let mut connection = std::pin::pin!(connection);
    let mut client = client.ready().await.unwrap();
    let mut ask = |encoding: &str, message: &'static [u8]| {
        let request = http::Request::post(format!("http://localhost{HEALTH}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-encoding", encoding);
        let (answer, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
        body.send_data(message.into(), true).unwrap();
        answer
    };
    let (plain, compressed) = (ask("identity", &[0; 5]), ask("gzip", &[1, 0, 0, 0, 1, 0x1F]));
    let answers = async { (plain.await.unwrap(), compressed.await.unwrap()) };
    let (plain, compressed) = tokio::select! {
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
        answers = answers => answers,
    };
    // An answer that is good has its status behind its message; one that is not, in front: UNIMPLEMENTED.
    assert_eq!(plain.headers().get("grpc-status"), None);
    assert_eq!(compressed.headers().get("grpc-status").unwrap(), "12");
}

/// What the server says goodbye with to these bytes.
async fn goodbye(server: &Server, bytes: &[u8]) -> Option<u32> {
    let mut wire = Wire::open(server.grpc, &[]).await;
    let Wire { read, write } = &mut wire;
    // The server may close before it has read everything.
    let write = async { drop(tokio::io::AsyncWriteExt::write_all(write, bytes).await) };
    let (goodbye, ()) = tokio::join!(tokio::time::timeout(PATIENCE, read.goodbye()), write);
    goodbye.unwrap()
}

#[tokio::test]
async fn what_breaks_a_limit_of_the_protocol_ends_the_connection_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let opened = call(1, HEALTH);

    let long_frame = [opened.clone(), frame(DATA, NO_FLAGS, 1, &[0; 16 * 1024 + 1])].concat();
    assert_eq!(goodbye(&server, &long_frame).await, Some(FRAME_SIZE_ERROR));

    // Streams that are reset before anybody could take them up: 20 may wait.
    let reset = |n: u32| [call(2 * n + 1, HEALTH), frame(RST_STREAM, NO_FLAGS, 2 * n + 1, &[0, 0, 0, 8])].concat();
    let resets: Vec<u8> = (0..64).flat_map(reset).collect();
    assert_eq!(goodbye(&server, &resets).await, Some(ENHANCE_YOUR_CALM));

    // Mistakes that cost a stream each: 256 are forgiven. A pseudo-header after another header is one.
    let bad_headers: &[u8] = &[0x00, 1, b'x', 1, b'y', 0x83];
    let mistake = |n: u32| frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, bad_headers);
    let mut wire = Wire::open(server.grpc, &[]).await;
    let mut forgiven = 0;
    let goodbye = loop {
        if !wire.send(&mistake(forgiven)).await {
            break wire.read.goodbye().await;
        }
        let Some(answer) = wire.read.until(|frame| frame.error().is_some()).await else { break None };
        if answer.kind == GOAWAY {
            break answer.error();
        }
        assert_eq!((answer.stream, answer.error()), (2 * forgiven + 1, Some(PROTOCOL_ERROR)));
        forgiven += 1;
        assert!(forgiven < 2_000, "2,000 mistakes were forgiven");
    };
    assert_eq!((forgiven, goodbye), (256, Some(ENHANCE_YOUR_CALM)));
    beside.lost_nothing().await;
}

#[tokio::test]
async fn more_than_a_streams_window_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut wire = Wire::open(server.grpc, &[]).await;
    // All of it at once, before any of it can be read and the window opened again.
    let message = frame(DATA, NO_FLAGS, 1, &[0; 16 * 1024]);
    let five = [call(1, HEALTH), message.repeat(5)].concat();
    assert!(wire.send(&five).await);
    let refused = wire.read.until(|frame| frame.error().is_some()).await.unwrap();
    assert_eq!(refused.error(), Some(FLOW_CONTROL_ERROR), "{refused:?}");
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "tight"]);
    let mut wire = Wire::open(server.grpc, &[]).await;
    wire.ask(1).await;
    let asked = wire.read.until(|frame| frame.kind == PING && frame.flags == NO_FLAGS).await;
    assert!(asked.is_some(), "no PING came");
    // One that answers goes on.
    let mut honest = Wire::open(server.grpc, &[]).await;
    honest.ask(1).await;
    let answers = async {
        loop {
            let ping = honest.read.until(|frame| frame.kind == PING && frame.flags == NO_FLAGS).await;
            assert!(honest.send(&frame(PING, ACK, 0, &ping.unwrap().payload)).await);
        }
    };
    tokio::select! {
        _ = wire.read.goodbye() => {}
        () = answers => {}
    }
    assert!(honest.heard().await);
}

#[tokio::test]
async fn an_address_has_64_connections_and_a_worker_all_it_can_hold() {
    let folder = tempfile::tempdir().unwrap();
    let one_worker = [("SHALLOT__NET__WORKERS", "1")];
    let server = Server::start_with(folder.path(), &[], &one_worker);
    let beside = Bystanders::come(server.grpc).await;
    assert_eq!(fill(&server).await.len(), 64 - 5);
    assert_eq!(counted(server.http, "shallot_connections_refused_total", "address_full").await, 1);
    // All of them are gone now: there is room again as soon as the server has seen it.
    let again = async { while fill(&server).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("no room for anybody");
    beside.lost_nothing().await;
    server.stop();

    let server = Server::start_with(folder.path(), &["--limits", "tight"], &one_worker);
    assert_eq!(fill(&server).await.len(), 12);
    assert_eq!(counted(server.http, "shallot_connections_refused_total", "worker_full").await, 1);
}

/// Connects until it is refused.
async fn fill(server: &Server) -> Vec<Wire> {
    let mut held = Vec::new();
    loop {
        let mut wire = Wire::silent(server.grpc).await;
        if !wire.send(PREFACE).await || wire.read.next().await.is_none() {
            return held;
        }
        held.push(wire);
        assert!(held.len() < 1_000, "1,000 connections were let in");
    }
}
