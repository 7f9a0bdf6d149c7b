//! What a client was told of each place of its view, and what of that it is known to have.
//!
//! Each snapshot tells some places. A client takes snapshots in their order and drops those that were overtaken, so an acknowledgement
//! says of each snapshot up to its newest whether it arrived or is lost for good: what arrived is what later changes go on from,
//! and what was lost is owed.

use shallot_wire::limits::{MAX_BASELINE_AGE, MAX_STATE_AGE, PLACES};
use shallot_wire::{Ack, Places, Sequence, Tick};

use crate::limits::SNAPSHOTS_KEPT;

/// A place's.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Of the state that the client has; only while it has one.
    has: Tick,
    /// When it was told last; before the first time, when somebody came to stand there.
    told: Tick,
}

/// A snapshot of which it is not known whether it arrived.
#[derive(Clone, Copy, Debug)]
struct Flight {
    sequence: Sequence,
    tick: Tick,
    told: Places,
    /// Places where somebody else stands since then, or nobody, as far as no later snapshot has it.
    renewed: Places,
    /// It went on from no other: where it arrived, all other places are empty.
    is_anew: bool,
}

/// Of the snapshots after one.
struct Later {
    /// Places that were told again, of who stands there now.
    told: Places,
    /// Places where somebody else stands since then, or nobody.
    renewed: Places,
}

/// One client's.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    accounts: Vec<Account>,
    /// Places of which the client has a state of who stands there.
    has: Places,
    /// Places to be told without regard to how well the client guesses: nothing of who stands there was told yet, or it was lost, or
    /// there was no room; or who stood there has gone.
    owed: Places,
    /// By sequence modulo their number.
    flights: [Option<Flight>; SNAPSHOTS_KEPT],
    /// Number of the last one.
    newest: Option<Sequence>,
    acknowledged: Option<Sequence>,
    /// The newest that the client ever said something of.
    answered: Option<Sequence>,
    /// A client that did say what it has is more snapshots behind than are kept.
    is_far_behind: bool,
}

impl Default for Ledger {
    fn default() -> Self {
        let accounts = vec![Account::default(); PLACES];
        Self {
            accounts,
            has: Places::NONE,
            owed: Places::NONE,
            flights: [None; SNAPSHOTS_KEPT],
            newest: None,
            acknowledged: None,
            answered: None,
            is_far_behind: false,
        }
    }
}

impl Ledger {
    /// Somebody else stands in a place now, or nobody.
    pub(crate) fn renew(&mut self, place: u8, tick: Tick) {
        self.has.remove(place);
        self.owed.insert(place);
        if let Some(newest) = self.newest.and_then(|newest| self.flights.get_mut(Self::row(newest))?.as_mut()) {
            newest.renewed.insert(place);
        }
        if let Some(account) = self.accounts.get_mut(usize::from(place)) {
            account.told = tick;
        }
    }

    /// What the snapshot of this number goes on from, when these places are taken; `None`: all is told anew.
    pub(crate) fn baseline(&mut self, next: Sequence, taken: Places) -> Option<Sequence> {
        let age = |known: &Sequence| next.since(*known);
        self.acknowledged =
            self.acknowledged.filter(|known| (1..=MAX_BASELINE_AGE.cast_signed()).contains(&age(known)));
        if self.acknowledged.is_none() {
            // Those that are empty by now too: it may go on from one in which they were not, if what is told now is lost.
            self.has = Places::NONE;
            self.owed |= taken;
        }
        self.acknowledged
    }

    /// Whether a client that did say what it has is more snapshots behind than are kept.
    pub(crate) fn is_far_behind(&self) -> bool {
        self.is_far_behind
    }

    /// Places to be told in any case.
    pub(crate) fn owed(&self) -> Places {
        self.owed
    }

    /// Ticks since a place was told last, or taken.
    pub(crate) fn since_told(&self, place: u8, now: Tick) -> u32 {
        self.accounts.get(usize::from(place)).map_or(0, |account| now.since(account.told).unsigned_abs())
    }

    /// Age of the state that the client has of who stands in a place; `None`: it has none that a change could go on from.
    pub(crate) fn has(&self, place: u8, now: Tick) -> Option<u32> {
        let account = self.accounts.get(usize::from(place)).filter(|_| self.has.contains(place))?;
        Some(now.since(account.has).unsigned_abs()).filter(|age| *age <= MAX_STATE_AGE)
    }

