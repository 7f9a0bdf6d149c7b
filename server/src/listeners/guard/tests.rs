//! The guard on examples, and against a model that looks at whole frames.

use proptest::prelude::*;

use super::*;

const fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second, burst }
}

static LIMITS: GuardLimits = GuardLimits {
    streams: rate(10, 8),
    resets: rate(2, 4),
    settings: rate(1, 3),
    empty_data: rate(1, 2),
    control: rate(20, 16),
    frames: rate(100, 64),
    first_request: Duration::from_secs(10),
    frame: Duration::from_secs(5),
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
    let length = u32::try_from(payload).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.resize(bytes.len() + payload, 0x55);
    bytes
}

/// A connection's bytes up to and with these frames.
fn opened(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE, &frames.concat()].concat()
}

fn guard() -> Guard {
    Guard::new(&LIMITS, Duration::ZERO)
}

/// Of one frame again and again at one moment: how many pass, and what ends it.
fn flood(mut next: impl FnMut(u32) -> Vec<u8>) -> (u32, Misuse) {
    let mut guard = guard();
    guard.observe(Duration::ZERO, PREFACE).unwrap();
    for n in 0..1_000 {
        if let Err(misuse) = guard.observe(Duration::ZERO, &next(n)) {
            return (n, misuse);
        }
    }
    panic!("nothing ended the flood")
}

#[test]
fn each_flood_ends_at_its_burst_with_its_name() {
    assert_eq!(flood(|n| frame(HEADERS, END_HEADERS, 2 * n + 1, 20)), (8, Misuse::StreamFlood));
    assert_eq!(flood(|n| frame(RST_STREAM, 0, 2 * n + 1, 4)), (4, Misuse::ResetFlood));
    assert_eq!(flood(|_| frame(SETTINGS, 0, 0, 6)), (3, Misuse::SettingsFlood));
    assert_eq!(flood(|_| frame(SETTINGS, ACK, 0, 0)), (16, Misuse::ControlFlood));
    assert_eq!(flood(|_| frame(PING, 0, 0, 8)), (16, Misuse::ControlFlood));
    assert_eq!(flood(|_| frame(WINDOW_UPDATE, 0, 0, 4)), (16, Misuse::ControlFlood));
    assert_eq!(flood(|_| frame(0xBE, 0, 0, 0)), (16, Misuse::ControlFlood));
    assert_eq!(flood(|_| frame(CONTINUATION, 0, 1, 0)), (16, Misuse::ControlFlood));
    assert_eq!(flood(|_| frame(DATA, 0, 1, 0)), (2, Misuse::EmptyDataFlood));
    assert_eq!(flood(|_| frame(DATA, PADDED, 1, 9)), (16, Misuse::ControlFlood));
    assert_eq!(flood(|_| frame(DATA, 0, 1, 1)), (64, Misuse::FrameFlood));
    // Headers on a stream that is there already open none.
    assert_eq!(flood(|_| frame(HEADERS, END_HEADERS, 1, 1)), (17, Misuse::ControlFlood));
}

#[test]
fn a_flood_just_below_its_rate_goes_on_for_ever() {
    let mut guard = guard();
    guard.observe(Duration::ZERO, &opened(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, 3)])).unwrap();
    for n in 0..1_000_u32 {
        let now = Duration::from_millis(500) * n;
        guard.observe(now, &frame(RST_STREAM, 0, 1, 4)).unwrap();
        guard.check_time(now).unwrap();
    }
}

