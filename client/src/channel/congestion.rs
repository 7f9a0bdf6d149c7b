//! How much may be under way. quinn's stock controller halves its window at each loss and does not grow it while the application
//! has little to say, so on a lossy line small, urgent datagrams would wait. A client says about 1 KB a second: its window stays
//! between [`WINDOW_FLOOR`] and [`WINDOW_CEILING`] and falls to the floor only while nothing gets through at all.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use quinn::congestion::{Controller, ControllerFactory};

use crate::limits::{WINDOW_CEILING, WINDOW_FLOOR};

/// Makes a [`SmallWindow`] for each connection.
#[derive(Debug)]
pub(super) struct SmallWindows;

impl ControllerFactory for SmallWindows {
    fn build(self: Arc<Self>, _now: Instant, _current_mtu: u16) -> Box<dyn Controller> {
        Box::new(SmallWindow { window: WINDOW_CEILING })
    }
}

#[derive(Clone, Debug)]
struct SmallWindow {
    window: u64,
}

impl Controller for SmallWindow {
    fn on_end_acks(&mut self, _now: Instant, _in_flight: u64, _app_limited: bool, _largest: Option<u64>) {
        self.window = WINDOW_CEILING;
    }

    fn on_congestion_event(&mut self, _now: Instant, _sent: Instant, is_persistent_congestion: bool, _lost_bytes: u64) {
        if is_persistent_congestion {
            self.window = WINDOW_FLOOR;
        }
    }

    fn on_mtu_update(&mut self, _new_mtu: u16) {}

    fn window(&self) -> u64 {
        self.window
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

    #[test]
    fn single_losses_do_not_shrink_the_window() {
        let mut window = SmallWindow { window: WINDOW_CEILING };
        let now = crate::clock::now();
        for _ in 0..1_000 {
            window.on_congestion_event(now, now, false, 1_200);
        }
        assert_eq!(window.window(), WINDOW_CEILING);
    }

    #[test]
    fn silence_shrinks_it_to_the_floor_and_the_first_sign_of_life_restores_it() {
        let mut window = SmallWindow { window: WINDOW_CEILING };
        let now = crate::clock::now();
        window.on_congestion_event(now, now, true, 1_200);
        assert_eq!(window.window(), WINDOW_FLOOR);
        window.on_end_acks(now, 0, true, None);
        assert_eq!(window.window(), WINDOW_CEILING);
    }
}
