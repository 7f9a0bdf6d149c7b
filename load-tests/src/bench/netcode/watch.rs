//! What a player has before it, beside the truth: how far from where they were others are drawn, and for how long somebody near is not
//! drawn at all.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use shallot_client::Interpolation;
use shallot_client::interpolation::Sighting;
use shallot_client::snapshots::Snapshots;
use shallot_client::wire::{EntityKind, NetId, Position, Snapshot};

use super::truth::Truth;

/// Units in a metre.
const METRE: u64 = 4_096;
/// Edges of the rings near, mid and far, units.
const RINGS: [u64; 3] = [32 * METRE, 96 * METRE, 192 * METRE];
/// Errors that are told apart, millimetres; what is worse counts as this bad.
const ERROR_MAX_MM: u64 = 1_000_000;
/// What stands before the records of a group.
const GROUP_BYTES: usize = 5;
/// A player's first so many milliseconds are not looked at.
const SETTLED_MS: u64 = 2_000;

/// Errors of what was drawn, by ring, millimetres.
pub(super) type Errors = [Histogram<u64>; 3];

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Sights {
    /// From where others were drawn to where they were at that moment.
    pub(super) errors: Errors,
    /// The longest that somebody within 32 m was not drawn, milliseconds.
    pub(super) missing_ms: u64,
    /// Moments drawn, and others in view in all of them.
    pub(super) frames: u64,
    pub(super) in_view: u64,
    /// Bytes of changes and how many there were; of records, without their groups, and how many.
    pub(super) changes: (u64, u64),
    pub(super) records: (u64, u64),
}

impl Default for Sights {
    fn default() -> Self {
        // Such bounds are never refused.
        let errors = || Histogram::new_with_bounds(1, ERROR_MAX_MM, 2).expect("1 and 1,000,000 are valid bounds");
        Self {
            errors: [errors(), errors(), errors()],
            missing_ms: 0,
            frames: 0,
            in_view: 0,
            changes: (0, 0),
            records: (0, 0),
        }
    }
}

impl Sights {
    /// Takes another's over.
    pub(super) fn add(&mut self, other: &Self) {
        for (errors, more) in self.errors.iter_mut().zip(&other.errors) {
            // Both have the same bounds.
            errors.add(more).unwrap_or_default();
        }
        self.missing_ms = self.missing_ms.max(other.missing_ms);
        self.frames += other.frames;
        self.in_view += other.in_view;
        self.changes = (self.changes.0 + other.changes.0, self.changes.1 + other.changes.1);
        self.records = (self.records.0 + other.records.0, self.records.1 + other.records.1);
    }
}

/// One player's eyes.
#[derive(Debug)]
pub(super) struct Watch {
    player: usize,
    others: Interpolation,
    /// When who is near was drawn last, or came near, milliseconds.
    drawn_at: BTreeMap<NetId, u64>,
    since: Option<u64>,
    /// Looked at from now on.
    pub(super) is_counting: bool,
    /// What it saw while it counted.
    pub(super) sights: Sights,
}

impl Watch {
    /// Of a player by its number.
    #[must_use]
    pub(super) fn new(player: usize) -> Self {
        Self {
            player,
            others: Interpolation::default(),
            drawn_at: BTreeMap::new(),
            since: None,
            is_counting: false,
            sights: Sights::default(),
        }
    }

    /// A newest snapshot was taken in at `now`.
    pub(super) fn observe(&mut self, now: Duration, view: &Snapshots, datagram: &[u8]) {
        self.others.observe(now, view.tick(), view.entities().map(Sighting::from));
        if let (true, Ok(snapshot)) = (self.is_counting, Snapshot::decode(datagram)) {
            let sights = &mut self.sights;
            sights.changes.0 += snapshot.lengths.changes as u64;
            sights.changes.1 += snapshot.changes().count() as u64;
            let records: Vec<_> = snapshot.records().collect();
            let groups = records.chunk_by(|a, b| a.group == b.group).count();
            sights.records.0 += (snapshot.lengths.records - groups * GROUP_BYTES) as u64;
            sights.records.1 += records.len() as u64;
        }
    }

    /// What it says that its player looks at.
    #[must_use]
    pub(super) fn others(&self) -> &Interpolation {
        &self.others
    }

    /// Draws the others at `now` and compares.
    pub(super) fn frame(&mut self, now: Duration, view: &Snapshots, truth: &Truth) {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let Some(moment) = self.others.moment(now) else { return };
        let since = *self.since.get_or_insert(now_ms);
        let (Some(own), Some(here)) = (truth.at(self.player, moment), truth.last(self.player)) else { return };
        if !self.is_counting || now_ms < since + SETTLED_MS {
            self.drawn_at.clear();
            return;
        }
        self.sights.frames += 1;
        self.sights.in_view += view.entities().filter(|entity| entity.kind != EntityKind::Drop).count() as u64;
        for (player, id) in truth.players().filter(|(player, _)| *player != self.player) {
            let drawn = self.others.drawn(id, moment);
            if let (Some(drawn), Some(truly)) = (&drawn, truth.at(player, moment)) {
                let away = distance(own, truly);
                if let Some(ring) = RINGS.iter().position(|edge| away <= *edge) {
                    let mm = distance(drawn.position, truly) * 1_000 / METRE;
                    self.sights.errors[ring].saturating_record(mm.max(1));
                }
            }
            let is_near = truth.last(player).is_some_and(|there| distance(here, there) <= RINGS[0]);
            if drawn.is_some() || !is_near {
                self.drawn_at.insert(id, now_ms);
            }
            let last = *self.drawn_at.entry(id).or_insert(now_ms);
            self.sights.missing_ms = self.sights.missing_ms.max(now_ms.saturating_sub(last));
        }
    }
}

fn distance(a: Position, b: Position) -> u64 {
    a.distance_squared(b).unsigned_abs().isqrt()
}
