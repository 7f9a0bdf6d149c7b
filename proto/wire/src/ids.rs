//! Ids and epochs. Types that must not be mixed are different types.

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl core::fmt::Display for $name {
            /// The usual text form, lower case with hyphens.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                for (i, byte) in self.0.iter().enumerate() {
                    if matches!(i, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl core::str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_uuid(text).map($name)
            }
        }
    };
}

uuid_id!(/// A person's login. UUIDv7.
    AccountId);
uuid_id!(/// One avatar of an account. UUIDv7.
    CharacterId);
uuid_id!(/// One item instance or stack. UUIDv7.
    ItemId);
uuid_id!(/// One logged-in character's presence on the server. UUIDv7.
    SessionId);
uuid_id!(/// A client's name for one value-changing request, made and kept before it is sent. UUIDv7.
    RequestId);
uuid_id!(/// One grant of value: the same id is granted at most once.
    GrantId);

/// The text is not 32 hexadecimal digits in groups of 8-4-4-4-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl core::fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not an id: 32 hexadecimal digits in groups of 8-4-4-4-12 are expected")
    }
}

impl core::error::Error for ParseIdError {}

fn parse_uuid(text: &str) -> Result<[u8; 16], ParseIdError> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return Err(ParseIdError);
    }
    let mut out = [0_u8; 16];
    let mut digits = 0_usize;
    for (i, &c) in bytes.iter().enumerate() {
        if matches!(i, 8 | 13 | 18 | 23) {
            if c != b'-' {
                return Err(ParseIdError);
            }
            continue;
        }
        let value = char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(ParseIdError)?;
        let slot = out.get_mut(digits / 2).ok_or(ParseIdError)?;
        *slot = *slot << 4 | value;
        digits += 1;
    }
    Ok(out)
}

/// Region by its place in the master-data set; both ends know it from the set's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u16);

/// An entity on the wire: a slot, and which of its tenants is meant. A slot rests 2 s between tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetId {
    /// Slot.
    pub index: u16,
    /// 0 to 7, wraps.
    pub generation: u8,
}

impl NetId {
    /// As one number for protobuf fields: `index << 3 | generation`.
    #[must_use]
    pub fn to_bits(self) -> u32 {
        u32::from(self.index) << 3 | u32::from(self.generation & 7)
    }

    /// The reverse; `None` when a bit above the 19 used is set.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        let index = u16::try_from(bits >> 3).ok()?;
        Some(Self { index, generation: u8::try_from(bits & 7).ok()? })
    }
}

macro_rules! epoch {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after it.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
    };
}

epoch!(/// Rises at each login of an account: the newest login is the only one that counts.
    SessionEpoch);
epoch!(/// Rises when a character changes its owning shard: a write with an old one is refused.
    OwnerEpoch);
epoch!(/// Rises in the store at every start of a region's shard, so that tick 100 after a crash is not tick 100 before it.
    RegionEpoch);

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "018f3c2a-7b1d-7e4f-8a90-00ff10fe20fd";

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id: ItemId = TEXT.parse().unwrap();
        assert_eq!(id.0[..3], [0x01, 0x8f, 0x3c]);
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(format!("{id:?}"), format!("ItemId({TEXT})"));
        assert_eq!(TEXT.to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn other_texts_are_no_ids() {
        let short = &TEXT[..35];
        let long = format!("{TEXT}0");
        let no_digit = TEXT.replace('c', "g");
        let hyphen_gone = TEXT.replacen('-', "0", 1);
        let hyphen_moved = "018f3c2a7-b1d-7e4f-8a90-00ff10fe20fd";
        let wide = "é".repeat(18); // 36 bytes, no digit
        for text in ["", short, &long, &no_digit, &hyphen_gone, hyphen_moved, &wide] {
            assert_eq!(text.parse::<ItemId>(), Err(ParseIdError), "{text}");
        }
    }

    #[test]
    fn an_entity_is_one_number() {
        let id = NetId { index: 65_535, generation: 7 };
        assert_eq!(id.to_bits(), (1 << 19) - 1);
        for bits in [0, 1, 8, 8_202, (1 << 19) - 1] {
            assert_eq!(NetId::from_bits(bits).map(NetId::to_bits), Some(bits));
        }
        assert_eq!(NetId::from_bits(1 << 19), None);
        assert_eq!(NetId::from_bits(u32::MAX), None);
    }

    #[test]
    fn epochs_rise() {
        assert!(SessionEpoch::default().next() > SessionEpoch::default());
        assert_eq!(RegionEpoch(4).next(), RegionEpoch(5));
    }
}
