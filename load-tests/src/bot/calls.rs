//! Carries out what a bot decided: one future for each action, answered in the server's words.

use prost::Message;
use shallot_client::clock;
use shallot_client::hubs::HubError;
use shallot_client::hubs::contracts::world::v1::WorldHubClient;
use shallot_client::hubs::error::reason;
use shallot_client::proto::economy::v1::{EquipSlot, Inventory};
use shallot_client::proto::player::v1::{Abilities, Character};
use shallot_client::proto::world::v1::{
    AttackRequest, CooldownDetail, PickUpRequest, RespawnRequest, Reward, UseSkillRequest,
};
use shallot_client::wire::RequestId;
use shallot_client::{Api, ApiError, Code};
use shallot_masterdata::{Ability, MasterData};

use super::behavior::Action;

/// A call whose outcome is unknown is sent again under its request id so often.
const TRIES: u32 = 3;
/// No score goes above it.
const SCORE_MAX: u32 = 30;

/// Refusals that two who play at the same time cannot avoid, and those by which a bot learns what it may wear.
const PART_OF_PLAY: [&str; 18] = [
    "BAD_TARGET",
    "BAG_FULL",
    "DEAD",
    "LEVEL_TOO_LOW",
    "NOT_DEAD",
    "NOT_ENOUGH_POINTS",
    "NOT_IN_WORLD",
    "NOT_WEARABLE",
    "NOT_YOURS_YET",
    "NO_LINE_OF_SIGHT",
    "ON_COOLDOWN",
    "OUT_OF_RANGE",
    "OUT_OF_REACH",
    "SLOT_MISMATCH",
    "STRENGTH_TOO_LOW",
    "TAKEN",
    "TOO_EARLY",
    "WRONG_CLASS",
];

/// What the server answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done, with nothing to say.
    Done,
    /// A skill was used; ticks until the next time.
    Cooldown(u32),
    /// Stored.
    PickedUp(Reward),
    /// All that is carried.
    Carried(Inventory),
    /// The character after its points were spent.
    Points(Character),
}

/// Why it did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// gRPC status code.
    pub code: Code,
    /// Stable; empty when no server answered.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Of `ON_COOLDOWN`.
    pub ticks_left: Option<u32>,
}

impl Refusal {
    /// Whether it belongs to play and is no error.
    #[must_use]
    pub fn is_part_of_play(&self) -> bool {
        PART_OF_PLAY.contains(&self.reason.as_str())
    }

    /// Whether no server answered; the outcome is unknown.
    #[must_use]
    pub fn is_lost_connection(&self) -> bool {
        let unanswered = matches!(self.code, Code::Unavailable | Code::Cancelled | Code::Unknown);
        matches!(self.reason.as_str(), reason::LINK_LOST | reason::SESSION_ENDED)
            || (self.reason.is_empty() && unanswered)
    }
}

impl From<HubError> for Refusal {
    fn from(error: HubError) -> Self {
        let ticks_left = (error.reason == "ON_COOLDOWN")
            .then(|| CooldownDetail::decode(error.detail.clone()).ok().map(|detail| detail.ticks_left))
            .flatten();
        Self { code: error.code, reason: error.reason.into_owned(), message: error.message.into_owned(), ticks_left }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { code: error.code, reason: error.reason, message: error.message, ticks_left: None }
    }
}

/// Through whom a bot acts. Cheap to clone: each action has one of its own.
#[derive(Clone)]
pub struct Hands {
    /// Unary calls.
    pub api: Api,
    /// Hub calls.
    pub world: WorldHubClient,
    /// The selected character.
    pub character: String,
    /// Where stat points go first.
    pub primary: Ability,
}

impl Hands {
    /// Carries an action out.
    ///
    /// # Errors
    /// The server's refusal, or what kept the call from it.
    pub async fn perform(&self, data: &MasterData, action: &Action) -> Result<Answer, Refusal> {
        let world = &self.world;
        match action {
            Action::Respawn => Ok(world.respawn(&RespawnRequest {}).await.map(|_| Answer::Done)?),
            Action::Attack(target) => {
                Ok(world.attack(&AttackRequest { target: *target }).await.map(|_| Answer::Done)?)
            }
            Action::UseSkill { skill, target, at } => {
                let (x, y) = at.to_wire();
                let skill = data.skill(*skill).key.clone();
                let reply = world.use_skill(&UseSkillRequest { skill, target: *target, x, y }).await?;
                Ok(Answer::Cooldown(reply.cooldown_ticks))
            }
            Action::PickUp(drop) => self.pick_up(*drop).await,
            Action::Drink { id, .. } => again(|request| async move { self.api.inventory().use_up(request, id).await })
                .await
                .map(|_| Answer::Done),
            Action::Equip(id) => {
                let slot = EquipSlot::Unspecified;
                let equip = |request| async move { self.api.inventory().equip(request, id, slot).await };
                again(equip).await.map(|_| Answer::Done)
            }
            Action::Destroy { id, quantity, .. } => {
                let destroy = |request| async move { self.api.inventory().destroy(request, id, *quantity).await };
                again(destroy).await.map(|_| Answer::Done)
            }
            Action::ListInventory => Ok(Answer::Carried(self.api.inventory().list().await?)),
            Action::SpendPoints => self.spend_points().await,
        }
    }

