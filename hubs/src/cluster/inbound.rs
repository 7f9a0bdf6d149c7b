//! What other nodes push to groups that have members here: put in order, asked for again where a number is missing, and told as a
//! gap where it cannot be had. Without IO and without a clock.

use std::collections::{BTreeMap, BTreeSet};

use super::message::{Frame, Span};
use super::name::GroupName;
use crate::backplane::NodeId;
use crate::limits::{
    GAP_TOLD_MS, HELD_BYTES, HELD_FRAMES, HELD_TOTAL_BYTES, REORDER_MS, REPAIR_MS, SPANS_WANTED, TRACKS,
};

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// To the members here.
    Deliver(GroupName, Frame),
    /// They are told that these cannot be had. From 0: nobody knows how many.
    Gap(GroupName, u64, u64),
    /// The origin is asked for these.
    Want(NodeId, Span),
}

/// One group of one origin.
#[derive(Debug, Default)]
struct Track {
    life: u64,
    /// The number that is due; unknown until the origin says where the membership began.
    next: Option<u64>,
    /// The newest number that is known of.
    head: u64,
    held: BTreeMap<u64, Frame>,
    held_bytes: usize,
    /// The first number that is missing, and since when it is the first.
    missing_since: Option<(u64, u64)>,
    /// When what is missing was last asked for.
    asked_ms: Option<u64>,
}

/// All of a node.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    tracks: BTreeMap<NodeId, BTreeMap<GroupName, Track>>,
    /// Where something is missing.
    open: BTreeSet<(NodeId, GroupName)>,
    count: usize,
    held_bytes: usize,
}

impl Inbound {
    /// A frame has come for a group that has members here.
    pub(super) fn frame(&mut self, now_ms: u64, node: &NodeId, group: &GroupName, frame: Frame, steps: &mut Vec<Step>) {
        if frame.seq == 0 || !self.has_room(node, group) {
            return steps.push(Step::Deliver(group.clone(), frame));
        }
        self.with(node, group, frame.life, steps, |track, steps| {
            let seq = frame.seq;
            track.head = track.head.max(seq);
            if seq == 1 {
                track.next.get_or_insert(1);
            }
            if track.next.is_none_or(|next| seq >= next) && !track.held.contains_key(&seq) {
                track.held_bytes += cost(&frame);
                track.held.insert(seq, frame);
            }
            track.settle(now_ms, group, steps);
        });
    }

    /// The membership began after this number.
    pub(super) fn start(
        &mut self,
        now_ms: u64,
        node: &NodeId,
        group: &GroupName,
        life: u64,
        since: u64,
        steps: &mut Vec<Step>,
    ) {
        self.with(node, group, life, steps, |track, steps| {
            track.next = Some(track.next.unwrap_or(0).max(since + 1));
            track.head = track.head.max(since);
            track.settle(now_ms, group, steps);
        });
    }

    /// The stream has come to this number.
    pub(super) fn head(
        &mut self,
        now_ms: u64,
        node: &NodeId,
        group: &GroupName,
        life: u64,
        seq: u64,
        steps: &mut Vec<Step>,
    ) {
        self.with(node, group, life, steps, |track, steps| {
            track.head = track.head.max(seq);
            track.settle(now_ms, group, steps);
        });
    }

    /// The origin cannot give these any more.
    pub(super) fn lost(&mut self, now_ms: u64, node: &NodeId, group: &GroupName, span: &Span, steps: &mut Vec<Step>) {
        self.with(node, group, span.life, steps, |track, steps| {
            // An answer to a question from the beginning: nothing is owed before it.
            let next = track.next.unwrap_or(span.from.max(1));
            if span.from <= next && next <= span.to {
                track.next = Some(next);
                while track.next.is_some_and(|next| next <= span.to) && track.tell_gap(span.to, group, steps) {}
            }
            track.settle(now_ms, group, steps);
        });
    }

    /// Asks for what is missing for a while, tells what is missing for too long.
    pub(super) fn tick(&mut self, now_ms: u64, steps: &mut Vec<Step>) {
        let crowded = self.held_bytes > HELD_TOTAL_BYTES;
        let mut held_bytes = 0;
        self.open.retain(|(node, group)| {
            let track = self.tracks.get_mut(node).and_then(|tracks| tracks.get_mut(group));
            let Some(track) = track.filter(|track| track.missing().is_some()) else { return false };
            track.tick(now_ms, node, group, crowded, steps);
            // What is held is held behind something that is missing.
            held_bytes += track.held_bytes;
            true
        });
        self.held_bytes = held_bytes;
    }

