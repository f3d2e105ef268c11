//! ACLs, SCRAM credentials and delegation tokens, as their records have them.
//!
//! Decisions about them are the security crate's.

use std::sync::Arc;

use moldau_protocol::messages::{AccessControlEntryRecord, DelegationTokenRecord, UserScramCredentialRecord};
use moldau_types::Uuid;
use rpds::RedBlackTreeMapSync;

macro_rules! keyed {
    ($(#[$doc:meta])* $name:ident: $key:ty => $record:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            entries: RedBlackTreeMapSync<$key, Arc<$record>>,
        }

        impl $name {
            /// The entry with this key.
            pub fn get(&self, key: &$key) -> Option<&Arc<$record>> {
                self.entries.get(key)
            }

            /// Every entry, by key.
            pub fn iter(&self) -> impl Iterator<Item = (&$key, &Arc<$record>)> {
                self.entries.iter()
            }

            /// Number of entries.
            pub fn len(&self) -> usize {
                self.entries.size()
            }

            /// Whether there is none.
            pub fn is_empty(&self) -> bool {
                self.entries.is_empty()
            }

            pub(crate) fn put(&mut self, key: $key, record: $record) {
                self.entries.insert_mut(key, Arc::new(record));
            }

            pub(crate) fn remove(&mut self, key: &$key) -> bool {
                self.entries.remove_mut(key)
            }
        }
    };
}

keyed! {
    /// Access control entries by id.
    AclsImage: Uuid => AccessControlEntryRecord
}
keyed! {
    /// SCRAM credentials by mechanism number (1 SCRAM-SHA-256, 2 SCRAM-SHA-512) and user.
    ScramImage: (i8, String) => UserScramCredentialRecord
}
keyed! {
    /// Delegation tokens by token id.
    DelegationTokensImage: String => DelegationTokenRecord
}
