//! The messages of `examples/proto`, as prost would write them.

pub(crate) mod bench {
    pub(crate) mod v1 {
        use bytes::Bytes;

        #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
        pub(crate) struct Room {
            #[prost(uint32, tag = "1")]
            pub(crate) room: u32,
        }

        #[derive(Clone, PartialEq, Eq, prost::Message)]
        pub(crate) struct Payload {
            #[prost(bytes = "bytes", tag = "1")]
            pub(crate) body: Bytes,
        }

        #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
        pub(crate) struct Numbered {
            #[prost(uint64, tag = "1")]
            pub(crate) number: u64,
        }

        #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
        pub(crate) struct Counted {
            #[prost(uint64, tag = "1")]
            pub(crate) number: u64,
            #[prost(uint64, tag = "2")]
            pub(crate) times: u64,
        }

        #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
        pub(crate) struct Begun {
            #[prost(uint64, tag = "1")]
            pub(crate) life: u64,
            #[prost(uint64, tag = "2")]
            pub(crate) room_first: u64,
        }
    }
}
