//! Quotas, and the windows they are measured in.

use crate::key::{Is, Key, Null, class, int};
use crate::keys::reasons::{PLUGIN, QUOTAS, REPLICATION};

pub(super) static KEYS: &[Key] = &[
    class("client.quota.callback.class", Null)
        .low()
        .refused(PLUGIN, "Class that decides on clients' quotas."),
    int("quota.window.num", Is("11")).at_least(1).low().inert(QUOTAS, "Samples kept for clients' quotas."),
    int("quota.window.size.seconds", Is("1"))
        .at_least(1)
        .low()
        .inert(QUOTAS, "Seconds of each sample for clients' quotas."),
    int("controller.quota.window.num", Is("11"))
        .at_least(1)
        .low()
        .inert(QUOTAS, "Samples kept for the quota on topic changes."),
    int("controller.quota.window.size.seconds", Is("1"))
        .at_least(1)
        .low()
        .inert(QUOTAS, "Seconds of each sample for the quota on topic changes."),
    int("replication.quota.window.num", Is("11"))
        .at_least(1)
        .low()
        .inert(REPLICATION, "Samples kept for replication quotas."),
    int("replication.quota.window.size.seconds", Is("1"))
        .at_least(1)
        .low()
        .inert(REPLICATION, "Seconds of each sample for replication quotas."),
    int("alter.log.dirs.replication.quota.window.num", Is("11"))
        .at_least(1)
        .low()
        .inert(QUOTAS, "Samples kept for the quota on moves between data directories."),
    int("alter.log.dirs.replication.quota.window.size.seconds", Is("1"))
        .at_least(1)
        .low()
        .inert(QUOTAS, "Seconds of each sample for the quota on moves between data directories."),
];
