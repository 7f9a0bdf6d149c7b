//! 6: groups.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shallot_hubs::{EndReason, Groups, SessionHandle};
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::SessionId;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::TestReceiver;
use crate::messages::text;
use crate::raw::Raw;
use crate::rig::{Rig, session_id};

async fn sessions(rig: &mut Rig, count: u8) -> (Vec<Raw>, Vec<SessionHandle>) {
    let mut raws = Vec::new();
    for number in 1..=count {
        raws.push(Raw::welcomed(rig, number).await);
    }
    (raws, (1..=count).map(|number| rig.session(number)).collect())
}

/// Which of them get a push, by number.
fn reached(sessions: &[SessionHandle], push: impl FnOnce()) -> Vec<usize> {
    let before: Vec<usize> = sessions.iter().map(|session| session.outbox_depth().frames).collect();
    push();
    let after = sessions.iter().map(|session| session.outbox_depth().frames);
    (1..).zip(before.into_iter().zip(after)).filter(|(_, (b, a))| a > b).map(|(number, _)| number).collect()
}

#[tokio::test]
async fn all_except_only_single() {
    let mut rig = Rig::new();
    let (_raws, sessions) = sessions(&mut rig, 5).await;
    let groups: Groups<String> = Groups::new();
    let key = "room".to_owned();
    for session in &sessions[..4] {
        assert!(groups.add(&key, session));
    }
    let group = groups.get(&key).unwrap();
    let hi = text("hi");
    let ids: Vec<SessionId> = [2, 3, 5].map(session_id).into();
    assert_eq!(reached(&sessions, || TestReceiver::to_group(&group).on_line(&hi)), [1, 2, 3, 4]);
    assert_eq!(reached(&sessions, || TestReceiver::to(&group.all()).on_line(&hi)), [1, 2, 3, 4]);
    assert_eq!(reached(&sessions, || TestReceiver::to(&group.except(&ids)).on_line(&hi)), [1, 4]);
    assert_eq!(reached(&sessions, || TestReceiver::to(&group.only(&ids)).on_line(&hi)), [2, 3]);
    assert_eq!(reached(&sessions, || TestReceiver::to(&group.single(session_id(4))).on_line(&hi)), [4]);
    assert!(reached(&sessions, || TestReceiver::to(&group.single(session_id(5))).on_line(&hi)).is_empty());
    let many: Vec<SessionId> = (2..40).map(session_id).collect();
    assert_eq!(reached(&sessions, || TestReceiver::to(&group.except(&many)).on_line(&hi)), [1]);
    assert_eq!(group.count(), 4);
    assert_eq!(group.members().into_iter().collect::<BTreeSet<_>>(), (1..=4).map(session_id).collect());
}

#[tokio::test]
async fn all_members_share_one_buffer() {
    let mut rig = Rig::new();
    let (mut raws, sessions) = sessions(&mut rig, 3).await;
    let groups: Groups<u32> = Groups::new();
    for session in &sessions {
        groups.add(&7, session);
    }
    TestReceiver::to_group(&groups.get(&7).unwrap()).on_line(&text("one for all"));
    let mut places = BTreeSet::new();
    for raw in &mut raws {
        let Down::Push(push) = raw.next().await else { panic!("a push was expected") };
        places.insert(push.body.as_ptr());
    }
    assert_eq!(places.len(), 1);
}

#[tokio::test]
async fn membership_ends_with_the_session_and_an_empty_group_is_freed() {
    let mut rig = Rig::new();
    let (_raws, sessions) = sessions(&mut rig, 2).await;
    let groups: Groups<u32> = Groups::new();
    for key in 0..10 {
        groups.add(&key, &sessions[0]);
    }
    groups.add(&3, &sessions[1]);
    assert_eq!(groups.len(), 10);
    sessions[0].end(EndReason::client_left());
    sessions[0].ended().await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups.get(&3).unwrap().members(), [session_id(2)]);
    assert!(!groups.add(&3, &sessions[0]), "who has ended cannot join");
    assert!(!groups.add(&4, &sessions[0]));
    groups.remove(&3, &sessions[1]);
    assert!(groups.is_empty());
}

#[tokio::test]
async fn joining_twice_is_joining_once() {
    let mut rig = Rig::new();
    let (_raws, sessions) = sessions(&mut rig, 1).await;
    let groups: Groups<u32> = Groups::new();
    groups.add(&1, &sessions[0]);
    groups.add(&1, &sessions[0]);
    assert_eq!(groups.get(&1).unwrap().count(), 1);
    groups.remove(&1, &sessions[0]);
    assert!(groups.get(&1).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_may_join_leave_push_and_end_at_once() {
    let mut rig = Rig::new();
    let (_raws, sessions) = sessions(&mut rig, 8).await;
    let groups: Groups<u8> = Groups::new();
    std::thread::scope(|scope| {
        for (n, session) in (0_u8..).zip(&sessions) {
            let groups = groups.clone();
            scope.spawn(move || {
                for i in 0..500_u16 {
                    let key = u8::try_from(i % 4).unwrap();
                    groups.add(&key, session);
                    groups.get(&key).into_iter().for_each(|group| {
                        TestReceiver::to_group(&group).on_gauge(&crate::messages::gauge("x", i.into()));
                    });
                    if i % 3 == 0 {
                        groups.remove(&key, session);
                    }
                    if i == 400 && n % 2 == 0 {
                        session.end(EndReason::client_left());
                    }
                }
            });
        }
    });
    for session in &sessions {
        session.end(EndReason::client_left());
        session.ended().await;
    }
    assert!(groups.is_empty(), "no member is left behind and no group");
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, usize),
    Remove(u8, usize),
    Push(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u8..4, 0_usize..5).prop_map(|(key, who)| Step::Add(key, who)),
        (0_u8..4, 0_usize..5).prop_map(|(key, who)| Step::Remove(key, who)),
        (0_u8..4).prop_map(Step::Push),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Against a map of sets.
    #[test]
    fn behaves_as_a_map_of_sets(steps in proptest::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new();
            let (_raws, sessions) = sessions(&mut rig, 5).await;
            let groups: Groups<u8> = Groups::new();
            let mut model: BTreeMap<u8, BTreeSet<usize>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Add(key, who) => {
                        prop_assert!(groups.add(&key, &sessions[who]));
                        model.entry(key).or_default().insert(who + 1);
                    }
                    Step::Remove(key, who) => {
                        groups.remove(&key, &sessions[who]);
                        model.entry(key).or_default().remove(&(who + 1));
                    }
                    Step::Push(key) => {
                        let push = || {
                            groups.get(&key).into_iter().for_each(|group| TestReceiver::to_group(&group).on_line(&text("x")));
                        };
                        let expected: Vec<usize> = model.get(&key).into_iter().flatten().copied().collect();
                        prop_assert_eq!(reached(&sessions, push), expected);
                    }
                }
                model.retain(|_, members| !members.is_empty());
                prop_assert_eq!(groups.len(), model.len());
            }
            Ok(())
        })?;
    }
}
