//! One change of one partition: from what is wanted (another ISR, other replicas, an election) to the record that says
//! so, with the leader, the eligible leader replicas (KIP-966) and the recovery state that follow from it.
//!
//! Always true of the record: its leader is in its ISR or −1, and a leader outside the old ISR and ELR comes with an ISR
//! of itself alone and the state RECOVERING.

use moldau_metadata::{
    LeaderRecoveryState, MetadataImage, MetadataVersion, NO_LEADER, NO_LEADER_CHANGE, PartitionRegistration,
};
use moldau_protocol::messages::PartitionChangeRecord;
use moldau_types::{BrokerId, Uuid};

use crate::reassignment;

/// How far an election may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Election {
    /// Only to the preferred replica if it is in sync; otherwise nothing better than the leader that is there.
    Preferred,
    /// To any replica in sync, when the leader is gone.
    Online,
    /// As `Online`, and to any online replica when none in sync is left: records may be lost.
    Unclean,
}

/// What is the same for every partition that a decision changes.
#[derive(Clone, Copy)]
pub(crate) struct ChangeRules<'a> {
    pub(crate) image: &'a MetadataImage,
    pub(crate) version: MetadataVersion,
    pub(crate) elr_enabled: bool,
    /// A broker that may lead although the image has it fenced: it is being unfenced.
    pub(crate) arriving: Option<BrokerId>,
    /// A broker that may not lead although the image has it active.
    pub(crate) leaving: Option<BrokerId>,
}

impl<'a> ChangeRules<'a> {
    pub(crate) fn new(image: &'a MetadataImage) -> ChangeRules<'a> {
        let (version, elr_enabled) = (image.features.version(), image.elr_enabled());
        ChangeRules { image, version, elr_enabled, arriving: None, leaving: None }
    }

    fn is_acceptable_leader(&self, id: BrokerId, directory: Uuid) -> bool {
        let up = self.arriving == Some(id) || self.image.cluster.is_active(id);
        let online = || self.image.cluster.broker(id).is_some_and(|b| b.has_online_directory(directory));
        self.leaving != Some(id) && up && online()
    }

    /// The directory of a new replica: the broker chooses, unless there is nothing to choose.
    pub(crate) fn default_directory(&self, id: BrokerId) -> Uuid {
        match self.image.cluster.broker(id).map(|broker| broker.directories.as_slice()) {
            None | Some([]) => Uuid::MIGRATING_DIR,
            Some([only]) => *only,
            Some(_) => Uuid::UNASSIGNED_DIR,
        }
    }
}

/// What is wanted of a partition. Starts as "everything stays".
pub(crate) struct PartitionChange<'a> {
    partition: &'a PartitionRegistration,
    rules: ChangeRules<'a>,
    /// Effective `min.insync.replicas`.
    min_isr: usize,
    pub(crate) election: Election,
    pub(crate) isr: Vec<BrokerId>,
    pub(crate) replicas: Vec<BrokerId>,
    pub(crate) removing: Vec<BrokerId>,
    pub(crate) adding: Vec<BrokerId>,
    pub(crate) recovery_state: LeaderRecoveryState,
    /// Replicas whose brokers stopped without a clean shutdown: they may lack committed records.
    pub(crate) unclean_replicas: Vec<BrokerId>,
    pub(crate) directories: Option<Vec<Uuid>>,
    elr: Vec<BrokerId>,
    last_known_elr: Vec<BrokerId>,
}

impl<'a> PartitionChange<'a> {
    pub(crate) fn new(partition: &'a PartitionRegistration, rules: ChangeRules<'a>, min_isr: usize) -> Self {
        PartitionChange {
            partition,
            rules,
            min_isr: min_isr.min(partition.replicas.len()),
            election: Election::Online,
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            removing: partition.removing_replicas.clone(),
            adding: partition.adding_replicas.clone(),
            recovery_state: partition.leader_recovery_state,
            unclean_replicas: Vec::new(),
            directories: None,
            elr: partition.elr.clone(),
            last_known_elr: partition.last_known_elr.clone(),
        }
    }

