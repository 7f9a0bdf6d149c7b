//! A bot in a region: datagrams, pushes and answers come in, a decision goes out each client tick. One task, no locks held over an
//! await.

mod events;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rand_pcg::Pcg64;
use shallot_client::inputs::PendingInputs;
use shallot_client::pace::Pace;
use shallot_client::prediction::terrain_of;
use shallot_client::snapshots::{Applied, Report};
use shallot_client::state_age::StateAge;
use shallot_client::wire::limits::FULL_THROTTLE;
use shallot_client::wire::{Input, NetId, Position, TICKS_PER_SECOND, Tick, heading_towards};
use shallot_client::{Prediction, Snapshots};
use shallot_masterdata::{Abilities, RegionIndex};

use super::behavior::{Action, Decision, Me, Mind, Outcome, View};
use super::calls::{Answer, Hands, Refusal};
use super::entry::Entered;
use super::failure::Failure;
use super::place::Point;
use super::sight::Sight;
use crate::game::Game;
use crate::limits::{CALLS_IN_FLIGHT_MAX, RENEW_EVERY_TICKS};

/// One who walked so far, units of 1/4096 m, has moved: a metre.
const MOVED: i32 = 4_096;

/// What a task of the bot ended with.
pub(super) enum Finished {
    /// An action, as the server answered it.
    Acted(Action, Result<Answer, Refusal>),
    /// An access token that is good for a while yet.
    Token(Result<String, Failure>),
}

type Call = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// A bot between entering and leaving.
pub struct Play {
    pub(super) game: Arc<Game>,
    pub(super) entered: Entered,
    pub(super) hands: Hands,
    pub(super) calls: FuturesUnordered<Call>,
    pub(super) mind: Mind,
    pub(super) sight: Sight,
    pub(super) me: Me,
    pub(super) abilities: Abilities,
    pub(super) region: RegionIndex,
    /// Client ticks since it entered.
    pub(super) tick: u32,
    rng: Pcg64,
    view: Snapshots,
    pace: Pace,
    age: Option<StateAge>,
    inputs: PendingInputs,
    body: Prediction,
    facing: u8,
    began_at: Position,
    has_moved: bool,
    lost_told: u64,
    opened: Duration,
    token: String,
}

impl Play {
    /// Begins at once.
    #[must_use]
    pub fn new(game: &Arc<Game>, entered: Entered, rng: Pcg64) -> Self {
        let (data, place) = (&game.data, &entered.place);
        let region = data.region_by_key(&place.region).unwrap_or_else(|| data.start_region());
        let at = Position { x: place.x, y: place.y };
        let now = game.now();
        let vitals = place.vitals.unwrap_or_default();
        let me = Me {
            entity: place.entity,
            at: Point::of_wire(at.x, at.y),
            hp: vitals.hp,
            max_hp: vitals.max_hp,
            armor: vitals.armor,
            level: vitals.level.max(entered.character.level),
        };
        let hands = Hands {
            api: entered.api.clone(),
            world: entered.link.world().clone(),
            character: entered.character.id.clone(),
            primary: data.class(entered.plan.class).primary,
        };
        Self {
            hands,
            calls: FuturesUnordered::new(),
            mind: Mind::new(entered.plan.is_thrifty),
            sight: Sight::default(),
            me,
            abilities: events::abilities_of(&entered.character),
            region,
            tick: 0,
            rng,
            view: Snapshots::new(Tick(place.tick)),
            pace: Pace::new(Tick(place.tick), now),
            age: None,
            inputs: PendingInputs::default(),
            body: Prediction::new(terrain_of(data.region(region)), data.balance.player_speed_cm_per_s, at),
            facing: 0,
            began_at: at,
            has_moved: false,
            lost_told: 0,
            opened: now,
            token: String::new(),
            game: Arc::clone(game),
            entered,
        }
    }

