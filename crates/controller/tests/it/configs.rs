//! Configs of topics, brokers, groups and client metrics subscriptions.

use moldau_controller::{BootstrapOptions, list_config_resources};
use moldau_metadata::{ConfigResource, MetadataRecord};
use moldau_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use moldau_protocol::messages::incremental_alter_configs_request as incremental;
use moldau_protocol::messages::{
    AlterConfigsRequest, CreateTopicsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
};
use moldau_types::ErrorCode;

use crate::world::{World, config, topic};

fn change(resource_type: i8, name: &str, ops: &[(&str, i8, Option<&str>)]) -> IncrementalAlterConfigsRequest {
    let config = |(name, config_operation, value): &(&str, i8, Option<&str>)| incremental::AlterableConfig {
        name: name.to_string(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    };
    IncrementalAlterConfigsRequest {
        resources: vec![incremental::AlterConfigsResource {
            resource_type,
            resource_name: name.to_owned(),
            configs: ops.iter().map(config).collect(),
        }],
        validate_only: false,
    }
}

fn incremental(world: &mut World, request: &IncrementalAlterConfigsRequest) -> (ErrorCode, String) {
    let response = world.decide(|c, cx| c.incremental_alter_configs(cx, request)).responses.remove(0);
    (ErrorCode::from_code(response.error_code), response.error_message.unwrap_or_default())
}

#[test]
fn log_directories_are_not_cordoned_below_the_metadata_version_that_has_them() {
    let cordon = change(4, "1", &[("cordoned.log.dirs", 0, Some("*"))]);
    let older = BootstrapOptions { release_version: Some("4.2".into()), ..BootstrapOptions::default() };
    let mut world = World::new(1, &older, &[]);
    world.start_broker(1, None);
    let (error, message) = incremental(&mut world, &cordon);
    assert_eq!(error, ErrorCode::InvalidConfig);
    assert!(message.ends_with("requires metadata.version >= 4.3-IV0"), "{message}");
    let mut world = World::with_brokers(&[1]);
    assert_eq!(incremental(&mut world, &cordon).0, ErrorCode::None);
}

#[test]
fn configs_are_set_appended_to_and_taken_away() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a", 1, 1);
    let value = |world: &World, name: &str| {
        world.image.configs.value(&ConfigResource::topic("a"), name).map(str::to_owned)
    };
    let ok = (ErrorCode::None, String::new());
    assert_eq!(incremental(&mut world, &change(2, "a", &[("retention.ms", 0, Some("5000"))])), ok);
    assert_eq!(incremental(&mut world, &change(2, "a", &[("cleanup.policy", 2, Some("compact"))])), ok);
    assert_eq!(value(&world, "cleanup.policy").as_deref(), Some("delete,compact"));
    assert_eq!(incremental(&mut world, &change(2, "a", &[("cleanup.policy", 3, Some("delete"))])), ok);
    assert_eq!(value(&world, "cleanup.policy").as_deref(), Some("compact"));
    let offset = world.next_offset;
    assert_eq!(incremental(&mut world, &change(2, "a", &[("retention.ms", 0, Some("5000"))])), ok);
    assert_eq!(world.next_offset, offset, "what stays as it is is not written");
    assert_eq!(incremental(&mut world, &change(2, "a", &[("retention.ms", 1, None)])), ok);
    assert_eq!(value(&world, "retention.ms"), None);

    // The older request replaces everything.
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: "a".into(),
        configs: vec![AlterableConfig { name: "segment.ms".into(), value: Some("7000".into()) }],
    };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(world.decide(|c, cx| c.alter_configs(cx, &request)).responses[0].error_code, 0);
    assert_eq!(world.image.configs.topic("a").keys().collect::<Vec<_>>(), ["segment.ms"]);
}

