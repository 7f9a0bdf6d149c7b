//! Lines 12 and 14: what stands around calls and client results, and the runtime without a network.

use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use prost::Message as _;
use shallot_hubs::link::memory::datagrams::{DatagramFaults, FaultyDatagrams};
use shallot_hubs::link::memory::faulty::{Faults, FaultyLink};
use shallot_hubs::{
    Bytes, ClientLink, Code, Exchange, Groups, HubClient, HubClientConfig, HubError, Middleware, SessionLimits,
};
use shallot_proto::hub::v1 as wire;
use tokio::sync::mpsc;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestHubClient, TestReceiver, TestReceiverDispatcher, test_hub};
use crate::cuttable::Fresh;
use crate::handler::Handler;
use crate::messages::test::v1::Text;
use crate::messages::{gauge, text};
use crate::raw::{Raw, hello};
use crate::rig::{Rig, WALL_MS, in_time, session_id, settle, token, token_of};

/// A client with a receiver, and what that is told.
async fn join(
    rig: &Rig,
    link: Arc<dyn ClientLink>,
    layer: Option<Arc<dyn Middleware>>,
) -> (HubClient, mpsc::Receiver<String>) {
    let (handler, told) = Handler::new();
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let tokens = Fresh { clock: rig.clock.clone(), asked: AtomicU64::new(0) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()))
        .receiver(TestReceiverDispatcher::new(Arc::clone(&handler)))
        .tokens(Arc::new(tokens));
    let builder = layer.into_iter().fold(builder, |builder, layer| builder.middleware(layer));
    let (client, driver) = builder.connect(link).await.unwrap();
    handler.answer_through(&client);
    tokio::spawn(driver);
    (client, told)
}

#[tokio::test]
async fn line_12_middleware_on_both_ends() {
    authentication_and_token_refresh_on_a_live_session().await;
    rules_and_rate_limits().await;
    spans_for_calls_and_client_results_at_both_ends().await;
    metrics_for_calls_and_client_results_at_both_ends().await;
    validation_of_requests_and_answers().await;
    ones_own_around_calls_and_client_results_at_both_ends().await;
}

async fn authentication_and_token_refresh_on_a_live_session() {
    let mut rig = Rig::new();
    let mut stranger = Raw::open(&rig);
    stranger.send(hello("forged")).await;
    let go_away = stranger.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (16, "TOKEN_INVALID"));

    let mut raw = Raw::welcomed_by(&mut rig, &token_of(1, 1, 1, WALL_MS + 3_000)).await;
    let renew = |token: String| Up::Auth(wire::Auth { access_token: token });
    raw.send(renew(token_of(1, 1, 1, WALL_MS + 9_000))).await;
    rig.pass_ms(8_000).await;
    raw.is_well(&test_hub::ECHO).await;
    rig.pass_ms(1_000).await;
    assert_eq!(raw.go_away().await.reason, "TOKEN_EXPIRED");

    rig.events();
    let mut raw = Raw::welcomed(&mut rig, 2).await;
    raw.send(renew(token_of(3, 2, 1, WALL_MS + 90_000))).await;
    assert_eq!(raw.go_away().await.reason, "TOKEN_FOREIGN", "another login's");

    let (client, _told) = join(&rig, Arc::new(rig.link()), None).await;
    in_time(client.welcomed()).await.unwrap();
    let until_ms = WALL_MS + 90_000_000;
    client.renew(token_of(1, 1, 1, until_ms));
    settle().await;
    assert_eq!(rig.session(1).principal().expires_at_ms, until_ms, "at the client's end by one word");
}

async fn rules_and_rate_limits() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::FOR_CHARACTERS, "a").await;
    assert_eq!(raw.reply().await, (1, Err("NO_CHARACTER".to_owned())));
    raw.call(&test_hub::RARE, "a").await;
    let Down::Reply(reply) = raw.next().await else { panic!("a reply was expected") };
    let Some(wire::reply::Result::Error(error)) = reply.result else { panic!("a refusal was expected") };
    assert_eq!((error.code, &*error.reason), (8, "RATE_LIMITED"));
    assert_eq!(wire::RetryDetail::decode(error.detail).unwrap().retry_after_ms, 1_500);
    raw.is_well(&test_hub::ECHO).await;
}

/// Keeps the spans of the runtime as words: name and fields.
#[derive(Clone, Default)]
struct Spans {
    count: Arc<AtomicU64>,
    words: Arc<Mutex<Vec<String>>>,
}

struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("shallot_hubs")
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut fields = Fields(span.metadata().name().to_owned());
        span.record(&mut fields);
        self.words.lock().unwrap().push(fields.0);
        tracing::span::Id::from_u64(1 + self.count.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

async fn spans_for_calls_and_client_results_at_both_ends() {
    let rig = Rig::new();
    let (client, _told) = join(&rig, Arc::new(rig.link()), None).await;
    let call = || async { in_time(TestHubClient::new(&client).ask_back(&text("no"))).await.unwrap_err() };
    let session = format!("session={}", session_id(1));
    let expected = [
        "hub_call method=\"shallot.test.v1.TestHub/AskBack\" is_served=false".to_owned(),
        format!("hub_call method=\"shallot.test.v1.TestHub/AskBack\" is_served=true {session}"),
        format!("client_result method=\"shallot.test.v1.TestReceiver/Confirm\" is_served=false {session}"),
        "client_result method=\"shallot.test.v1.TestReceiver/Confirm\" is_served=true".to_owned(),
    ];
    let spans = Spans::default();
    let _listening = tracing::subscriber::set_default(spans.clone());
    let mut words = Vec::new();
    // Whether a span is wanted is asked once, on whatever thread comes to it first, and it may be another's turn right now: so it is
    // asked again here. Everything of this test runs on its own thread.
    for _ in 0..20 {
        call().await;
        tracing::callsite::rebuild_interest_cache();
        spans.words.lock().unwrap().clear();
        call().await;
        words = spans.words.lock().unwrap().clone();
        if words == expected {
            break;
        }
    }
    assert_eq!(words, expected);
}

async fn metrics_for_calls_and_client_results_at_both_ends() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let rig = Rig::new();
    let (client, _told) = join(&rig, Arc::new(rig.link()), None).await;
    in_time(TestHubClient::new(&client).ask_back(&text("no"))).await.unwrap_err();
    let said = handle.render();
    for (name, method) in [
        ("shallot_hub_client_calls_total", "TestHub/AskBack"),
        ("shallot_hub_calls_total", "TestHub/AskBack"),
        ("shallot_hub_client_results_total", "TestReceiver/Confirm"),
        ("shallot_hub_client_answers_total", "TestReceiver/Confirm"),
    ] {
        let line = format!("{name}{{method=\"shallot.test.v1.{method}\",result=\"ABORTED\"}} 1");
        assert!(said.lines().any(|said| said == line), "{line} is not in\n{said}");
    }
}

async fn validation_of_requests_and_answers() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let junk = Bytes::from_static(&[0xff; 9]);
    let call = wire::Call { body: junk.clone(), ..raw.make_call(&test_hub::ECHO, "") };
    raw.send(Up::Call(call)).await;
    assert_eq!(raw.reply().await, (1, Err("MALFORMED_REQUEST".to_owned())));
    raw.call(&test_hub::ASK_BACK, "sure?").await;
    let Down::Ask(ask) = raw.next().await else { panic!("a question was expected") };
    raw.send(Up::Answer(wire::Answer { id: ask.id, result: Some(wire::answer::Result::Body(junk)) })).await;
    assert_eq!(raw.reply().await, (2, Err("MALFORMED_REPLY".to_owned())));
    assert!(rig.events().is_empty(), "no handler saw it");
}

/// Refuses the one exchange whose request names it.
struct Picky;

impl Middleware for Picky {
    fn before(&self, exchange: &Exchange, request: &Bytes) -> Result<(), HubError> {
        let place = format!("{:?} {}", exchange.kind, if exchange.is_served { "served" } else { "made" });
        match Text::decode(request.clone()) {
            Ok(request) if request.text == place => Err(HubError::new(Code::InvalidArgument, "PICKY", place)),
            _ => Ok(()),
        }
    }
}

async fn ones_own_around_calls_and_client_results_at_both_ends() {
    let rig = Rig::behind(Arc::new(Picky));
    let (client, _told) = join(&rig, Arc::new(rig.link()), Some(Arc::new(Picky))).await;
    let hub = TestHubClient::new(&client);
    for place in ["Call made", "Call served", "ClientResult made", "ClientResult served"] {
        let refused = in_time(hub.ask_back(&text(place))).await.unwrap_err();
        assert_eq!((&*refused.reason, &*refused.message), ("PICKY", place));
    }
    assert_eq!(in_time(hub.ask_back(&text("no"))).await.unwrap_err().reason, "DECLINED", "let through at all four");
}

#[tokio::test]
async fn line_14_without_a_network() {
    the_same_code_over_links_that_delay_stall_and_break().await;
    datagrams_are_lost_delayed_and_reordered().await;
    time_is_what_the_test_says().await;
}

