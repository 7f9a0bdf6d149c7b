//! From nothing to standing in a region.

use std::sync::Arc;

use shallot_client::channel::OpenError;
use shallot_client::clock::{self, NoRandomness};
use shallot_client::hub::HubOpenError;
use shallot_client::proto::economy::v1::Inventory;
use shallot_client::proto::player::v1::Character;
use shallot_client::proto::world::v1::{EnterReply, EnterRequest};
use shallot_client::{Api, ApiError, DatagramChannel, WorldLink, WorldPushes};

use super::failure::Failure;
use super::gear::Bag;
use super::journal::{Holdings, Journal};
use crate::game::{BotPlan, Game, SignIn};
use crate::limits::ENTRY_TIME_LIMIT;

/// All that a bot in a region holds.
pub struct Entered {
    /// Unary calls.
    pub api: Api,
    /// The hub session.
    pub link: WorldLink,
    /// Its pushes.
    pub pushes: WorldPushes,
    /// Datagrams.
    pub channel: DatagramChannel,
    /// The selected character, as it signed in.
    pub character: Character,
    /// What it carries.
    pub bag: Bag,
    /// Begun with what the store held.
    pub journal: Journal,
    /// Where it stands.
    pub place: EnterReply,
    /// How it differs from the others.
    pub plan: BotPlan,
}

/// All that a bot in a region holds before it has datagrams.
pub struct Standing {
    /// As in [`Entered`], and so the others.
    pub api: Api,
    /// The hub session.
    pub link: WorldLink,
    /// Its pushes.
    pub pushes: WorldPushes,
    /// The selected character.
    pub character: Character,
    /// What it carries.
    pub bag: Bag,
    /// What the store held.
    pub journal: Journal,
    /// Where it stands.
    pub place: EnterReply,
    /// How it differs.
    pub plan: BotPlan,
}

/// Signs in, makes a character when it has none, enters, and opens a channel; `None`: the run ended before it was this bot's turn.
///
/// # Errors
/// The step that failed.
pub async fn enter(game: &Arc<Game>, plan: BotPlan) -> Result<Option<Entered>, Failure> {
    through_a_door(game, come_in(game, plan)).await
}

/// The same without a channel: states come as pushes until there is one.
///
/// # Errors
/// The step that failed.
pub async fn stand(game: &Arc<Game>, plan: BotPlan) -> Result<Option<Standing>, Failure> {
    through_a_door(game, come_to_stand(game, plan)).await
}

async fn through_a_door<T>(
    game: &Arc<Game>,
    entering: impl Future<Output = Result<T, Failure>>,
) -> Result<Option<T>, Failure> {
    let door = tokio::select! {
        door = game.doors.acquire() => door,
        () = game.stop.cancelled() => return Ok(None),
    };
    let _held = door.map_err(|closed| Failure::new("door", "CLOSED", closed))?;
    let entering = tokio::time::timeout(ENTRY_TIME_LIMIT, entering);
    let late = |_| Failure::new("entry", "TIMED_OUT", format!("not in within {ENTRY_TIME_LIMIT:?}"));
    entering.await.map_err(late)?.map(Some)
}

/// Who signed in, and what its character has.
struct SignedOn {
    api: Api,
    character: Character,
    inventory: Inventory,
}

/// Only signs in and looks at what its character has, for the book.
///
/// # Errors
/// The step that failed.
pub async fn look_in(game: &Arc<Game>, plan: BotPlan) -> Result<(), Failure> {
    let door = game.doors.acquire().await;
    let _held = door.map_err(|closed| Failure::new("door", "CLOSED", closed))?;
    let looking = tokio::time::timeout(ENTRY_TIME_LIMIT, sign_on(game, &plan));
    let late = |_| Failure::new("entry", "TIMED_OUT", format!("not in within {ENTRY_TIME_LIMIT:?}"));
    looking.await.map_err(late)?.map(drop)
}

async fn sign_on(game: &Arc<Game>, plan: &BotPlan) -> Result<SignedOn, Failure> {
    let unreachable = |error| Failure::new("connect", "UNREACHABLE", error);
    let api = Api::connect(&game.server, &game.trust).await.map_err(unreachable)?;
    sign_in(&api, plan).await?;
    game.tally.logins.add(1);
    let character = choose_character(game, &api, plan).await?;
    let inventory = api.inventory().list().await.map_err(|e| Failure::api("list inventory", &e))?;
    if let Some(book) = &game.book {
        book.signed_in(&character.id, Holdings::of_store(&character, &inventory));
    }
    Ok(SignedOn { api, character, inventory })
}

async fn come_in(game: &Arc<Game>, plan: BotPlan) -> Result<Entered, Failure> {
    let standing = come_to_stand(game, plan).await?;
    let channel = open_channel(game, &standing.link).await?;
    let Standing { api, link, pushes, character, bag, journal, place, plan } = standing;
    Ok(Entered { api, link, pushes, channel, character, bag, journal, place, plan })
}

