use super::*;
use crate::limits::{HOLE_SAMPLES_LAST, PATH_SAMPLE};

/// Ticks in a sample period.
const TICKS: u64 = PATH_SAMPLE.as_millis() as u64 / TICK_MS as u64;
/// Bytes that QUIC and UDP add to a snapshot, about.
const OVERHEAD: u64 = 40;

/// A path with one slow place, and a game that wants to send so much each tick.
struct Path {
    budget: PathBudget,
    /// Whether the game makes its snapshots as small as the budget says.
    is_told: bool,
    bytes_per_tick: u64,
    /// Ticks from one snapshot to the next, and ticks so far.
    every: u64,
    ticks: u64,
    queue_limit: u64,
    /// Random loss, parts per thousand.
    loss: u64,
    largest: usize,
    base: Duration,
    queue: u64,
    sample: PathSample,
    /// Lost since the last that was acknowledged.
    unnoticed: Packets,
    /// Whether the client is there: else nothing goes either way.
    is_there: bool,
    dice: u64,
    /// The least that a tick of this wait took in the last sample period.
    shortest: Option<Duration>,
    lowered: Vec<Lowered>,
}

impl Path {
    fn of(bytes_per_second: u64) -> Self {
        Self {
            budget: PathBudget::new(),
            is_told: true,
            bytes_per_tick: bytes_per_second / 20,
            every: 1,
            ticks: 0,
            queue_limit: 64 * 1_024,
            loss: 0,
            largest: usize::MAX,
            base: Duration::from_millis(40),
            queue: 0,
            sample: PathSample::default(),
            unnoticed: Packets::default(),
            is_there: true,
            dice: 1,
            shortest: None,
            lowered: Vec::new(),
        }
    }

    fn rolls(&mut self, permille: u64) -> bool {
        // Knuth's MMIX generator.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % 1_000 < permille
    }

    fn wait(&self) -> Duration {
        Duration::from_millis(u64::from(TICK_MS) * self.queue / self.bytes_per_tick)
    }

    /// One tick with a snapshot of `wanted` bytes, or as many as the budget says; what became of it.
    fn tick(&mut self, wanted: usize) -> Pass {
        self.queue = self.queue.saturating_sub(self.bytes_per_tick);
        let size = if self.is_told { wanted.min(self.budget.snapshot_bytes()) } else { wanted };
        let pass = self.budget.pass(size);
        if pass == Pass::Go {
            let whole = size as u64 + OVERHEAD;
            let has_room = size <= self.largest && self.queue + whole <= self.queue_limit;
            self.packet(whole, has_room && self.is_there);
        }
        if self.is_there {
            self.sample.received += 1;
        }
        pass
    }

    /// A packet leaves. QUIC knows of a loss when something later was acknowledged.
    fn packet(&mut self, bytes: u64, passes: bool) {
        if !passes || self.rolls(self.loss) {
            return self.unnoticed.add(bytes);
        }
        self.queue += bytes;
        let lost = std::mem::take(&mut self.unnoticed);
        self.sample.lost.count += lost.count;
        self.sample.lost.bytes += lost.bytes;
        self.sample.acknowledged.add(bytes);
        let trip = self.base + self.wait();
        self.shortest = Some(self.shortest.map_or(trip, |shortest| shortest.min(trip)));
    }

    fn sample(&mut self, wanted: usize) {
        for _ in 0..TICKS {
            self.ticks += 1;
            if self.ticks.is_multiple_of(self.every) {
                self.tick(wanted);
            } else {
                self.queue = self.queue.saturating_sub(self.bytes_per_tick);
                self.sample.received += u64::from(self.is_there);
            }
        }
        self.look();
    }

    fn look(&mut self) {
        let sample = PathSample { round_trip: self.shortest.take(), ..self.sample };
        self.lowered.extend(self.budget.observe(sample));
    }

    /// Plays so many seconds; the longest wait in the second half of them.
    fn play(&mut self, seconds: u64, wanted: usize) -> Duration {
        let samples = seconds * 1_000 / PATH_SAMPLE.as_millis() as u64;
        let waits = (0..samples).map(|_| {
            self.sample(wanted);
            self.wait()
        });
        let waits: Vec<Duration> = waits.collect();
        waits[waits.len() / 2..].iter().copied().max().unwrap()
    }
}

#[test]
fn a_good_path_keeps_the_whole_budget() {
    let mut path = Path::of(1_000_000);
    assert!(path.play(60, MAX_DATAGRAM) < Duration::from_millis(5));
    assert_eq!((path.budget.bytes, path.lowered.len()), (SNAPSHOT_MOST, 0));
}

