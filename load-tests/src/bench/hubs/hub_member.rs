//! A member of a hub, as thin as it can be: it says Hello, joins its room, acknowledges and keeps the heartbeat as a proper client
//! does, and looks at what arrives.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{anyhow, bail};
use prost::Message as _;
use prost::bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use shallot_proto::hub::v1::hub_link_client::HubLinkClient;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::interval;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use super::crowd::{Member, Part};
use super::payload::{ECHO, JOIN, Payload, Room, TELL, state};
use super::seen::Seen;
use crate::limits::{MEMBER_MESSAGE_MAX, MEMBER_QUEUE};
use crate::schedule::staggered;

/// Sequenced frames that are acknowledged at the latest, and every [`BEAT`] what came since: as our clients do.
const ACK_EVERY_FRAMES: u32 = 64;
const BEAT: Duration = Duration::from_secs(1);
/// Beats from one ping to the next.
const PING_EVERY_BEATS: u32 = 5;

/// Until the session ends, which is a problem, or the task is dropped.
pub async fn run(member: Member, channel: Channel) {
    let tally = std::sync::Arc::clone(&member.tally);
    if let Err(error) = play(member, channel).await {
        tally.problem(error.to_string());
    }
}

async fn play(member: Member, channel: Channel) -> anyhow::Result<()> {
    let (out, outgoing) = mpsc::channel(MEMBER_QUEUE);
    let mut client = HubLinkClient::new(channel).max_decoding_message_size(MEMBER_MESSAGE_MAX);
    let mut arriving = client.connect(ReceiverStream::new(outgoing)).await?.into_inner();
    let (mut works, mut reads) = (member.works.clone(), member.reads.clone());
    let mut beats = interval(BEAT);
    let mut tells = staggered(member.tell_every, member.index, member.of);
    let mut session = Session {
        seen: Seen::new(member.newest_counts),
        member,
        out,
        calls: 0,
        number: 0,
        last_seq: 0,
        unacknowledged: 0,
        beats: 0,
        is_working: false,
    };
    loop {
        tokio::select! {
            message = arriving.message(), if *reads.borrow() => {
                let batch = message?.ok_or_else(|| anyhow!("the stream has ended"))?;
                batch.frames.into_iter().filter_map(|frame| frame.frame).try_for_each(|frame| session.take(frame))?;
            }
            _ = beats.tick() => session.beat()?,
            _ = tells.tick(), if session.is_working && session.member.part == Part::Tell => session.tell()?,
            changed = reads.changed() => changed?,
            changed = works.changed() => {
                changed?;
                session.is_working = *works.borrow_and_update();
                if session.is_working && session.member.part == Part::Echo {
                    session.echo()?;
                }
            }
        }
    }
}

struct Session {
    member: Member,
    out: mpsc::Sender<wire::ClientBatch>,
    seen: Seen,
    /// Calls that were made, joining included.
    calls: u64,
    /// Of the next state.
    number: u32,
    last_seq: u64,
    unacknowledged: u32,
    beats: u32,
    is_working: bool,
}

impl Session {
    fn take(&mut self, frame: Down) -> anyhow::Result<()> {
        match frame {
            Down::Open(open) => {
                let hello = wire::Hello {
                    access_token: std::mem::take(&mut self.member.token),
                    contract_hash: open.contract_hash,
                    build: "shallot-load".to_owned(),
                    ..wire::Hello::default()
                };
                self.send(Up::Hello(hello.into()))?;
            }
            Down::Welcome(_) => {
                let room = Room { room: self.member.room };
                self.call(JOIN, false, room.encode_to_vec().into())?;
            }
            Down::Push(push) => {
                self.sequenced(push.seq)?;
                self.seen.take(&Payload::decode(push.body)?.body, &self.member.tally);
            }
            Down::Reply(reply) => {
                self.sequenced(reply.seq)?;
                self.reply(reply)?;
            }
            Down::Ping(ping) => self.send(Up::Pong(wire::Pong {
                n: ping.n,
                echo_time_ms: ping.sender_time_ms,
                answerer_time_ms: ping.sender_time_ms,
            }))?,
            Down::Pong(_) => {}
            Down::GoAway(end) => bail!("the server ended a session: {} {}", end.reason, end.message),
            other => bail!("unexpected: {other:?}"),
        }
        Ok(())
    }

    fn reply(&mut self, reply: wire::Reply) -> anyhow::Result<()> {
        let body = match reply.result {
            Some(wire::reply::Result::Body(body)) => body,
            other => bail!("a call was refused: {other:?}"),
        };
        if reply.id == 1 {
            self.member.tally.joined.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.seen.take(&Payload::decode(body)?.body, &self.member.tally);
        if self.is_working { self.echo() } else { Ok(()) }
    }

    /// Unsequenced frames have the number 0.
    fn sequenced(&mut self, seq: u64) -> anyhow::Result<()> {
        if seq == 0 {
            return Ok(());
        }
        if seq != self.last_seq + 1 {
            bail!("frame {seq} after frame {}", self.last_seq);
        }
        self.last_seq = seq;
        self.unacknowledged += 1;
        if self.unacknowledged >= ACK_EVERY_FRAMES { self.acknowledge() } else { Ok(()) }
    }

    fn acknowledge(&mut self) -> anyhow::Result<()> {
        self.unacknowledged = 0;
        self.send(Up::Ack(wire::Ack { seq: self.last_seq }))
    }

    fn beat(&mut self) -> anyhow::Result<()> {
        self.beats += 1;
        if self.last_seq > 0 && self.beats.is_multiple_of(PING_EVERY_BEATS) {
            self.send(Up::Ping(wire::Ping { n: self.beats, sender_time_ms: 0 }))?;
        }
        if self.unacknowledged > 0 { self.acknowledge() } else { Ok(()) }
    }

    fn tell(&mut self) -> anyhow::Result<()> {
        let state = self.next_state();
        self.call(TELL, true, state)
    }

    fn echo(&mut self) -> anyhow::Result<()> {
        let state = self.next_state();
        self.call(ECHO, false, state)
    }

    fn next_state(&mut self) -> Bytes {
        let state = state(self.member.index + 1, self.number, self.member.tally.now());
        self.number += 1;
        self.member.tally.sent.fetch_add(1, Ordering::Relaxed);
        state
    }

    fn call(&mut self, method: u32, one_way: bool, body: Bytes) -> anyhow::Result<()> {
        self.calls += 1;
        self.send(Up::Call(wire::Call { id: self.calls, method, one_way, body, ..wire::Call::default() }))
    }

    fn send(&self, frame: Up) -> anyhow::Result<()> {
        let frames = vec![wire::ClientFrame { frame: Some(frame) }];
        match self.out.try_send(wire::ClientBatch { frames }) {
            // Over: why is in what is still to be read.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => bail!("the connection takes no more"),
        }
    }
}