async fn come_to_stand(game: &Arc<Game>, plan: BotPlan) -> Result<Standing, Failure> {
    let SignedOn { api, character, inventory } = sign_on(game, &plan).await?;
    let journal = Journal::new(Holdings::of_store(&character, &inventory));
    let bag = Bag::of_reply(&game.data, &inventory);

    let (link, pushes) = WorldLink::open(&api).await.map_err(no_link)?;
    let region = plan.region.map(|region| game.data.region(region).key.clone()).unwrap_or_default();
    let place = link.world().enter(&EnterRequest { region }).await.map_err(|e| Failure::hub("enter", &e))?;
    if place.master_data_hash != game.data.hash.as_slice() {
        let message = "the server plays another set of master data: give its folder with --masterdata";
        return Err(Failure::new("enter", "OTHER_MASTER_DATA", message));
    }
    Ok(Standing { api, link, pushes, character, bag, journal, place, plan })
}

/// Opens the channel that the server offered.
///
/// # Errors
/// There is none, or it cannot be opened.
pub async fn open_channel(game: &Game, link: &WorldLink) -> Result<DatagramChannel, Failure> {
    let offered = link.open_channel(&game.trust).await;
    let opened = offered.ok_or_else(|| Failure::new("channel", "NOT_OFFERED", "the server has no datagram channel"))?;
    opened.map_err(no_channel)
}

fn no_link(error: HubOpenError) -> Failure {
    let reason = match &error {
        HubOpenError::Ended(end) => end.reason.to_string(),
        HubOpenError::Token(_) => "NO_TOKEN".to_owned(),
        HubOpenError::Link(_) => "NOT_OPENED".to_owned(),
    };
    Failure::new("hub link", &reason, error)
}

fn no_channel(error: OpenError) -> Failure {
    let reason = match &error {
        OpenError::TimedOut => "TIMED_OUT",
        OpenError::Refused(_) => "TICKET_REFUSED",
        OpenError::Connection(_) => "CONNECTION_LOST",
        _ => "NOT_OPENED",
    };
    Failure::new("channel", reason, error)
}

async fn sign_in(api: &Api, plan: &BotPlan) -> Result<(), Failure> {
    let failed = |e: ApiError| Failure::api("sign in", &e);
    let device_key = match plan.sign_in {
        SignIn::Device(device_key) => Some(device_key),
        SignIn::NewDevice => Some(clock::random().map_err(no_randomness)?),
        SignIn::NewLogin => None,
    };
    if let Some(device_key) = device_key {
        return api.log_in_by_device(device_key, true).await.map(drop).map_err(failed);
    }
    let (name, password) = (format!("bot-{}", letters::<8>()?), letters::<16>()?);
    let request = clock::new_request_id().map_err(no_randomness)?;
    api.register(request, &name, &password).await.map_err(failed)?;
    // The way of one who comes back.
    api.log_in(&name, &password).await.map(drop).map_err(failed)
}

async fn choose_character(game: &Arc<Game>, api: &Api, plan: &BotPlan) -> Result<Character, Failure> {
    let own = match plan.sign_in {
        SignIn::Device(_) => {
            let own = api.characters().list().await.map_err(|e| Failure::api("list characters", &e))?;
            own.into_iter().next()
        }
        SignIn::NewDevice | SignIn::NewLogin => None,
    };
    let own = match own {
        Some(own) => own,
        None => make_character(game, api, plan).await?,
    };
    let selected = api.characters().select(&own.id).await.map_err(|e| Failure::api("select character", &e))?;
    selected.character.ok_or_else(|| Failure::new("select character", "NO_CHARACTER", "the reply has none"))
}

async fn make_character(game: &Arc<Game>, api: &Api, plan: &BotPlan) -> Result<Character, Failure> {
    let class = &game.data.class(plan.class).key;
    let name = format!("Bot{} {}", plan.number, letters::<8>()?);
    let request = clock::new_request_id().map_err(no_randomness)?;
    api.characters().create(request, &name, class).await.map_err(|e| Failure::api("create character", &e))
}

fn no_randomness(error: NoRandomness) -> Failure {
    Failure::new("entry", "NO_RANDOMNESS", error)
}

/// Two letters for each random byte: names must not meet those of earlier runs.
fn letters<const BYTES: usize>() -> Result<String, Failure> {
    let bytes: [u8; BYTES] = clock::random().map_err(no_randomness)?;
    Ok(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(b'a' + half)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_and_differ() {
        let name = letters::<8>().expect("randomness");
        assert!(name.len() == 16 && name.bytes().all(|c| c.is_ascii_lowercase()), "{name}");
        assert_ne!(name, letters::<8>().expect("randomness"));
        assert!(format!("Bot4999 {}", letters::<8>().expect("randomness")).len() <= 24);
    }
}
