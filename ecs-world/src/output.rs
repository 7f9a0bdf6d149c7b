//! All that can leave the simulation. Nothing here refers to the world's inside: the server may keep, send or drop it.

use std::ops::Range;
use std::sync::Arc;

use shallot_masterdata::{ItemTemplateId, MonsterId, SkillId};
use shallot_wire::{CharacterId, GrantId, NetId, OwnerEpoch, Position, RequestId, Tick};

/// What steps have put out since the caller last took it. The caller clears it; its buffers are made to be reused.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Answers, each with the correlation of its command.
    pub replies: Vec<Answer>,
    /// What happened, for one client each; those of one tick and client stand together.
    pub events: Vec<(CharacterId, Event)>,
    /// Bodies that changed, for their own client.
    pub vitals: Vec<(CharacterId, Vitals)>,
    /// One datagram a tick for each client, as a range of `bytes`.
    pub snapshots: Vec<Snapshot>,
    /// The datagrams, one behind the other.
    pub bytes: Vec<u8>,
    /// Value to be stored. Each must be answered with one [`Command::GrantSettled`](crate::Command::GrantSettled).
    pub grants: Vec<GrantProposal>,
    /// Characters to be stored.
    pub saves: Vec<CharacterSave>,
}

impl Outputs {
    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        let Self { replies, events, vitals, snapshots, bytes, grants, saves } = self;
        replies.clear();
        events.clear();
        vitals.clear();
        snapshots.clear();
        bytes.clear();
        grants.clear();
        saves.clear();
    }

    /// The bytes of one of `snapshots`.
    #[must_use]
    pub fn datagram(&self, snapshot: &Snapshot) -> &[u8] {
        self.bytes.get(snapshot.range.clone()).unwrap_or_default()
    }
}

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The command's.
    pub correlation: u64,
    /// The command's.
    pub character: CharacterId,
    /// What became of it.
    pub result: Result<Reply, Refusal>,
}

/// What a command led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// In the world.
    Entered(Entered),
    /// Out of the world; its final save is among this tick's saves.
    Left,
    /// The target is taken note of.
    Attacking,
    /// The skill was used.
    SkillUsed {
        /// Ticks until it may be used again.
        cooldown_ticks: u32,
    },
    /// The drop is stored.
    Picked {
        /// The grant that stored it.
        grant: GrantId,
    },
    /// Stands again.
    Respawned {
        /// Where.
        position: Position,
    },
}

/// What a client must know of itself to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Its entity.
    pub entity: NetId,
    /// Where it stands.
    pub position: Position,
    /// The tick in which it came in.
    pub tick: Tick,
    /// Its body.
    pub vitals: Vitals,
}

/// Why a command had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The skill was used too recently.
    #[error("the skill can be used again in {ticks_left} ticks")]
    OnCooldown {
        /// Until it may be used again.
        ticks_left: u32,
    },
    /// The target or point is farther away than the skill goes.
    #[error("the target is out of range")]
    OutOfRange,
    /// Something stands between.
    #[error("something stands between")]
    NoLineOfSight,
    /// No such entity, or none this may be done to.
    #[error("this cannot be done to that target")]
    BadTarget,
    /// The skill belongs to another class.
    #[error("the skill belongs to another class")]
    WrongClass,
    /// The skill needs a higher level.
    #[error("the skill needs a higher level")]
    LevelTooLow,
    /// The dead do not do this.
    #[error("the character is dead")]
    Dead,
    /// Only the dead stand up.
    #[error("the character is not dead")]
    NotDead,
    /// Not so soon after death.
    #[error("it is too early to stand up")]
    TooEarly,
    /// The drop is too far away.
    #[error("the drop is out of reach")]
    OutOfReach,
    /// For a while the drop is somebody else's.
    #[error("the drop belongs to somebody else yet")]
    NotYoursYet,
    /// The drop is gone, or somebody is picking it up.
    #[error("the drop is taken")]
    Taken,
    /// No room for the item; it lies there again.
    #[error("the bag is full")]
    BagFull,
    /// The character is not in this region.
    #[error("the character is not in this region")]
    NotInWorld,
    /// The region has no room for one more.
    #[error("the region is full")]
    RegionFull,
    /// The character is in the world under a newer owner epoch, or another shard owns it.
    #[error("the character is owned elsewhere")]
    Fenced,
    /// The character is on its way out.
    #[error("the character is leaving")]
    Leaving,
    /// The store could not do it; it lies there again.
    #[error("it could not be stored")]
    StoreFailed,
    /// Too much waits for the store.
    #[error("too much waits for the store")]
    Busy,
}

