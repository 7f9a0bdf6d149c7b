//! How much may be under way to a client. quinn's stock controller halves its window at each loss and does not grow it while the
//! application has little to say, so on a lossy line snapshots would wait. Here single losses change nothing; what a path carries is judged
//! by the gateway ([`crate::gateway::path_budget`]), which needs more than quinn tells: what was acknowledged, and the round trip without its jitter.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory};
use quinn_proto::RttEstimator;

use crate::gateway::path_budget::Packets;
use crate::limits::{PATH_SAMPLE, WINDOW_CEILING, WINDOW_FLOOR};

/// Makes a [`Window`] for each path of each connection.
#[derive(Debug)]
pub(crate) struct Windows;

impl ControllerFactory for Windows {
    fn build(self: Arc<Self>, now: Instant, _current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Window::new(now))
    }
}

/// The window of one path, and its round trips.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    bytes: u64,
    trips: RoundTrips,
}

/// What acknowledgements said of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrips {
    /// Packets that were acknowledged so far.
    pub(crate) acknowledged: Packets,
    /// Shortest in this period and in the last one.
    shortest: [Option<Duration>; 2],
    turned: Instant,
}

impl RoundTrips {
    /// The shortest round trip of the last one to two [`PATH_SAMPLE`]s in which any ended. Jitter is not in it; a queue that stands is.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        self.shortest.into_iter().flatten().min()
    }

    fn note(&mut self, now: Instant, sent: Instant) {
        if now.saturating_duration_since(self.turned) >= PATH_SAMPLE {
            self.shortest = [None, self.shortest[0]];
            self.turned = now;
        }
        let trip = now.saturating_duration_since(sent);
        self.shortest[0] = Some(self.shortest[0].map_or(trip, |shortest| shortest.min(trip)));
    }
}

impl Window {
    fn new(now: Instant) -> Self {
        let trips = RoundTrips { acknowledged: Packets::default(), shortest: [None; 2], turned: now };
        Self { bytes: WINDOW_CEILING, trips }
    }

    /// So many bytes were acknowledged.
    fn arrived(&mut self, now: Instant, sent: Instant, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes).min(WINDOW_CEILING);
        self.trips.acknowledged.add(bytes);
        self.trips.note(now, sent);
    }

    /// The round trips that a connection's controller saw; `None` when it is not one of ours.
    pub(crate) fn round_trips(controller: Box<dyn Controller>) -> Option<RoundTrips> {
        controller.into_any().downcast::<Self>().ok().map(|window| window.trips)
    }
}

impl Controller for Window {
    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, _app_limited: bool, _rtt: &RttEstimator) {
        self.arrived(now, sent, bytes);
    }

    fn on_congestion_event(&mut self, _now: Instant, _sent: Instant, is_persistent_congestion: bool, _lost_bytes: u64) {
        if is_persistent_congestion {
            self.bytes = WINDOW_FLOOR;
        }
    }

    fn on_mtu_update(&mut self, _new_mtu: u16) {}

    fn window(&self) -> u64 {
        self.bytes
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        WINDOW_CEILING
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn window() -> (Window, Instant) {
        let now = tokio::time::Instant::now().into_std();
        (Window::new(now), now)
    }

    #[test]
    fn single_losses_do_not_shrink_the_window() {
        let (mut window, now) = window();
        for _ in 0..10_000 {
            window.on_congestion_event(now, now, false, 1_200);
        }
        assert_eq!(window.window(), WINDOW_CEILING);
    }

    #[test]
    fn when_nothing_arrives_it_falls_to_the_floor_and_grows_by_what_does() {
        let (mut window, now) = window();
        window.on_congestion_event(now, now, true, 1_200);
        assert_eq!(window.window(), WINDOW_FLOOR);
        window.arrived(now, now, 1_200);
        assert_eq!(window.window(), WINDOW_FLOOR + 1_200);
        for _ in 0..100 {
            window.arrived(now, now, 1_200);
        }
        assert_eq!(window.window(), WINDOW_CEILING);
    }

    #[test]
    fn the_shortest_round_trip_forgets_jitter_and_what_is_two_periods_old() {
        let (mut window, start) = window();
        assert_eq!(window.trips.shortest(), None);
        let mut at = start;
        let mut ends = |window: &mut Window, trip: Duration| {
            at += ms(25);
            window.arrived(at, at.checked_sub(trip).unwrap(), 1_200);
            window.trips.shortest().unwrap()
        };
        for jitter in [30, 0, 10, 40, 5, 0, 20, 15, 35, 25] {
            ends(&mut window, ms(20 + jitter));
        }
        assert_eq!(window.trips.shortest(), Some(ms(20)));
        // From here a queue stands: it shows when both periods lie in it.
        let last = (0..20).map(|_| ends(&mut window, ms(220))).last();
        assert_eq!(last, Some(ms(220)));
        assert_eq!(window.trips.acknowledged, Packets { count: 30, bytes: 30 * 1_200 });
    }
}
