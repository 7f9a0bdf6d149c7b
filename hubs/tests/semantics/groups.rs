//! Lines 6 and 7: groups, on one node and on several.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::time::Duration;

use prost::Message as _;
use rustix::time::{ClockId, clock_gettime};
use shallot_hubs::backplane::memory::Faults;
use shallot_hubs::limits::{LEASE_MS, RING_FRAMES, RING_MS};
use shallot_hubs::{Code, EndReason, Groups, SessionHandle};
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::SessionId;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::cluster::{Nodes, heard, name, numbers, say};
use crate::contracts::test::v1::TestReceiver;
use crate::messages::{gauge, text};
use crate::raw::Raw;
use crate::rig::{Rig, in_time, session_id, settle};

#[tokio::test]
async fn line_06_groups() {
    all_except_only_single_count_members().await;
    any_key_type().await;
    usable_from_any_task_and_from_the_tick().await;
    encoded_once_and_one_buffer_for_all().await;
    membership_ends_with_the_member_or_a_remove_and_an_empty_group_is_freed().await;
    the_cost_of_except_and_only_is_linear().await;
}

async fn sessions(rig: &mut Rig, count: u8) -> (Vec<Raw>, Vec<SessionHandle>) {
    let mut raws = Vec::new();
    for number in 1..=count {
        raws.push(Raw::welcomed(rig, number).await);
    }
    (raws, (1..=count).map(|number| rig.session(number)).collect())
}

fn ids(numbers: impl IntoIterator<Item = u8>) -> Vec<SessionId> {
    numbers.into_iter().map(session_id).collect()
}

/// Which of them got a push that has come, by number.
fn reached(raws: &mut [Raw]) -> Vec<usize> {
    let has_push = |raw: &mut Raw| raw.frames_that_wait().iter().any(|frame| matches!(frame, Down::Push(_)));
    (1..).zip(raws).filter_map(|(number, raw)| has_push(raw).then_some(number)).collect()
}

async fn all_except_only_single_count_members() {
    let mut rig = Rig::new();
    let (mut raws, sessions) = sessions(&mut rig, 5).await;
    let groups = Groups::<u8>::new();
    for session in &sessions[..4] {
        assert!(groups.add(&7, session));
    }
    let group = groups.get(&7).unwrap();
    let some = ids([2, 3, 5]);
    TestReceiver::to(&group.all()).on_line(&text("all"));
    assert_eq!(reached(&mut raws), [1, 2, 3, 4]);
    TestReceiver::to(&group.except(&some)).on_line(&text("except"));
    assert_eq!(reached(&mut raws), [1, 4]);
    TestReceiver::to(&group.except(&ids(2..40))).on_line(&text("except many"));
    assert_eq!(reached(&mut raws), [1]);
    TestReceiver::to(&group.only(&some)).on_line(&text("only"));
    assert_eq!(reached(&mut raws), [2, 3]);
    TestReceiver::to(&group.single(session_id(4))).on_line(&text("single"));
    assert_eq!(reached(&mut raws), [4]);
    assert_eq!(group.count(), 4);
    assert_eq!(group.members().into_iter().collect::<BTreeSet<_>>(), ids(1..=4).into_iter().collect());
    groups.remove(&7, &sessions[0]);
    assert_eq!((group.count(), group.contains(session_id(1))), (3, false));
}

async fn any_key_type() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    enum Place {
        Town(String),
        Dungeon { floor: u32 },
    }

    async fn works<K: Clone + Eq + Hash + Send + Sync + 'static>(key: K) {
        let mut rig = Rig::new();
        let (mut raws, sessions) = sessions(&mut rig, 1).await;
        let groups = Groups::new();
        assert!(groups.add(&key, &sessions[0]));
        TestReceiver::to_group(&groups.get(&key).unwrap()).on_line(&text("hi"));
        assert_eq!(reached(&mut raws), [1]);
    }

    works("text".to_owned()).await;
    works((7_u64, [1_u8; 16])).await;
    works(Place::Town("harbour".to_owned())).await;
    works(Place::Dungeon { floor: 3 }).await;
}

async fn usable_from_any_task_and_from_the_tick() {
    let mut rig = Rig::new();
    let (mut raws, sessions) = sessions(&mut rig, 2).await;
    let groups = Groups::<u8>::new();
    let (of_task, of_tick) = (groups.clone(), groups.clone());
    let (first, second) = (sessions[0].clone(), sessions[1].clone());
    tokio::spawn(async move { assert!(of_task.add(&1, &first)) }).await.unwrap();
    let tick = std::thread::spawn(move || {
        assert!(of_tick.add(&1, &second));
        TestReceiver::to_group(&of_tick.get(&1).unwrap()).on_line(&text("from the tick"));
    });
    tick.join().unwrap();
    assert_eq!(reached(&mut raws), [1, 2]);
}