    /// Plays until the schedule, a stop or a cut ends it.
    ///
    /// # Errors
    /// When the session or the channel was lost before.
    pub async fn run(&mut self) -> Result<(), Failure> {
        let ended = self.play_on().await;
        self.count_traffic();
        ended
    }

    async fn play_on(&mut self) -> Result<(), Failure> {
        let game = Arc::clone(&self.game);
        while game.schedule.phase(game.now()).is_some() {
            let wait = self.pace.due_at().saturating_sub(game.now());
            tokio::select! {
                () = tokio::time::sleep(wait) => self.tick()?,
                datagram = self.entered.channel.receive() => {
                    let datagram = datagram.map_err(|error| Failure::new("channel", "LOST", error))?;
                    self.datagram(&datagram);
                }
                push = self.entered.pushes.next() => match push {
                    Some(push) => self.pushed(push),
                    None => return Err(session_lost(&self.entered).await),
                },
                Some(finished) = self.calls.next() => self.finished(finished),
                () = game.stop.cancelled() => break,
                () = game.cut.cancelled() => break,
            }
        }
        Ok(())
    }

    /// A datagram of the channel, or the same bytes as a push.
    pub(super) fn datagram(&mut self, datagram: &[u8]) {
        match self.view.apply(datagram) {
            Ok(Applied::Newest(report)) => self.newest(&report),
            Ok(Applied::Ignored | Applied::NoBaseline) => {}
            Err(error) => self.game.tally.error("snapshot: MALFORMED", &error.to_string()),
        }
        let counters = self.view.counters();
        self.game.tally.missing(&mut self.lost_told, counters.lost);
    }

    fn newest(&mut self, report: &Report) {
        let (tally, now) = (&self.game.tally, self.game.now());
        tally.snapshots.add(1);
        self.age.get_or_insert_with(|| StateAge::new(report.tick, now)).arrived(report.tick, now);
        self.pace.on_report(report.tick, report.buffer_depth);
        if let Some(tick) = report.last_input {
            tally.inputs_acknowledged.add(self.inputs.acknowledge(tick).into());
        }
        if let Some(own) = &report.own {
            if own.entity.to_bits() != self.me.entity {
                tally.error("snapshot: FOREIGN_BODY", "the own state is of another entity");
            }
            self.body.reconcile(now, report.tick, report.last_input, own);
            if own.is_dead {
                self.me.hp = 0;
            }
            if !self.has_moved && !self.began_at.is_within(MOVED, own.position) {
                self.has_moved = true;
                tally.bots_moved.add(1);
            }
        }
        let living = self.view.entities().filter(|entity| !entity.is_dead);
        self.sight.see(living.map(|entity| {
            let at = entity.position_at(report.tick);
            (entity.id.to_bits(), Point::of_wire(at.x, at.y))
        }));
    }

    /// All client ticks that are due, and one datagram for them.
    fn tick(&mut self) -> Result<(), Failure> {
        let now = self.game.now();
        let mut due = self.pace.due_at();
        while let Some(tick) = self.pace.poll(now) {
            self.one_tick(due, tick);
            due = self.pace.due_at();
        }
        let entity = NetId::from_bits(self.me.entity);
        let entity = entity.ok_or_else(|| Failure::new("enter", "BAD_ENTITY", self.me.entity))?;
        let stamp_ms = (now.as_millis() & 0xFFFF) as u16;
        if let Some(datagram) = self.inputs.datagram(entity, self.view.ack(), self.view.tick(), stamp_ms) {
            self.entered.channel.send(datagram).map_err(|error| Failure::new("channel", "NOT_SENT", error))?;
        }
        Ok(())
    }

