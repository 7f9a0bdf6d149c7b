//! The others: drawn where they were at the moment that is drawn.

use std::collections::BTreeMap;
use std::time::Duration;

use shallot_client::wire::{NetId, Position};

use crate::chance::Chance;
use crate::client::{Client, distance, p99};
use crate::line::Quality;
use crate::region::Region;
use crate::walker::Walker;

const PLAYERS: usize = 60;
/// The first of them have clients.
const CLIENTS: usize = 3;
const SECONDS: u64 = 20;
const SETTLED_MS: u64 = 2_000;
const FRAME_MS: u64 = 16;
const METRE: u64 = 4_096;
/// Edges of the rings: near, mid, far.
const RINGS: [u64; 3] = [32 * METRE, 96 * METRE, 192 * METRE];

/// What was measured, by ring.
struct Seen {
    /// From what was drawn to the truth of that moment, units.
    errors: [Vec<u64>; 3],
    /// The longest that somebody within 32 m was not drawn, milliseconds.
    missing_ms: u64,
    lost: u64,
    /// The longest way from one frame to the next of somebody near, units.
    jerk: u64,
}

fn field(side_m: u64, quality: Quality, seed: u64) -> Seen {
    let mut chance = Chance::new(seed);
    let mut place = |middle: u64| ((middle - side_m / 2) * 100 + chance.below(side_m * 100)) as i64;
    let places: Vec<Position> = (0..PLAYERS).map(|_| Position::from_cm(place(390), place(384))).collect();
    let mut region = Region::new(&places);
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|n| Client::new(&region, n, 0, quality, seed + 100 * n as u64)).collect();
    let mut walkers: Vec<Walker> = (0..PLAYERS as u64).map(|n| Walker::new(seed ^ n << 8)).collect();
    let mut seen = Seen { errors: Default::default(), missing_ms: 0, lost: 0, jerk: 0 };
    let mut eyes: Vec<Eye> = (0..CLIENTS).map(|_| Eye::default()).collect();
    for now_ms in 1..=SECONDS * 1_000 {
        if now_ms % 50 == 0 {
            for (n, walker) in walkers.iter_mut().enumerate().skip(CLIENTS) {
                region.input(now_ms, n, walker.next());
            }
            region.step(now_ms);
            clients.iter_mut().for_each(|client| client.sent(now_ms, region.snapshot(client.n)));
        }
        for (client, eye) in clients.iter_mut().zip(&mut eyes) {
            client.advance(now_ms, &mut region);
            if now_ms % FRAME_MS == 0 && now_ms > SETTLED_MS {
                eye.frame(now_ms, &region, client, &mut seen);
            }
        }
    }
    seen.lost = clients.iter().map(Client::lost).sum();
    seen
}

/// What a client's player has before it.
#[derive(Default)]
struct Eye {
    /// Who was drawn in the last frame, and where.
    drawn: BTreeMap<NetId, Position>,
    /// When who is near was drawn last, or came near.
    last: BTreeMap<NetId, u64>,
}

impl Eye {
    fn frame(&mut self, now_ms: u64, region: &Region, client: &Client, seen: &mut Seen) {
        let at = client.others.moment(Duration::from_millis(now_ms)).unwrap();
        let own = region.truth_at(client.n, at).unwrap();
        let drawn: BTreeMap<NetId, Position> = client.others.all(at).map(|d| (d.id, d.position)).collect();
        let here = region.truths(client.n).last().unwrap().position;
        for (n, id) in region.ids.iter().enumerate().filter(|(n, _)| *n != client.n) {
            let truth = region.truth_at(n, at).unwrap();
            let away = distance(own, truth);
            if let Some(position) = drawn.get(id) {
                let ring = RINGS.iter().position(|edge| away <= *edge).unwrap_or(2);
                seen.errors[ring].push(distance(*position, truth));
                if let Some(before) = self.drawn.get(id).filter(|_| ring == 0) {
                    seen.jerk = seen.jerk.max(distance(*before, *position));
                }
            }
            let is_near = distance(here, region.truths(n).last().unwrap().position) <= RINGS[0];
            if drawn.contains_key(id) || !is_near {
                self.last.insert(*id, now_ms);
            }
            seen.missing_ms = seen.missing_ms.max(now_ms - *self.last.entry(*id).or_insert(now_ms));
        }
        self.drawn = drawn;
    }
}

/// Plays on a line of 50 ms there and back and with so many lost in a thousand; the 99th percentile of the error in each ring that somebody is
/// in, near first, is at most so many centimetres.
fn check(side_m: u64, loss_permille: u64, most_cm: &[u64]) {
    for seed in [1, 2] {
        let mut seen = field(side_m, Quality { delay_ms: 20, jitter_ms: 10, loss_permille }, seed);
        let cm = |units: u64| units * 100 / METRE;
        let p99s = seen.errors.each_mut().map(|errors| (p99(errors).map(cm), errors.len()));
        let scene = format!("{side_m} m, {loss_permille} lost in 1,000, seed {seed}: {p99s:?}");
        for ((error, frames), most_cm) in p99s.into_iter().zip(most_cm) {
            assert!(frames > 500 && error.is_some_and(|error| error <= *most_cm), "{scene}");
        }
        assert!(seen.missing_ms <= 250, "{scene}: somebody near was not drawn for {} ms", seen.missing_ms);
        assert!(cm(seen.jerk) <= 50, "{scene}: somebody near moved {} cm in a frame", cm(seen.jerk));
        assert!(loss_permille == 0 || seen.lost > 20, "the line lost {}", seen.lost);
    }
}

#[test]
fn in_a_town() {
    check(40, 0, &[10, 50]);
    check(40, 20, &[10, 50]);
}

#[test]
fn in_a_field() {
    check(300, 0, &[10, 50, 100]);
    check(300, 20, &[10, 50, 100]);
}
