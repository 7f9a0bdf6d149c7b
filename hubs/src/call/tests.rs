use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::contract::{Access, LimitClass};

static TURN: MethodContract = method("t.H/Turn", false);
static FREE: MethodContract = method("t.H/Free", true);

const fn method(name: &'static str, concurrent: bool) -> MethodContract {
    MethodContract {
        id: 1,
        name,
        access: Access::Public,
        limit: LimitClass::Play,
        one_way: false,
        concurrent,
        deadline_ms: 0,
    }
}

fn call(id: u64, hub: usize) -> Arrived {
    Arrived {
        id,
        hub: HubIndex(hub),
        method: &TURN,
        one_way: false,
        deadline_ms: 1_000,
        arrived_ms: 0,
        within: None,
        body: Bytes::new(),
    }
}

/// With its hubs connected.
fn open_table(hubs: usize) -> CallTable {
    let mut table = CallTable::new(hubs, &SessionLimits::DEFAULT);
    for hub in 0..hubs {
        let connect = table.begin(HubIndex(hub));
        assert_eq!(table.finish(connect), Finished::Silent);
    }
    table
}

fn started(table: &mut CallTable) -> Vec<(u64, RunId)> {
    std::iter::from_fn(|| table.poll_start()).map(|s| (s.call.id, s.run)).collect()
}