    fn one_tick(&mut self, due: Duration, tick: Tick) {
        self.tick += 1;
        let game = Arc::clone(&self.game);
        if let Some(age) = &self.age {
            game.tally.age_us(u64::try_from(age.age(game.now()).as_micros()).unwrap_or(u64::MAX));
        }
        if self.tick.is_multiple_of(RENEW_EVERY_TICKS) {
            let api = self.hands.api.clone();
            let renew = async move { api.access_token().await.map_err(|e| Failure::api("renew token", &e)) };
            self.calls.push(Box::pin(async move { Finished::Token(renew.await) }));
        }
        let at = self.body.position();
        self.me.at = Point::of_wire(at.x, at.y);
        let Decision { walk, action } = self.decide(&game);
        let input = self.input_towards(walk);
        self.inputs.push(tick, input);
        self.body.step(due, tick, input);
        game.tally.inputs_sent.add(1);
        if let Some(action) = action {
            self.act(action);
        }
    }

    fn decide(&mut self, game: &Game) -> Decision {
        let Some(phase) = game.schedule.phase(game.now()) else { return Decision::default() };
        let view = View {
            tick: self.tick,
            data: &game.data,
            region: game.data.region(self.region),
            class: self.entered.plan.class,
            abilities: self.abilities,
            me: self.me,
            sight: &self.sight,
            bag: &self.entered.bag,
            phase,
        };
        self.mind.decide(&view, &mut self.rng)
    }

    /// Full speed towards the point, and only so far as it is away.
    fn input_towards(&mut self, walk: Option<Point>) -> Input {
        let Some(goal) = walk.filter(|_| self.me.hp > 0) else {
            return Input { heading: self.facing, throttle: 0, facing: self.facing };
        };
        let (x, y) = goal.to_wire();
        self.facing = heading_towards(self.body.position(), Position { x, y });
        let step_cm = (self.game.data.balance.player_speed_cm_per_s / TICKS_PER_SECOND).max(1);
        let share = u64::from(goal.distance(self.me.at)) * u64::from(FULL_THROTTLE) / u64::from(step_cm);
        let throttle = u8::try_from(share).unwrap_or(FULL_THROTTLE).min(FULL_THROTTLE);
        Input { heading: self.facing, throttle, facing: self.facing }
    }

    fn act(&mut self, action: Action) {
        if self.calls.len() >= CALLS_IN_FLIGHT_MAX {
            let reason = "TOO_MANY_CALLS";
            self.game.tally.refusal(&format!("{}: {reason}", action.name()));
            self.mind.answered(self.tick, &action, Outcome::Refused { reason, ticks_left: None });
            return;
        }
        let (hands, game) = (self.hands.clone(), Arc::clone(&self.game));
        self.calls.push(Box::pin(async move {
            let answer = hands.perform(&game.data, &action).await;
            Finished::Acted(action, answer)
        }));
    }

    /// A newer token goes to the session too.
    pub(super) fn renewed(&mut self, token: Result<String, Failure>) {
        match token {
            Ok(token) if token == self.token => {}
            Ok(token) => {
                self.entered.link.session().renew(token.clone());
                self.token = token;
            }
            Err(failure) if self.game.cut.is_cancelled() && failure.is_lost_connection() => {}
            Err(failure) => self.game.tally.error(&failure.kind(), &failure.message),
        }
    }

    fn count_traffic(&self) {
        let (tally, traffic) = (&self.game.tally, self.entered.channel.traffic());
        tally.bytes_down.add(traffic.bytes_down);
        tally.bytes_up.add(traffic.bytes_up);
        let open = self.game.now().saturating_sub(self.opened);
        tally.channel_ms.add(u64::try_from(open.as_millis()).unwrap_or(0));
    }
}

/// Why the pushes ended.
async fn session_lost(entered: &Entered) -> Failure {
    let session = entered.link.session();
    if !session.is_ended() {
        let message = format!("{} pushes found no room", entered.pushes.dropped());
        return Failure::new("hub session", "PUSHES_OVERFLOWED", message);
    }
    let end = session.ended().await;
    Failure::new("hub session", &end.reason, end.message)
}
