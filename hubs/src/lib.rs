//! Hubs: typed methods that a client may call on the server, and that the server may call on a client, over one session.
//!
//! A **hub** and its **receiver** are two `service`s in a `.proto` file; the build generates for each a server trait, a dispatcher,
//! a receiver proxy, a client stub and a client-side handler trait ([`contracts`]). One **session** carries all hubs over one link,
//! a gRPC bidi stream or a stream of a QUIC connection. The rules, each with a test in `tests/semantics`:
//!
//! * The calls of a session to one hub run one at a time, in the order they arrived.
//! * Pings, answers, cancels and the end never wait behind a call.
//! * Everything is bounded: the call queue, the outbox, open questions. What happens when it is full is said in [`limits`].
//! * Pushes go by their class: RELIABLE in order, LATEST the newest per key, UNRELIABLE on a datagram where there is a channel.
//! * A push to a group is encoded once; memberships end with the session.
//! * Whatever comes in, one session ends at most: its client and its hubs are told why.
//!
//! # Reading order
//!
//! 1. [`server`] and [`client`]: the two ends as users see them; [`ports`] and [`link`]: what they ask of others.
//! 2. [`handle`], [`group`] and [`cluster`]: whom a server pushes to, here and on other nodes; [`backplane`] carries it there.
//! 3. [`middleware`]: what stands around each call and client result.
//! 4. `session`: the machines of both ends without IO; `call`, `ask`, `outbox` and [`heartbeat`] are their parts.
//! 5. [`serve`]: the future that drives a session over a link; [`dispatch`]: from a method id to its handler.
//!
//! # A server
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use shallot_hubs::{Authenticator, HubServer, HubServerConfig, SystemClock, WorkerId, serve_link};
//! # use shallot_hubs::contracts::world::v1::{WorldHub, WorldHubDispatcher};
//! # fn serve(authenticator: Arc<dyn Authenticator>, hub: Arc<impl WorldHub>,
//! #     inbound: tonic::Streaming<shallot_proto::hub::v1::ClientBatch>) -> Result<(), shallot_hubs::BuildError> {
//! let server = HubServer::builder(HubServerConfig::default(), Arc::new(SystemClock::start()), authenticator)
//!     .hub(WorldHubDispatcher::new(hub))
//!     .build()?;
//! // For each `HubLink.Connect`: answer with `outbound`, run `driver` on a task of the worker.
//! let (outbound, driver) = serve_link(&server, WorkerId(0), inbound);
//! # drop((outbound, driver));
//! # Ok(())
//! # }
//! ```

mod ask;
pub mod backplane;
mod call;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod contract;
pub mod directory;
pub mod dispatch;
pub mod end;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod group;
pub mod handle;
pub mod heartbeat;
pub mod limits;
pub mod link;
pub mod metrics;
pub mod middleware;
mod outbox;
pub mod ports;
mod random;
mod resume;
pub mod serve;
pub mod server;
mod session;

#[expect(clippy::doc_markdown, reason = "comments of the contracts, written for any language")]
pub mod contracts {
    //! The hub contracts, generated from `proto/shallot` with a module for each package.

    include!(concat!(env!("OUT_DIR"), "/hubs.rs"));
    include!(concat!(env!("OUT_DIR"), "/released.rs"));
}

pub use async_trait::async_trait;
pub use backplane::{Backplane, BackplaneError, NodeId};
pub use bytes::Bytes;
pub use client::{
    AccessTokens, AskContext, ClientDriver, HubCaller, HubClient, HubClientConfig, OnSessionLost, PushOutcome,
    ReceiverDispatcher, SessionState, Welcome,
};
pub use clock::{Clock, Now, SystemClock};
pub use cluster::{Cluster, ClusterGroup, ClusterMember, ClusterWatch, GroupName};
pub use contract::{
    Access, AskContract, Delivery, HubContract, LimitClass, MethodContract, PushContract, ReceiverContract,
};
pub use directory::Directory;
pub use dispatch::{CallContext, HubDispatcher, HubFuture};
pub use end::EndReason;
pub use error::{Code, HubError};
pub use group::{Asked, Audience, Group, Groups};
pub use handle::{Cork, SessionHandle, WorkerId};
pub use heartbeat::Rtt;
pub use limits::SessionLimits;
pub use link::framed::{open_framed, serve_framed};
pub use link::grpc::{GrpcLink, GrpcSession, HubLinkService};
pub use link::{ClientLink, DatagramChannel, LinkError, LinkKind, LinkParts};
pub use middleware::{Exchange, ExchangeKind, Middleware};
pub use outbox::{EncodedPush, OutboxDepth, PushKey};
pub use ports::{Authenticator, ChannelOffer, Principal, Randomness, RateLimiter, RetryAfterMs};
pub use serve::{Outbound, SessionDriver, serve_link};
pub use server::{BuildError, HubServer, HubServerBuilder, HubServerConfig};
pub use shallot_proto::hub::v1::GroupGap;

// Generated code names this crate by its name, inside and outside of it.
extern crate self as shallot_hubs;
