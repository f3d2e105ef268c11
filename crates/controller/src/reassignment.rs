//! When a reassignment of replicas is complete, and what the partition then looks like.

use moldau_types::BrokerId;

/// A partition's replicas and ISR once its reassignment is done.
pub(crate) struct Completed {
    pub(crate) replicas: Vec<BrokerId>,
    pub(crate) isr: Vec<BrokerId>,
}

/// Whether every replica that stays is in sync, so that those that leave may go; `None` while it is not so.
pub(crate) fn completed(
    replicas: &[BrokerId],
    removing: &[BrokerId],
    adding: &[BrokerId],
    isr: &[BrokerId],
) -> Option<Completed> {
    if removing.is_empty() && adding.is_empty() {
        return None;
    }
    let stays = |id: &&BrokerId| !removing.contains(id);
    let new_replicas: Vec<_> = replicas.iter().filter(stays).copied().collect();
    let new_isr: Vec<_> = isr.iter().filter(stays).copied().collect();
    // Without one replica that stays and is in sync there would be nothing to lead.
    let complete =
        !new_replicas.is_empty() && !new_isr.is_empty() && adding.iter().all(|id| new_isr.contains(id));
    complete.then_some(Completed { replicas: new_replicas, isr: new_isr })
}