    /// The record of the change, `None` when nothing changes.
    pub(crate) fn build(mut self, topic_id: Uuid, partition_id: i32) -> Option<PartitionChangeRecord> {
        let mut record = PartitionChangeRecord { topic_id, partition_id, ..PartitionChangeRecord::default() };
        if let Some(done) = reassignment::completed(&self.replicas, &self.removing, &self.adding, &self.isr) {
            (self.replicas, self.isr) = (done.replicas, done.isr);
            self.removing.clear();
            self.adding.clear();
        }
        self.move_to_elr();
        self.elect(&mut record);
        self.bump_leader_epoch_if_replicas_left(&mut record);
        self.record_elr(&mut record);
        // Without ELR an ISR never becomes empty: the last member stays in it while it is offline.
        let may_change = !self.isr.is_empty() || self.rules.elr_enabled;
        if record.isr.is_none() && may_change && self.isr != self.partition.isr {
            record.isr = Some(raw(&self.isr));
        }
        self.bump_leader_epoch_if_isr_shrank(&mut record);
        self.record_last_known_leader(&mut record);
        self.record_assignment(&mut record);
        if self.recovery_state != self.partition.leader_recovery_state {
            record.leader_recovery_state = self.recovery_state.code();
        }
        let untouched = PartitionChangeRecord { topic_id, partition_id, ..PartitionChangeRecord::default() };
        (record != untouched).then_some(record)
    }

    /// Who leaves an ISR that gets smaller than `min.insync.replicas` stays eligible.
    fn move_to_elr(&mut self) {
        if !self.rules.elr_enabled {
            return;
        }
        if self.isr.len() >= self.min_isr {
            self.elr.clear();
            self.last_known_elr.clear();
            return;
        }
        let mut candidates = self.elr.clone();
        candidates.extend(self.partition.isr.iter().copied());
        let outside_isr = |id: &BrokerId| !self.isr.contains(id);
        let eligible = |id: &BrokerId| !self.unclean_replicas.contains(id);
        self.elr = sorted(candidates.iter().copied().filter(|id| outside_isr(id) && eligible(id)));
        candidates.extend(self.last_known_elr.iter().copied());
        let (elr, isr) = (&self.elr, &self.isr);
        self.last_known_elr =
            sorted(candidates.into_iter().filter(|id| !isr.contains(id) && !elr.contains(id)));
    }

    fn is_acceptable(&self, id: BrokerId) -> bool {
        let wanted = self.directories.as_ref().and_then(|directories| {
            let at = self.replicas.iter().position(|replica| *replica == id)?;
            directories.get(at).copied()
        });
        let directory = wanted.or_else(|| self.partition.directory(id));
        let directory = directory.unwrap_or_else(|| self.rules.default_directory(id));
        self.rules.is_acceptable_leader(id, directory)
    }

    fn is_valid_leader(&self, id: BrokerId) -> bool {
        let in_sync = self.isr.contains(&id) || (self.isr.is_empty() && self.elr.contains(&id));
        in_sync && self.is_acceptable(id)
    }

    /// The leader and whether it is an unclean choice.
    fn choose_leader(&self) -> (BrokerId, bool) {
        let current = self.partition.leader;
        let preferred = self.replicas.first().copied().filter(|_| self.election == Election::Preferred);
        let clean = preferred.into_iter().chain([current]).chain(self.replicas.iter().copied());
        if let Some(leader) = clean.into_iter().find(|id| self.is_valid_leader(*id)) {
            return (leader, false);
        }
        // Nobody is known to have every record, but who led last has all that were ever acknowledged by it.
        if let [last] = *self.partition.last_known_elr
            && self.rules.elr_enabled
            && self.elr.is_empty()
            && self.isr.is_empty()
            && self.is_acceptable(last)
        {
            return (last, true);
        }
        if self.election == Election::Unclean
            && let Some(leader) = self.replicas.iter().copied().find(|id| self.is_acceptable(*id))
        {
            return (leader, true);
        }
        (NO_LEADER, false)
    }

