use futures_util::stream;
use proptest::prelude::*;
use shallot_proto::hub::v1::{ClientFrame, Ping, client_frame::Frame};
use tokio::io::{AsyncReadExt as _, duplex};

use super::*;

fn pings(count: u32) -> ClientBatch {
    let ping = |n| ClientFrame { frame: Some(Frame::Ping(Ping { n, sender_time_ms: u64::MAX })) };
    ClientBatch { frames: (0..count).map(ping).collect() }
}

/// All that a reader makes of bytes which come in pieces of a size.
fn read(bytes: &[u8], piece: usize, limit: usize) -> (Vec<ClientBatch>, Option<LinkError>) {
    let mut decoder = LengthDelimited::<ClientBatch> { limit, of: PhantomData };
    let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(message)) => got.push(message),
                Ok(None) => break,
                Err(error) => return (got, Some(error)),
            }
        }
    }
    match decoder.decode_eof(&mut buffer) {
        Ok(None) => (got, None),
        Ok(Some(message)) => panic!("a message out of nothing: {message:?}"),
        Err(error) => (got, Some(error)),
    }
}

async fn written(messages: Vec<ClientBatch>) -> Vec<u8> {
    let (writer, mut reader) = duplex(64);
    let mut bytes = Vec::new();
    let (_, all) =
        tokio::join!(write_outgoing(Outgoing::new(stream::iter(messages)), writer), reader.read_to_end(&mut bytes));
    all.unwrap();
    bytes
}

#[tokio::test]
async fn a_length_then_the_message() {
    let bytes = written(vec![pings(1), ClientBatch::default(), pings(20)]).await;
    let first = pings(1).encode_to_vec();
    assert_eq!(usize::from(bytes[0]), first.len());
    assert_eq!(bytes[1..=first.len()], first);
    let rest = &bytes[first.len() + 1..];
    let length = pings(20).encoded_len();
    assert!(length > 127);
    assert_eq!(rest[..3], [0, (length & 0x7F) as u8 | 0x80, (length >> 7) as u8]);
}

#[test]
fn a_message_over_the_limit_is_refused_before_it_is_there() {
    let (got, error) = read(&[0x81, 0x20], 1, 4_096);
    assert!(got.is_empty());
    assert!(matches!(error, Some(LinkError::TooLarge(_))), "{error:?}");
    let (_, error) = read(&[0xFF; 4], 1, 4_096);
    assert!(matches!(error, Some(LinkError::TooLarge(_))), "{error:?}");
}

#[test]
fn one_of_the_limit_is_taken() {
    let message = pings(10);
    let bytes = message.encode_length_delimited_to_vec();
    let limit = message.encoded_len();
    assert_eq!(read(&bytes, 7, limit), (vec![message], None));
    assert!(matches!(read(&bytes, 7, limit - 1), (_, Some(LinkError::TooLarge(_)))));
}

#[test]
fn a_stream_that_ends_inside_a_message_is_malformed() {
    let bytes = [pings(2).encode_length_delimited_to_vec(), pings(3).encode_length_delimited_to_vec()].concat();
    for end in 0..bytes.len() {
        let (got, error) = read(&bytes[..end], 5, 4_096);
        let whole = pings(2).encode_length_delimited_to_vec().len();
        assert_eq!(got.len(), usize::from(end >= whole));
        let is_between = end == 0 || end == whole;
        assert_eq!(error.is_none(), is_between, "{end}: {error:?}");
        assert!(is_between || matches!(error, Some(LinkError::Malformed(_))), "{end}: {error:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_whatever_pieces(counts in proptest::collection::vec(0_u32..64, 0..12), piece in 1_usize..300) {
        let sent: Vec<ClientBatch> = counts.into_iter().map(pings).collect();
        let bytes: Vec<u8> = sent.iter().flat_map(Message::encode_length_delimited_to_vec).collect();
        prop_assert_eq!(read(&bytes, piece, 4_096), (sent, None));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), piece in 1_usize..50) {
        let (got, _) = read(&bytes, piece, 4_096);
        prop_assert!(got.len() <= bytes.len());
    }
}
