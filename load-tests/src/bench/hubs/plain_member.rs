//! A member of the plain service: raw bytes both ways. Its first message says what it does: nothing (an echo), or its room.

use std::sync::atomic::Ordering;

use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _, Bytes};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::crowd::{Member, Part};
use super::payload::{Payload, state};
use super::seen::Seen;
use crate::limits::{MEMBER_MESSAGE_MAX, MEMBER_QUEUE};
use crate::schedule::staggered;

const PATH: &str = "/shallot.bench.v1.Plain/Connect";

/// Until the connection ends, which is a problem, or the task is dropped.
pub async fn run(member: Member, channel: Channel) {
    let tally = std::sync::Arc::clone(&member.tally);
    if let Err(error) = play(member, channel).await {
        tally.problem(error.to_string());
    }
}

async fn play(mut member: Member, channel: Channel) -> anyhow::Result<()> {
    let (out, outgoing) = mpsc::channel(MEMBER_QUEUE);
    let first =
        if member.part == Part::Echo { Bytes::new() } else { Bytes::copy_from_slice(&member.room.to_be_bytes()) };
    out.try_send(first)?;
    let mut grpc = Grpc::new(channel).max_decoding_message_size(MEMBER_MESSAGE_MAX);
    grpc.ready().await?;
    let request = Request::new(ReceiverStream::new(outgoing));
    let answers = grpc.streaming(request, PathAndQuery::from_static(PATH), Raw).await?;
    let mut arriving: Streaming<Bytes> = answers.into_inner();
    member.tally.joined.fetch_add(1, Ordering::Relaxed);

    let mut tells = staggered(member.tell_every, member.index, member.of);
    let (mut seen, mut number, mut is_working) = (Seen::new(member.newest_counts), 0, false);
    loop {
        tokio::select! {
            message = arriving.message() => {
                let message = message?.ok_or_else(|| anyhow::anyhow!("the stream has ended"))?;
                seen.take(&Payload::decode(message)?.body, &member.tally);
                if member.part != Part::Echo || !is_working {
                    continue;
                }
            }
            _ = tells.tick(), if is_working && member.part == Part::Tell => {}
            changed = member.works.changed() => {
                changed?;
                is_working = *member.works.borrow_and_update();
                if member.part != Part::Echo || !is_working {
                    continue;
                }
            }
        }
        out.try_send(state(member.index + 1, number, member.tally.now()))?;
        number += 1;
        member.tally.sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Bytes as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(512, 32 * 1024)
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(512, 32 * 1024)
    }
}