#[test]
fn random_loss_of_a_few_percent_changes_nothing_in_ten_minutes() {
    for (permille, at_most) in [(10, 0), (50, 0), (100, 2)] {
        let mut path = Path::of(1_000_000);
        path.loss = permille;
        path.play(600, MAX_DATAGRAM);
        assert!(path.lowered.len() <= at_most, "at {permille} permille: {:?}", path.lowered);
        assert!(path.budget.bytes > MAX_DATAGRAM / 2, "at {permille} permille: {}", path.budget.bytes);
    }
}

#[test]
fn heavy_loss_lowers_it_to_the_floor_and_its_end_brings_it_back() {
    let mut path = Path::of(1_000_000);
    path.loss = 300;
    path.play(60, MAX_DATAGRAM);
    assert!((RATE_FLOOR..400).contains(&path.budget.bytes), "{}", path.budget.bytes);
    path.loss = 0;
    path.play(180, MAX_DATAGRAM);
    assert_eq!(path.budget.bytes, SNAPSHOT_MOST);
}

#[test]
fn where_clients_take_turns_loss_says_the_same() {
    for every in [2, 5] {
        let mut path = Path::of(1_000_000);
        (path.every, path.loss) = (every, 50);
        path.play(600, MAX_DATAGRAM);
        assert!(path.lowered.is_empty(), "{every}: {:?}", path.lowered);
        path.loss = 400;
        path.play(60 * every, MAX_DATAGRAM);
        // A tick has no more than with a snapshot in each.
        assert!(
            path.lowered.contains(&Lowered::Loss) && path.budget.bytes < 400 * every as usize,
            "{every}: {}",
            path.budget.bytes
        );
        let mut path = Path::of(1_000_000);
        (path.every, path.largest) = (every, 600);
        path.play(4, MAX_DATAGRAM);
        assert_eq!(path.lowered, [Lowered::Collapse], "{every}");
    }
}

#[test]
fn where_clients_take_turns_a_queue_is_given_no_longer_to_drain() {
    for every in [1, 2, 5] {
        let mut path = Path::of(8_000 / every);
        path.every = every;
        let began = (0..100).find(|_| {
            path.sample(MAX_DATAGRAM);
            path.lowered.last() == Some(&Lowered::Queue)
        });
        assert!(began.is_some(), "{every}");
        let samples = (1..20).find(|_| {
            path.sample(MAX_DATAGRAM);
            path.budget.skip == 0
        });
        assert!(samples.is_some_and(|samples| samples <= 4), "{every}: {samples:?}");
    }
}

#[test]
fn on_a_slow_line_no_queue_stands() {
    // 64, 48 and 128 kbit/s under a game that wants 190 kbit/s, with room for seconds of it in the line.
    for bytes_per_second in [8_000, 6_000, 16_000] {
        let mut path = Path::of(bytes_per_second);
        let longest = path.play(120, MAX_DATAGRAM);
        assert!(longest < Duration::from_millis(400), "{bytes_per_second}: {longest:?}, {:?}", path.lowered);
        assert!(path.lowered.contains(&Lowered::Queue));
        // The line is used, too.
        assert!(path.budget.bytes as u64 * 20 > bytes_per_second / 3, "{bytes_per_second}: {}", path.budget.bytes);
    }
}

#[test]
fn on_a_line_slower_than_the_floor_snapshots_are_left_out() {
    let mut path = Path::of(2_500);
    let longest = path.play(120, MAX_DATAGRAM);
    assert!(path.budget.bytes < BUDGET_FLOOR, "{}", path.budget.bytes);
    assert!(longest < Duration::from_millis(800), "{longest:?}, {:?}", path.lowered);
}

#[test]
fn a_path_that_drops_what_is_large_gets_smaller_snapshots_and_is_tried_again() {
    let mut path = Path::of(1_000_000);
    path.play(10, MAX_DATAGRAM);
    path.largest = 1_000;
    path.play(2, MAX_DATAGRAM);
    assert_eq!(path.lowered, [Lowered::Collapse]);
    assert!(path.budget.bytes <= 1_000);
    assert_eq!(path.budget.pass(MAX_DATAGRAM), Pass::TooLarge);
    path.play(600, MAX_DATAGRAM);
    assert!(path.lowered.len() <= 14, "it is tried again and again: {}", path.lowered.len());
    assert_eq!(path.budget.hole.unwrap().length, HOLE_SAMPLES_LAST);
    path.largest = usize::MAX;
    path.play(120, MAX_DATAGRAM);
    assert_eq!(path.budget.bytes, SNAPSHOT_MOST);
}