    /// The node is dead: what it owes cannot be had. Where its streams stood is remembered: it may come back.
    pub(super) fn node_died(&mut self, now_ms: u64, node: &NodeId, steps: &mut Vec<Step>) {
        for (group, track) in self.tracks.get_mut(node).into_iter().flatten() {
            track.give_up(group, steps);
            track.settle(now_ms, group, steps);
        }
    }

    /// The node will not come back.
    pub(super) fn forget_node(&mut self, node: &NodeId) {
        self.count -= self.tracks.remove(node).map_or(0, |tracks| tracks.len());
    }

    /// Keeps the groups that still have members here.
    pub(super) fn retain(&mut self, has_members: impl Fn(&GroupName) -> bool) {
        for tracks in self.tracks.values_mut() {
            tracks.retain(|group, _| has_members(group));
        }
        self.count = self.tracks.values().map(BTreeMap::len).sum();
    }

    fn has_room(&self, node: &NodeId, group: &GroupName) -> bool {
        self.count < TRACKS || self.tracks.get(node).is_some_and(|tracks| tracks.contains_key(group))
    }

    fn with(
        &mut self,
        node: &NodeId,
        group: &GroupName,
        life: u64,
        steps: &mut Vec<Step>,
        change: impl FnOnce(&mut Track, &mut Vec<Step>),
    ) {
        if !self.tracks.contains_key(node) {
            self.tracks.insert(node.clone(), BTreeMap::new());
        }
        let Some(tracks) = self.tracks.get_mut(node) else { return };
        if !tracks.contains_key(group) {
            if self.count >= TRACKS {
                return;
            }
            self.count += 1;
            tracks.insert(group.clone(), Track { life, ..Track::default() });
        }
        let Some(track) = tracks.get_mut(group) else { return };
        if life < track.life {
            return;
        }
        let before = track.held_bytes;
        if life > track.life {
            track.give_up(group, steps);
            *track = Track { life, ..Track::default() };
        }
        change(track, steps);
        if track.missing().is_some() {
            self.open.insert((node.clone(), group.clone()));
        }
        self.held_bytes = (self.held_bytes + track.held_bytes).saturating_sub(before);
    }
}

impl Track {
    /// Delivers what is due, and notices what is missing.
    fn settle(&mut self, now_ms: u64, group: &GroupName, steps: &mut Vec<Step>) {
        if let Some(mut next) = self.next {
            while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= next) {
                let (seq, frame) = entry.remove_entry();
                self.held_bytes -= cost(&frame);
                if seq == next {
                    next += 1;
                    steps.push(Step::Deliver(group.clone(), frame));
                }
            }
            self.next = Some(next);
        }
        match self.missing() {
            None => (self.missing_since, self.asked_ms) = (None, None),
            Some(_) if self.held.len() > HELD_FRAMES || self.held_bytes > HELD_BYTES => {
                self.give_up_first(group, steps);
                self.settle(now_ms, group, steps);
            }
            Some((from, _)) if self.missing_since.is_none_or(|(first, _)| first != from) => {
                self.missing_since = Some((from, now_ms));
            }
            Some(_) => {}
        }
    }

    /// The numbers that keep the rest waiting; from 0 when it is not known where the membership began.
    fn missing(&self) -> Option<(u64, u64)> {
        let last = self.held.first_key_value().map_or(self.head, |(seq, _)| seq - 1);
        match self.next {
            Some(next) if next > last => None,
            Some(next) => Some((next, last)),
            None if self.head == 0 => None,
            None => Some((0, last)),
        }
    }

    /// The same and all further gaps, up to the newest number that is known of.
    fn all_missing(&self) -> Vec<(u64, u64)> {
        let mut spans: Vec<(u64, u64)> = self.missing().into_iter().collect();
        let held = self.held.keys().copied();
        let after = held.clone().skip(1).chain([self.head + 1]);
        spans.extend(
            held.zip(after).map(|(seq, next)| (seq + 1, next.saturating_sub(1))).filter(|(from, to)| from <= to),
        );
        spans
    }

    fn tick(&mut self, now_ms: u64, node: &NodeId, group: &GroupName, crowded: bool, steps: &mut Vec<Step>) {
        let Some((_, since)) = self.missing_since else { return };
        if crowded || now_ms.saturating_sub(since) >= GAP_TOLD_MS {
            self.give_up_first(group, steps);
            return self.settle(now_ms, group, steps);
        }
        let is_due = match self.asked_ms {
            None => now_ms.saturating_sub(since) >= REORDER_MS,
            Some(asked_ms) => now_ms.saturating_sub(asked_ms) >= REPAIR_MS,
        };
        if is_due {
            self.asked_ms = Some(now_ms);
            for (from, to) in self.all_missing().into_iter().take(SPANS_WANTED) {
                steps.push(Step::Want(node.clone(), Span { group: group.to_string(), life: self.life, from, to }));
            }
        }
    }

    /// Tells one gap, up to `to` at most; `false` when nothing is missing.
    fn tell_gap(&mut self, to: u64, group: &GroupName, steps: &mut Vec<Step>) -> bool {
        let Some((from, last)) = self.missing().filter(|(from, _)| *from <= to) else { return false };
        let to = last.min(to);
        steps.push(Step::Gap(group.clone(), from, to));
        self.next = Some(to + 1);
        (self.missing_since, self.asked_ms) = (None, None);
        // Delivers what waited behind it.
        self.settle(0, group, steps);
        self.missing_since = None;
        true
    }

    fn give_up_first(&mut self, group: &GroupName, steps: &mut Vec<Step>) {
        self.tell_gap(u64::MAX, group, steps);
    }

    fn give_up(&mut self, group: &GroupName, steps: &mut Vec<Step>) {
        while self.tell_gap(u64::MAX, group, steps) {}
    }
}

