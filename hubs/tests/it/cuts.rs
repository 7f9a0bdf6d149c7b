//! 8 and 14 as a property: whatever happens to the links, no RELIABLE push, call or answer is lost or doubled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use shallot_hubs::link::memory::faulty::{Faults, FaultyLink};
use shallot_hubs::{AskContract, HubClient, HubClientConfig, SessionLimits, SessionState, WorkerId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestHubClient, TestReceiver, TestReceiverDispatcher, test_receiver};
use crate::cuttable::Fresh;
use crate::handler::Handler;
use crate::messages::text;
use crate::rig::{Rig, in_time, session_id, settle, token};

/// As long as a client tries to come back.
const PATIENT_MS: u32 = 60_000;

static PATIENT: AskContract =
    AskContract { id: test_receiver::CONFIRM_ID, name: "TestReceiver/Confirm", deadline_ms: PATIENT_MS };

fn limits() -> SessionLimits {
    // Detached for as long as it takes; what was kept back meanwhile fits.
    SessionLimits { resume_grace_ms: 120_000, call_queue: 200, asks: 200, ..SessionLimits::DEFAULT }
}

/// A client whose session stands. Links break before the first Welcome too: then there is nothing to come back to yet.
async fn joined(rig: &Rig, link: &Arc<FaultyLink>, seed: u64) -> (HubClient, mpsc::Receiver<String>) {
    loop {
        let (handler, told) = Handler::new();
        let config = HubClientConfig { contract: CONTRACT_HASH, jitter_seed: seed, ..HubClientConfig::new(token(1)) };
        let tokens = Fresh { clock: rig.clock.clone(), asked: AtomicU64::new(0) };
        let builder = HubClient::builder(config, Arc::new(rig.clock.clone()))
            .receiver(TestReceiverDispatcher::new(Arc::clone(&handler)))
            .tokens(Arc::new(tokens));
        let (client, driver) = builder.connect(link.clone()).await.unwrap();
        handler.answer_through(&client);
        tokio::spawn(driver);
        let mut state = client.state();
        for _ in 0..100 {
            rig.pass_ms(100).await;
            let is_settled = match &*state.borrow_and_update() {
                SessionState::Live { .. } => true,
                SessionState::Ended(_) => break,
                SessionState::Opening | SessionState::Reconnecting => false,
            };
            if is_settled {
                return (client, told);
            }
        }
    }
}

/// Plays until so many links were opened. All that was pushed has then arrived once and in order, each call has run once and was
/// answered, each question too.
async fn play(faults: Faults, links: u64, steps_a_turn: u64) {
    let mut rig = Rig::with_limits(limits());
    let link = Arc::new(FaultyLink::new(rig.link(), rig.clock.clone(), faults));
    let (client, mut told) = joined(&rig, &link, faults.seed).await;
    let session = rig.server.directory().get(session_id(1)).unwrap();
    let hub = TestHubClient::new(&client).with_deadline_ms(PATIENT_MS);
    rig.events();

    let mut under_way = JoinSet::new();
    let mut ran = BTreeMap::<String, u32>::new();
    let (mut steps, mut turns, mut pushed, mut arrived) = (0_u64, 0_u64, 0_u64, 0_u64);
    let first = link.opened();
    while link.opened() - first < links || !under_way.is_empty() || arrived < pushed {
        steps += 1;
        if link.opened() - first < links && steps.is_multiple_of(steps_a_turn) {
            turns += 1;
            pushed += 1;
            TestReceiver::to(&session).on_line(&text(&pushed.to_string()));
            hub.note(&text(&turns.to_string())).unwrap();
            let (hub, asked, turn) = (hub.clone(), session.clone(), turns);
            under_way.spawn(async move {
                let called = text(&format!("call {turn}"));
                assert_eq!(hub.echo(&called).await.as_ref(), Ok(&called));
            });
            under_way.spawn(async move {
                let question = prost::Message::encode_to_vec(&text(&format!("ask {turn}")));
                assert_eq!(asked.ask(&PATIENT, question.clone().into()).await, Ok(question.into()));
            });
        }
        // Any number between 1 and 400 that has no pattern with the faults.
        rig.clock.advance_ms(1 + steps.wrapping_mul(0x9e37_79b9) % 400);
        settle().await;
        while let Ok(line) = told.try_recv() {
            if line != "hello" {
                arrived += 1;
                assert_eq!(line, arrived.to_string(), "pushes arrive once, in order");
            }
        }
        rig.events().into_iter().for_each(|event| *ran.entry(event).or_default() += 1);
        while let Some(done) = under_way.try_join_next() {
            done.unwrap();
        }
        assert!(!client.is_ended(), "{:?}", client.ended().await);
    }

    let expected =
        (1..=turns).flat_map(|turn| [format!("note {turn}"), format!("echo call {turn}"), format!("echo ask {turn}")]);
    let expected: BTreeMap<String, u32> = expected.map(|event| (event, 1)).collect();
    ran.retain(|event, _| !event.starts_with("connected"));
    assert_eq!(ran, expected, "each call ran once");
    assert_eq!(rig.server.directory().len(), 1);
    client.leave();
    in_time(async {
        while !session.is_ended() {
            rig.pass_ms(1_000).await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_in_a_thousand_cuts() {
    for seed in 1..=5 {
        play(Faults { seed, delay_ms: 120, stall_ms: 3_000, cut_ms: 2_000, notice_ms: 1_500 }, 201, 1).await;
    }
}

#[tokio::test]
async fn nor_when_a_link_that_was_given_up_comes_after_its_successor() {
    for seed in 1..=3 {
        play(Faults { seed, delay_ms: 400, stall_ms: 14_000, cut_ms: 9_000, notice_ms: 14_000 }, 30, 8).await;
    }
}

#[tokio::test]
async fn the_same_seed_does_the_same() {
    let mut opened = Vec::new();
    for _ in 0..2 {
        let rig = Rig::with_limits(limits());
        let faults = Faults { seed: 9, delay_ms: 100, stall_ms: 2_000, cut_ms: 1_000, notice_ms: 500 };
        let link = Arc::new(FaultyLink::new(rig.link(), rig.clock.clone(), faults));
        let _joined = joined(&rig, &link, 9).await;
        rig.pass_ms(60_000).await;
        opened.push(link.opened());
        assert_eq!(rig.session(1).worker(), WorkerId(0));
    }
    assert!(opened[0] > 20 && opened[0] == opened[1], "{opened:?}");
}