#[test]
fn one_at_a_time_in_each_hub() {
    let mut table = open_table(2);
    for (id, hub) in [(1, 0), (2, 0), (3, 1)] {
        table.admit(call(id, hub)).unwrap();
    }
    let runs = started(&mut table);
    assert_eq!(runs.iter().map(|r| r.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(table.finish(runs[0].1), Finished::AnswerDue(1));
    assert_eq!(started(&mut table).len(), 1);
}

#[test]
fn calls_wait_for_on_connect_concurrent_ones_too() {
    let mut table = CallTable::new(1, &SessionLimits::DEFAULT);
    let connect = table.begin(HubIndex(0));
    table.admit(Arrived { method: &FREE, ..call(1, 0) }).unwrap();
    table.admit(call(2, 0)).unwrap();
    assert!(table.poll_start().is_none());
    table.finish(connect);
    assert_eq!(started(&mut table).len(), 2, "the concurrent one takes no turn");
}

#[test]
fn concurrent_calls_are_bounded() {
    let mut table = open_table(1);
    let free = |id| Arrived { method: &FREE, ..call(id, 0) };
    for id in 1..=32 {
        table.admit(free(id)).unwrap();
    }
    assert_eq!(table.admit(free(33)), Err(QueueFull));
    let runs = started(&mut table);
    assert_eq!(runs.len(), 32);
    table.finish(runs[0].1);
    assert_eq!(table.admit(free(34)), Ok(()));
}

#[test]
fn a_full_queue_refuses() {
    let mut table = open_table(1);
    for id in 1..=33 {
        table.admit(call(id, 0)).unwrap();
    }
    assert_eq!(table.waiting(), 32);
    assert_eq!(table.admit(call(34, 0)), Err(QueueFull));
}

#[test]
fn inner_calls_run_inside_the_askers_turn_one_at_a_time() {
    let mut table = open_table(2);
    table.admit(call(1, 0)).unwrap();
    let asker = started(&mut table)[0].1;
    table.admit(call(2, 0)).unwrap();
    let inner = |id, hub| Arrived { within: Some((7, asker)), ..call(id, hub) };
    table.admit(inner(3, 0)).unwrap();
    table.admit(inner(4, 0)).unwrap();
    let first = started(&mut table);
    assert_eq!(first.iter().map(|r| r.0).collect::<Vec<_>>(), [3], "2 waits for its turn, 4 for 3");
    table.finish(first[0].1);
    assert_eq!(started(&mut table)[0].0, 4);
    // Once the asker is done its question opens no door.
    table.finish(asker);
    let third = started(&mut table);
    assert_eq!(third[0].0, 2);
    table.admit(inner(5, 0)).unwrap();
    assert!(table.poll_start().is_none());
}

#[test]
fn a_waiting_call_is_withdrawn_a_running_one_told() {
    let mut table = open_table(1);
    table.admit(call(1, 0)).unwrap();
    table.admit(call(2, 0)).unwrap();
    let running = table.poll_start().unwrap();
    assert_eq!(table.cancel(2), CancelOutcome::Withdrawn(true));
    assert_eq!(table.cancel(2), CancelOutcome::Unknown);
    assert_eq!(table.cancel(1), CancelOutcome::Told);
    assert!(running.cancel.token().is_cancelled());
}

#[test]
fn a_call_past_its_deadline_is_answered_once_and_keeps_its_turn() {
    let mut table = open_table(1);
    table.admit(Arrived { deadline_ms: 10, ..call(1, 0) }).unwrap();
    table.admit(Arrived { deadline_ms: 20, ..call(2, 0) }).unwrap();
    table.admit(Arrived { deadline_ms: 20, one_way: true, ..call(3, 0) }).unwrap();
    let running = table.poll_start().unwrap();
    assert_eq!(table.next_deadline_ms(), Some(10));
    assert!(table.expire(9).is_empty());
    assert_eq!(table.expire(10), [1]);
    assert!(running.cancel.token().is_cancelled());
    assert_eq!(table.expire(20), [2], "one-way calls are not answered");
    assert_eq!(table.next_deadline_ms(), None);
    assert_eq!(table.finish(running.run), Finished::Silent);
}

proptest! {
    /// Whatever comes in which order: within a hub calls start in order of arrival, never two at once, and none is lost.
    #[test]
    fn turns_hold(steps in proptest::collection::vec((0_usize..3, any::<bool>()), 1..150)) {
        let mut table = open_table(3);
        let mut running: BTreeMap<usize, (u64, RunId)> = BTreeMap::new();
        let mut last_started = [0_u64; 3];
        let (mut admitted, mut finished) = (0_usize, 0_usize);
        for (id, (hub, finishes)) in (1_u64..).zip(steps) {
            admitted += usize::from(table.admit(call(id, hub)).is_ok());
            if finishes && let Some((call_id, run)) = running.remove(&hub) {
                prop_assert_eq!(table.finish(run), Finished::AnswerDue(call_id));
                finished += 1;
            }
            while let Some(s) = table.poll_start() {
                let hub = s.call.hub.0;
                prop_assert!(running.insert(hub, (s.call.id, s.run)).is_none(), "two at once in one hub");
                prop_assert!(s.call.id > last_started[hub]);
                last_started[hub] = s.call.id;
            }
            prop_assert_eq!(admitted, finished + running.len() + table.waiting());
            prop_assert!(table.waiting() <= SessionLimits::DEFAULT.call_queue);
        }
    }
}

#[test]
fn calls_that_come_late_find_room_beyond_the_queue_up_to_a_limit() {
    let mut table = open_table(1);
    let full = SessionLimits::DEFAULT.call_queue + 1;
    (0..full).for_each(|id| table.admit(call(id as u64, 0)).unwrap());
    assert_eq!(table.admit(call(100, 0)), Err(QueueFull));
    let large = |id: u64| Arrived { body: Bytes::from(vec![0; LATE_CALL_BYTES / 4]), ..call(id, 0) };
    let admitted = |table: &mut CallTable| (200..10_000).take_while(|id| table.admit(large(*id)).is_ok()).count();
    table.expect_late();
    assert_eq!(admitted(&mut table), 4, "as many bytes");
    table.expect_late();
    assert_eq!(admitted(&mut table), 0, "those that still wait count");
    table.expect_late();
    while table.admit(call(10_000, 0)).is_ok() {}
    assert_eq!(table.waiting(), LATE_CALLS, "as many calls, the queue's own among them");
}
