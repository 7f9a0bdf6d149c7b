//! The own body: drawn where the server will have it, on good and on bad lines.

use std::time::Duration;

use shallot_client::wire::Position;

use crate::client::Client;
use crate::line::Quality;
use crate::region::Region;

/// Until the pace has settled.
const SETTLED: Duration = Duration::from_secs(3);
const SETTLED_TICKS: usize = 60;
const SECONDS: u64 = 40;
/// One tick's way at 6 m/s, in any direction.
const STEP: u64 = 1_230;
/// A client tick may be shorter than the server's: so much of its way is not drawn when the next begins.
const EXACT: u64 = STEP / 20;

/// One who walks alone in the field, past the region's blocks where it meets them.
fn walk(quality: Quality, seed: u64) -> (Region, Client) {
    let mut region = Region::new(&[Position::from_cm(39_000, 38_400)]);
    let mut client = Client::new(&region, 0, 0, quality, seed);
    for now_ms in 1..=SECONDS * 1_000 {
        if now_ms % 50 == 0 {
            region.step(now_ms);
            client.sent(now_ms, region.snapshot(0));
        }
        client.advance(now_ms, &mut region);
    }
    (region, client)
}

fn after_settling(client: &Client) -> Vec<u32> {
    let late = client.corrections.iter().filter(|(at, _)| *at > SETTLED);
    late.map(|(_, correction)| correction.units).collect()
}

#[test]
fn nothing_is_corrected_while_nothing_is_lost() {
    for (delay_ms, jitter_ms) in [(1, 0), (25, 10), (60, 30), (150, 20)] {
        for seed in 1..=3 {
            let (region, client) = walk(Quality { delay_ms, jitter_ms, loss_permille: 0 }, seed);
            assert_eq!(
                after_settling(&client),
                Vec::<u32>::new(),
                "{delay_ms} ms, {jitter_ms} ms of jitter, seed {seed}"
            );
            let errors = client.own_errors(&region, SETTLED_TICKS);
            assert!(errors.len() > 600, "{} inputs were compared", errors.len());
            let worst = errors.iter().max().copied().unwrap();
            assert!(worst <= EXACT, "{worst} units; {delay_ms} ms, {jitter_ms} ms of jitter, seed {seed}");
        }
    }
}

/// Walks of five seeds on a line that loses so many in a thousand: at most so many corrections each, none larger than the way of `steps` ticks.
fn check_a_bad_line(loss_permille: u64, most: usize, steps: u64) {
    let mut needed = 0;
    for seed in 1..=5 {
        let (region, client) = walk(Quality { delay_ms: 20, jitter_ms: 10, loss_permille }, seed);
        assert!(client.lost() > loss_permille, "the line lost {}", client.lost());
        let corrections = after_settling(&client);
        assert!(corrections.len() <= most, "seed {seed}: {corrections:?}");
        assert!(corrections.iter().all(|units| u64::from(*units) <= steps * STEP), "seed {seed}: {corrections:?}");
        let mut errors = client.own_errors(&region, SETTLED_TICKS);
        errors.sort_unstable();
        assert!(errors.len() > 600, "{} inputs were compared", errors.len());
        let (usual, worst) = (errors[errors.len() * 98 / 100], errors[errors.len() - 1]);
        assert!(usual <= EXACT, "seed {seed}: {usual} units in 98 of 100");
        assert!(worst <= steps * STEP, "seed {seed}: {worst} units at most");
        needed += corrections.len();
    }
    assert!(needed > 0, "nothing was ever to be corrected");
}

#[test]
fn at_five_percent_loss_corrections_are_rare_and_small() {
    check_a_bad_line(50, 2, 2);
}

#[test]
fn at_twenty_percent_loss_they_still_are() {
    check_a_bad_line(200, 5, 3);
}

#[test]
fn on_a_line_that_breaks_off_the_body_comes_back_to_the_server_s() {
    let mut region = Region::new(&[Position::from_cm(39_000, 38_400)]);
    let mut client = Client::new(&region, 0, 0, Quality { delay_ms: 25, jitter_ms: 5, loss_permille: 0 }, 9);
    for now_ms in 1..=20_000 {
        if now_ms % 50 == 0 {
            region.step(now_ms);
            client.sent(now_ms, region.snapshot(0));
        }
        // For 1.5 s nothing goes either way, and what was on its way is gone.
        if (8_000..9_500).contains(&now_ms) {
            client.drop_all();
        }
        client.advance(now_ms, &mut region);
    }
    let last = client.corrections.last().map(|(at, _)| *at).unwrap();
    assert!(last > Duration::from_secs(9), "the break was felt: {last:?}");
    assert!(last < Duration::from_secs(13), "{last:?}");
    let errors = client.own_errors(&region, 14 * 20);
    assert!(errors.len() > 80 && errors.iter().all(|units| *units <= EXACT), "{errors:?}");
}
