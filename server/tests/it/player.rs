//! A player for tests: signs in, enters, and knows what it was told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use shallot_client::inputs::PendingInputs;
use shallot_client::proto::economy::v1::Inventory;
use shallot_client::proto::player::v1::Character;
use shallot_client::proto::world::v1::appeared::What;
use shallot_client::proto::world::v1::world_event::Event;
use shallot_client::proto::world::v1::{
    AttackRequest, EnterReply, EnterRequest, LeaveRequest, PickUpRequest, RespawnRequest, Reward,
};
use shallot_client::snapshots::{Applied, Snapshots};
use shallot_client::wire::{EntityKind, Input, NetId, OwnState, Position, Tick, heading_towards};
use shallot_client::{Api, DatagramChannel, Trust, WorldLink, WorldPush, WorldPushes, clock};

/// Ten times what anything here takes on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A signed-in account with one selected character.
pub(crate) struct Account {
    pub(crate) api: Api,
    pub(crate) character: Character,
}

/// A fresh account by device, with a character.
pub(crate) async fn account(server: SocketAddr, name: &str) -> Account {
    let api = Api::connect(&server.to_string(), &Trust::Development).await.unwrap();
    api.log_in_by_device(clock::random().unwrap(), true).await.unwrap();
    let character = api.characters().create(clock::new_request_id().unwrap(), name, "warrior").await.unwrap();
    api.characters().select(&character.id).await.unwrap();
    Account { api, character }
}

/// A character in a region, with its channel.
pub(crate) struct Player {
    pub(crate) account: Account,
    pub(crate) link: WorldLink,
    pub(crate) pushes: WorldPushes,
    pub(crate) channel: DatagramChannel,
    pub(crate) entered: EnterReply,
    pub(crate) me: NetId,
    pub(crate) view: Snapshots,
    pub(crate) seen: Seen,
    pub(crate) own: Option<OwnState>,
    inputs: PendingInputs,
    tick: Tick,
    given_up: Vec<NetId>,
    /// Hunting turns in a row that led nowhere, and those that are left to the side.
    stopped: u8,
    aside: u8,
}

/// What a player was told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) rewards: BTreeMap<String, Reward>,
    pub(crate) monsters: BTreeMap<u32, String>,
    pub(crate) drops: BTreeMap<u32, String>,
    pub(crate) died: Vec<u32>,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) snapshots: u64,
    pub(crate) hp: u32,
}

impl Player {
    /// A fresh account's character, in the start region.
    pub(crate) async fn enter(server: SocketAddr, name: &str) -> Self {
        Self::enter_as(account(server, name).await).await
    }

    /// An account's character, where it was saved.
    pub(crate) async fn enter_as(account: Account) -> Self {
        let opened = WorldLink::open(&account.api).await.unwrap();
        Self::enter_by(account, opened).await
    }

    /// The same on a QUIC connection alone.
    pub(crate) async fn enter_on_quic(account: Account) -> Self {
        let opened = WorldLink::open_on_quic(&account.api, &account.character.id, &Trust::Development).await.unwrap();
        Self::enter_by(account, opened).await
    }

    async fn enter_by(account: Account, (link, pushes): (WorldLink, WorldPushes)) -> Self {
        let entered = link.world().enter(&EnterRequest::default()).await.unwrap();
        let channel = link.open_channel(&Trust::Development).await.unwrap().unwrap();
        let me = NetId::from_bits(entered.entity).unwrap();
        let tick = Tick(entered.tick);
        let (view, inputs) = (Snapshots::new(tick), PendingInputs::default());
        let seen = Seen { hp: entered.vitals.map_or(0, |vitals| vitals.hp), ..Seen::default() };
        let (given_up, stopped, aside) = (Vec::new(), 0, 0);
        Self {
            account,
            link,
            pushes,
            channel,
            entered,
            me,
            view,
            seen,
            own: None,
            inputs,
            tick,
            given_up,
            stopped,
            aside,
        }
    }

    /// Sends one input and takes what has come.
    pub(crate) async fn turn(&mut self, input: Input) {
        self.tick = self.tick.plus(1);
        self.inputs.push(self.tick, input);
        let datagram = self.inputs.datagram(self.me, self.view.ack(), self.view.tick(), 0).unwrap();
        self.channel.send(datagram).unwrap();
        // One snapshot comes each tick: it is the clock of this loop.
        let datagram = tokio::time::timeout(PATIENCE, self.channel.receive()).await.unwrap().unwrap();
        self.take_snapshot(&datagram);
        self.take_pushes();
    }

    fn take_snapshot(&mut self, datagram: &[u8]) {
        if let Ok(Applied::Newest(report)) = self.view.apply(datagram) {
            self.own = report.own.or(self.own);
            report.last_input.map(|applied| self.inputs.acknowledge(applied));
        }
        self.seen.snapshots += 1;
    }

    /// Takes the pushes that have come.
    pub(crate) fn take_pushes(&mut self) {
        while let Some(push) = self.pushes.try_next() {
            match push {
                WorldPush::Events(events) => {
                    for event in events.events.into_iter().filter_map(|event| event.event) {
                        self.seen.event(event);
                    }
                }
                WorldPush::Reward(reward) => drop(self.seen.rewards.insert(reward.grant_id.clone(), reward)),
                WorldPush::Vitals(vitals) => self.seen.hp = vitals.hp,
                WorldPush::InputRefused(refused) => drop(self.seen.refused.insert(refused.reason, refused.count)),
                _ => {}
            }
        }
    }

