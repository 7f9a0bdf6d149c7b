//! The server that counts: its sessions outlive their links, it pushes to all and to each, asks each, and keeps a ledger of what ran
//! and what was said. Its commands beside those of all servers:
//!
//! | Command | Answer |
//! | --- | --- |
//! | `still` | `still LAST`: it pushes and asks no more; the number of the last push to all, from 1 |
//! | `lives N` | `lives` and of the account of the token N, from 0, its sessions one after another, each as `ROOM_FIRST OWN_LAST ASKED ANSWERED FAILED RAN;` ([`Life`]) |

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use shallot_hubs::{
    CallContext, EndReason, Groups, HubError, HubLinkService, HubServer, HubServerConfig, SessionHandle, SessionLimits,
    SystemClock, WorkerId,
};
use shallot_proto::wire::AccountId;
use tokio::task::JoinSet;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::contracts::CONTRACT_HASH;
use super::contracts::bench::v1::{CountingHub, CountingHubDispatcher, CountingReceiver};
use super::door::Door;
use super::ledger::{Account, Life};
use super::messages::bench::v1::{Begun, Counted, Numbered};
use super::{door, hub, listen};

/// From one push to all to the next, and the same for each session.
const PUSH_EVERY: Duration = Duration::from_millis(200);
/// Own pushes of a session from one question to the next.
const ASK_EVERY: u64 = 5;
/// Questions to a session that are open at once.
const ASKS_OPEN: usize = 8;

/// Starts it; a session whose link is lost waits so long for another.
pub(crate) fn start(
    workers: u16,
    grace_ms: u64,
    door: Door,
) -> Result<(SocketAddr, Box<dyn super::Server>), Box<dyn Error>> {
    let hub = Arc::new(Hub::default());
    let limits = SessionLimits { resume_grace_ms: grace_ms, ..SessionLimits::DEFAULT };
    let config = HubServerConfig { limits, contract: CONTRACT_HASH, ..HubServerConfig::default() };
    let server = HubServer::builder(config, Arc::new(SystemClock::start()), Arc::new(door.clone()))
        .hub(CountingHubDispatcher::new(Arc::clone(&hub)))
        .rate_limiter(Arc::new(door.clone()))
        .resumable(Arc::new(door))
        .build()?;
    let address =
        listen::start(workers, move |worker| HubLinkService::new(server.clone(), WorkerId(worker), hub::run))?;
    let room = Arc::clone(&hub);
    std::thread::Builder::new().name("room".to_owned()).spawn(move || {
        while room.push_to_all() {
            std::thread::sleep(PUSH_EVERY);
        }
    })?;
    Ok((address, Box::new(Counting(hub))))
}

#[derive(Default)]
struct Hub {
    /// Number of the last push to all. Locked while someone joins, so that the first push that they get is known.
    room_last: Mutex<u64>,
    members: Groups<()>,
    present: AtomicUsize,
    accounts: Mutex<HashMap<AccountId, Arc<Mutex<Account>>>>,
    /// It pushes and asks no more.
    still: CancellationToken,
}

/// Where a session stands in the ledger.
#[derive(Clone)]
struct Place {
    account: Arc<Mutex<Account>>,
    life: usize,
}

impl Place {
    fn change<R: Default>(&self, change: impl FnOnce(&mut Life) -> R) -> R {
        lock(&self.account).lives.get_mut(self.life).map(change).unwrap_or_default()
    }

    fn run(&self, number: u64) -> u64 {
        lock(&self.account).run(self.life, number)
    }
}

impl Hub {
    /// `false`: it is still.
    fn push_to_all(&self) -> bool {
        let mut last = lock(&self.room_last);
        if self.still.is_cancelled() {
            return false;
        }
        if let Some(members) = self.members.get(&()) {
            *last += 1;
            CountingReceiver::to_group(&members).on_room(&Numbered { number: *last });
        }
        true
    }

    fn account(&self, id: AccountId) -> Arc<Mutex<Account>> {
        Arc::clone(lock(&self.accounts).entry(id).or_default())
    }

    fn place(call: &CallContext) -> Option<Arc<Place>> {
        call.session().state::<Place>()
    }
}

impl CountingHub for Hub {
    #[expect(clippy::disallowed_methods, reason = "the server has no lifecycle; its end is the process's")]
    async fn on_connect(&self, session: &SessionHandle) {
        let account = self.account(session.principal().account);
        let place = {
            let last = lock(&self.room_last);
            let room_first = *last + 1;
            let mut lives = lock(&account);
            lives.lives.push(Life { room_first, ..Life::default() });
            let life = lives.lives.len();
            CountingReceiver::to(session).on_begin(&Begun { life: life as u64, room_first });
            self.members.add(&(), session);
            Place { account: Arc::clone(&account), life: life - 1 }
        };
        session.insert_state(place.clone());
        self.present.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(feed(session.clone(), place, self.still.clone()));
    }

    async fn on_disconnect(&self, _: &SessionHandle, _: &EndReason) {
        self.present.fetch_sub(1, Ordering::Relaxed);
    }

    async fn run(&self, call: &CallContext, Numbered { number }: Numbered) -> Result<Counted, HubError> {
        let times = Self::place(call).map(|place| place.run(number)).unwrap_or_default();
        Ok(Counted { number, times })
    }

    async fn note(&self, call: &CallContext, Numbered { number }: Numbered) -> Result<(), HubError> {
        Self::place(call).map(|place| place.run(number));
        Ok(())
    }
}

/// Pushes to one session and asks it, until it ends.
async fn feed(session: SessionHandle, place: Place, still: CancellationToken) {
    let mut beats = interval(PUSH_EVERY);
    let mut asking = JoinSet::new();
    loop {
        tokio::select! {
            _ = beats.tick() => {}
            _ = session.ended() => return,
            () = still.cancelled() => break,
        }
        let number = place.change(|life| {
            life.own_last += 1;
            life.own_last
        });
        CountingReceiver::to(&session).on_own(&Numbered { number });
        if number.is_multiple_of(ASK_EVERY) && asking.len() < ASKS_OPEN {
            asking.spawn(ask(session.clone(), place.clone()));
        }
        while asking.try_join_next().is_some() {}
    }
    while asking.join_next().await.is_some() {}
}

async fn ask(session: SessionHandle, place: Place) {
    let number = place.change(|life| {
        life.asked += 1;
        life.asked
    });
    let answer = CountingReceiver::to(&session).confirm(&Numbered { number }).await;
    let is_right = answer == Ok(Counted { number, times: 1 });
    place.change(|life| *(if is_right { &mut life.answered } else { &mut life.failed }) += 1);
}

struct Counting(Arc<Hub>);

impl super::Server for Counting {
    fn push(&self, _: u32, _: &Bytes, _: bool) {}

    fn members(&self) -> usize {
        self.0.present.load(Ordering::Relaxed)
    }

    fn command(&self, words: &[&str]) -> Option<String> {
        match *words {
            ["still"] => {
                let last = lock(&self.0.room_last);
                self.0.still.cancel();
                Some(format!("still {last}"))
            }
            ["lives", number] => {
                let account = self.0.account(door::account(number.parse().ok()?));
                let lives: Vec<String> = lock(&account).lives.iter().map(|life| format!("{life};")).collect();
                Some(format!("lives {}", lives.join(" ")))
            }
            _ => None,
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
