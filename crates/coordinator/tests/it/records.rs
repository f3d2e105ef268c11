//! Kafka's own `__consumer_offsets`: read as it is, written byte for byte the same.

use std::sync::Arc;

use moldau_coordinator::{GroupConfig, GroupRecord, GroupShard, ListGroupsFilter};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

struct Line {
    offset: i64,
    producer_id: i64,
    control: bool,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

fn lines() -> Vec<Line> {
    let text = include_str!("../fixtures/consumer_offsets.tsv");
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        Line {
            offset: fields[0].parse().expect("an offset"),
            producer_id: fields[1].parse().expect("a producer id"),
            control: fields[2] == "control",
            key: unhex(fields[3]),
            value: (fields[4] != "-").then(|| unhex(fields[4])),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(parse).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn the_references_records_come_out_as_they_went_in() {
    let mut written = 0;
    for line in lines().into_iter().filter(|line| !line.control) {
        let record =
            GroupRecord::decode(&line.key, line.value.as_deref(), line.offset).expect("a readable record");
        let Some(encoded) = record.encode().expect("a writable record") else { continue };
        assert_eq!(encoded.key, line.key, "key of {}", line.offset);
        assert_eq!(encoded.value.as_deref(), line.value.as_deref(), "value of {}", line.offset);
        written += 1;
    }
    assert_eq!(written, 17);
}

#[test]
fn the_references_log_gives_its_groups_and_offsets() {
    let mut shard = GroupShard::new(Arc::new(GroupConfig::default()));
    for line in lines() {
        if line.control {
            shard.replay_end_transaction(line.producer_id, line.key[3] == 1);
        } else {
            let record =
                GroupRecord::decode(&line.key, line.value.as_deref(), line.offset).expect("readable");
            shard.replay(record, line.producer_id);
        }
    }
    let offsets = |group: &str| {
        let mut offsets = Vec::new();
        for topic in shard.fetch_all_offsets(group, true) {
            for partition in topic.partitions {
                assert_eq!(partition.error_code, 0);
                offsets.push((topic.name.clone(), partition.partition_index, partition.committed_offset));
            }
        }
        offsets
    };
    let mixed = |offset| ("mixed".to_owned(), 0, offset);
    assert_eq!(offsets("classic-group"), [mixed(12)]);
    assert_eq!(offsets("static-group"), [mixed(40)]);
    assert_eq!(offsets("consumer-group"), [mixed(40), ("trimmed".to_owned(), 0, 10)]);
    assert_eq!(offsets("tx-group"), [mixed(20)], "its transaction was committed");
    assert_eq!(offsets("admin-group"), [], "deleted");
    let group = shard.describe_group("classic-group", 6);
    assert_eq!((group.group_state.as_str(), group.protocol_type.as_str()), ("Empty", "consumer"));
    let group = shard.describe_group("static-group", 6);
    assert_eq!(group.group_state, "Stable");
    assert_eq!(group.members[0].group_instance_id.as_deref(), Some("instance-1"));
    let mut listed = Vec::new();
    shard.list_groups(&ListGroupsFilter::new(&[], &["classic".to_owned()]), &mut listed);
    let listed: Vec<_> = listed.into_iter().map(|group| group.group_id).collect();
    assert_eq!(listed, ["admin-group", "classic-group", "static-group", "tx-group"]);
}

#[test]
fn offsets_of_an_open_transaction_are_unstable_and_gone_when_it_aborts() {
    let mut shard = GroupShard::new(Arc::new(GroupConfig::default()));
    let line =
        lines().into_iter().find(|line| line.producer_id >= 0 && !line.control).expect("a transaction");
    let record = GroupRecord::decode(&line.key, line.value.as_deref(), line.offset).expect("readable");
    shard.replay(record, line.producer_id);
    let asked = [moldau_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics {
        name: "mixed".to_owned(),
        partition_indexes: vec![0],
        ..Default::default()
    }];
    let answer =
        |shard: &GroupShard, stable| shard.fetch_offsets("tx-group", &asked, stable)[0].partitions[0].clone();
    assert_eq!(answer(&shard, false).committed_offset, -1);
    assert_eq!(answer(&shard, true).error_code, 88);
    shard.replay_end_transaction(line.producer_id, false);
    assert_eq!(answer(&shard, true).error_code, 0);
    assert_eq!(shard.offset_count(), 0);
}

#[test]
fn damaged_records_are_refused_or_read_but_never_more() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut damage = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        match random.random_range(0..3) {
            0 => bytes.truncate(random.random_range(0..=bytes.len())),
            1 => bytes.extend(std::iter::repeat_n(random.random::<u8>(), random.random_range(0..9))),
            _ => {}
        }
        for _ in 0..random.random_range(0..4) {
            if !bytes.is_empty() {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
        }
        bytes
    };
    let mut shard = GroupShard::new(Arc::new(GroupConfig::default()));
    for line in lines().iter().filter(|line| !line.control) {
        for _ in 0..200 {
            let (key, value) = (damage(&line.key), line.value.as_deref().map(&mut damage));
            if let Ok(record) = GroupRecord::decode(&key, value.as_deref(), line.offset) {
                shard.replay(record, line.producer_id);
            }
        }
    }
    let mut listed = Vec::new();
    shard.list_groups(&ListGroupsFilter::new(&[], &[]), &mut listed);
    for group in listed {
        shard.describe_group(&group.group_id, 6);
    }
}