    fn elect(&mut self, record: &mut PartitionChangeRecord) {
        let (leader, unclean) = self.choose_leader();
        if leader == self.partition.leader {
            return;
        }
        record.leader = leader.0;
        if self.elr.contains(&leader) {
            self.isr = vec![leader];
            self.elr.retain(|id| *id != leader);
        } else if unclean {
            self.isr = vec![leader];
            self.elr.clear();
            record.isr = Some(vec![leader.0]);
            if self.partition.leader_recovery_state != LeaderRecoveryState::Recovering {
                record.leader_recovery_state = LeaderRecoveryState::Recovering.code();
            }
            self.recovery_state = LeaderRecoveryState::Recovering;
        }
    }

    /// A replica that was taken away must see that its leader's reign is over, so that it does not come back.
    fn bump_leader_epoch_if_replicas_left(&self, record: &mut PartitionChangeRecord) {
        let left = self.partition.replicas.iter().any(|id| !self.replicas.contains(id));
        if record.leader == NO_LEADER_CHANGE && left {
            record.leader = self.partition.leader.0;
        }
    }

    /// Brokers before 3.6 relied on a new leader epoch to notice a smaller ISR.
    fn bump_leader_epoch_if_isr_shrank(&self, record: &mut PartitionChangeRecord) {
        let shrank = self.partition.isr.iter().any(|id| !self.isr.contains(id));
        if self.rules.version.level() < 12 && record.leader == NO_LEADER_CHANGE && shrank {
            record.leader = self.partition.leader.0;
        }
    }

    fn record_elr(&mut self, record: &mut PartitionChangeRecord) {
        if record.leader_recovery_state != -1 || !self.rules.elr_enabled {
            self.elr.clear();
            self.last_known_elr.clear();
        }
        if self.elr != self.partition.elr {
            record.eligible_leader_replicas = Some(raw(&self.elr));
        }
    }

    /// The last leader is noted when the ISR gets empty, and forgotten once there is a leader again.
    fn record_last_known_leader(&self, record: &mut PartitionChangeRecord) {
        let partition = self.partition;
        if !self.rules.elr_enabled {
            if !partition.last_known_elr.is_empty() {
                record.last_known_elr = Some(Vec::new());
            }
            return;
        }
        let leads_on = record.leader >= 0 || (partition.has_leader() && record.leader != NO_LEADER.0);
        let empty_isr = record.isr.as_ref().is_some_and(|isr| isr.is_empty());
        if empty_isr && partition.has_leader() && partition.last_known_elr != [partition.leader] {
            record.last_known_elr = Some(vec![partition.leader.0]);
        } else if leads_on && !partition.last_known_elr.is_empty() {
            record.last_known_elr = Some(Vec::new());
        }
    }

    fn record_assignment(&self, record: &mut PartitionChangeRecord) {
        let partition = self.partition;
        let replicas_change = !self.replicas.is_empty() && self.replicas != partition.replicas;
        if replicas_change {
            record.replicas = Some(raw(&self.replicas));
        }
        if self.removing != partition.removing_replicas {
            record.removing_replicas = Some(raw(&self.removing));
        }
        if self.adding != partition.adding_replicas {
            record.adding_replicas = Some(raw(&self.adding));
        }
        if !self.rules.version.has_directories() {
            return;
        }
        let directories = self.directories.clone().unwrap_or_else(|| {
            let directory =
                |id: &BrokerId| partition.directory(*id).unwrap_or_else(|| self.rules.default_directory(*id));
            self.replicas.iter().map(directory).collect()
        });
        if replicas_change || directories != partition.directories {
            record.directories = Some(directories);
        }
    }
}

fn raw(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

fn sorted(ids: impl Iterator<Item = BrokerId>) -> Vec<BrokerId> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
