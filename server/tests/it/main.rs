//! The real binary, on free ports of the loopback, driven by the real client.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose server or client fails has failed")]

mod bystanders;
mod chat;
mod comeback;
mod crash;
mod datagrams;
mod doors;
mod floods;
mod http2;
mod hub_only;
mod items;
mod journal;
mod limits;
mod links;
mod pages;
mod player;
mod presence;
mod process;
mod quic_doors;
mod quic_link;
mod quic_restart;
mod quic_resume;
#[expect(dead_code, reason = "these tests end their Redis, so each has one of its own")]
#[path = "../../../stores/tests/it/redis_server.rs"]
mod redis_server;
mod resume;
mod startup;
mod stop;
mod talker;
mod tls;
mod tokens;
mod two_nodes;
mod wire;
