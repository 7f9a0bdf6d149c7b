//! Where a run stands, and how its players learn that.

use tokio::sync::watch;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All come in and go where they belong.
    Gather,
    /// What happens counts.
    Measure,
    /// All leave.
    Over,
}

/// What a player does next about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// What it does.
    Play,
    /// The same, and from now on it counts. Said once.
    Begin,
    /// Leaves.
    Leave,
}

/// One player's view of it.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    part: watch::Receiver<Part>,
    has_begun: bool,
}

impl Parts {
    pub(super) fn new(part: watch::Receiver<Part>) -> Self {
        Self { part, has_begun: false }
    }

    /// Asked before whatever it does next: a busy player would not wait for [`Parts::changed`] at the moment it changes.
    pub(super) fn turn(&mut self) -> Turn {
        match *self.part.borrow_and_update() {
            Part::Over => Turn::Leave,
            Part::Measure if !std::mem::replace(&mut self.has_begun, true) => Turn::Begin,
            Part::Measure | Part::Gather => Turn::Play,
        }
    }

    /// Until there may be another turn.
    ///
    /// # Errors
    /// Nobody runs it any more.
    pub(super) async fn changed(&mut self) -> Result<(), String> {
        self.part.changed().await.map_err(|_| "the run broke".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_when_it_begins_begins_at_its_next_turn_and_once() {
        let (run, parts) = watch::channel(Part::Gather);
        let mut parts = Parts::new(parts);
        assert_eq!(parts.turn(), Turn::Play);
        run.send(Part::Measure).expect("it is heard");
        // Nobody has waited for the change.
        assert_eq!((parts.turn(), parts.turn()), (Turn::Begin, Turn::Play));
        run.send(Part::Over).expect("it is heard");
        assert_eq!(parts.turn(), Turn::Leave);
    }
}
