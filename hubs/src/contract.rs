//! What generated code says about hubs and receivers.

pub use shallot_proto::hub::v1::{Access, Delivery, LimitClass};

/// A hub: what a client may call.
#[derive(Debug)]
pub struct HubContract {
    /// `shallot.world.v1.WorldHub`
    pub name: &'static str,
    /// In the order of the contract.
    pub methods: &'static [&'static MethodContract],
    /// What its clients take.
    pub receiver: &'static ReceiverContract,
}

/// A receiver: what a server may call on a client.
#[derive(Debug)]
pub struct ReceiverContract {
    /// `shallot.world.v1.WorldReceiver`
    pub name: &'static str,
    /// In the order of the contract.
    pub pushes: &'static [&'static PushContract],
    /// In the order of the contract.
    pub asks: &'static [&'static AskContract],
}

/// A method of a hub. There is none without a rule: the build fails.
#[derive(Debug)]
pub struct MethodContract {
    /// Wire id.
    pub id: u32,
    /// `shallot.world.v1.WorldHub/Enter`
    pub name: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Which token bucket a call draws from.
    pub limit: LimitClass,
    /// Answers nothing.
    pub one_way: bool,
    /// Does not wait for its turn.
    pub concurrent: bool,
    /// Milliseconds; 0: the default.
    pub deadline_ms: u32,
}

/// A push of a receiver.
#[derive(Debug)]
pub struct PushContract {
    /// Wire id.
    pub id: u32,
    /// `shallot.world.v1.WorldReceiver/OnEvents`
    pub name: &'static str,
    /// How it travels.
    pub delivery: Delivery,
}

/// A client result of a receiver: the server awaits it.
#[derive(Debug)]
pub struct AskContract {
    /// Wire id.
    pub id: u32,
    /// `shallot.trade.v1.TradeReceiver/Confirm`
    pub name: &'static str,
    /// Milliseconds; 0: the default.
    pub deadline_ms: u32,
}
