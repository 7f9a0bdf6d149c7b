//! The bytes of a framed link.

use bytes::BytesMut;
use shallot_proto::hub::v1::ClientBatch;
use tokio_util::codec::Decoder as _;

use crate::limits::CLIENT_BATCH_BYTES;
use crate::link::LinkError;
use crate::link::framed::LengthDelimited;

/// However a stream is cut into pieces, the same messages come out of it and the same end, and what waits for the rest of a message
/// is bounded. The first byte says how large the pieces are.
pub fn framed(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let at_once = read(stream, stream.len().max(1));
    assert_eq!(read(stream, 1 + usize::from(*size)), at_once);
}

fn read(stream: &[u8], size: usize) -> (Vec<ClientBatch>, Option<LinkError>) {
    let mut decoder = LengthDelimited::<ClientBatch>::new(CLIENT_BATCH_BYTES);
    let (mut waiting, mut messages) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(size) {
        waiting.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut waiting) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(waiting.capacity() <= 4 * CLIENT_BATCH_BYTES.max(size), "{} bytes are held", waiting.capacity());
    }
    (messages, decoder.decode_eof(&mut waiting).err())
}
