//! A type for each kind of id, offset and epoch, so that one cannot be passed for another.
//!
//! They carry no rules of their own: −1 ("unknown", "none") is a legal value of most of them, as in the protocol.

use std::fmt;

use crate::Uuid;

macro_rules! newtypes {
    ($($(#[$doc:meta])* $name:ident($raw:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub $raw);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<$raw> for $name {
            fn from(raw: $raw) -> $name {
                $name(raw)
            }
        }

        impl From<$name> for $raw {
            fn from(id: $name) -> $raw {
                id.0
            }
        }
    )*};
}

newtypes! {
    /// A node's id, as broker or as controller.
    BrokerId(i32);
    /// A topic's id; the zero id means that only the name is known.
    TopicId(Uuid);
    /// A partition's number within its topic, from 0.
    PartitionIndex(i32);
    /// A record's position in its partition.
    Offset(i64);
    /// The number of a partition leader's reign; −1 is unknown.
    LeaderEpoch(i32);
    /// A producer's id; −1 is none.
    ProducerId(i64);
    /// The epoch of a producer id; −1 is none.
    ProducerEpoch(i16);
}