    /// Notes what a snapshot tells, and what it had no room for.
    pub(crate) fn note(&mut self, sequence: Sequence, tick: Tick, told: Places, left_out: Places, is_anew: bool) {
        self.owed = (self.owed | left_out) - told;
        // Kept until it says something: numbers come round.
        self.is_far_behind |= self.answered.is_some_and(|answered| sequence.since(answered) >= SNAPSHOTS_KEPT as i16);
        for place in told {
            if let Some(account) = self.accounts.get_mut(usize::from(place)) {
                account.told = tick;
            }
        }
        let flight = Flight { sequence, tick, told, renewed: Places::NONE, is_anew };
        self.newest = Some(sequence);
        let oldest = self.flights.get_mut(Self::row(sequence)).and_then(|row| row.replace(flight));
        if let Some(oldest) = oldest {
            self.lose(&oldest);
        }
    }

    fn row(sequence: Sequence) -> usize {
        usize::from(sequence.0) % SNAPSHOTS_KEPT
    }

    /// Takes what a client says it has, when these places are taken; the tick of the newest. What it says of snapshots that were not
    /// sent, or that it said something of before, has no effect.
    pub(crate) fn acknowledge(&mut self, ack: Ack, taken: Places) -> Option<Tick> {
        let newest = self.flights.get(Self::row(ack.newest)).copied().flatten();
        let newest = newest.filter(|flight| flight.sequence == ack.newest)?;
        // What the ones before the last acknowledgement became is known.
        let unknown = self.acknowledged.map_or(u16::MAX, |known| ack.newest.0.wrapping_sub(known.0));
        for age in (0..unknown.min(SNAPSHOTS_KEPT as u16)).rev() {
            let sequence = Sequence(ack.newest.0.wrapping_sub(age));
            let Some(row) = self.flights.get_mut(Self::row(sequence)) else { continue };
            let Some(flight) = row.take_if(|flight| flight.sequence == sequence) else { continue };
            if ack.contains(sequence) {
                self.settle(&flight, taken);
            } else {
                self.lose(&flight);
            }
        }
        (self.acknowledged, self.answered) = (Some(ack.newest), Some(ack.newest));
        self.is_far_behind = false;
        Some(newest.tick)
    }

    fn settle(&mut self, flight: &Flight, taken: Places) {
        let later = self.later(flight.sequence);
        if flight.is_anew {
            self.owed |= taken - flight.told - later.told;
            self.has = Places::NONE;
        }
        let states = (flight.told - flight.renewed - later.renewed) & taken;
        self.has |= states;
        for place in states {
            if let Some(account) = self.accounts.get_mut(usize::from(place)) {
                account.has = flight.tick;
            }
        }
    }

    fn lose(&mut self, flight: &Flight) {
        let later = self.later(flight.sequence);
        self.owed |= flight.told - flight.renewed - later.renewed - later.told;
    }

    /// What came of places in the snapshots after one, which may still arrive.
    fn later(&self, sequence: Sequence) -> Later {
        let mut later = Later { told: Places::NONE, renewed: Places::NONE };
        let Some(newest) = self.newest else { return later };
        let count = newest.since(sequence).clamp(0, SNAPSHOTS_KEPT as i16).unsigned_abs();
        for number in (0..count).map(|age| Sequence(newest.0.wrapping_sub(age))) {
            let there = self.flights.get(Self::row(number)).copied().flatten();
            if let Some(flight) = there.filter(|flight| flight.sequence == number) {
                later.renewed |= flight.renewed;
                later.told |= flight.told - later.renewed;
            }
        }
        later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: [u8; 4] = [0, 1, 2, 9];

    fn of(places: &[u8]) -> Places {
        let mut all = Places::NONE;
        places.iter().for_each(|place| all.insert(*place));
        all
    }

    fn tick(n: u16) -> Tick {
        Tick(u32::from(n))
    }

    /// All of [`TAKEN`] were told by snapshot 1, which arrived.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        TAKEN.into_iter().for_each(|place| ledger.renew(place, tick(1)));
        assert_eq!(ledger.baseline(Sequence(1), of(&TAKEN)), None);
        ledger.note(Sequence(1), tick(1), of(&TAKEN), Places::NONE, true);
        ledger.acknowledge(Ack { newest: Sequence(1), mask: 0 }, of(&TAKEN));
        ledger
    }

    fn tell(ledger: &mut Ledger, n: u16, places: &[u8]) {
        assert_eq!(ledger.baseline(Sequence(n), of(&TAKEN)), ledger.acknowledged);
        ledger.note(Sequence(n), tick(n), of(places), Places::NONE, false);
    }

