//! The messages of `tests/proto`, as prost would write them.

pub mod test {
    pub mod v1 {
        #[derive(Clone, PartialEq, Eq, prost::Message)]
        pub struct Text {
            #[prost(string, tag = "1")]
            pub text: String,
        }

        #[derive(Clone, PartialEq, Eq, prost::Message)]
        pub struct Gauge {
            #[prost(string, tag = "1")]
            pub name: String,
            #[prost(uint32, tag = "2")]
            pub value: u32,
        }
    }
}

use test::v1::{Gauge, Text};

pub fn text(text: &str) -> Text {
    Text { text: text.to_owned() }
}

pub fn gauge(name: &str, value: u32) -> Gauge {
    Gauge { name: name.to_owned(), value }
}
