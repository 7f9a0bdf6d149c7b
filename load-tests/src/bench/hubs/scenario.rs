//! What is measured.

use std::time::Duration;

use anyhow::bail;

/// One thing to measure.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// For `--only` and reports.
    pub name: String,
    /// What happens.
    pub work: Work,
    /// Sessions in all.
    pub sessions: u32,
    /// The measured part of a run.
    pub time: Duration,
    /// Highest ratio that counts as reached; none: a ratio means nothing.
    pub goal: Option<f64>,
    /// What plain tonic was measured at on two cores of this class, in the scenario's unit; a baseline 1.3 times above it is not the
    /// best one.
    pub known: Option<f64>,
}

/// What happens in a scenario.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Each tick one message to every member of each room, ordered and never dropped.
    Broadcast {
        /// Ticks a second.
        hz: u32,
        /// Bytes of the message.
        bytes: u32,
    },
    /// Each tick the states of all members of a room, 64 bytes each, as one message to all of them; the newest counts. The unit is
    /// one state delivered to one member.
    States {
        /// Rooms of equal size.
        rooms: u32,
    },
    /// Each member tells all members its state of 64 bytes at 20 Hz, at its own time.
    Tell,
    /// Each member calls, and calls again when the reply is there.
    Echo,
    /// Nothing happens. The unit is one session, the cost KiB of memory.
    Idle,
}

/// Ticks a second of rooms.
pub const ROOM_HZ: u32 = 20;

/// Bytes of a state.
pub const STATE_BYTES: u32 = 64;

/// All there are.
#[derive(Clone, Debug)]
pub struct Scenarios(Vec<Scenario>);

impl Scenarios {
    /// With at most so many sessions each, and so long.
    #[must_use]
    pub fn new(sessions: Option<u32>, seconds: u32) -> Self {
        let time = Duration::from_secs(seconds.into());
        let most = sessions.unwrap_or(u32::MAX);
        let scenario = |name: &str, work, sessions: u32, goal, known| Scenario {
            name: name.to_owned(),
            work,
            sessions: sessions.min(most),
            time,
            goal,
            known,
        };
        let broadcast =
            |hz| scenario(&format!("broadcast-{hz}"), Work::Broadcast { hz, bytes: 26 }, 1_000, Some(1.25), Some(12.5));
        let room = |members, known| {
            scenario(&format!("room-{members}"), Work::States { rooms: 1 }, members, Some(1.25), Some(known))
        };
        let rooms = (most.min(1_000) / 10).max(1);
        Self(vec![
            broadcast(15),
            broadcast(30),
            broadcast(60),
            room(100, 0.16),
            room(400, 0.052),
            room(800, 0.045),
            scenario("rooms-100x10", Work::States { rooms }, rooms * 10, Some(1.25), Some(1.4)),
            scenario("tell-100", Work::Tell, 100, None, None),
            scenario("echo", Work::Echo, 64, Some(1.3), Some(5.5)),
            scenario("idle", Work::Idle, 5_000, None, None),
        ])
    }

    /// Those of these names; all when there is none.
    ///
    /// # Errors
    /// A name that is none.
    pub fn only(self, names: &[String]) -> anyhow::Result<Vec<Scenario>> {
        if let Some(unknown) = names.iter().find(|name| self.0.iter().all(|scenario| scenario.name != **name)) {
            let known: Vec<&str> = self.0.iter().map(|scenario| &*scenario.name).collect();
            bail!("no scenario is called {unknown}; there are {}", known.join(", "));
        }
        Ok(self.0.into_iter().filter(|scenario| names.is_empty() || names.contains(&scenario.name)).collect())
    }
}

impl Scenario {
    /// The room of a session.
    #[must_use]
    pub fn room_of(&self, session: u32) -> u32 {
        session % self.rooms()
    }

    /// Rooms in all.
    #[must_use]
    pub fn rooms(&self) -> u32 {
        if let Work::States { rooms } = self.work { rooms.max(1) } else { 1 }
    }

    /// What one unit is.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self.work {
            Work::Broadcast { .. } | Work::Tell => "us a delivery",
            Work::States { .. } => "us a delivered state",
            Work::Echo => "us a call",
            Work::Idle => "KiB a session",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_told_with_those_that_are() {
        let error = Scenarios::new(None, 5).only(&["echoes".to_owned()]).expect_err("it is none").to_string();
        assert!(error.contains("echoes") && error.contains("rooms-100x10"), "{error}");
        let chosen = Scenarios::new(None, 5).only(&["echo".to_owned()]).expect("it is one");
        assert_eq!(chosen.len(), 1);
    }

    #[test]
    fn rooms_are_of_equal_size_however_few_sessions_there_are() {
        for sessions in [None, Some(20), Some(25)] {
            let all = Scenarios::new(sessions, 1).only(&["rooms-100x10".to_owned()]).expect("it is one");
            let scenario = all.first().expect("one");
            assert_eq!(scenario.sessions, scenario.rooms() * 10);
        }
    }
}
