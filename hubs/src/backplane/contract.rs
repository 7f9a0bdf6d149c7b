//! What every adapter of [`Backplane`] keeps, as one suite.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Backplane, NodeId, To};

/// Real time that a message may take: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the suite; `attach` makes a node's end, not yet connected.
pub async fn run(attach: impl Fn(NodeId) -> Arc<dyn Backplane>) {
    let mut ends = Vec::new();
    for number in 1..=3 {
        let end = attach(node(number));
        end.connect().await.expect("the broker is there");
        ends.push(end);
    }
    to_one_and_to_all(&ends).await;
    nobody_is_no_error(&ends).await;
    bytes_arrive_as_they_are(&ends).await;
    a_receive_that_is_given_up_loses_nothing(&ends).await;
    many_arrive_while_nothing_fails(&ends).await;
    again_after_connecting_again(&ends).await;
}

/// Runs what holds after the broker has gone away: `ends` were connected to it. Then brings it back.
pub async fn run_outage<F: Future<Output = ()>>(ends: &[Arc<dyn Backplane>], bring_back: impl FnOnce() -> F) {
    for end in ends {
        // What was still on its way may arrive first.
        let lost = async { while end.receive().await.is_ok() {} };
        tokio::time::timeout(PATIENCE, lost).await.expect("a lost connection shows");
        assert!(end.send(&To::All, Bytes::from_static(b"x")).await.is_err(), "nothing can be sent");
        assert!(end.connect().await.is_err(), "nor connected");
    }
    bring_back().await;
    for end in ends {
        end.connect().await.expect("the broker is there again");
    }
    to_one_and_to_all(ends).await;
}

fn node(number: u64) -> NodeId {
    NodeId::new(&format!("n{number}"), number).expect("a name")
}

async fn next(end: &Arc<dyn Backplane>) -> Bytes {
    tokio::time::timeout(PATIENCE, end.receive()).await.expect("a message was awaited in vain").expect("connected")
}

/// Reads up to this message, past an own message to all.
async fn reads(end: &Arc<dyn Backplane>, expected: &[u8]) -> Vec<Bytes> {
    let mut before = Vec::new();
    loop {
        let message = next(end).await;
        if message == expected {
            return before;
        }
        before.push(message);
    }
}

async fn to_one_and_to_all(ends: &[Arc<dyn Backplane>]) {
    ends[0].send(&To::Node(node(2)), Bytes::from_static(b"for 2")).await.expect("sent");
    ends[0].send(&To::All, Bytes::from_static(b"for all")).await.expect("sent");
    assert!(reads(&ends[1], b"for 2").await.is_empty());
    assert!(reads(&ends[1], b"for all").await.is_empty());
    assert!(reads(&ends[2], b"for all").await.is_empty(), "the third gets what is for all and nothing else");
    // Up to here the sender may have got its own: whatever it was, it is read now.
    ends[1].send(&To::Node(node(1)), Bytes::from_static(b"mark")).await.expect("sent");
    assert!(reads(&ends[0], b"mark").await.iter().all(|message| *message == b"for all"[..]));
}

async fn nobody_is_no_error(ends: &[Arc<dyn Backplane>]) {
    ends[0].send(&To::Node(node(99)), Bytes::from_static(b"x")).await.expect("a node that is not there is no error");
}

async fn bytes_arrive_as_they_are(ends: &[Arc<dyn Backplane>]) {
    let all: Vec<u8> = (0..crate::limits::PARCEL_BYTES).map(|n| (n % 251) as u8).collect();
    for message in [Bytes::new(), Bytes::from_static(b"\0\r\n\xFF"), Bytes::from(all)] {
        ends[0].send(&To::Node(node(2)), message.clone()).await.expect("sent");
        assert_eq!(next(&ends[1]).await, message);
    }
}

async fn a_receive_that_is_given_up_loses_nothing(ends: &[Arc<dyn Backplane>]) {
    for _ in 0..20 {
        tokio::select! {
            biased;
            got = ends[1].receive() => panic!("nothing was sent: {got:?}"),
            () = tokio::task::yield_now() => {}
        }
        ends[0].send(&To::Node(node(2)), Bytes::from_static(b"kept")).await.expect("sent");
        assert_eq!(next(&ends[1]).await, b"kept"[..]);
    }
}

async fn many_arrive_while_nothing_fails(ends: &[Arc<dyn Backplane>]) {
    for n in 0..2_000_u32 {
        ends[0].send(&To::Node(node(3)), Bytes::copy_from_slice(&n.to_be_bytes())).await.expect("sent");
    }
    let mut came = Vec::new();
    for _ in 0..2_000 {
        came.push(next(&ends[2]).await);
    }
    came.sort();
    came.dedup();
    assert_eq!(came.len(), 2_000);
}

async fn again_after_connecting_again(ends: &[Arc<dyn Backplane>]) {
    ends[1].connect().await.expect("the broker is there");
    ends[0].send(&To::Node(node(2)), Bytes::from_static(b"anew")).await.expect("sent");
    reads(&ends[1], b"anew").await;
}
