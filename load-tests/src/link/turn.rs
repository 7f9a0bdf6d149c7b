//! A packet that is sent back whence it came: source and destination swapped. All checksums stay right, since each sums both.

use super::line::Way;

/// Bytes of an IPv4 header without options.
const IPV4_HEADER: usize = 20;
/// Protocols whose first four bytes are the ports.
const WITH_PORTS: [u8; 2] = [6, 17];

/// Swaps the addresses of an IPv4 packet, and tells which way it went; `None`: no IPv4 packet, left as it is.
pub(super) fn turn(packet: &mut [u8]) -> Option<Way> {
    let way = way(packet)?;
    let addresses = packet.get_mut(12..IPV4_HEADER)?;
    let (source, destination) = addresses.split_at_mut(4);
    source.swap_with_slice(destination);
    Some(way)
}

/// The server has the lower port. What has no ports goes up.
fn way(packet: &[u8]) -> Option<Way> {
    let first = *packet.first()?;
    let header = usize::from(first & 0x0F) * 4;
    if first >> 4 != 4 || header < IPV4_HEADER || packet.len() < header {
        return None;
    }
    let protocol = *packet.get(9)?;
    let ports = packet.get(header..header + 4).filter(|_| WITH_PORTS.contains(&protocol));
    Some(match ports {
        Some(&[from_high, from_low, to_high, to_low])
            if u16::from_be_bytes([from_high, from_low]) < u16::from_be_bytes([to_high, to_low]) =>
        {
            Way::Down
        }
        _ => Way::Up,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP packet from 10.77.0.1:40000 to 10.77.0.2:7400 with one byte.
    const UDP: [u8; 29] = [
        0x45, 0, 0, 29, 0, 1, 0x40, 0, 64, 17, 0x26, 0x33, 10, 77, 0, 1, 10, 77, 0, 2, 0x9C, 0x40, 0x1C, 0xE8, 0, 9,
        0xF1, 0x8D, 0x55,
    ];

    /// The Internet checksum (RFC 1071), 0 over a header that holds its own.
    fn checksum(bytes: &[u8]) -> u16 {
        let sum: u32 =
            bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))).sum();
        !((sum & 0xFFFF) as u16).wrapping_add((sum >> 16) as u16)
    }

    #[test]
    fn addresses_are_swapped_and_nothing_else() {
        let mut packet = UDP;
        let sum = checksum(&UDP[..20]);
        assert_eq!(turn(&mut packet), Some(Way::Up));
        assert_eq!((&packet[12..16], &packet[16..20]), (&[10, 77, 0, 2][..], &[10, 77, 0, 1][..]));
        assert_eq!((&packet[..12], &packet[20..]), (&UDP[..12], &UDP[20..]));
        assert_eq!(checksum(&packet[..20]), sum, "the header's checksum");
        turn(&mut packet);
        assert_eq!(packet, UDP);
    }

    #[test]
    fn the_answer_goes_the_other_way() {
        let mut answer = UDP;
        answer[20..24].rotate_left(2);
        assert_eq!(turn(&mut answer), Some(Way::Down));
    }

    #[test]
    fn what_is_no_ipv4_is_left_alone() {
        for length in 0..20 {
            let mut packet = UDP;
            assert_eq!(turn(&mut packet[..length]), None, "{length}");
        }
        let mut six = UDP;
        six[0] = 0x60;
        let mut long_header = UDP;
        long_header[0] = 0x4F;
        let mut short_header = UDP;
        short_header[0] = 0x41;
        for packet in [&mut six, &mut long_header, &mut short_header] {
            let before = *packet;
            assert_eq!(turn(packet), None);
            assert_eq!(*packet, before);
        }
    }
}