#[test]
fn refusals_have_the_references_codes_and_words() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a", 1, 1);
    let set: &[(&str, i8, Option<&str>)] = &[("retention.ms", 0, Some("1"))];
    let cases = [
        (change(2, "nope", set), ErrorCode::UnknownTopicOrPartition, "The topic 'nope' does not exist."),
        (change(2, "", set), ErrorCode::InvalidRequest, "Default topic resources are not allowed."),
        (
            change(2, "a", &[("nope", 0, Some("1"))]),
            ErrorCode::InvalidConfig,
            "Unknown topic config name: nope",
        ),
        (
            change(2, "a", &[("retention.ms", 2, Some("1"))]),
            ErrorCode::InvalidConfig,
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (change(2, "a", &[("retention.ms", 9, Some("1"))]), ErrorCode::UnknownServerError, ""),
        (change(4, "x", set), ErrorCode::InvalidRequest, "Unable to parse broker name as a base 10 number."),
        (
            change(4, "7", &[("log.cleaner.threads", 0, Some("2"))]),
            ErrorCode::BrokerIdNotRegistered,
            "No node with id 7 found.",
        ),
        (change(77, "a", set), ErrorCode::UnsupportedVersion, "Unknown resource type 77."),
        (
            change(4, "", &[("min.insync.replicas", 1, None)]),
            ErrorCode::InvalidConfig,
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
        ),
        (
            change(4, "1", &[("min.insync.replicas", 0, Some("2"))]),
            ErrorCode::InvalidConfig,
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
        ),
    ];
    let before = world.next_offset;
    for (request, code, text) in cases {
        assert_eq!(incremental(&mut world, &request), (code, text.to_owned()));
    }
    let long = "x".repeat(32_768);
    let request = change(2, "a", &[("retention.ms", 0, Some(&long))]);
    assert_eq!(incremental(&mut world, &request).0, ErrorCode::InvalidConfig);
    let mut twice = change(2, "a", set);
    twice.resources.extend(twice.resources.clone());
    let response = world.decide(|c, cx| c.incremental_alter_configs(cx, &twice));
    assert_eq!(response.responses.len(), 1);
    assert_eq!(response.responses[0].error_code, ErrorCode::InvalidRequest.code());
    let checked = IncrementalAlterConfigsRequest { validate_only: true, ..change(2, "a", set) };
    assert_eq!(incremental(&mut world, &checked).0, ErrorCode::None);
    assert_eq!(world.next_offset, before, "nothing of this is written");
}

/// Found as a key store whose file had changed, and that a broker did not read anew when its config was set once more.
#[test]
fn a_brokers_config_that_was_set_to_what_it_is_wrote_no_record() {
    let mut world = World::with_brokers(&[1]);
    for name in ["1", ""] {
        let request = change(4, name, &[("log.cleaner.threads", 0, Some("2"))]);
        for _ in 0..2 {
            let before = world.next_offset;
            assert_eq!(incremental(&mut world, &request), (ErrorCode::None, String::new()));
            assert_eq!(world.next_offset, before + 1);
        }
    }
}

#[test]
fn a_created_topic_had_a_config_value_that_no_record_can_hold() {
    let mut world = World::with_brokers(&[1]);
    let long = vec!["1:1"; 10_000].join(",");
    let mut wanted = topic("a", 1, 1);
    wanted.configs.push(config("leader.replication.throttled.replicas", &long));
    let request = CreateTopicsRequest { topics: vec![wanted], ..Default::default() };
    let response = world.decide(|c, cx| c.create_topics(cx, &request));
    assert_eq!(ErrorCode::from_code(response.topics[0].error_code), ErrorCode::InvalidConfig);
    assert!(response.topics[0].error_message.as_deref().is_some_and(|text| text.ends_with("32767 bytes.")));
}

#[test]
fn another_number_of_needed_replicas_clears_the_eligible_ones() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a", 1, 1);
    for (request, topic) in [
        (change(2, "a", &[("min.insync.replicas", 0, Some("2"))]), "a"),
        (change(4, "", &[("min.insync.replicas", 0, Some("2"))]), ""),
    ] {
        world.decide(|c, cx| {
            let result = c.incremental_alter_configs(cx, &request);
            assert_eq!(result.response.responses[0].error_message, None);
            match &result.records[..] {
                [MetadataRecord::Config(_), MetadataRecord::ClearElr(clear)] => {
                    assert_eq!(clear.topic_name, topic)
                }
                other => panic!("{other:?}"),
            }
            result
        });
    }
}

#[test]
fn resources_are_listed_by_type() {
    let mut world = World::with_brokers(&[1]);
    world.create_ok("a", 1, 1);
    incremental(&mut world, &change(16, "sub", &[("metrics", 0, Some("org.apache.kafka"))]));
    incremental(&mut world, &change(32, "group", &[("consumer.session.timeout.ms", 0, Some("45000"))]));
    let list = |types: &[i8], version| {
        let request = ListConfigResourcesRequest { resource_types: types.to_vec() };
        let response = list_config_resources(&world.image, &request, version);
        response
            .config_resources
            .iter()
            .map(|r| (r.resource_type, r.resource_name.clone()))
            .collect::<Vec<_>>()
    };
    let (sub, group) = ((16, "sub".to_owned()), (32, "group".to_owned()));
    assert_eq!(list(&[], 0), std::slice::from_ref(&sub));
    assert_eq!(list(&[32], 1), std::slice::from_ref(&group));
    let all = [(2, "a".to_owned()), (4, "1".to_owned()), (8, "1".to_owned()), sub, group];
    assert_eq!(list(&[], 1), all);
}