    async fn pick_up(&self, drop: u32) -> Result<Answer, Refusal> {
        let request_id = clock::new_request_id().map_err(ApiError::from)?.to_string();
        let mut tries = 0;
        loop {
            tries += 1;
            match self.world.pick_up(&PickUpRequest { request_id: request_id.clone(), drop }).await {
                Ok(reply) => return Ok(reply.reward.map_or(Answer::Done, Answer::PickedUp)),
                Err(error) if error.code == Code::DeadlineExceeded && tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn spend_points(&self) -> Result<Answer, Refusal> {
        let characters = self.api.characters().list().await?;
        let Some(own) = characters.into_iter().find(|character| character.id == self.character) else {
            let message = "the selected character is not in the list".to_owned();
            return Err(Refusal {
                code: Code::NotFound,
                reason: "UNKNOWN_CHARACTER".to_owned(),
                message,
                ticks_left: None,
            });
        };
        let add = spread(self.primary, own.abilities.unwrap_or_default(), own.unspent_stat_points);
        if add == Abilities::default() {
            return Ok(Answer::Points(own));
        }
        let spend = |request| async move { self.api.characters().spend_stat_points(request, add).await };
        again(spend).await.map(Answer::Points)
    }
}

/// Sends a value-changing request, and sends it again under the same id while its outcome is unknown.
async fn again<T, F: Future<Output = Result<T, ApiError>>>(send: impl Fn(RequestId) -> F) -> Result<T, Refusal> {
    let request = clock::new_request_id().map_err(ApiError::from)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match send(request).await {
            Ok(reply) => return Ok(reply),
            Err(error) if error.outcome_is_unknown() && tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// All points on the primary score, what does not fit on constitution.
fn spread(primary: Ability, scores: Abilities, points: u32) -> Abilities {
    let mut add = Abilities::default();
    let (score, place) = match primary {
        Ability::Str => (scores.str, &mut add.str),
        Ability::Dex => (scores.dex, &mut add.dex),
        Ability::Con => (scores.con, &mut add.con),
        Ability::Int => (scores.int, &mut add.int),
        Ability::Wis => (scores.wis, &mut add.wis),
        Ability::Cha => (scores.cha, &mut add.cha),
    };
    let first = points.min(SCORE_MAX.saturating_sub(score));
    *place = first;
    if primary != Ability::Con {
        add.con = (points - first).min(SCORE_MAX.saturating_sub(scores.con));
    }
    add
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_go_to_the_primary_score_until_it_is_full() {
        let scores = Abilities { str: 28, con: 10, ..Abilities::default() };
        assert_eq!(spread(Ability::Str, scores, 5), Abilities { str: 2, con: 3, ..Abilities::default() });
        assert_eq!(spread(Ability::Con, scores, 5), Abilities { con: 5, ..Abilities::default() });
        assert_eq!(spread(Ability::Wis, scores, 0), Abilities::default());
    }

    #[test]
    fn a_cooldown_is_read_out_of_the_detail() {
        let detail = CooldownDetail { ticks_left: 17 }.encode_to_vec();
        let error = HubError::new(Code::FailedPrecondition, "ON_COOLDOWN", "wait").with_detail(detail.into());
        let refusal = Refusal::from(error);
        assert_eq!(refusal.ticks_left, Some(17));
        assert!(refusal.is_part_of_play());
    }

    #[test]
    fn a_broken_server_is_not_part_of_play() {
        assert!(!Refusal::from(HubError::new(Code::Internal, "INTERNAL", "")).is_part_of_play());
        assert!(!Refusal::from(HubError::rate_limited(5)).is_part_of_play());
    }

    #[test]
    fn a_lost_connection_is_told_from_an_answer() {
        let lost = Refusal::from(HubError::new(Code::Unavailable, "LINK_LOST", ""));
        assert!(lost.is_lost_connection());
        let unreached =
            ApiError { code: Code::Unavailable, reason: String::new(), message: String::new(), retry_after: None };
        assert!(Refusal::from(unreached.clone()).is_lost_connection());
        assert!(!Refusal::from(ApiError { reason: "DRAINING".to_owned(), ..unreached }).is_lost_connection());
        assert!(!Refusal::from(HubError::new(Code::Internal, "INTERNAL", "")).is_lost_connection());
    }

    #[tokio::test]
    async fn an_unknown_outcome_is_asked_for_again_under_the_same_id() {
        let ids = std::sync::Mutex::new(Vec::new());
        let error = |code| ApiError { code, reason: String::new(), message: String::new(), retry_after: None };
        let outcome = again(|request| {
            let mut ids = ids.lock().expect("no panic");
            ids.push(request);
            let result = if ids.len() < 3 { Err(error(Code::Unavailable)) } else { Ok(()) };
            async move { result }
        });
        assert_eq!(outcome.await, Ok(()));
        let ids = ids.into_inner().expect("no panic");
        assert!(ids.len() == 3 && ids.windows(2).all(|pair| pair.first() == pair.last()), "{ids:?}");
        let refused = again(|_| async { Err::<(), _>(error(Code::FailedPrecondition)) }).await;
        assert!(refused.is_err());
    }
}
