//! When the datagrams of a tick go out: in slices over the moments after it, since a burst overflows what is narrow on its way. Few go at
//! once. No IO, no clock: a time is what the caller says since the process started.

use std::collections::VecDeque;
use std::time::Duration;

use shallot_masterdata::RegionIndex;

use crate::limits::{SEND_SLICE, SEND_SLICES, SLICE_EVERY};

/// What waits to go out at one worker: of each region the newest tick, in the order in which it was queued.
#[derive(Debug)]
pub(crate) struct Spreading<T> {
    /// One for each region that ever sent something; their buffers are used again.
    batches: Vec<Batch<T>>,
    /// When the ticks were handed on whose last item went out since that was asked.
    whole: Vec<Duration>,
}

#[derive(Debug)]
struct Batch<T> {
    region: RegionIndex,
    /// The tick's outputs were handed on.
    began: Duration,
    /// How many go at once.
    slice: usize,
    slices_gone: u32,
    queue: VecDeque<T>,
}

impl<T> Batch<T> {
    fn next(&self) -> Option<Duration> {
        (!self.queue.is_empty()).then(|| self.began + SLICE_EVERY * self.slices_gone)
    }
}

impl<T> Spreading<T> {
    pub(crate) fn new() -> Self {
        Self { batches: Vec::new(), whole: Vec::new() }
    }

    /// A tick whose outputs were handed on at `began`. What is left of the region's tick before goes out now.
    pub(crate) fn begin(
        &mut self,
        region: RegionIndex,
        began: Duration,
        items: impl Iterator<Item = T>,
        send: impl FnMut(T),
    ) {
        let at = self.batches.iter().position(|batch| batch.region == region).unwrap_or_else(|| {
            self.batches.push(Batch { region, began, slice: 0, slices_gone: 0, queue: VecDeque::new() });
            self.batches.len() - 1
        });
        let Some(batch) = self.batches.get_mut(at) else { return };
        if !batch.queue.is_empty() {
            batch.queue.drain(..).for_each(send);
            self.whole.push(batch.began);
        }
        batch.queue.extend(items);
        (batch.began, batch.slices_gone) = (began, 0);
        batch.slice = batch.queue.len().div_ceil(SEND_SLICES as usize).max(SEND_SLICE);
    }

    /// When the next slice goes out; `None`: nothing waits.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.batches.iter().filter_map(Batch::next).min()
    }

    /// Sends all that is due at `now`.
    pub(crate) fn send_due(&mut self, now: Duration, mut send: impl FnMut(T)) {
        for batch in &mut self.batches {
            let was_waiting = !batch.queue.is_empty();
            while batch.next().is_some_and(|due| due <= now) {
                let slice = batch.slice.min(batch.queue.len());
                batch.queue.drain(..slice).for_each(&mut send);
                batch.slices_gone += 1;
            }
            if was_waiting && batch.queue.is_empty() {
                self.whole.push(batch.began);
            }
        }
    }

    /// Each tick that is out as a whole since this was asked last, by when it was handed on.
    pub(crate) fn whole(&mut self) -> impl Iterator<Item = Duration> {
        self.whole.drain(..)
    }

    /// Sends all that waits.
    pub(crate) fn send_all(&mut self, mut send: impl FnMut(T)) {
        for batch in &mut self.batches {
            batch.queue.drain(..).for_each(&mut send);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: RegionIndex = RegionIndex(0);
    const TOWN: RegionIndex = RegionIndex(1);

    fn at(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    /// Plays a tick to its end by waking whenever something is due, `late` microseconds late; times of all items.
    fn played(count: usize, late: u64) -> Vec<(usize, Duration)> {
        let mut spreading = Spreading::new();
        spreading.begin(FIELD, at(0), 0..count, |_| unreachable_item());
        let mut gone = Vec::new();
        while let Some(next) = spreading.next() {
            let now = next + at(late);
            spreading.send_due(now, |item| gone.push((item, now)));
        }
        gone
    }

    fn unreachable_item() {
        panic!("nothing was left of a tick before");
    }

    #[test]
    fn few_go_at_once() {
        for count in [1, 7, SEND_SLICE] {
            assert!(played(count, 0).iter().all(|(_, time)| *time == at(0)), "{count}");
        }
    }

    #[test]
    fn many_go_in_order_in_even_slices_within_ten_milliseconds() {
        for (count, late) in [(33, 0), (200, 0), (1_000, 0), (1_000, 1_900), (8_192, 700)] {
            let gone = played(count, late);
            assert!(gone.iter().map(|(item, _)| *item).eq(0..count), "{count}: lost, doubled or out of order");
            assert!(gone.last().unwrap().1 <= Duration::from_millis(10), "{count}: {:?}", gone.last());
            let slice = count.div_ceil(SEND_SLICES as usize).max(SEND_SLICE);
            let most = gone.chunk_by(|a, b| a.1 == b.1).map(<[_]>::len).max().unwrap();
            // One who wakes more than a slice late sends two at once.
            let at_once = 1 + late as usize / SLICE_EVERY.as_micros() as usize;
            assert!(most <= at_once * slice, "{count}: {most} at once");
        }
    }

    #[test]
    fn after_a_stall_all_that_is_due_goes() {
        let mut spreading = Spreading::new();
        spreading.begin(FIELD, at(0), 0..1_000, drop);
        let mut gone = 0;
        spreading.send_due(at(60_000), |_| gone += 1);
        assert_eq!((gone, spreading.next()), (1_000, None));
        assert!(spreading.whole().eq([at(0)]));
    }

    #[test]
    fn regions_do_not_wait_for_each_other_and_a_tick_waits_for_the_one_before() {
        let mut spreading = Spreading::new();
        spreading.begin(FIELD, at(0), 0..100, drop);
        spreading.begin(TOWN, at(500), 1_000..1_010, drop);
        let mut gone = Vec::new();
        spreading.send_due(at(600), |item| gone.push(item));
        assert!(gone.iter().copied().eq((0..32).chain(1_000..1_010)), "{gone:?}");
        // The region's next tick comes early.
        spreading.begin(FIELD, at(800), 100..200, |item| gone.push(item));
        spreading.send_due(at(800), |item| gone.push(item));
        assert!(gone.iter().copied().filter(|item| *item < 1_000).eq(0..132), "{gone:?}");
        spreading.send_all(|item| gone.push(item));
        assert_eq!((gone.len(), spreading.next()), (210, None));
    }

    #[test]
    fn every_tick_is_told_once_when_it_is_out() {
        let mut spreading = Spreading::new();
        spreading.begin(FIELD, at(0), 0..100, drop);
        spreading.begin(TOWN, at(100), 0..10, drop);
        spreading.send_due(at(200), drop);
        assert!(spreading.whole().eq([at(100)]), "a part of a tick is not all of it");
        // What the next tick drives out counts as well as what goes in its time, and so do two that end together.
        spreading.begin(FIELD, at(300), 0..10, drop);
        spreading.begin(TOWN, at(400), 0..10, drop);
        spreading.send_due(at(500), drop);
        assert!(spreading.whole().eq([at(0), at(300), at(400)]));
        spreading.begin(FIELD, at(600), 0..0, drop);
        spreading.send_due(at(700), drop);
        assert_eq!(spreading.whole().count(), 0, "a tick with nothing to send has no time");
    }
}