    /// Where it is, as the newest snapshot says.
    pub(crate) fn position(&self) -> Position {
        self.own.map_or(Position { x: self.entered.x, y: self.entered.y }, |own| own.position)
    }

    /// Walks for so many turns.
    pub(crate) async fn walk(&mut self, heading: u8, turns: usize) {
        for _ in 0..turns {
            self.turn(Input { heading, throttle: 127, facing: heading }).await;
        }
    }

    /// Stands still until the server has applied it: a missing input repeats the last one for some ticks.
    pub(crate) async fn stand(&mut self) {
        self.catch_up();
        for _ in 0..10 {
            self.turn(Input::default()).await;
        }
    }

    /// Takes what slow turns left unread: else this loop and what it sees are behind the server.
    fn catch_up(&mut self) {
        while let Some(Ok(datagram)) = self.channel.receive().now_or_never() {
            self.take_snapshot(&datagram);
        }
        if self.view.tick().is_after(self.tick) {
            self.tick = self.view.tick();
        }
    }

    /// Fights the nearest monster it sees until something is granted for it, and picks up what lies near.
    pub(crate) async fn hunt(&mut self, until: impl Fn(&Seen) -> bool) {
        let limit = tokio::time::sleep(PATIENCE * 3);
        tokio::pin!(limit);
        while !until(&self.seen) {
            tokio::select! {
                () = &mut limit => panic!("nothing was hunted down: {:?}", self.seen),
                () = self.hunting_turn() => {}
            }
        }
    }

    async fn hunting_turn(&mut self) {
        if self.seen.hp == 0 {
            // A hunt may be lost. Too early is refused, and tried again.
            drop(self.link.world().respawn(&RespawnRequest {}).await);
        }
        self.catch_up();
        let here = self.position();
        let nearest = |kind: EntityKind| {
            let of_kind = self.view.entities().filter(|entity| entity.kind == kind && !entity.is_dead);
            of_kind
                .filter(|entity| !self.given_up.contains(&entity.id))
                .min_by_key(|entity| here.distance_squared(entity.position))
                .map(|entity| (entity.id, entity.position))
        };
        let monster = nearest(EntityKind::Monster);
        let loot = nearest(EntityKind::Drop).filter(|(_, at)| here.distance_squared(*at) < square_m(8));
        if let Some((target, _)) = monster {
            drop(self.link.world().attack(&AttackRequest { target: target.to_bits() }).await);
        }
        if let Some((drop, at)) = loot
            && here.distance_squared(at) < square_m(1)
        {
            self.pick_up(drop).await;
        }
        let input = match loot.or(monster) {
            Some((_, at)) => {
                let heading = self.around_what_stands_in_the_way(heading_towards(here, at));
                let throttle = if here.distance_squared(at) < square_m(1) { 0 } else { 127 };
                Input { heading, throttle, facing: heading }
            }
            None => Input { heading: self.tick.0 as u8, throttle: 127, facing: 0 },
        };
        self.turn(input).await;
        self.stopped = if input.throttle > 0 && self.position() == here { self.stopped + 1 } else { 0 };
    }

    /// Half a second without a step means that a block is in the way: a second to the side leads past its corner sooner or later.
    fn around_what_stands_in_the_way(&mut self, heading: u8) -> u8 {
        if self.stopped >= 10 {
            (self.stopped, self.aside) = (0, 20);
        }
        let is_aside = self.aside > 0;
        self.aside = self.aside.saturating_sub(1);
        if is_aside { heading.wrapping_add(64) } else { heading }
    }

    /// What is not its own, or gone, is given up.
    async fn pick_up(&mut self, drop: NetId) {
        let request_id = clock::new_request_id().unwrap().to_string();
        match self.link.world().pick_up(&PickUpRequest { request_id, drop: drop.to_bits() }).await {
            Ok(reply) => {
                let reward = reply.reward.into_iter().map(|reward| (reward.grant_id.clone(), reward));
                self.seen.rewards.extend(reward);
            }
            Err(_) => self.given_up.push(drop),
        }
    }

    /// Leaves in order and gives back the account and what was seen.
    pub(crate) async fn leave(mut self) -> (Account, Seen) {
        self.link.world().leave(&LeaveRequest {}).await.unwrap();
        self.take_pushes();
        self.link.close().await;
        (self.account, self.seen)
    }
}

impl Seen {
    fn event(&mut self, event: Event) {
        match event {
            Event::Appeared(appeared) => match appeared.what {
                Some(What::Monster(key)) => drop(self.monsters.insert(appeared.entity, key)),
                Some(What::Drop(key)) => drop(self.drops.insert(appeared.entity, key)),
                _ => {}
            },
            Event::Died(died) => self.died.push(died.entity),
            _ => {}
        }
    }

    /// Sums of all rewards: experience, coins, units of items.
    pub(crate) fn sums(&self) -> (u64, i64, BTreeMap<String, u64>) {
        let mut items = BTreeMap::new();
        for item in self.rewards.values().flat_map(|reward| &reward.items) {
            *items.entry(item.template.clone()).or_default() += u64::from(item.quantity);
        }
        (self.rewards.values().map(|r| r.xp).sum(), self.rewards.values().map(|r| r.coins).sum(), items)
    }
}

/// Units of each template in an inventory.
pub(crate) fn units(inventory: &Inventory) -> BTreeMap<String, u64> {
    let mut units = BTreeMap::new();
    for item in &inventory.items {
        *units.entry(item.template.clone()).or_default() += u64::from(item.quantity);
    }
    units
}

fn square_m(metres: i64) -> i64 {
    (metres * 4_096).pow(2)
}