fn cost(frame: &Frame) -> usize {
    frame.body.len() + 64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: u64 = 3;

    struct Bench {
        inbound: Inbound,
        node: NodeId,
        group: GroupName,
        now_ms: u64,
    }

    /// Steps in words: numbers delivered, `gap a-b`, `want a-b`.
    fn words(steps: Vec<Step>) -> Vec<String> {
        let word = |step| match step {
            Step::Deliver(_, frame) => frame.seq.to_string(),
            Step::Gap(_, from, to) => format!("gap {from}-{to}"),
            Step::Want(_, span) => format!("want {}-{}", span.from, span.to),
        };
        steps.into_iter().map(word).collect()
    }

    impl Bench {
        fn new() -> Self {
            let (node, group) = (NodeId::new("a", 1).unwrap(), GroupName::new("g").unwrap());
            Self { inbound: Inbound::default(), node, group, now_ms: 1_000 }
        }

        fn started() -> Self {
            let mut this = Self::new();
            assert_eq!(this.start(10), [""; 0]);
            this
        }

        fn frame(&mut self, seq: u64) -> Vec<String> {
            self.frame_of(LIFE, seq)
        }

        fn frame_of(&mut self, life: u64, seq: u64) -> Vec<String> {
            let mut steps = Vec::new();
            let frame = Frame { group: "g".to_owned(), life, seq, ..Frame::default() };
            self.inbound.frame(self.now_ms, &self.node, &self.group, frame, &mut steps);
            words(steps)
        }

        fn start(&mut self, since: u64) -> Vec<String> {
            let mut steps = Vec::new();
            self.inbound.start(self.now_ms, &self.node, &self.group, LIFE, since, &mut steps);
            words(steps)
        }

        fn head(&mut self, seq: u64) -> Vec<String> {
            let mut steps = Vec::new();
            self.inbound.head(self.now_ms, &self.node, &self.group, LIFE, seq, &mut steps);
            words(steps)
        }

        fn lost(&mut self, from: u64, to: u64) -> Vec<String> {
            let (mut steps, span) = (Vec::new(), Span { group: "g".to_owned(), life: LIFE, from, to });
            self.inbound.lost(self.now_ms, &self.node, &self.group, &span, &mut steps);
            words(steps)
        }

        fn pass(&mut self, ms: u64) -> Vec<String> {
            self.now_ms += ms;
            let mut steps = Vec::new();
            self.inbound.tick(self.now_ms, &mut steps);
            words(steps)
        }
    }

    #[test]
    fn frames_come_in_order_and_once() {
        let mut bench = Bench::started();
        assert_eq!(bench.frame(11), ["11"]);
        assert_eq!(bench.frame(13), [""; 0]);
        assert_eq!(bench.frame(11), [""; 0]);
        assert_eq!(bench.frame(13), [""; 0]);
        assert_eq!(bench.frame(12), ["12", "13"]);
        assert_eq!(bench.pass(10_000), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_asked_for_and_then_told() {
        let mut bench = Bench::started();
        assert_eq!(bench.frame(14), [""; 0]);
        assert_eq!(bench.pass(REORDER_MS - 1), [""; 0]);
        assert_eq!(bench.pass(1), ["want 11-13"]);
        assert_eq!(bench.pass(REPAIR_MS - 1), [""; 0]);
        assert_eq!(bench.pass(1), ["want 11-13"]);
        assert_eq!(bench.frame(11), ["11"]);
        assert_eq!(bench.pass(GAP_TOLD_MS - 1), ["want 12-13"]);
        assert_eq!(bench.pass(1), ["gap 12-13", "14"]);
        assert_eq!(bench.frame(12), [""; 0], "what was told as a gap does not come after it");
    }

    #[test]
    fn all_gaps_are_asked_for_at_once_and_each_has_its_time() {
        let mut bench = Bench::started();
        for seq in [12, 13, 16] {
            bench.frame(seq);
        }
        bench.head(18);
        assert_eq!(bench.pass(REORDER_MS), ["want 11-11", "want 14-15", "want 17-18"]);
        bench.now_ms += GAP_TOLD_MS - REORDER_MS - 1;
        assert_eq!(bench.frame(11), ["11", "12", "13"]);
        assert_eq!(bench.pass(GAP_TOLD_MS - 1).last().map(String::as_str), Some("want 17-18"));
        assert_eq!(bench.pass(1), ["gap 14-15", "16"]);
    }

    #[test]
    fn what_the_origin_has_lost_is_told_at_once() {
        let mut bench = Bench::started();
        bench.frame(13);
        bench.frame(16);
        assert_eq!(bench.lost(11, 15), ["gap 11-12", "13", "gap 14-15", "16"]);
        assert_eq!(bench.lost(11, 15), [""; 0]);
    }

    #[test]
    fn the_loss_of_a_last_frame_shows_by_the_head() {
        let mut bench = Bench::started();
        assert_eq!(bench.head(12), [""; 0]);
        assert_eq!(bench.pass(REORDER_MS), ["want 11-12"]);
        assert_eq!(bench.frame(11), ["11"]);
        assert_eq!(bench.frame(12), ["12"]);
        assert_eq!(bench.pass(10_000), [""; 0]);
    }

    #[test]
    fn without_a_start_the_origin_is_asked_where_the_membership_began() {
        let mut bench = Bench::new();
        assert_eq!(bench.frame(25), [""; 0]);
        assert_eq!(bench.pass(REORDER_MS), ["want 0-24"]);
        assert_eq!(bench.start(23), [""; 0]);
        assert_eq!(bench.frame(24), ["24", "25"]);
        let mut silent = Bench::new();
        silent.frame(25);
        assert_eq!(silent.pass(GAP_TOLD_MS), ["gap 0-24", "25"]);
    }

    #[test]
    fn the_first_frame_of_a_stream_needs_no_start() {
        let mut bench = Bench::new();
        assert_eq!(bench.frame(1), ["1"]);
        assert_eq!(bench.frame(2), ["2"]);
    }

    #[test]
    fn a_newer_stream_counts_from_the_beginning() {
        let mut bench = Bench::started();
        bench.frame(12);
        assert_eq!(bench.frame_of(LIFE + 1, 1), ["gap 11-11", "12", "1"]);
        assert_eq!(bench.frame(13), [""; 0], "the older one is over");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut bench = Bench::started();
        let mut told = Vec::new();
        for seq in 0..5_000 {
            told.extend(bench.frame(12 + 2 * seq));
        }
        assert_eq!(&told[..2], ["gap 11-11", "12"]);
        let track = &bench.inbound.tracks[&bench.node][&bench.group];
        assert!(track.held.len() <= HELD_FRAMES && track.held_bytes <= HELD_BYTES);
        let mut steps = Vec::new();
        let (node, now_ms) = (bench.node.clone(), bench.now_ms);
        bench.inbound.node_died(now_ms, &node, &mut steps);
        assert!(bench.inbound.tracks[&node][&bench.group].held.is_empty(), "a dead node owes nothing any more");
    }

    #[test]
    fn a_node_that_comes_back_is_asked_for_what_was_missed() {
        let mut bench = Bench::started();
        bench.frame(11);
        let mut steps = Vec::new();
        let (node, now_ms) = (bench.node.clone(), bench.now_ms);
        bench.inbound.node_died(now_ms, &node, &mut steps);
        assert_eq!(words(steps), [""; 0]);
        bench.start(10);
        bench.head(15);
        assert_eq!(bench.pass(REORDER_MS), ["want 12-15"]);
        assert_eq!(bench.lost(12, 14), ["gap 12-14"]);
        assert_eq!(bench.frame(15), ["15"]);
    }

    #[test]
    fn unnumbered_frames_go_through() {
        let mut bench = Bench::started();
        assert_eq!(bench.frame(0), ["0"]);
    }
}
