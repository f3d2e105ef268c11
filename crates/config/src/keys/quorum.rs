//! The controller quorum and its metadata log.

use crate::key::{Is, Key, Null, boolean, int, list, long, string};
use crate::keys::reasons::{
    METADATA_BATCH, METADATA_REMOVAL, METRICS, ONE_NODE, QUORUM, QUORUM_IDLE, QUORUM_WRITES,
};
use crate::validator::Validator;

pub(super) static KEYS: &[Key] = &[
    list("controller.quorum.voters", Is(""))
        .valid(Validator::QuorumVoters)
        .high()
        .effective("The controllers of a static quorum, as id@host:port; a dynamic quorum where empty."),
    list("controller.quorum.bootstrap.servers", Is(""))
        .valid(Validator::QuorumServers)
        .high()
        .inert(QUORUM, "Addresses at which the quorum can be found."),
    boolean("controller.quorum.auto.join.enable", Is("false"))
        .low()
        .inert(QUORUM, "Whether a controller adds itself to the voters."),
    int("controller.quorum.election.timeout.ms", Is("1000"))
        .at_least(0)
        .high()
        .inert(QUORUM, "Milliseconds without a leader before a controller starts an election."),
    int("controller.quorum.election.backoff.max.ms", Is("1000"))
        .at_least(0)
        .high()
        .inert(QUORUM, "Most milliseconds before another election after one without a winner."),
    int("controller.quorum.fetch.timeout.ms", Is("2000"))
        .at_least(0)
        .high()
        .inert(QUORUM, "Milliseconds without a fetch after which follower and leader give each other up."),
    int("controller.quorum.fetch.max.bytes", Is("1048576"))
        .at_least(1)
        .low()
        .inert(QUORUM, "Most bytes in one fetch of the metadata log."),
    int("controller.quorum.fetch.snapshot.max.bytes", Is("1048576"))
        .at_least(1)
        .low()
        .inert(QUORUM, "Most bytes in one fetch of a metadata snapshot."),
    int("controller.quorum.request.timeout.ms", Is("2000"))
        .at_least(0)
        .inert(QUORUM, "Milliseconds a request within the quorum may take."),
    int("controller.quorum.retry.backoff.ms", Is("20"))
        .at_least(0)
        .low()
        .inert(QUORUM, "Milliseconds before a failed request within the quorum is tried again."),
    int("controller.quorum.append.linger.ms", Is("25"))
        .at_least(0)
        .inert(QUORUM_WRITES, "Milliseconds the leader gathers records before it writes them."),
    int("controller.socket.timeout.ms", Is("30000"))
        .inert(ONE_NODE, "Milliseconds a broker waits for the controller's answer."),
    long("controller.performance.sample.period.ms", Is("60000"))
        .at_least(100)
        .internal()
        .inert(METRICS, "Milliseconds between two reports of the controller's slow events."),
    long("controller.performance.always.log.threshold.ms", Is("2000"))
        .at_least(0)
        .internal()
        .inert(METRICS, "Milliseconds from which a controller event counts as slow."),
    string("metadata.log.dir", Null)
        .high()
        .effective("Directory of the metadata log; the first of the data directories where not set."),
    int("metadata.log.segment.bytes", Is("1073741824"))
        .at_least(8388608)
        .high()
        .effective("Size at which the metadata log begins a new segment."),
    long("metadata.log.segment.ms", Is("604800000"))
        .high()
        .effective("Milliseconds after which the metadata log begins a new segment."),
    long("metadata.log.max.record.bytes.between.snapshots", Is("20971520"))
        .at_least(1)
        .high()
        .effective("Bytes of metadata records after which a snapshot is made."),
    long("metadata.log.max.snapshot.interval.ms", Is("3600000")).at_least(0).high().effective(
        "Milliseconds after which a snapshot is made, if there is anything new; 0 is never by time.",
    ),
    long("metadata.max.retention.bytes", Is("104857600"))
        .high()
        .effective("Bytes of the metadata log and its snapshots above which old ones are deleted."),
    long("metadata.max.retention.ms", Is("604800000"))
        .high()
        .effective("Milliseconds after which old parts of the metadata log and old snapshots are deleted."),
    int("metadata.max.idle.interval.ms", Is("500"))
        .at_least(0)
        .low()
        .inert(QUORUM_IDLE, "Milliseconds between empty records in a quiet metadata log; 0 is never."),
    int("internal.metadata.log.segment.bytes", Null)
        .low()
        .internal()
        .effective("Segment size of the metadata log, for tests: goes before metadata.log.segment.bytes."),
    int("internal.metadata.max.batch.size.in.bytes", Is("8388608"))
        .low()
        .internal()
        .inert(METADATA_BATCH, "Largest batch in the metadata log."),
    long("internal.metadata.delete.delay.millis", Is("60000"))
        .low()
        .internal()
        .inert(METADATA_REMOVAL, "Milliseconds before a removed file of the metadata log is deleted."),
];