async fn encoded_once_and_one_buffer_for_all() {
    let mut rig = Rig::new();
    let (mut raws, sessions) = sessions(&mut rig, 3).await;
    let groups = Groups::<u8>::new();
    sessions.iter().for_each(|session| assert!(groups.add(&1, session)));
    TestReceiver::to_group(&groups.get(&1).unwrap()).on_line(&text("one for all"));
    let mut places = BTreeSet::new();
    for raw in &mut raws {
        let Down::Push(push) = raw.next().await else { panic!("a push was expected") };
        places.insert(push.body.as_ptr());
    }
    assert_eq!(places.len(), 1);
}

async fn membership_ends_with_the_member_or_a_remove_and_an_empty_group_is_freed() {
    let mut rig = Rig::new();
    let (_raws, sessions) = sessions(&mut rig, 2).await;
    let groups = Groups::<u8>::new();
    groups.add(&1, &sessions[0]);
    groups.add(&1, &sessions[1]);
    groups.add(&2, &sessions[1]);
    sessions[1].end(EndReason::client_left());
    in_time(sessions[1].ended()).await;
    assert_eq!(groups.get(&1).unwrap().members(), [session_id(1)]);
    assert!(groups.get(&2).is_none(), "freed with its last member");
    assert!(!groups.add(&2, &sessions[1]), "who has ended cannot join");
    groups.remove(&1, &sessions[0]);
    assert!(groups.is_empty(), "freed by the last remove");
}

/// Members of the smaller group, and by how much the larger one is larger.
const FEW: u8 = 15;
const TIMES: u8 = 16;

/// Sixteen times the members and ids cost about sixteen times as much. Were each member looked for among all ids, it would be 256.
async fn the_cost_of_except_and_only_is_linear() {
    let mut rig = Rig::new();
    let (_raws, sessions) = sessions(&mut rig, FEW * TIMES).await;
    let groups = Groups::<u8>::new();
    sessions[..FEW.into()].iter().for_each(|session| assert!(groups.add(&1, session)));
    sessions.iter().for_each(|session| assert!(groups.add(&2, session)));
    let cost = |group: u8, is_only: bool| {
        let group = groups.get(&group).unwrap();
        // As many ids as members, and far more than a look through them bears; nobody is left out.
        let ids: Vec<SessionId> = match is_only {
            true => group.members().into_iter().cycle().take(20 * group.count()).collect(),
            false => (0..200 * group.count() as u128).map(|n| SessionId((1 << 100 | n).to_be_bytes())).collect(),
        };
        let push = || match is_only {
            true => TestReceiver::to(&group.only(&ids)).on_gauge(&gauge("g", 1)),
            false => TestReceiver::to(&group.except(&ids)).on_gauge(&gauge("g", 1)),
        };
        (0..7).map(|_| own_time(push)).min().unwrap()
    };
    for is_only in [false, true] {
        let (few, many) = (cost(1, is_only), cost(2, is_only));
        assert!(many < few * 4 * u32::from(TIMES), "{many:?} for {TIMES} times what costs {few:?}");
    }
}

/// Time of the processor that this thread spends on it, whatever else the machine does.
fn own_time(work: impl Fn()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let began = now();
    work();
    now() - began
}

#[tokio::test]
async fn line_07_groups_across_nodes() {
    one_group_on_three_nodes().await;
    local_members_are_served_without_the_broker().await;
    gaps_are_repaired_from_the_ring_of_the_origin().await;
    what_cannot_be_had_is_told_before_the_next_frame().await;
    a_node_is_dead_without_its_lease().await;
    a_client_result_of_a_member_on_another_node().await;
}

async fn one_group_on_three_nodes() {
    let mut nodes = Nodes::start(3, 1).await;
    let (mut a, _a) = nodes.member(0, 1, &["room"]).await;
    let (mut b, _b) = nodes.member(1, 2, &["room"]).await;
    let (mut c, _c) = nodes.member(2, 3, &["other"]).await;
    nodes.pass_ms(200).await;
    say(&nodes.group(2, "room"), "from a node without members");
    let group = nodes.group(0, "room");
    TestReceiver::to(&group.except(&ids([1]))).on_line(&text("not 1"));
    TestReceiver::to(&group.only(&ids([1, 3]))).on_line(&text("only 1"));
    nodes.pass_ms(100).await;
    let mut told = heard(&mut a).await;
    told.sort();
    assert_eq!(told, ["from a node without members", "only 1"]);
    let mut told = heard(&mut b).await;
    told.sort();
    assert_eq!(told, ["from a node without members", "not 1"]);
    assert_eq!(heard(&mut c).await, [""; 0]);
    for node in 0..3 {
        let group = nodes.group(node, "room");
        assert_eq!(group.count(), 2, "on node {node}");
        assert_eq!(group.members().into_iter().collect::<BTreeSet<_>>(), numbers(&[1, 2]));
    }
}

