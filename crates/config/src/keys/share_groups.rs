//! Share groups (KIP-932) and the topic `__share_group_state`.

use crate::key::{Is, Key, int, list, short, string};
use crate::keys::reasons::SHARE;
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    int("group.share.session.timeout.ms", Is("45000"))
        .at_least(1)
        .inert(SHARE, "Milliseconds without a heartbeat after which a member is out."),
    int("group.share.min.session.timeout.ms", Is("45000"))
        .at_least(1)
        .inert(SHARE, "Shortest session timeout a group may set."),
    int("group.share.max.session.timeout.ms", Is("60000"))
        .at_least(1)
        .inert(SHARE, "Longest session timeout a group may set."),
    int("group.share.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .inert(SHARE, "Milliseconds between a member's heartbeats."),
    int("group.share.min.heartbeat.interval.ms", Is("5000"))
        .at_least(1)
        .inert(SHARE, "Shortest heartbeat interval a group may set."),
    int("group.share.max.heartbeat.interval.ms", Is("15000"))
        .at_least(1)
        .inert(SHARE, "Longest heartbeat interval a group may set."),
    int("group.share.max.size", Is("200")).between(1.0, 1000.0).inert(SHARE, "Most members of a group."),
    list("group.share.assignors", Is("simple"))
        .valid(Validator::AnyList { empty: false })
        .inert(SHARE, "Assignors of share groups."),
    int("group.share.assignment.interval.ms", Is("1000"))
        .at_least(0)
        .cluster_wide()
        .inert(SHARE, "Least milliseconds between two assignments of a group."),
    int("group.share.min.assignment.interval.ms", Is("0"))
        .at_least(0)
        .inert(SHARE, "Least assignment interval a group may set."),
    int("group.share.max.assignment.interval.ms", Is("15000"))
        .at_least(0)
        .inert(SHARE, "Greatest assignment interval a group may set."),
    int("group.share.delivery.count.limit", Is("5"))
        .between(2.0, 10.0)
        .inert(SHARE, "Times a record is delivered before it is given up."),
    int("group.share.min.delivery.count.limit", Is("2"))
        .between(2.0, 5.0)
        .inert(SHARE, "Least delivery limit a group may set."),
    int("group.share.max.delivery.count.limit", Is("10"))
        .between(5.0, 25.0)
        .inert(SHARE, "Greatest delivery limit a group may set."),
    int("group.share.record.lock.duration.ms", Is("30000"))
        .between(1000.0, 3600000.0)
        .inert(SHARE, "Milliseconds a delivered record is locked for its consumer."),
    int("group.share.min.record.lock.duration.ms", Is("15000"))
        .between(1000.0, 30000.0)
        .inert(SHARE, "Shortest lock a group may set."),
    int("group.share.max.record.lock.duration.ms", Is("60000"))
        .between(30000.0, 3600000.0)
        .inert(SHARE, "Longest lock a group may set."),
    int("group.share.partition.max.record.locks", Is("2000"))
        .between(100.0, 10000.0)
        .inert(SHARE, "Records of one partition that may be in flight."),
    int("group.share.min.partition.max.record.locks", Is("100"))
        .between(100.0, 2000.0)
        .inert(SHARE, "Least number of records in flight a group may set."),
    int("group.share.max.partition.max.record.locks", Is("4000"))
        .between(2000.0, 10000.0)
        .inert(SHARE, "Greatest number of records in flight a group may set."),
    int("group.share.max.share.sessions", Is("2000"))
        .at_least(1)
        .inert(SHARE, "Share sessions that are remembered."),
    int("group.share.initialize.retry.interval.ms", Is("30000"))
        .at_least(1)
        .low()
        .internal()
        .inert(SHARE, "Milliseconds between two tries to initialize a share partition's state."),
    string(
        "group.share.persister.class.name",
        Is("org.apache.kafka.server.share.persister.DefaultStatePersister"),
    )
    .internal()
    .inert(SHARE, "Class that keeps the state of share partitions."),
    int("share.coordinator.append.linger.ms", Is("-1")).at_least(-1).inert(
        SHARE,
        "Milliseconds the share coordinator gathers records before it writes; -1 adapts by itself.",
    ),
    int("share.coordinator.cached.buffer.max.bytes", Is("1048588"))
        .at_least(524288)
        .cluster_wide()
        .inert(SHARE, "Largest write buffer that the share coordinator keeps for reuse."),
    int("share.coordinator.cold.partition.snapshot.interval.ms", Is("300000"))
        .at_least(1)
        .low()
        .internal()
        .inert(SHARE, "Milliseconds between snapshots of a share partition that is quiet."),
    int("share.coordinator.load.buffer.size", Is("5242880"))
        .at_least(1)
        .high()
        .inert(SHARE, "Bytes read at once when a share coordinator loads its partition."),
    int("share.coordinator.snapshot.update.records.per.snapshot", Is("500"))
        .between(0.0, 500.0)
        .inert(SHARE, "Updates between two snapshots of a share partition."),
    int("share.coordinator.state.topic.compression.codec", Is("0")).high().inert(
        SHARE,
        "Compression of the records in `__share_group_state`, by its number in the batch format.",
    ),
    short("share.coordinator.state.topic.min.isr", Is("2"))
        .at_least(1)
        .high()
        .inert(SHARE, "In-sync replicas that a write to `__share_group_state` needs."),
    int("share.coordinator.state.topic.num.partitions", Is("50"))
        .at_least(1)
        .high()
        .inert(SHARE, "Partitions of `__share_group_state`; not to be changed later."),
    int("share.coordinator.state.topic.prune.interval.ms", Is("300000")).at_least(1).low().internal().inert(
        SHARE,
        "Milliseconds between two deletions of records of `__share_group_state` that are no longer needed.",
    ),
    short("share.coordinator.state.topic.replication.factor", Is("3"))
        .at_least(1)
        .high()
        .inert(SHARE, "Replicas of `__share_group_state`."),
    int("share.coordinator.state.topic.segment.bytes", Is("104857600"))
        .at_least(1)
        .high()
        .inert(SHARE, "Segment size of `__share_group_state`."),
    int("share.coordinator.threads", Is("1")).at_least(1).inert(SHARE, "Threads of the share coordinator."),
    int("share.coordinator.write.timeout.ms", Is("5000"))
        .at_least(1)
        .high()
        .inert(SHARE, "Milliseconds a write of the share coordinator may wait for its replicas."),
    int("share.fetch.purgatory.purge.interval.requests", Is("1000"))
        .inert(SHARE, "Waiting share fetches between two clean-ups of finished ones."),
];
