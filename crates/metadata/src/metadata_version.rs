//! The levels of `metadata.version`: which records a cluster may write, and in which version.
//!
//! The table is Kafka 4.3's. It leaves the other features to [`crate::feature`].

use std::fmt;
use std::str::FromStr;

/// A level of the feature `metadata.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataVersion(i16);

/// Name of each level, ascending from [`MetadataVersion::MINIMUM`], and whether it changed records of the log.
const LEVELS: [(&str, bool); 24] = [
    ("3.3-IV3", true),
    ("3.4-IV0", true),
    ("3.5-IV0", false),
    ("3.5-IV1", false),
    ("3.5-IV2", true),
    ("3.6-IV0", false),
    ("3.6-IV1", true),
    ("3.6-IV2", true),
    ("3.7-IV0", true),
    ("3.7-IV1", false),
    ("3.7-IV2", true),
    ("3.7-IV3", false),
    ("3.7-IV4", false),
    ("3.8-IV0", false),
    ("3.9-IV0", false),
    ("4.0-IV0", false),
    ("4.0-IV1", true),
    ("4.0-IV2", false),
    ("4.0-IV3", false),
    ("4.1-IV0", false),
    ("4.1-IV1", false),
    ("4.2-IV0", false),
    ("4.2-IV1", false),
    ("4.3-IV0", true),
];

impl MetadataVersion {
    /// The feature's name.
    pub const FEATURE_NAME: &'static str = "metadata.version";
    /// The lowest level that can be run: 3.3-IV3.
    pub const MINIMUM: MetadataVersion = MetadataVersion(7);
    /// The highest level that can be run: 4.3-IV0.
    pub const LATEST: MetadataVersion = MetadataVersion(30);

    /// The version at this feature level, `None` outside the supported range.
    pub fn from_level(level: i16) -> Option<MetadataVersion> {
        (Self::MINIMUM.0..=Self::LATEST.0).contains(&level).then_some(MetadataVersion(level))
    }

    /// The feature level.
    pub const fn level(self) -> i16 {
        self.0
    }

    /// The version's name, such as `4.3-IV0`.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    fn entry(self) -> (&'static str, bool) {
        usize::try_from(self.0 - Self::MINIMUM.0)
            .ok()
            .and_then(|at| LEVELS.get(at))
            .copied()
            .unwrap_or(("unknown", true))
    }

    /// Every supported version, ascending.
    pub fn all() -> impl DoubleEndedIterator<Item = MetadataVersion> {
        (Self::MINIMUM.0..=Self::LATEST.0).map(MetadataVersion)
    }

    /// Whether going from `self` to `other` (either way) crosses a change of the log's record formats.
    pub fn metadata_changed_to(self, other: MetadataVersion) -> bool {
        let (low, high) = if self < other { (self, other) } else { (other, self) };
        (low.0 + 1..=high.0).any(|level| MetadataVersion(level).entry().1)
    }

    /// Replicas have log directories (KIP-858).
    pub const fn has_directories(self) -> bool {
        self.0 >= 17
    }

    /// Partitions have eligible leader replicas when that feature is on (KIP-966).
    pub const fn has_elr(self) -> bool {
        self.0 >= 23
    }

    /// Brokers keep log directories away from new replicas (cordoned).
    pub const fn has_cordoned_dirs(self) -> bool {
        self.0 >= 30
    }

    /// Delegation tokens are in the log.
    pub const fn has_delegation_tokens(self) -> bool {
        self.0 >= 14
    }

    /// SCRAM credentials are in the log.
    pub const fn has_scram(self) -> bool {
        self.0 >= 11
    }

    /// Controllers register themselves in the log.
    pub const fn has_controller_registration(self) -> bool {
        self.0 >= 15
    }

    /// Transactions of several batches (begin, end, abort) may be in the log.
    pub const fn has_metadata_transactions(self) -> bool {
        self.0 >= 13
    }

    /// Version of RegisterBrokerRecord.
    pub const fn register_broker_record_version(self) -> i16 {
        match self.0 {
            30.. => 4,
            17.. => 3,
            8.. => 2,
            _ => 1,
        }
    }

    /// Version of BrokerRegistrationChangeRecord: as the reference, only what the change needs is decided elsewhere; this
    /// is the highest that may be written.
    pub const fn broker_registration_change_record_version(self) -> i16 {
        match self.0 {
            30.. => 3,
            17.. => 2,
            _ => 1,
        }
    }

    /// Version of PartitionRecord.
    pub const fn partition_record_version(self) -> i16 {
        match self.0 {
            23.. => 2,
            17.. => 1,
            _ => 0,
        }
    }

    /// Version of PartitionChangeRecord.
    pub const fn partition_change_record_version(self) -> i16 {
        self.partition_record_version()
    }
}

impl fmt::Display for MetadataVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no supported metadata version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Version {0} is not a valid version. The supported versions are from 3.3-IV3 to 4.3-IV0")]
pub struct UnknownMetadataVersion(String);

impl FromStr for MetadataVersion {
    type Err = UnknownMetadataVersion;

    /// Takes a full name (`4.0-IV2`) or a release (`4.0`, `4.0.1`), which stands for the release's last level.
    fn from_str(text: &str) -> Result<MetadataVersion, UnknownMetadataVersion> {
        let unknown = || UnknownMetadataVersion(text.to_owned());
        if let Some(version) = MetadataVersion::all().find(|v| v.name() == text) {
            return Ok(version);
        }
        let mut numbers = text.split('.');
        let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return Err(unknown()) };
        if numbers.clone().count() > 1 || numbers.any(|n| n.parse::<u32>().is_err()) {
            return Err(unknown());
        }
        let prefix = format!("{major}.{minor}-");
        MetadataVersion::all().rev().find(|v| v.name().starts_with(&prefix)).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_releases_parse() {
        for version in MetadataVersion::all() {
            assert_eq!(version.name().parse(), Ok(version));
        }
        assert_eq!("4.3".parse(), Ok(MetadataVersion::LATEST));
        assert_eq!("4.3.1".parse(), Ok(MetadataVersion::LATEST));
        assert_eq!("4.0".parse(), Ok(MetadataVersion(25)));
        assert_eq!("3.7.2".parse(), Ok(MetadataVersion(19)));
        for bad in ["", "4", "4.4", "4.3.x", "4.3.1.2", "2.8", "4.3-IV9"] {
            assert!(bad.parse::<MetadataVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn format_changes_are_seen_both_ways() {
        let at = |level| MetadataVersion::from_level(level).unwrap();
        assert!(at(29).metadata_changed_to(at(30)));
        assert!(at(30).metadata_changed_to(at(29)));
        assert!(!at(24).metadata_changed_to(at(29)));
        assert!(!at(9).metadata_changed_to(at(10)));
    }
}