async fn local_members_are_served_without_the_broker() {
    let mut nodes = Nodes::start(2, 2).await;
    let (mut a, _a) = nodes.member(0, 1, &["room"]).await;
    let (_b, _session) = nodes.member(1, 2, &["room"]).await;
    nodes.pass_ms(200).await;
    nodes.bus.set_down(true);
    say(&nodes.group(0, "room"), "no broker, no time");
    assert_eq!(heard(&mut a).await, ["no broker, no time"]);
}

/// Members on two nodes, and a message of the first that has arrived at the second.
async fn two_nodes(seed: u64) -> (Nodes, [(Raw, SessionHandle); 2]) {
    let mut nodes = Nodes::start(2, seed).await;
    let members = [nodes.member(0, 1, &["room"]).await, nodes.member(1, 2, &["room"]).await];
    nodes.pass_ms(200).await;
    say(&nodes.group(0, "room"), "1");
    nodes.pass_ms(100).await;
    (nodes, members)
}

async fn gaps_are_repaired_from_the_ring_of_the_origin() {
    let (nodes, [_a, (mut b, _session)]) = two_nodes(3).await;
    let before = nodes.bus.count();
    nodes.bus.set_faults(Faults { lost: 30, doubled: 20, delay_ms: 100 });
    for n in 2..=60 {
        say(&nodes.group(0, "room"), &n.to_string());
        nodes.pass_ms(25).await;
    }
    nodes.bus.set_faults(Faults::default());
    nodes.pass_ms(1_500).await;
    assert!(nodes.bus.count() > before);
    assert_eq!(heard(&mut b).await, (1..=60).map(|n| n.to_string()).collect::<Vec<_>>(), "once and in order");

    // A whole ring is to be had again, within its time.
    nodes.bus.set_down(true);
    settle().await;
    let last = 60 + RING_FRAMES;
    for n in 61..=last {
        say(&nodes.group(0, "room"), &n.to_string());
    }
    nodes.pass_ms(1_000).await;
    nodes.bus.set_down(false);
    nodes.pass_ms(4_000).await;
    assert_eq!(heard(&mut b).await, (61..=last).map(|n| n.to_string()).collect::<Vec<_>>());
}

async fn what_cannot_be_had_is_told_before_the_next_frame() {
    // Beyond the ring's frames.
    let (nodes, [_a, (mut b, _session)]) = two_nodes(4).await;
    nodes.bus.set_down(true);
    settle().await;
    for n in 2..=RING_FRAMES + 100 {
        say(&nodes.group(0, "room"), &n.to_string());
    }
    nodes.pass_ms(1_000).await;
    nodes.bus.set_down(false);
    nodes.pass_ms(6_000).await;
    assert_eq!(heard(&mut b).await[..3], ["1", "gap 2-100", "101"]);

    // Beyond its time.
    let (nodes, [_a, (mut b, _session)]) = two_nodes(5).await;
    nodes.bus.set_down(true);
    settle().await;
    say(&nodes.group(0, "room"), "2");
    nodes.pass_ms(RING_MS + 2_000).await;
    nodes.bus.set_down(false);
    nodes.pass_ms(6_000).await;
    say(&nodes.group(0, "room"), "3");
    nodes.pass_ms(500).await;
    assert_eq!(heard(&mut b).await, ["1", "gap 2-2", "3"]);
}

async fn a_node_is_dead_without_its_lease() {
    let (nodes, [_a, _b]) = two_nodes(6).await;
    assert_eq!(nodes.group(0, "room").count(), 2);
    // Not a word of good-bye.
    nodes.nodes[1].driver.abort();
    nodes.pass_ms(LEASE_MS - 1_200).await;
    assert_eq!(nodes.group(0, "room").count(), 2, "its lease holds");
    nodes.pass_ms(1_300).await;
    assert_eq!(nodes.group(0, "room").members(), [session_id(1)]);
    assert!(nodes.nodes[0].cluster.others().is_empty());
}

async fn a_client_result_of_a_member_on_another_node() {
    let (nodes, [_a, (mut b, _session)]) = two_nodes(7).await;
    let ask = || {
        let member = nodes.nodes[0].cluster.member(&name("room"), session_id(2));
        tokio::spawn(async move { TestReceiver::of(&member).confirm(&text("sure?")).await })
    };
    let asked = ask();
    nodes.pass_ms(100).await;
    let question = loop {
        if let Down::Ask(ask) = b.next().await {
            break ask;
        }
    };
    let body = wire::answer::Result::Body(text("yes").encode_to_vec().into());
    b.send(Up::Answer(wire::Answer { id: question.id, result: Some(body) })).await;
    nodes.pass_ms(100).await;
    assert_eq!(in_time(asked).await.unwrap(), Ok(text("yes")));

    let asked = ask();
    nodes.pass_ms(1_200).await;
    assert_eq!(in_time(asked).await.unwrap().unwrap_err().code, Code::DeadlineExceeded);
    let asked = ask();
    settle().await;
    nodes.nodes[1].stop.cancel();
    nodes.pass_ms(100).await;
    assert_eq!(in_time(asked).await.unwrap().unwrap_err().reason, "NODE_GONE");
}