/// Plays on a path that carries no more than 700 bytes any more, first until that is found out, and then two minutes with snapshots of these
/// sizes in turn; the longest run of ticks without one. What the path does not carry goes round by the link.
fn longest_gap(sizes: &[usize]) -> usize {
    let mut path = Path::of(1_000_000);
    path.is_told = false;
    path.play(10, MAX_DATAGRAM);
    path.largest = 700;
    path.play(2, 900);
    assert_eq!(path.lowered, [Lowered::Collapse]);
    let (mut missing, mut longest) = (0, 0);
    for (n, size) in (0..120 * 20).zip(sizes.iter().cycle()) {
        if n % TICKS == 0 {
            path.look();
        }
        let is_there = match path.tick(*size) {
            Pass::Go => *size <= path.largest,
            Pass::Skip => false,
            Pass::TooLarge => true,
        };
        // QUIC asks with small packets what became of the others.
        path.packet(OVERHEAD, true);
        missing = if is_there { 0 } else { missing + 1 };
        longest = longest.max(missing);
    }
    assert_eq!(path.lowered, [Lowered::Collapse], "{sizes:?}");
    longest
}

#[test]
fn while_a_hole_is_tried_again_snapshots_go_on_round_it() {
    for sizes in [&[900][..], &[900, 500], &[1_100, 400, 900, 600]] {
        let longest = longest_gap(sizes);
        assert!(longest <= 2, "{longest} ticks in a row without a snapshot, of {sizes:?} bytes");
    }
}

#[test]
fn a_hole_that_is_gone_is_found_out_on_a_path_that_loses_some() {
    for seed in 0..100 {
        let mut path = Path::of(1_000_000);
        (path.is_told, path.dice, path.loss) = (false, seed, 50);
        path.play(10, MAX_DATAGRAM);
        path.largest = 700;
        path.play(2, MAX_DATAGRAM);
        assert_eq!(path.lowered, [Lowered::Collapse], "seed {seed}");
        path.largest = usize::MAX;
        path.play(3, MAX_DATAGRAM);
        assert_ne!(path.tick(MAX_DATAGRAM), Pass::TooLarge, "seed {seed}");
    }
}

#[test]
fn small_packets_that_pass_do_not_hide_that_large_ones_are_lost() {
    let mut path = Path::of(1_000_000);
    path.play(10, MAX_DATAGRAM);
    path.largest = 1_000;
    for _ in 0..12 {
        path.sample(MAX_DATAGRAM);
        // QUIC asks with two small packets what became of the others.
        path.packet(OVERHEAD, true);
        path.packet(OVERHEAD, true);
    }
    assert_eq!(path.lowered[0], Lowered::Collapse);
}

#[test]
fn a_client_who_is_away_for_some_seconds_finds_everything_as_it_was() {
    for seconds in 1..9 {
        let mut path = Path::of(1_000_000);
        path.loss = 20;
        path.play(10, MAX_DATAGRAM);
        path.is_there = false;
        path.play(seconds, MAX_DATAGRAM);
        path.is_there = true;
        path.play(10, MAX_DATAGRAM);
        assert_eq!((path.lowered.as_slice(), path.budget.bytes), (&[][..], SNAPSHOT_MOST), "{seconds} s");
    }
}

#[test]
fn a_short_silence_of_the_way_down_costs_two_seconds() {
    let mut path = Path::of(1_000_000);
    path.is_told = false;
    path.play(10, MAX_DATAGRAM);
    path.largest = 0;
    path.play(2, MAX_DATAGRAM);
    assert_eq!(path.lowered, [Lowered::Collapse]);
    path.largest = usize::MAX;
    path.play(2, MAX_DATAGRAM);
    assert_ne!(path.budget.pass(MAX_DATAGRAM), Pass::TooLarge);
    path.play(30, MAX_DATAGRAM);
    assert_eq!((path.lowered.len(), path.budget.bytes), (1, SNAPSHOT_MOST));
}

#[test]
fn a_path_that_carries_no_datagram_is_found_out_and_tried_again() {
    let mut path = Path::of(1_000_000);
    path.largest = 0;
    let outcomes: Vec<Pass> = (0..300 * 20)
        .map(|n| {
            if n % TICKS == 0 {
                path.look();
            }
            path.tick(MAX_DATAGRAM)
        })
        .collect();
    let count = |outcome: Pass| outcomes.iter().filter(|pass| **pass == outcome).count();
    let (went, round) = (count(Pass::Go), count(Pass::TooLarge));
    assert!(went < outcomes.len() / 10 && round > outcomes.len() * 9 / 10, "{went} went nowhere, {round} round it");
    assert_eq!(outcomes.last(), Some(&Pass::TooLarge));
    assert!(path.lowered.iter().all(|why| *why == Lowered::Collapse), "{:?}", path.lowered);
    path.largest = usize::MAX;
    path.play(60, MAX_DATAGRAM);
    assert_eq!(path.tick(1), Pass::Go);
}

