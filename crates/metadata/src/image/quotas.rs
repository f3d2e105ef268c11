//! Client quotas and the next block of producer ids.

use std::collections::BTreeMap;

use rpds::RedBlackTreeMapSync;

/// Whom a quota is for: entity types (`user`, `client-id`, `ip`) with a name, or `None` for that type's default.
pub type QuotaEntity = BTreeMap<String, Option<String>>;

/// Client quotas by entity; an entity without quotas is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientQuotasImage {
    pub(crate) by_entity: RedBlackTreeMapSync<QuotaEntity, BTreeMap<String, f64>>,
}

impl ClientQuotasImage {
    /// The quotas of an entity by key, such as `producer_byte_rate`.
    pub fn get(&self, entity: &QuotaEntity) -> Option<&BTreeMap<String, f64>> {
        self.by_entity.get(entity)
    }

    /// Every entity with its quotas.
    pub fn iter(&self) -> impl Iterator<Item = (&QuotaEntity, &BTreeMap<String, f64>)> {
        self.by_entity.iter()
    }

    pub(crate) fn set(&mut self, entity: QuotaEntity, key: String, value: Option<f64>) {
        let mut quotas = self.by_entity.get(&entity).cloned().unwrap_or_default();
        match value {
            Some(value) => quotas.insert(key, value),
            None => quotas.remove(&key),
        };
        if quotas.is_empty() {
            self.by_entity.remove_mut(&entity);
        } else {
            self.by_entity.insert_mut(entity, quotas);
        }
    }
}

/// The producer ids that were handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerIdsImage {
    /// Every lower id is taken; 0 when none was ever handed out.
    pub next_producer_id: i64,
}
