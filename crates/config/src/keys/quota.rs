//! Keys that are set through the same requests as configs but are quotas.

use crate::key::{Is, Key, long};
use crate::keys::reasons::{QUOTAS, REPLICATION};

pub(super) static BROKER: &[Key] = &[
    long("follower.replication.throttled.rate", Is("9223372036854775807"))
        .at_least(0)
        .cluster_wide()
        .inert(REPLICATION, "Most bytes a second that this broker's throttled followers fetch."),
    long("leader.replication.throttled.rate", Is("9223372036854775807"))
        .at_least(0)
        .cluster_wide()
        .inert(REPLICATION, "Most bytes a second that this broker sends to throttled followers."),
    long("replica.alter.log.dirs.io.max.bytes.per.second", Is("9223372036854775807"))
        .at_least(0)
        .cluster_wide()
        .inert(QUOTAS, "Most bytes a second that moves between this broker's data directories copy."),
];