#[test]
fn a_longer_path_is_not_a_queue_for_ever() {
    let mut path = Path::of(1_000_000);
    path.play(10, MAX_DATAGRAM);
    path.base = Duration::from_millis(300);
    path.play(120, MAX_DATAGRAM);
    assert_eq!(path.budget.bytes, SNAPSHOT_MOST);
    // Nor is that of a client who has moved.
    let mut path = Path::of(1_000_000);
    path.play(10, MAX_DATAGRAM);
    path.base = Duration::from_millis(300);
    path.sample.acknowledged = Packets::default();
    path.play(10, MAX_DATAGRAM);
    assert_eq!(path.lowered, []);
}

#[test]
fn a_client_who_moves_leaves_the_old_path_behind() {
    let hole = Hole::new(300, HOLE_SAMPLES_LAST);
    let lowered = PathBudget { bytes: RATE_FLOOR, hole: Some(hole), skip: 20, ..PathBudget::new() };
    let acknowledged =
        |count| PathSample { acknowledged: Packets { count, bytes: count * 100 }, ..PathSample::default() };
    let mut budget = PathBudget { last: acknowledged(900), ..lowered };
    budget.observe(acknowledged(3));
    assert_eq!(budget.bytes, SNAPSHOT_MOST);
    assert_eq!(budget.pass(MAX_DATAGRAM), Pass::Go);
}

#[test]
fn what_is_written_to_fit_passes_beside_a_hole() {
    let hole = Some(Hole::new(300, HOLE_SAMPLES_FIRST));
    let mut budget = PathBudget { hole, ..PathBudget::new() };
    assert_eq!(budget.snapshot_bytes(), 300);
    assert_eq!((budget.pass(300), budget.pass(301)), (Pass::Go, Pass::TooLarge));
    // Where nothing passes it is what is tried again.
    let shut = Hole::new(0, HOLE_SAMPLES_FIRST);
    assert_eq!(PathBudget { hole: Some(shut), ..PathBudget::new() }.snapshot_bytes(), BUDGET_FLOOR);
}

#[test]
fn a_game_that_does_not_know_the_budget_sends_fewer_snapshots() {
    let mut budget = PathBudget { bytes: 400, saved: 0, ..PathBudget::new() };
    let passed: Vec<Pass> = (0..60).map(|_| budget.pass(1_000)).collect();
    assert_eq!(passed.iter().filter(|pass| **pass == Pass::Go).count(), 60 * 400 / 1_000);
    assert!(passed.chunks(3).all(|three| three.contains(&Pass::Go)), "not spread evenly");
}

#[test]
fn what_nobody_used_is_not_what_is_lowered() {
    let mut path = Path::of(1_000_000);
    path.largest = 500;
    path.play(3, 600);
    assert_eq!((path.lowered.as_slice(), path.budget.bytes <= 332), (&[Lowered::Collapse][..], true));
}

#[test]
fn what_has_a_way_round_takes_it_also_while_the_client_is_not_heard() {
    let hole = Some(Hole::new(0, HOLE_SAMPLES_FIRST));
    let mut budget = PathBudget { hole, unheard: AWAY_SAMPLES + 1, ..PathBudget::new() };
    assert!((0..20).all(|_| budget.pass(300) == Pass::TooLarge));
    // Without a hole one in a while goes.
    let mut away = PathBudget { unheard: AWAY_SAMPLES, ..PathBudget::new() };
    let passed: Vec<Pass> = (0..3).map(|_| away.pass(300)).collect();
    assert_eq!(passed, [Pass::Go, Pass::Skip, Pass::Skip]);
}

/// It goes with the client's next datagram, whose rhythm drifts against the server's.
#[test]
fn what_an_acknowledgement_waits_for_is_no_queue() {
    let mut path = Path::of(1_000_000);
    path.play(10, MAX_DATAGRAM);
    path.base += Duration::from_millis(53);
    path.budget.bytes = 600;
    path.play(120, MAX_DATAGRAM);
    assert_eq!((path.lowered.as_slice(), path.budget.bytes), (&[][..], SNAPSHOT_MOST));
}