    fn answer(ledger: &mut Ledger, newest: u16, mask: u32) {
        ledger.acknowledge(Ack { newest: Sequence(newest), mask }, of(&TAKEN));
    }

    fn ages(ledger: &Ledger, now: u16) -> [Option<u32>; 4] {
        TAKEN.map(|place| ledger.has(place, tick(now)))
    }

    #[test]
    fn what_arrives_is_what_the_client_has() {
        let mut ledger = ledger();
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([Some(4); 4], Places::NONE));
        tell(&mut ledger, 2, &[0, 1]);
        tell(&mut ledger, 3, &[1, 2]);
        assert_eq!(ages(&ledger, 5), [Some(4); 4], "nobody has said so");
        answer(&mut ledger, 3, 0b11);
        assert_eq!(ages(&ledger, 5), [Some(3), Some(2), Some(2), Some(4)]);
        assert_eq!(ledger.baseline(Sequence(4), of(&TAKEN)), Some(Sequence(3)));
        assert_eq!(ledger.since_told(9, tick(5)), 4);
    }

    #[test]
    fn what_is_lost_is_owed_unless_it_was_told_again() {
        let mut ledger = ledger();
        tell(&mut ledger, 2, &[0, 1]);
        tell(&mut ledger, 3, &[1]);
        tell(&mut ledger, 4, &[2]);
        answer(&mut ledger, 3, 0b10);
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([Some(4), Some(2), Some(4), Some(4)], of(&[0])));
        tell(&mut ledger, 5, &[0]);
        assert_eq!(ledger.owed(), Places::NONE);
        answer(&mut ledger, 5, 0b10);
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([Some(0), Some(2), Some(4), Some(4)], of(&[2])));
    }

    #[test]
    fn an_answer_counts_once() {
        let mut ledger = ledger();
        tell(&mut ledger, 2, &[0]);
        tell(&mut ledger, 3, &[1]);
        answer(&mut ledger, 3, 0);
        answer(&mut ledger, 3, 0b11);
        answer(&mut ledger, 2, 0);
        answer(&mut ledger, 900, u32::MAX);
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([Some(4), Some(2), Some(4), Some(4)], of(&[0])));
    }

    #[test]
    fn a_place_with_somebody_else_begins_anew() {
        let mut ledger = ledger();
        tell(&mut ledger, 2, &[0, 1]);
        ledger.renew(0, tick(2));
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([None, Some(4), Some(4), Some(4)], of(&[0])));
        answer(&mut ledger, 2, 1);
        assert_eq!(ages(&ledger, 5), [None, Some(3), Some(4), Some(4)], "that was of who stood there before");
    }

    #[test]
    fn a_place_with_somebody_else_since_then_is_settled_by_later_snapshots_alone() {
        let mut ledger = ledger();
        tell(&mut ledger, 2, &[0, 1]);
        tell(&mut ledger, 3, &[2]);
        ledger.renew(1, tick(3));
        tell(&mut ledger, 4, &[1]);
        answer(&mut ledger, 2, 1);
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([Some(3), None, Some(4), Some(4)], Places::NONE));
        ledger.renew(0, tick(4));
        answer(&mut ledger, 4, 1);
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([None, Some(1), Some(2), Some(4)], of(&[0])));
        // All is answered: what is renewed now concerns no snapshot under way.
        ledger.renew(2, tick(5));
        tell(&mut ledger, 5, &[0, 1, 2]);
        answer(&mut ledger, 5, 1);
        assert_eq!((ages(&ledger, 6), ledger.owed()), ([Some(1), Some(1), Some(1), Some(5)], Places::NONE));
    }

    #[test]
    fn after_a_long_silence_all_is_told_anew() {
        let mut ledger = ledger();
        for n in 2..=1 + MAX_BASELINE_AGE {
            tell(&mut ledger, n, &[0]);
        }
        assert_eq!(ages(&ledger, 1 + MAX_BASELINE_AGE), [Some(31); 4]);
        let next = Sequence(2 + MAX_BASELINE_AGE);
        assert_eq!(ledger.baseline(next, of(&TAKEN)), None);
        assert_eq!((ages(&ledger, 5), ledger.owed()), ([None; 4], of(&TAKEN)));
        // There was room for two of them; that arrives, and so the client has those alone.
        ledger.note(next, tick(next.0), of(&[0, 2]), of(&[1, 9]), true);
        answer(&mut ledger, next.0, 0);
        assert_eq!((ages(&ledger, next.0), ledger.owed()), ([Some(0), None, Some(0), None], of(&[1, 9])));
    }

    #[test]
    fn who_answers_no_more_or_only_what_is_old_falls_behind() {
        let kept = SNAPSHOTS_KEPT as u16;
        let number = |n: u16| Sequence(n.wrapping_add(u16::MAX - 2));
        let mut ledger = Ledger::default();
        let notes = |ledger: &mut Ledger, numbers: std::ops::Range<u16>| {
            numbers.for_each(|n| ledger.note(number(n), tick(n), Places::NONE, Places::NONE, true));
        };
        notes(&mut ledger, 0..2 * kept);
        assert!(!ledger.is_far_behind(), "one that never answers does as it likes");
        ledger.acknowledge(Ack { newest: number(2 * kept - 1), mask: 0 }, Places::NONE);
        notes(&mut ledger, 2 * kept..3 * kept - 1);
        assert!(!ledger.is_far_behind());
        notes(&mut ledger, 3 * kept - 1..3 * kept);
        assert!(ledger.is_far_behind());
        ledger.baseline(number(3 * kept), Places::NONE);
        assert!(ledger.is_far_behind(), "also when that is no baseline any more");
        ledger.acknowledge(Ack { newest: number(2 * kept + 10), mask: 0 }, Places::NONE);
        assert!(!ledger.is_far_behind());
        notes(&mut ledger, 3 * kept..3 * kept + 11);
        assert!(ledger.is_far_behind());
        notes(&mut ledger, 3 * kept + 11..40_000);
        assert!(ledger.is_far_behind(), "numbers come round");
    }

    #[test]
    fn one_that_was_told_anew_and_arrives_late_empties_what_came_before() {
        let mut ledger = ledger();
        ledger.acknowledged = None;
        assert_eq!(ledger.baseline(Sequence(2), of(&TAKEN)), None);
        ledger.note(Sequence(2), tick(2), of(&[0, 1]), of(&[2, 9]), true);
        ledger.baseline(Sequence(3), of(&TAKEN));
        ledger.note(Sequence(3), tick(3), of(&[0, 2]), of(&[1, 9]), true);
        answer(&mut ledger, 2, 0);
        assert_eq!(ages(&ledger, 4), [Some(2), Some(2), None, None]);
        tell(&mut ledger, 4, &[9]);
        answer(&mut ledger, 3, 0b1);
        assert_eq!((ages(&ledger, 4), ledger.owed()), ([Some(1), None, Some(1), None], of(&[1])), "9 is under way");
    }

    #[test]
    fn who_has_gone_before_the_first_answer_is_told_to_have() {
        let mut ledger = Ledger::default();
        TAKEN.into_iter().for_each(|place| ledger.renew(place, tick(1)));
        ledger.baseline(Sequence(1), of(&TAKEN));
        ledger.note(Sequence(1), tick(1), of(&TAKEN), Places::NONE, true);
        ledger.renew(9, tick(2));
        let left = of(&[0, 1, 2]);
        ledger.baseline(Sequence(2), left);
        assert_eq!(ledger.owed(), of(&TAKEN));
        ledger.note(Sequence(2), tick(2), of(&TAKEN), Places::NONE, true);
        // The first arrives, the second is lost.
        ledger.acknowledge(Ack { newest: Sequence(1), mask: 0 }, left);
        assert_eq!(ledger.baseline(Sequence(3), left), Some(Sequence(1)));
        ledger.note(Sequence(3), tick(3), Places::NONE, Places::NONE, false);
        ledger.acknowledge(Ack { newest: Sequence(3), mask: 0b10 }, left);
        assert_eq!(ledger.owed(), of(&TAKEN), "9 is empty, and the client has somebody there");
    }

    #[test]
    fn states_grow_too_old_and_numbers_wrap() {
        let ledger = ledger();
        assert_eq!(ages(&ledger, 33), [None; 4]);
        let mut ledger = Ledger::default();
        for n in [65_534_u16, 65_535, 0, 1] {
            ledger.baseline(Sequence(n), of(&TAKEN));
            ledger.note(Sequence(n), tick(n), of(&TAKEN), Places::NONE, false);
            answer(&mut ledger, n, u32::MAX);
            assert_eq!(ledger.acknowledged, Some(Sequence(n)));
        }
    }
}
