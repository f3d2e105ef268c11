//! Transactions, their coordinator and the topic `__transaction_state`.

use crate::key::{Is, Key, boolean, int, short};
use crate::keys::reasons::TRANSACTIONS;

pub(super) static KEYS: &[Key] = &[
    int("transaction.max.timeout.ms", Is("900000"))
        .at_least(1)
        .high()
        .inert(TRANSACTIONS, "Longest transaction timeout a producer may ask for."),
    int("transaction.abort.timed.out.transaction.cleanup.interval.ms", Is("10000"))
        .at_least(1)
        .low()
        .inert(TRANSACTIONS, "Milliseconds between two looks for transactions that timed out."),
    int("transaction.remove.expired.transaction.cleanup.interval.ms", Is("3600000"))
        .at_least(1)
        .low()
        .inert(TRANSACTIONS, "Milliseconds between two looks for transactional ids that expired."),
    boolean("transaction.partition.verification.enable", Is("true")).low().cluster_wide().inert(
        TRANSACTIONS,
        "Whether a partition's leader checks that it is part of the transaction before a write.",
    ),
    boolean("transaction.two.phase.commit.enable", Is("false"))
        .low()
        .inert(TRANSACTIONS, "Whether a producer may take part in a two-phase commit."),
    int("transaction.state.log.load.buffer.size", Is("5242880"))
        .at_least(1)
        .high()
        .inert(TRANSACTIONS, "Bytes read at once when a transaction coordinator loads its partition."),
    int("transaction.state.log.min.isr", Is("2"))
        .at_least(1)
        .high()
        .inert(TRANSACTIONS, "In-sync replicas that a write to `__transaction_state` needs."),
    int("transaction.state.log.num.partitions", Is("50"))
        .at_least(1)
        .high()
        .inert(TRANSACTIONS, "Partitions of `__transaction_state`; not to be changed later."),
    short("transaction.state.log.replication.factor", Is("3"))
        .at_least(1)
        .high()
        .inert(TRANSACTIONS, "Replicas of `__transaction_state`."),
    int("transaction.state.log.segment.bytes", Is("104857600"))
        .at_least(1)
        .high()
        .inert(TRANSACTIONS, "Segment size of `__transaction_state`."),
    int("transactional.id.expiration.ms", Is("604800000")).at_least(1).high().inert(
        TRANSACTIONS,
        "Milliseconds without a transaction after which a transactional id is forgotten.",
    ),
    int("add.partitions.to.txn.retry.backoff.ms", Is("20")).at_least(1).high().inert(
        TRANSACTIONS,
        "First milliseconds before the server tries again to add a partition to a transaction.",
    ),
    int("add.partitions.to.txn.retry.backoff.max.ms", Is("100")).at_least(0).high().inert(
        TRANSACTIONS,
        "Most milliseconds before the server tries again to add a partition to a transaction.",
    ),
];
