//! Keys that Kafka does not have.

use crate::key::{Is, Key, Null, string};

pub(super) static KEYS: &[Key] = &[
    string("moldau.durability", Is("kafka")).one_of(&["kafka", "fsync"]).high().effective(
        "What an acknowledgement means on this node's disk: `kafka` leaves syncing to log.flush.*, `fsync` waits until the records are synced.",
    ),
    string("moldau.cluster.id", Null).high().effective(
        "Cluster id that the first start takes, 22 characters of URL-safe base64; a random one where not set. Later starts refuse another one.",
    ),
];
