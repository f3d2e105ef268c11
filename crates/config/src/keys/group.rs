//! Keys of a group. Each falls back to the broker key named as its synonym.

use crate::key::{Is, Key, boolean, int, string};
use crate::keys::reasons::{CONSUMER, SHARE, STREAMS};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("consumer.session.timeout.ms", Is("45000"))
        .at_least(1)
        .synonyms(&["group.consumer.session.timeout.ms"])
        .inert(CONSUMER, "Milliseconds without a heartbeat after which a member is out."),
    int("consumer.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .synonyms(&["group.consumer.heartbeat.interval.ms"])
        .inert(CONSUMER, "Milliseconds between a member's heartbeats."),
    int("consumer.assignment.interval.ms", Is("1000"))
        .at_least(0)
        .synonyms(&["group.consumer.assignment.interval.ms"])
        .inert(CONSUMER, "Least milliseconds between two assignments of the group."),
    int("share.session.timeout.ms", Is("45000"))
        .at_least(1)
        .synonyms(&["group.share.session.timeout.ms"])
        .inert(SHARE, "Milliseconds without a heartbeat after which a member is out."),
    int("share.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .synonyms(&["group.share.heartbeat.interval.ms"])
        .inert(SHARE, "Milliseconds between a member's heartbeats."),
    int("share.assignment.interval.ms", Is("1000"))
        .at_least(0)
        .synonyms(&["group.share.assignment.interval.ms"])
        .inert(SHARE, "Least milliseconds between two assignments of the group."),
    string("share.auto.offset.reset", Is("latest")).valid(Validator::OffsetReset).inert(
        SHARE,
        "Where the group starts on a partition: earliest, latest, or a duration back from now.",
    ),
    string("share.isolation.level", Is("read_uncommitted"))
        .one_of(&["read_committed", "read_uncommitted"])
        .inert(SHARE, "Whether records of open and aborted transactions are delivered."),
    int("share.delivery.count.limit", Is("5"))
        .at_least(2)
        .synonyms(&["group.share.delivery.count.limit"])
        .inert(SHARE, "Times a record is delivered before it is given up."),
    int("share.record.lock.duration.ms", Is("30000"))
        .at_least(1000)
        .synonyms(&["group.share.record.lock.duration.ms"])
        .inert(SHARE, "Milliseconds a delivered record is locked for its consumer."),
    int("share.partition.max.record.locks", Is("2000"))
        .at_least(100)
        .synonyms(&["group.share.partition.max.record.locks"])
        .inert(SHARE, "Records of one partition that may be in flight."),
    boolean("share.renew.acknowledge.enable", Is("true"))
        .inert(SHARE, "Whether a consumer may renew its lock on a record."),
    int("streams.session.timeout.ms", Is("45000"))
        .at_least(1)
        .synonyms(&["group.streams.session.timeout.ms"])
        .inert(STREAMS, "Milliseconds without a heartbeat after which a member is out."),
    int("streams.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .synonyms(&["group.streams.heartbeat.interval.ms"])
        .inert(STREAMS, "Milliseconds between a member's heartbeats."),
    int("streams.assignment.interval.ms", Is("1000"))
        .at_least(0)
        .synonyms(&["group.streams.assignment.interval.ms"])
        .inert(STREAMS, "Least milliseconds between two assignments of the group."),
    int("streams.initial.rebalance.delay.ms", Is("3000"))
        .at_least(0)
        .synonyms(&["group.streams.initial.rebalance.delay.ms"])
        .inert(STREAMS, "Milliseconds the first assignment waits for more members."),
    int("streams.num.standby.replicas", Is("0"))
        .at_least(0)
        .synonyms(&["group.streams.num.standby.replicas"])
        .inert(STREAMS, "Standby copies of each stateful task."),
];