#[test]
fn what_is_not_http2_ends_with_the_first_wrong_byte() {
    assert_eq!(guard().observe(Duration::ZERO, b"GET / HTTP/1.1\r\n"), Err(Misuse::NotHttp2));
    assert_eq!(guard().observe(Duration::ZERO, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"), Err(Misuse::NotHttp2));
    assert_eq!(guard().observe(Duration::ZERO, b"\x16\x03\x01"), Err(Misuse::NotHttp2));
    assert_eq!(guard().observe(Duration::ZERO, b"PRI"), Ok(()));
}

#[test]
fn a_connection_without_a_full_request_ends_in_time() {
    let time = LIMITS.first_request;
    let almost = time - Duration::from_millis(1);
    for bytes in [
        Vec::new(),
        PREFACE.to_vec(),
        opened(&[frame(SETTINGS, 0, 0, 0), frame(PING, 0, 0, 8)]),
        opened(&[frame(HEADERS, END_HEADERS, 1, 20)]),
        opened(&[frame(DATA, 0, 1, 20), frame(HEADERS, END_HEADERS, 1, 20)]),
    ] {
        let mut guard = guard();
        guard.observe(Duration::ZERO, &bytes).unwrap();
        assert_eq!(guard.deadline(), Some(time));
        assert_eq!((guard.check_time(almost), guard.check_time(time)), (Ok(()), Err(Misuse::NoRequest)));
    }
    for request in [
        vec![frame(HEADERS, END_HEADERS | END_STREAM, 1, 20)],
        vec![frame(HEADERS, END_HEADERS, 1, 20), frame(DATA, END_STREAM, 1, 0)],
        vec![frame(HEADERS, END_HEADERS, 1, 20), frame(DATA, 0, 1, 7)],
        vec![frame(HEADERS, END_STREAM, 1, 20), frame(CONTINUATION, END_HEADERS, 1, 9)],
        vec![frame(HEADERS, 0, 1, 20), frame(CONTINUATION, END_HEADERS, 1, 9), frame(DATA, 0, 1, 7)],
    ] {
        let mut guard = guard();
        guard.observe(Duration::ZERO, &opened(&request)).unwrap();
        assert_eq!((guard.deadline(), guard.check_time(time * 1_000)), (None, Ok(())));
    }
}

#[test]
fn a_frame_and_a_block_of_headers_have_their_time() {
    let mut guard = guard();
    guard.observe(Duration::ZERO, &opened(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, 3)])).unwrap();
    let begun = Duration::from_secs(100);
    let due = begun + LIMITS.frame;
    // A byte a second: each is progress, the frame is none.
    for (second, byte) in frame(DATA, 0, 1, 90).iter().take(5).enumerate() {
        guard.observe(begun + Duration::from_secs(second as u64), &[*byte]).unwrap();
        assert_eq!(guard.deadline(), Some(due));
    }
    assert_eq!(guard.check_time(due - Duration::from_millis(1)), Ok(()));
    assert_eq!(guard.check_time(due), Err(Misuse::SlowFrame));

    // Whole frames, but the block does not end.
    let mut guard = self::guard();
    guard.observe(Duration::ZERO, &opened(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, 3)])).unwrap();
    guard.observe(begun, &frame(HEADERS, 0, 3, 9)).unwrap();
    for second in 1..5 {
        guard.observe(begun + Duration::from_secs(second), &frame(CONTINUATION, 0, 3, 1)).unwrap();
        assert_eq!(guard.deadline(), Some(due));
    }
    assert_eq!(guard.check_time(due), Err(Misuse::SlowFrame));
    guard.observe(due, &frame(CONTINUATION, END_HEADERS, 3, 1)).unwrap();
    assert_eq!((guard.deadline(), guard.check_time(due * 2)), (None, Ok(())));
}

/// 64 streams in flight, 500 calls a second, each answered call acknowledged as the chattiest libraries do, now and then all of
/// them given up.
#[test]
fn a_busy_client_passes_the_limits_of_the_server() {
    let allowance = crate::listeners::allowance::Allowance::of(crate::config::limits::LimitProfile::Default);
    let limits = allowance.peer([192, 0, 2, 1].into()).guard;
    let mut guard = Guard::new(limits, Duration::ZERO);
    guard.observe(Duration::ZERO, &opened(&[frame(SETTINGS, 0, 0, 18), frame(SETTINGS, ACK, 0, 0)])).unwrap();
    for call in 0..60_000_u32 {
        let now = Duration::from_millis(2) * call;
        let stream = 2 * call + 1;
        for bytes in [
            frame(HEADERS, END_HEADERS, stream, 120),
            frame(DATA, 0, stream, 60),
            frame(DATA, END_STREAM, stream, 0),
            frame(WINDOW_UPDATE, 0, 0, 4),
            frame(WINDOW_UPDATE, 0, stream, 4),
            frame(PING, 0, 0, 8),
            frame(PING, ACK, 0, 8),
        ] {
            guard.observe(now, &bytes).unwrap();
        }
        if call % 1_000 == 999 {
            (0..64).for_each(|back| guard.observe(now, &frame(RST_STREAM, 0, stream - 2 * back, 4)).unwrap());
        }
        guard.check_time(now).unwrap();
    }
}

/// A frame as a test thinks of it: the time since the one before, and its header.
type Step = (u16, u8, u8, u32, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(DATA), Just(HEADERS), Just(CONTINUATION), 0_u8..12];
    let flags = prop_oneof![Just(0), Just(END_STREAM), Just(END_HEADERS), Just(END_STREAM | END_HEADERS), any::<u8>()];
    proptest::collection::vec((0_u16..300, kind, flags, 0_u32..40, 0_usize..30), 0..120)
}

