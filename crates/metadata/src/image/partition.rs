//! One partition's replicas, leader and epochs.
//!
//! Always true of what the controller writes: the leader is in the ISR or there is none, ISR ⊆ replicas, a directory for
//! each replica, leader epoch and partition epoch only grow.

use moldau_protocol::messages::{PartitionChangeRecord, PartitionRecord};
use moldau_types::{BrokerId, LeaderEpoch, Uuid};

use crate::{NO_LEADER, NO_LEADER_CHANGE};

/// Whether the leader may have lost records by an unclean election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LeaderRecoveryState {
    /// The leader has all committed records.
    #[default]
    Recovered,
    /// The leader was chosen uncleanly and has yet to recover.
    Recovering,
}

impl LeaderRecoveryState {
    /// The state with this number.
    pub fn from_code(code: i8) -> Option<LeaderRecoveryState> {
        match code {
            0 => Some(LeaderRecoveryState::Recovered),
            1 => Some(LeaderRecoveryState::Recovering),
            _ => None,
        }
    }

    /// The state's number.
    pub const fn code(self) -> i8 {
        match self {
            LeaderRecoveryState::Recovered => 0,
            LeaderRecoveryState::Recovering => 1,
        }
    }
}

/// A partition's replicas, leader and epochs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// The brokers that hold the partition; the first is the preferred leader.
    pub replicas: Vec<BrokerId>,
    /// The log directory of each replica, in the replicas' order.
    pub directories: Vec<Uuid>,
    /// The in-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Replicas that a reassignment takes away.
    pub removing_replicas: Vec<BrokerId>,
    /// Replicas that a reassignment adds.
    pub adding_replicas: Vec<BrokerId>,
    /// Replicas outside the ISR that still have every committed record.
    pub elr: Vec<BrokerId>,
    /// Replicas that last were eligible, for an unclean election.
    pub last_known_elr: Vec<BrokerId>,
    /// The leader, −1 for none.
    pub leader: BrokerId,
    /// Whether the leader is recovering from an unclean election.
    pub leader_recovery_state: LeaderRecoveryState,
    /// Grows with each change of the leader.
    pub leader_epoch: LeaderEpoch,
    /// Grows with each change of the partition.
    pub partition_epoch: i32,
}

/// Broker ids from a record.
pub(crate) fn broker_ids(raw: &[i32]) -> Vec<BrokerId> {
    raw.iter().copied().map(BrokerId).collect()
}

/// Broker ids for a record.
pub(crate) fn raw_ids(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

impl PartitionRegistration {
    /// The partition that a record describes; `None` when its recovery state is unknown.
    pub fn from_record(record: &PartitionRecord) -> Option<PartitionRegistration> {
        Some(PartitionRegistration {
            replicas: broker_ids(&record.replicas),
            directories: directories_for(&record.directories, record.replicas.len()),
            isr: broker_ids(&record.isr),
            removing_replicas: broker_ids(&record.removing_replicas),
            adding_replicas: broker_ids(&record.adding_replicas),
            elr: broker_ids(record.eligible_leader_replicas.as_deref().unwrap_or_default()),
            last_known_elr: broker_ids(record.last_known_elr.as_deref().unwrap_or_default()),
            leader: BrokerId(record.leader),
            leader_recovery_state: LeaderRecoveryState::from_code(record.leader_recovery_state)?,
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: record.partition_epoch,
        })
    }

    /// Applies a change; `None` when its recovery state is unknown.
    #[must_use]
    pub fn merged(&self, change: &PartitionChangeRecord) -> Option<PartitionRegistration> {
        let list = |new: &Option<Vec<i32>>, old: &[BrokerId]| {
            new.as_deref().map_or_else(|| old.to_vec(), broker_ids)
        };
        let (leader, leader_epoch) = if change.leader == NO_LEADER_CHANGE {
            (self.leader, self.leader_epoch)
        } else {
            (BrokerId(change.leader), LeaderEpoch(self.leader_epoch.0.saturating_add(1)))
        };
        let replicas = list(&change.replicas, &self.replicas);
        let directories = match (&change.directories, &change.replicas) {
            (Some(directories), _) => directories_for(directories, replicas.len()),
            (None, None) => self.directories.clone(),
            // Written before directories were known: those of kept replicas stay.
            (None, Some(_)) => {
                replicas.iter().map(|id| self.directory(*id).unwrap_or(Uuid::MIGRATING_DIR)).collect()
            }
        };
        Some(PartitionRegistration {
            directories,
            replicas,
            isr: list(&change.isr, &self.isr),
            removing_replicas: list(&change.removing_replicas, &self.removing_replicas),
            adding_replicas: list(&change.adding_replicas, &self.adding_replicas),
            elr: list(&change.eligible_leader_replicas, &self.elr),
            last_known_elr: list(&change.last_known_elr, &self.last_known_elr),
            leader,
            leader_recovery_state: match change.leader_recovery_state {
                -1 => self.leader_recovery_state,
                code => LeaderRecoveryState::from_code(code)?,
            },
            leader_epoch,
            partition_epoch: self.partition_epoch.saturating_add(1),
        })
    }

    /// The record that describes the partition, for a record version (0 has no directories, 2 has ELRs).
    pub fn to_record(&self, topic_id: Uuid, partition: i32, record_version: i16) -> PartitionRecord {
        let tagged = |ids: &[BrokerId]| (record_version >= 2 && !ids.is_empty()).then(|| raw_ids(ids));
        PartitionRecord {
            partition_id: partition,
            topic_id,
            replicas: raw_ids(&self.replicas),
            isr: raw_ids(&self.isr),
            removing_replicas: raw_ids(&self.removing_replicas),
            adding_replicas: raw_ids(&self.adding_replicas),
            leader: self.leader.0,
            leader_recovery_state: self.leader_recovery_state.code(),
            leader_epoch: self.leader_epoch.0,
            partition_epoch: self.partition_epoch,
            directories: if record_version >= 1 { self.directories.clone() } else { Vec::new() },
            eligible_leader_replicas: tagged(&self.elr),
            last_known_elr: tagged(&self.last_known_elr),
        }
    }

    /// The log directory of a replica.
    pub fn directory(&self, replica: BrokerId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|id| *id == replica)?;
        self.directories.get(at).copied()
    }

    /// Whether the partition has a leader.
    pub fn has_leader(&self) -> bool {
        self.leader != NO_LEADER
    }

    /// The first replica, the one that should lead.
    pub fn preferred_replica(&self) -> BrokerId {
        self.replicas.first().copied().unwrap_or(NO_LEADER)
    }

    /// Whether the preferred replica leads.
    pub fn has_preferred_leader(&self) -> bool {
        self.leader == self.preferred_replica()
    }

    /// Whether a reassignment is under way.
    pub fn is_reassigning(&self) -> bool {
        !self.removing_replicas.is_empty() || !self.adding_replicas.is_empty()
    }

    /// Whether the broker is in the ISR.
    pub fn is_in_sync(&self, broker: BrokerId) -> bool {
        self.isr.contains(&broker)
    }
}

fn directories_for(given: &[Uuid], replicas: usize) -> Vec<Uuid> {
    if given.len() == replicas { given.to_vec() } else { vec![Uuid::MIGRATING_DIR; replicas] }
}
