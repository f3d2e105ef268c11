//! Keys that Kafka does not have.

use crate::key::{Is, Key, Null, string};
use crate::validator::Validator;

/// Where a node tells of itself when nobody says where: behind the ports that Kafka and its tools use.
const DEFAULT_HTTP_LISTENER: &str = "127.0.0.1:9644";

pub(super) static KEYS: &[Key] = &[
    string("moldau.durability", Is("kafka")).one_of(&["kafka", "fsync"]).high().effective(
        "What an acknowledgement means on this node's disk: `kafka` leaves syncing to log.flush.*, `fsync` waits until the records are synced.",
    ),
    string("moldau.http.listener", Is(DEFAULT_HTTP_LISTENER)).valid(Validator::Address).effective(
        "HOST:PORT of /metrics, /healthz and /readyz; empty for none. Where the default is in use by another process, a warning takes its place.",
    ),
    string("moldau.cluster.id", Null).high().effective(
        "Cluster id that the first start takes, 22 characters of URL-safe base64; a random one where not set. Later starts refuse another one.",
    ),
];