/// Counts whole frames of each class in floating point; which frame is one too many, and why.
fn model(steps: &[Step]) -> Option<(usize, Misuse)> {
    let mut tokens: Vec<(Misuse, Rate, f64)> = [
        (Misuse::FrameFlood, LIMITS.frames),
        (Misuse::ControlFlood, LIMITS.control),
        (Misuse::EmptyDataFlood, LIMITS.empty_data),
        (Misuse::StreamFlood, LIMITS.streams),
        (Misuse::ResetFlood, LIMITS.resets),
        (Misuse::SettingsFlood, LIMITS.settings),
    ]
    .map(|(misuse, rate)| (misuse, rate, f64::from(rate.burst)))
    .to_vec();
    let mut newest = 0;
    for (n, (pause_ms, kind, flags, stream, payload)) in steps.iter().enumerate() {
        for (_, rate, left) in &mut tokens {
            let gained = f64::from(*pause_ms) / 1_000.0 * f64::from(rate.per_second);
            *left = (*left + gained).min(f64::from(rate.burst));
        }
        let class = match *kind {
            DATA if flags & PADDED != 0 => Some(Misuse::ControlFlood),
            DATA if *payload == 0 && flags & END_STREAM == 0 => Some(Misuse::EmptyDataFlood),
            DATA => None,
            HEADERS if *stream > newest => {
                newest = *stream;
                Some(Misuse::StreamFlood)
            }
            RST_STREAM => Some(Misuse::ResetFlood),
            SETTINGS if flags & ACK == 0 => Some(Misuse::SettingsFlood),
            _ => Some(Misuse::ControlFlood),
        };
        for wanted in [Some(Misuse::FrameFlood), class].into_iter().flatten() {
            let (_, _, left) = tokens.iter_mut().find(|(misuse, ..)| *misuse == wanted).unwrap();
            if *left < 1.0 - 1e-9 {
                return Some((n, wanted));
            }
            *left -= 1.0;
        }
    }
    None
}

proptest! {
    #[test]
    fn the_guard_counts_as_the_model_does(steps in steps()) {
        let mut guard = guard();
        guard.observe(Duration::ZERO, PREFACE).unwrap();
        let mut now = Duration::ZERO;
        let mut ended = None;
        for (n, (pause_ms, kind, flags, stream, payload)) in steps.iter().enumerate() {
            now += Duration::from_millis(u64::from(*pause_ms));
            if let Err(misuse) = guard.observe(now, &frame(*kind, *flags, *stream, *payload)) {
                ended = Some((n, misuse));
                break;
            }
        }
        prop_assert_eq!(ended, model(&steps));
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut(steps in steps(), cuts in proptest::collection::vec(1_usize..40, 1..60)) {
        let frames: Vec<Vec<u8>> = steps.iter().map(|(_, kind, flags, stream, len)| frame(*kind, *flags, *stream, *len)).collect();
        let bytes = opened(&frames);
        let mut whole = guard();
        let expected = whole.observe(Duration::ZERO, &bytes);
        let mut pieces = guard();
        let mut rest = bytes.as_slice();
        let mut sizes = cuts.iter().cycle();
        let mut came = Ok(());
        while !rest.is_empty() && came.is_ok() {
            let (piece, left) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            came = pieces.observe(Duration::ZERO, piece);
            rest = left;
        }
        prop_assert_eq!(came, expected);
        if expected.is_ok() {
            prop_assert_eq!(pieces.deadline(), whole.deadline());
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), after_preface: bool, now_ms: u64) {
        let mut guard = guard();
        if after_preface {
            guard.observe(Duration::ZERO, PREFACE).unwrap();
        }
        let now = Duration::from_millis(now_ms);
        let came = guard.observe(now, &bytes);
        if after_preface {
            prop_assert_ne!(came, Err(Misuse::NotHttp2));
        }
        let due = guard.deadline();
        prop_assert!(due.is_none_or(|due| guard.check_time(due).is_err()));
    }
}

/// One short connection, cut in two at every byte.
#[test]
fn every_cut_in_two_gives_the_same() {
    let bytes = opened(&[
        frame(SETTINGS, 0, 0, 18),
        frame(HEADERS, 0, 1, 11),
        frame(CONTINUATION, END_HEADERS, 1, 3),
        frame(DATA, 0, 1, 5),
        frame(DATA, END_STREAM, 1, 0),
        frame(PING, 0, 0, 8),
        frame(RST_STREAM, 0, 1, 4),
    ]);
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let mut guard = guard();
        guard.observe(Duration::ZERO, first).unwrap();
        guard.observe(Duration::from_millis(1), second).unwrap();
        assert_eq!((guard.deadline(), guard.first_request), (None, FirstRequest::Full), "cut at {cut}");
    }
}