/// Pushes to a group and calls, while the links of a client delay, stall and break: nothing RELIABLE is lost, doubled or reordered.
async fn the_same_code_over_links_that_delay_stall_and_break() {
    let mut rig = Rig::with_limits(SessionLimits { resume_grace_ms: 120_000, ..SessionLimits::DEFAULT });
    let faults = Faults { seed: 2, delay_ms: 150, stall_ms: 2_000, cut_ms: 6_000, notice_ms: 1_000 };
    let link = Arc::new(FaultyLink::new(rig.link(), rig.clock.clone(), faults));
    let (client, mut told) = join(&rig, link.clone(), None).await;
    rig.pass_ms(1_500).await;
    assert!(client.rtt().is_some_and(|rtt| rtt.min_ms > 0), "a trip takes its time: {:?}", client.rtt());
    let groups = Groups::<u8>::new();
    assert!(groups.add(&1, &rig.session(1)));
    let hub = TestHubClient::new(&client).with_deadline_ms(60_000);
    let mut calls = Vec::new();
    for number in 0..60 {
        let (hub, word) = (hub.clone(), text(&number.to_string()));
        TestReceiver::to_group(&groups.get(&1).unwrap()).on_line(&word);
        calls.push(tokio::spawn(async move { hub.echo(&word).await }));
        rig.pass_ms(500).await;
    }
    rig.pass_ms(20_000).await;
    assert!(link.opened() > 4, "the links did break");
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(in_time(call).await.unwrap(), Ok(text(&number.to_string())));
    }
    let heard: Vec<String> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    let pushed = (0..60).map(|number| number.to_string());
    assert_eq!(heard, ["hello".to_owned()].into_iter().chain(pushed).collect::<Vec<_>>());
    let mut ran = rig.events();
    ran.retain(|event| event.starts_with("echo"));
    assert_eq!(ran.len(), 60, "each call ran once");
}

async fn datagrams_are_lost_delayed_and_reordered() {
    let rig = Rig::new();
    let (client, mut told) = join(&rig, Arc::new(rig.link()), None).await;
    in_time(client.welcomed()).await.unwrap();
    let faults = DatagramFaults { seed: 1, lost: 20, doubled: 10, delay_ms: 200 };
    let datagrams = Arc::new(FaultyDatagrams::new(rig.clock.clone(), faults));
    rig.session(1).set_datagrams(Some(Arc::clone(&datagrams) as _));
    for value in 0..100 {
        TestReceiver::to(&rig.session(1)).on_flicker(&gauge("g", value));
        rig.pass_ms(25).await;
        datagrams.arrived().iter().for_each(|datagram| assert!(client.take_datagram(datagram)));
    }
    rig.pass_ms(200).await;
    datagrams.arrived().iter().for_each(|datagram| assert!(client.take_datagram(datagram)));
    settle().await;
    assert_eq!(told.try_recv().unwrap(), "hello");
    let came: Vec<u32> = std::iter::from_fn(|| told.try_recv().ok()?.strip_prefix("g=")?.parse().ok()).collect();
    let once: std::collections::BTreeSet<u32> = came.iter().copied().collect();
    assert!(datagrams.lost() > 0 && once.len() as u64 == 100 - datagrams.lost(), "{} of {}", once.len(), came.len());
    assert!(came.len() > once.len() && !came.is_sorted(), "some came twice, some overtook others");
    // And a link that lives on, untouched by it.
    assert_eq!(in_time(TestHubClient::new(&client).echo(&text("well"))).await, Ok(text("well")));
}

/// Whatever waits, waits by the clock of the test: a day passes in no time, and no time passes by itself.
async fn time_is_what_the_test_says() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let driver = raw.driver();
    raw.call(&test_hub::WAIT, "a").await;
    assert_eq!(rig.event().await, "began a");
    // Its client reads nothing any more: the driver waits for it as long as a write may take, and no longer.
    rig.session(1).end(shallot_hubs::EndReason::new(Code::PermissionDenied, "BANNED", "for good reason"));
    rig.pass_ms(4_900).await;
    assert!(!driver.is_finished());
    rig.pass_ms(200).await;
    assert!(driver.is_finished(), "not by the machine's clock");

    let limits = SessionLimits { age_ms: 20 * 3_600_000, ..SessionLimits::DEFAULT };
    let rig = Rig::with_limits(SessionLimits { silence_ms: u64::MAX, write_ms: u64::MAX / 2, ..limits });
    let mut raw = Raw::open(&rig);
    raw.send(hello(&token_of(1, 1, 1, WALL_MS + 30 * 3_600_000))).await;
    settle().await;
    for _ in 0..22 {
        rig.clock.advance_ms(3_600_000);
        settle().await;
    }
    assert_eq!(raw.go_away().await.reason, "AGE");
}
