//! Committed offsets and the topic `__consumer_offsets`.

use crate::key::{Is, Key, int, long, short};
use crate::keys::reasons::LOADING;

pub(super) static KEYS: &[Key] = &[
    int("offset.metadata.max.bytes", Is("4096"))
        .high()
        .effective("Longest text that may go with a committed offset."),
    int("offsets.load.buffer.size", Is("5242880"))
        .at_least(1)
        .high()
        .inert(LOADING, "Bytes read at once when a coordinator loads its partition."),
    int("offsets.retention.minutes", Is("10080"))
        .at_least(1)
        .high()
        .effective("Minutes an offset is kept after its group became empty."),
    long("offsets.retention.check.interval.ms", Is("600000"))
        .at_least(1)
        .high()
        .effective("Milliseconds between two looks for expired offsets."),
    short("offsets.topic.replication.factor", Is("3"))
        .at_least(1)
        .high()
        .effective("Replicas of `__consumer_offsets`."),
    int("offsets.topic.num.partitions", Is("50"))
        .at_least(1)
        .high()
        .effective("Partitions of `__consumer_offsets`; not to be changed later."),
    int("offsets.topic.segment.bytes", Is("104857600"))
        .at_least(1)
        .high()
        .effective("Segment size of `__consumer_offsets`: small, so that it compacts and loads fast."),
    int("offsets.topic.compression.codec", Is("0"))
        .high()
        .effective("Compression of the records in `__consumer_offsets`, by its number in the batch format."),
    int("offsets.commit.timeout.ms", Is("5000"))
        .at_least(1)
        .high()
        .effective("Milliseconds an offset commit may wait for its replicas."),
];
