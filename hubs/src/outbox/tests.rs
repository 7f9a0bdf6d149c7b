use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

static RELIABLE: PushContract = PushContract { id: 1, name: "t.R/Reliable", delivery: Delivery::Reliable };
static LATEST: PushContract = PushContract { id: 2, name: "t.R/Latest", delivery: Delivery::Latest };

fn push(method: &'static PushContract, key: i128, body: &'static [u8]) -> EncodedPush {
    EncodedPush { method, key: PushKey::Number(key), body: Bytes::from_static(body), datagram: None }
}

fn outbox(frames: usize, bytes: usize) -> Outbox {
    Outbox::new(&SessionLimits { outbox_frames: frames, outbox_bytes: bytes, ..SessionLimits::DEFAULT }, true)
}

fn bodies(outbox: &mut Outbox) -> Vec<(u64, Bytes)> {
    let frames = outbox.take().map(|batch| batch.frames).unwrap_or_default();
    let pushes = frames.into_iter().filter_map(|frame| match frame.frame {
        Some(Frame::Push(push)) => Some((push.seq, push.body)),
        _ => None,
    });
    pushes.collect()
}

#[test]
fn reliable_is_numbered_in_order_and_overflows() {
    let mut outbox = outbox(2, 1_000);
    assert_eq!(outbox.push(&push(&RELIABLE, 0, b"a")), Ok(()));
    assert_eq!(outbox.push(&push(&RELIABLE, 0, b"b")), Ok(()));
    assert_eq!(outbox.push(&push(&RELIABLE, 0, b"c")), Err(Overflow::Full));
    assert_eq!(bodies(&mut outbox), [(1, "a".into()), (2, "b".into())]);
}

#[test]
fn latest_keeps_the_newest_per_key_in_the_place_of_the_old() {
    let mut outbox = outbox(8, 1_000);
    for (key, body) in [(1, b"a1"), (2, b"b1"), (1, b"a2"), (1, b"a3")] {
        assert_eq!(outbox.push(&push(&LATEST, key, body)), Ok(()));
    }
    assert_eq!(bodies(&mut outbox), [(0, "a3".into()), (0, "b1".into())]);
    assert_eq!(outbox.take_dropped(), 0);
}

#[test]
fn reliable_makes_room_by_dropping_the_oldest_latest() {
    let mut outbox = outbox(2, 1_000);
    assert_eq!(outbox.push(&push(&LATEST, 1, b"old")), Ok(()));
    assert_eq!(outbox.push(&push(&LATEST, 2, b"new")), Ok(()));
    assert_eq!(outbox.push(&push(&RELIABLE, 0, b"must")), Ok(()));
    assert_eq!(outbox.take_dropped(), 1);
    assert_eq!(bodies(&mut outbox), [(0, "new".into()), (1, "must".into())]);
}

#[test]
fn a_body_larger_than_the_outbox_is_told_apart() {
    let mut outbox = outbox(8, 40);
    static LARGE: [u8; 30] = [0; 30];
    assert_eq!(outbox.push(&push(&RELIABLE, 0, &LARGE)), Err(Overflow::BodyTooLarge));
    assert_eq!(outbox.push(&push(&LATEST, 0, &LARGE)), Ok(()));
    assert_eq!(outbox.take_dropped(), 1);
    assert!(outbox.is_empty());
}

#[test]
fn a_flood_of_pings_gets_a_bounded_number_of_answers() {
    let mut outbox = outbox(8, 1_000);
    for n in 0..1_000 {
        outbox.pong(wire::Pong { n, ..wire::Pong::default() });
    }
    assert_eq!(outbox.take().map(|batch| batch.frames.len()), Some(PONGS_WAITING));
}

#[test]
fn corked_frames_leave_together() {
    let mut outbox = outbox(8, 1_000);
    outbox.corks = 1;
    assert_eq!(outbox.push(&push(&RELIABLE, 0, b"a")), Ok(()));
    assert!(outbox.take().is_none());
    assert_eq!(outbox.push(&push(&LATEST, 0, b"b")), Ok(()));
    outbox.corks = 0;
    assert_eq!(bodies(&mut outbox).len(), 2);
}

#[test]
fn refused_one_way_calls_are_counted_in_one_frame() {
    let mut outbox = outbox(8, 1_000);
    outbox.one_way_refused();
    outbox.one_way_refused();
    let frames = outbox.take().map(|batch| batch.frames).unwrap_or_default();
    assert_eq!(frames, [wire::ServerFrame { frame: Some(Frame::Dropped(wire::Dropped { count: 2 })) }]);
    assert!(outbox.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Reliable(usize),
    Latest(i128, usize),
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_usize..40).prop_map(Step::Reliable),
        4 => (0_i128..6, 0_usize..40).prop_map(|(key, len)| Step::Latest(key, len)),
        1 => Just(Step::Take),
    ]
}

proptest! {
    /// Against a list that is searched from the front: never over the limits, RELIABLE complete and in order, of each key the
    /// newest unless it was dropped, the depth equal to what is there.
    #[test]
    fn behaves_as_a_plain_list(steps in proptest::collection::vec(step(), 1..200)) {
        static ZEROS: [u8; 40] = [0; 40];
        let mut outbox = outbox(5, 150);
        let mut reliable = 0_u64;
        let mut newest: BTreeMap<i128, usize> = BTreeMap::new();
        let mut taken_seq = 0_u64;
        for step in steps {
            match step {
                Step::Reliable(len) => {
                    let push = EncodedPush { method: &RELIABLE, key: PushKey::Method, body: Bytes::from_static(&ZEROS[..len]), datagram: None };
                    match outbox.push(&push) {
                        Ok(()) => reliable += 1,
                        Err(overflow) => {
                            prop_assert_eq!(overflow, Overflow::Full);
                            prop_assert!(outbox.latest.is_empty(), "LATEST goes before an overflow");
                        }
                    }
                }
                Step::Latest(key, len) => {
                    let body = Bytes::from_static(&ZEROS[..len]);
                    prop_assert_eq!(outbox.push(&EncodedPush { method: &LATEST, key: PushKey::Number(key), body, datagram: None }), Ok(()));
                    newest.insert(key, len);
                }
                Step::Take => {
                    for (seq, _) in bodies(&mut outbox).into_iter().filter(|(seq, _)| *seq > 0) {
                        prop_assert_eq!(seq, taken_seq + 1);
                        taken_seq = seq;
                    }
                    prop_assert_eq!(taken_seq, reliable);
                }
            }
            prop_assert!(outbox.depth.frames <= 5 && outbox.depth.bytes <= 150);
            prop_assert_eq!(outbox.depth.frames, outbox.frames.len());
            for (key, len) in &newest {
                if let Some(at) = outbox.latest.get(&(LATEST.id, PushKey::Number(*key))) {
                    let Some(Frame::Push(push)) = &outbox.frames[*at].frame else {
                        return Err(TestCaseError::fail("a LATEST place holds a push"));
                    };
                    prop_assert_eq!(push.body.len(), *len);
                }
            }
        }
    }
}