impl Refusal {
    /// The stable reason, as clients see it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::OnCooldown { .. } => "ON_COOLDOWN",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::NoLineOfSight => "NO_LINE_OF_SIGHT",
            Self::BadTarget => "BAD_TARGET",
            Self::WrongClass => "WRONG_CLASS",
            Self::LevelTooLow => "LEVEL_TOO_LOW",
            Self::Dead => "DEAD",
            Self::NotDead => "NOT_DEAD",
            Self::TooEarly => "TOO_EARLY",
            Self::OutOfReach => "OUT_OF_REACH",
            Self::NotYoursYet => "NOT_YOURS_YET",
            Self::Taken => "TAKEN",
            Self::BagFull => "BAG_FULL",
            Self::NotInWorld => "NOT_IN_WORLD",
            Self::RegionFull => "REGION_FULL",
            Self::Fenced => "FENCED",
            Self::Leaving => "LEAVING",
            Self::StoreFailed => "STORE_FAILED",
            Self::Busy => "BUSY",
        }
    }
}

/// What happened, as one client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What the snapshots' records do not say of an entity; once while it stays in interest.
    Appeared {
        /// Who or what.
        entity: NetId,
        /// Its kind.
        what: What,
        /// Level of a player or monster; quantity of a drop.
        amount: u32,
        /// 0 for a drop.
        max_hp: u32,
        /// 0 for a drop and for the dead.
        hp: u32,
    },
    /// An attack roll and its outcome.
    Hit {
        /// Who struck.
        attacker: NetId,
        /// Who was struck at.
        target: NetId,
        /// 0: missed, or immune.
        damage: u32,
        /// The dice counted twice.
        critical: bool,
        /// Hit points of the target after it.
        hp_left: u32,
    },
    /// Dead: a monster's body is gone with it, a player lies there.
    Died {
        /// Who.
        entity: NetId,
        /// By whom.
        killer: Option<NetId>,
        /// The row of a monster; `None`: a player.
        monster: Option<MonsterId>,
    },
    /// Hit points came back by a skill or an item.
    Healed {
        /// Whose.
        entity: NetId,
        /// So many.
        amount: u32,
        /// Hit points after it.
        hp: u32,
    },
    /// A player's level rose.
    LeveledUp {
        /// Whose.
        entity: NetId,
        /// To this.
        level: u8,
    },
    /// A skill was used.
    SkillUsed {
        /// By whom.
        caster: NetId,
        /// Which.
        skill: SkillId,
        /// At whom; `None`: at a point.
        target: Option<NetId>,
    },
}

/// The kind of an entity that appeared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A player of that name.
    Player(Arc<str>),
    /// A monster of that row.
    Monster(MonsterId),
    /// Something on the ground of that template.
    Drop(ItemTemplateId),
}

/// A body as its own client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// Whose.
    pub entity: NetId,
    /// 0: dead.
    pub hp: u32,
    /// At least 1.
    pub max_hp: u32,
    /// From 1.
    pub level: u8,
    /// What an attack roll against it must reach.
    pub armor: u32,
}

/// One client's datagram of one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// For whom.
    pub character: CharacterId,
    /// Where in [`Outputs::bytes`].
    pub range: Range<usize>,
}

/// Value that the store should grant, once for each id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantProposal {
    /// See [`grant_id`](crate::grant_id).
    pub id: GrantId,
    /// To whom.
    pub character: CharacterId,
    /// As what the shard writes.
    pub owner_epoch: OwnerEpoch,
    /// What for.
    pub reason: GrantReason,
    /// The client's name for it: pick-ups only.
    pub request: Option<RequestId>,
    /// Experience.
    pub xp: u64,
    /// Copper pieces to mint.
    pub coins: i64,
    /// Items, with quantities; never of kind currency.
    pub items: Vec<(ItemTemplateId, u32)>,
}

/// What a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantReason {
    /// A share in a monster's death.
    Kill {
        /// Its row.
        monster: MonsterId,
    },
    /// Something picked up.
    PickUp,
}

/// A character's state to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CharacterSave {
    /// Who.
    pub character: CharacterId,
    /// As what the shard writes.
    pub owner_epoch: OwnerEpoch,
    /// Where.
    pub position: Position,
    /// 0: dead.
    pub hp: u32,
    /// When.
    pub tick: Tick,
    /// The last one: the character has left.
    pub final_: bool,
}
