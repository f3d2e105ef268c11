//! What a new cluster starts with, and how features change.

use moldau_config::Settings;
use moldau_controller::{BootstrapError, BootstrapOptions, bootstrap_records};
use moldau_metadata::{ConfigResource, MetadataRecord};
use moldau_protocol::messages::update_features_request::FeatureUpdateKey;
use moldau_protocol::messages::{AllocateProducerIdsRequest, UpdateFeaturesRequest, UpdateFeaturesResponse};
use moldau_types::{BrokerId, ErrorCode};

use crate::world::World;

fn options(release: Option<&str>, features: &[(&str, i16)]) -> BootstrapOptions {
    let features = features.iter().map(|(name, level)| (name.to_string(), *level)).collect();
    BootstrapOptions { release_version: release.map(str::to_owned), features }
}

#[test]
fn a_new_cluster_begins_as_the_references_does() {
    let (records, kraft_version) =
        bootstrap_records(&options(None, &[]), &Settings::default(), true).unwrap();
    let said: Vec<_> = records
        .iter()
        .map(|record| match record {
            MetadataRecord::BeginTransaction(begin) => format!("begin {}", begin.name.as_deref().unwrap()),
            MetadataRecord::EndTransaction(_) => "end".into(),
            MetadataRecord::FeatureLevel(feature) => format!("{}={}", feature.name, feature.feature_level),
            MetadataRecord::Config(config) => format!(
                "config {} '{}' {}={}",
                config.resource_type,
                config.resource_name,
                config.name,
                config.value.as_deref().unwrap()
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "begin Bootstrap records",
        "metadata.version=30",
        "eligible.leader.replicas.version=1",
        "config 4 '' min.insync.replicas=1",
        "end",
    ];
    assert_eq!(said, expected);
    assert_eq!(kraft_version, 1);
    let (_, kraft_version) = bootstrap_records(&options(None, &[]), &Settings::default(), false).unwrap();
    assert_eq!(kraft_version, 0);
}

#[test]
fn an_older_release_starts_without_what_it_does_not_have() {
    let (records, _) = bootstrap_records(&options(Some("3.3"), &[]), &Settings::default(), true).unwrap();
    assert!(matches!(&records[..], [MetadataRecord::FeatureLevel(level)] if level.feature_level == 7));
    let (records, _) = bootstrap_records(
        &options(Some("4.0"), &[("eligible.leader.replicas.version", 1)]),
        &Settings::default(),
        true,
    )
    .unwrap();
    assert_eq!(records.len(), 5);
}

#[test]
fn a_start_that_cannot_be_is_refused_with_the_reason() {
    let refused = |options| bootstrap_records(&options, &Settings::default(), true).unwrap_err();
    assert!(matches!(refused(options(Some("5.0"), &[])), BootstrapError::ReleaseVersion(_)));
    assert_eq!(refused(options(None, &[("metadata.version", 30)])), BootstrapError::MetadataVersionAsFeature);
    assert!(matches!(refused(options(None, &[("nope", 1)])), BootstrapError::UnknownFeature { .. }));
    assert!(matches!(
        refused(options(None, &[("group.version", 1)])),
        BootstrapError::UnsupportedLevel { .. }
    ));
    assert_eq!(
        refused(options(Some("3.9"), &[("eligible.leader.replicas.version", 1)])).to_string(),
        "eligible.leader.replicas.version could not be set to 1 because it depends on metadata.version=23 (4.0-IV1)"
    );
}

fn update(world: &mut World, updates: &[(&str, i16, i8)], validate_only: bool) -> UpdateFeaturesResponse {
    let key = |(feature, max_version_level, upgrade_type): &(&str, i16, i8)| FeatureUpdateKey {
        feature: feature.to_string(),
        max_version_level: *max_version_level,
        upgrade_type: *upgrade_type,
        ..Default::default()
    };
    let request = UpdateFeaturesRequest {
        feature_updates: updates.iter().map(key).collect(),
        validate_only,
        ..Default::default()
    };
    world.decide(|c, cx| c.update_features(cx, &request))
}

#[test]
fn features_go_up_and_down_where_that_is_safe() {
    let mut world = World::new(1, &options(Some("4.0"), &[]), &[("min.insync.replicas", "2")]);
    world.start_broker(1, None);
    assert!(!world.image.elr_enabled());
    assert_eq!(update(&mut world, &[("metadata.version", 29, 1)], true).error_code, 0);
    assert_eq!(world.image.features.level("metadata.version"), 25);
    let both = [("metadata.version", 29, 1), ("eligible.leader.replicas.version", 1, 1)];
    assert_eq!(update(&mut world, &both, false).error_message, None);
    assert!(world.image.elr_enabled());
    let min_isr = world.image.configs.value(&ConfigResource::default_broker(), "min.insync.replicas");
    assert_eq!(min_isr, Some("2"), "the node's own value becomes the cluster's");
    assert_eq!(update(&mut world, &[("metadata.version", 25, 2)], false).error_code, 0);

    let failed = "The update failed for all features since the following feature had an error: ";
    let cases = [
        (
            ("metadata.version", 24, 1),
            "Invalid update version 24 for feature metadata.version. Can't downgrade the version of this feature \
             without setting the upgrade type to either safe or unsafe downgrade.",
        ),
        (
            ("metadata.version", 26, 2),
            "Invalid update version 26 for feature metadata.version. Can't downgrade to a newer version.",
        ),
        (
            ("metadata.version", 22, 2),
            "Unsupported metadata.version downgrade from 25 to 22. Refusing to perform the requested \
             downgrade because it might delete metadata information.",
        ),
        (
            ("metadata.version", 22, 3),
            "Unsupported metadata.version downgrade from 25 to 22. Unsafe metadata downgrade is not \
             supported in this version.",
        ),
        (
            ("metadata.version", 99, 1),
            "Invalid update version 99 for feature metadata.version. Local controller 1 only supports versions 7-30",
        ),
        (
            ("group.version", 1, 1),
            "Invalid update version 1 for feature group.version. Local controller 1 does not support this feature.",
        ),
        (
            ("kraft.version", 0, 2),
            "Invalid update version 0 for feature kraft.version. Can't downgrade the version of this feature.",
        ),
        (
            ("group.version", 0, 0),
            "Invalid update version 0 for feature group.version. The controller does not support the given upgrade \
             type.",
        ),
    ];
    for (case, text) in cases {
        let response = update(&mut world, &[case], false);
        assert_eq!(ErrorCode::from_code(response.error_code), ErrorCode::InvalidUpdateVersion);
        assert_eq!(response.error_message, Some(format!("{failed}{text}")));
    }
}

#[test]
fn producer_ids_come_in_blocks_that_never_overlap() {
    let mut world = World::with_brokers(&[1, 2]);
    let mut next = 0;
    for id in [1, 2, 1] {
        let broker_epoch = world.image.cluster.broker(BrokerId(id)).unwrap().broker_epoch;
        let request = AllocateProducerIdsRequest { broker_id: id, broker_epoch };
        let response = world.decide(|c, cx| c.allocate_producer_ids(cx, &request));
        assert_eq!((response.producer_id_start, response.producer_id_len), (next, 1000));
        next += 1000;
    }
    let request = AllocateProducerIdsRequest { broker_id: 1, broker_epoch: 0 };
    let response = world.decide(|c, cx| c.allocate_producer_ids(cx, &request));
    assert_eq!(ErrorCode::from_code(response.error_code), ErrorCode::StaleBrokerEpoch);
}
