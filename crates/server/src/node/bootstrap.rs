//! The first start: what is finalized and configured before anything else.
//!
//! A directory that `kafka-storage format` has made says it in its bootstrap checkpoint, otherwise the options of the start do.

use std::io;
use std::path::Path;

use bytes::Bytes;
use moldau_config::Settings;
use moldau_controller::{BootstrapOptions, ControllerResult, bootstrap_records};
use moldau_metadata::MetadataRecord;
use moldau_quorum::decode_bootstrap;

use super::NodeError;
use crate::controller::ControllerHandle;

/// The file's name, in the directory of the metadata log.
const BOOTSTRAP_CHECKPOINT: &str = "bootstrap.checkpoint";

/// What a first start finalizes. It is refused where the directory was formatted with something that this node cannot do, or
/// where both the directory and the options say something.
pub(super) fn wanted(
    given: BootstrapOptions,
    directory: &Path,
    settings: &Settings,
    dynamic_quorum: bool,
) -> Result<BootstrapOptions, NodeError> {
    let path = directory.join(BOOTSTRAP_CHECKPOINT);
    let refused = |reason: String| NodeError(format!("{}: {reason}", path.display()));
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(given),
        Err(error) => return Err(refused(error.to_string())),
    };
    if given != BootstrapOptions::default() {
        return Err(refused(
            "this directory was formatted with what its cluster begins with, so --release-version and --feature cannot say it as \
             well; leave them out, or remove the file"
                .to_owned(),
        ));
    }
    let records = decode_bootstrap(&bytes).map_err(|error| refused(error.to_string()))?;
    let records: Result<Vec<_>, _> = records.iter().map(|record| MetadataRecord::decode(record)).collect();
    let records = records.map_err(|error| refused(error.to_string()))?;
    let options = BootstrapOptions::of_checkpoint(&records).and_then(|options| {
        bootstrap_records(&options, settings, dynamic_quorum)?;
        Ok(options)
    });
    options.map_err(|error| {
        refused(format!(
            "the cluster cannot begin as this directory was formatted: {error}. Format it with what is supported, or remove the \
             file and let --release-version and --feature say it"
        ))
    })
}

/// Writes the bootstrap records if the metadata log has none.
pub(super) async fn write_if_empty(
    controller: &ControllerHandle,
    options: BootstrapOptions,
    settings: Settings,
    dynamic_quorum: bool,
) -> Result<(), NodeError> {
    let written = controller
        .submit(move |_, context| {
            if context.image.features.metadata_version.is_some() {
                return ControllerResult::unchanged(Ok(()));
            }
            match bootstrap_records(&options, &settings, dynamic_quorum) {
                Ok((records, _)) => ControllerResult::atomic(records, Ok(())),
                Err(error) => ControllerResult::unchanged(Err(error.to_string())),
            }
        })
        .await;
    match written {
        Ok(result) => result.map_err(NodeError),
        Err(error) => {
            Err(NodeError(format!("the first start could not write its metadata: {}", error.name())))
        }
    }
}

#[cfg(test)]
mod tests {
    use moldau_metadata::MetadataVersion;
    use moldau_protocol::messages::{FeatureLevelRecord, UserScramCredentialRecord};
    use moldau_quorum::encode_bootstrap;

    use super::*;

    /// What `kafka-storage format` of Apache Kafka 4.3.1 writes by itself.
    const REFERENCE: &[u8] =
        include_bytes!("../../../quorum/tests/fixtures/kafka-4.3.1/bootstrap.checkpoint");

    fn level(name: &str, feature_level: i16) -> MetadataRecord {
        FeatureLevelRecord { name: name.to_owned(), feature_level }.into()
    }

    fn file(records: &[MetadataRecord]) -> Vec<u8> {
        let frame = |record: &MetadataRecord| {
            let mut frame = Vec::new();
            record.encode(&mut frame, MetadataVersion::LATEST).unwrap();
            Bytes::from(frame)
        };
        encode_bootstrap(records.iter().map(frame).collect(), 0).unwrap()
    }

    fn wanted_with(given: BootstrapOptions, checkpoint: &[u8]) -> Result<BootstrapOptions, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(BOOTSTRAP_CHECKPOINT), checkpoint).unwrap();
        wanted(given, directory.path(), &Settings::default(), true).map_err(|error| error.0)
    }

    #[test]
    fn what_a_directory_was_formatted_with_was_passed_over_at_the_first_start() {
        let checkpoint = file(&[level("metadata.version", 26), level("eligible.leader.replicas.version", 0)]);
        let options = wanted_with(BootstrapOptions::default(), &checkpoint).unwrap();
        let (records, _) = bootstrap_records(&options, &Settings::default(), true).unwrap();
        let levels: Vec<_> = records
            .iter()
            .filter_map(|record| match record {
                MetadataRecord::FeatureLevel(level) => Some((level.name.as_str(), level.feature_level)),
                _ => None,
            })
            .collect();
        assert_eq!(levels, [("metadata.version", 26)], "no level that the file does not name");
    }

    #[test]
    fn without_a_bootstrap_checkpoint_the_options_count() {
        let directory = tempfile::tempdir().unwrap();
        let given = BootstrapOptions { release_version: Some("4.2".to_owned()), ..Default::default() };
        let found = wanted(given.clone(), directory.path(), &Settings::default(), true);
        assert_eq!(found.map_err(|error| error.0), Ok(given));
    }

    #[test]
    fn what_this_node_cannot_begin_with_is_refused_by_name() {
        let scram = UserScramCredentialRecord { name: "alice".to_owned(), ..Default::default() };
        let metadata_version = level("metadata.version", 30);
        let torn = &REFERENCE[..REFERENCE.len() - 1];
        for (checkpoint, reason) in [
            (REFERENCE.to_vec(), "group.version cannot start at level 1: the supported levels are 0 to 0"),
            (file(&[metadata_version.clone(), scram.into()]), "it has SCRAM credentials"),
            (file(&[level("metadata.version", 99)]), "it has metadata.version 99"),
            (file(&[level("group.version", 0)]), "it has no metadata.version"),
            (file(&[metadata_version.clone(), level("nonsense", 1)]), "Unsupported feature: nonsense"),
            (torn.to_vec(), "not a whole snapshot"),
        ] {
            let refused = wanted_with(BootstrapOptions::default(), &checkpoint).unwrap_err();
            assert!(refused.contains(reason) && refused.contains(BOOTSTRAP_CHECKPOINT), "{refused}");
        }
        let given =
            BootstrapOptions { features: [("group.version".to_owned(), 0)].into(), ..Default::default() };
        let refused = wanted_with(given, &file(&[metadata_version])).unwrap_err();
        assert!(refused.contains("--release-version and --feature cannot say it as well"), "{refused}");
    }
}
