//! What Apache Kafka 4.3.1 answers to the group APIs, request by request and version by version.
//!
//! `tests/fixtures/group_answers.txt` is what it said. `MOLDAU_RECORD_ANSWERS=1` writes that file anew, from the node that
//! `MOLDAU_TEST_BOOTSTRAP` names.

mod requests;
mod wire;

use std::thread::sleep;
use std::time::Duration;

use moldau_node_tests::{Node, unique};
use moldau_protocol::messages::create_topics_request::CreatableTopic;
use moldau_protocol::messages::*;

use requests::*;
use wire::{Connection, Transcript};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/group_answers.txt");

struct Scene {
    address: String,
    connection: Connection,
    transcript: Transcript,
    topic: Topic,
}

impl Scene {
    fn new() -> Self {
        let address = Node::get().address().to_owned();
        let mut connection = Connection::new(&address);
        let name = unique("answers");
        let topic = CreatableTopic {
            name: name.clone(),
            num_partitions: 1,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
        let created = connection.call(7, &request);
        assert_eq!(created.topics[0].error_code, 0);
        let topic = Topic { name, id: created.topics[0].topic_id };
        let mut transcript = Transcript::default();
        transcript.name(&topic.name, "TOPIC");
        transcript.name(&format!("{:?}", topic.id), "TOPIC-ID");
        Scene { address, connection, transcript, topic }
    }

    /// A new group id, whose coordinator answers.
    fn group(&mut self, name: &str) -> String {
        let group = unique(name);
        self.transcript.name(&group, name);
        let find = FindCoordinatorRequest { coordinator_keys: vec![group.clone()], ..Default::default() };
        for _ in 0..600 {
            let found = self.connection.call(4, &find).coordinators[0].error_code == 0;
            if found && self.connection.call(5, &describe(5, &group)).groups[0].error_code == 0 {
                return group;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("{group} has no coordinator");
    }

    fn show<R: moldau_protocol::Request>(&mut self, what: &str, version: i16, request: &R) -> R::Response
    where
        R::Response: std::fmt::Debug,
    {
        let response = self.connection.call(version, request);
        self.transcript.add(what, version, &response);
        response
    }

    fn join(&self, group: &str, member: &str, instance: Option<&str>) -> JoinGroupRequest {
        join(group, &self.topic.name, member, instance)
    }
}

/// Requests about what does not exist.
fn nothing_is_there(scene: &mut Scene) {
    let group = scene.group("none");
    for version in 0..=9 {
        scene.show("join, unknown member", version, &scene.join(&group, "somebody", None));
        let short = JoinGroupRequest { session_timeout_ms: 1, ..scene.join(&group, "", None) };
        scene.show("join, session too short", version, &short);
        scene.show("join, no group id", version, &scene.join("", "", None));
    }
    for version in 0..=5 {
        scene.show("sync", version, &sync(&group, "somebody", 1, None, &[]));
        let unnamed = SyncGroupRequest { protocol_name: None, ..sync(&group, "somebody", 1, None, &[]) };
        scene.show("sync, no protocol", version, &unnamed);
        scene.show("leave", version, &leave(version, &group, &[("somebody", None)]));
        scene.show("leave, no group id", version, &leave(version, "", &[("somebody", None)]));
    }
    for version in 0..=4 {
        scene.show("heartbeat", version, &heartbeat(&group, "somebody", 1, None));
        scene.show("heartbeat, no group id", version, &heartbeat("", "somebody", 1, None));
    }
    for version in 0..=6 {
        scene.show("describe", version, &describe(version, &group));
    }
    for version in 0..=2 {
        scene.show("delete", version, &delete(&group));
    }
    scene.show("delete offsets", 0, &delete_offsets(&group, &scene.topic.name));
    scene.show("delete offsets, no group id", 0, &delete_offsets("", &scene.topic.name));
    for version in 1..=10 {
        let request = fetch(version, &group, Some(&scene.topic));
        scene.show("fetch", version, &request);
        if version >= 2 {
            scene.show("fetch all", version, &fetch(version, &group, None));
        }
    }
}

/// Offsets without members, in every version.
fn simple_groups(scene: &mut Scene) {
    for version in 2..=10 {
        let group = scene.group("simple");
        let request = commit(version, &group, "somebody", 1, Some(&scene.topic), None);
        scene.show("commit of a member", version, &request);
        let request = commit(version, &group, "", -1, Some(&scene.topic), None);
        scene.show("commit", version, &request);
        let request = commit(version, &group, "", -1, Some(&scene.topic), Some("m".repeat(4097)));
        scene.show("commit, much metadata", version, &request);
        scene.show("commit, no topic", version, &commit(version, &group, "", -1, None, None));
        for fetch_version in [1, 5, 7, 8, 10] {
            let request = fetch(fetch_version, &group, Some(&scene.topic));
            scene.show("fetch", fetch_version, &request);
            if fetch_version >= 2 {
                scene.show("fetch all", fetch_version, &fetch(fetch_version, &group, None));
            }
        }
    }
}

/// One member, then two, then none.
fn dynamic_members(scene: &mut Scene, version: i16) {
    let sync_version = version.min(5);
    let group = scene.group("dynamic");
    let mut joined = scene.connection.call(version, &scene.join(&group, "", None));
    scene.transcript.name(&joined.member_id, "ONE");
    scene.transcript.add("join", version, &joined);
    let one = joined.member_id.clone();
    if version >= 4 {
        joined = scene.show("join again", version, &scene.join(&group, &one, None));
    }
    let generation = joined.generation_id;
    scene.show("describe, completing", 6, &describe(6, &group));
    let request = commit(8, &group, &one, generation, Some(&scene.topic), None);
    scene.show("commit, completing", 8, &request);
    scene.show("heartbeat, completing", 3, &heartbeat(&group, &one, generation, None));
    scene.show("join, completing", version, &scene.join(&group, &one, None));
    scene.show("sync, next generation", sync_version, &sync(&group, &one, generation + 1, None, &[]));
    scene.show("sync", sync_version, &sync(&group, &one, generation, None, &[(&one, "all")]));
    scene.show("sync again", sync_version, &sync(&group, &one, generation, None, &[(&one, "other")]));
    for (what, member, of) in [
        ("", one.as_str(), generation),
        (", next generation", &one, generation + 1),
        (", unknown", "nobody", generation),
    ] {
        scene.show(&format!("heartbeat{what}"), 4, &heartbeat(&group, member, of, None));
        let request = commit(9, &group, member, of, Some(&scene.topic), None);
        scene.show(&format!("commit{what}"), 9, &request);
    }
    scene.show("heartbeat, as static", 4, &heartbeat(&group, &one, generation, Some("instance")));
    let request = commit(9, &group, "", -1, Some(&scene.topic), None);
    scene.show("commit of nobody", 9, &request);
    for version in [0, 3, 6] {
        scene.show("describe, stable", version, &describe(version, &group));
    }
    scene.show("delete offsets, subscribed", 0, &delete_offsets(&group, &scene.topic.name));
    scene.show("delete, not empty", 2, &delete(&group));
    let other = JoinGroupRequest { protocol_type: "connect".to_owned(), ..scene.join(&group, "", None) };
    scene.show("join, other type", version, &other);
    scene.show("join, unknown", version, &scene.join(&group, "nobody", None));
    second_member(scene, version, &group, &one, generation);
    scene.show("delete", 2, &delete(&group));
    scene.show("describe, deleted", 6, &describe(6, &group));
}

fn second_member(scene: &mut Scene, version: i16, group: &str, one: &str, generation: i32) {
    let sync_version = version.min(5);
    let mut second = Connection::new(&scene.address);
    let mut two = String::new();
    if version >= 4 {
        two = second.call(version, &scene.join(group, "", None)).member_id;
    }
    second.send(version, &scene.join(group, &two, None));
    while scene.connection.call(4, &heartbeat(group, one, generation, None)).error_code == 0 {
        sleep(Duration::from_millis(20));
    }
    scene.show("heartbeat, preparing", 4, &heartbeat(group, one, generation, None));
    scene.show("sync, preparing", sync_version, &sync(group, one, generation, None, &[]));
    let mut first = scene.connection.call(version, &scene.join(group, one, None));
    let follower = second.receive::<JoinGroupRequest>(version);
    let two = follower.member_id.clone();
    scene.transcript.name(&two, "TWO");
    first.members.sort_by_key(|member| member.member_id == two);
    scene.transcript.add("join of the leader", version, &first);
    scene.transcript.add("join of the follower", version, &follower);
    let generation = first.generation_id;
    second.send(sync_version, &sync(group, &two, generation, None, &[]));
    scene.show("sync of the leader", sync_version, &sync(group, one, generation, None, &[(&two, "its")]));
    scene.transcript.add(
        "sync of the follower",
        sync_version,
        &second.receive::<SyncGroupRequest>(sync_version),
    );
    scene.show("join of the follower again", version, &scene.join(group, &two, None));
    scene.show("leave", sync_version, &leave(sync_version, group, &[(one, None), ("nobody", None)]));
    scene.show("heartbeat of the other", 4, &heartbeat(group, &two, generation, None));
    scene.show("leave of the other", sync_version, &leave(sync_version, group, &[(&two, None)]));
    scene.show("describe, empty", 6, &describe(6, group));
    scene.show("heartbeat, empty", 4, &heartbeat(group, &two, generation, None));
    scene.show("join, empty", version, &scene.join(group, "nobody", None));
    let request = commit(9, group, "", -1, Some(&scene.topic), None);
    scene.show("commit, empty", 9, &request);
    scene.show("delete offsets", 0, &delete_offsets(group, &scene.topic.name));
    scene.show("fetch, deleted", 9, &fetch(9, group, None));
    for (states, types) in [(vec!["empty"], vec![]), (vec!["Stable"], vec![]), (vec![], vec!["CLASSIC", "x"])]
    {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let request = ListGroupsRequest { states_filter: owned(states), types_filter: owned(types) };
        let mut listed = scene.connection.call(5, &request);
        listed.groups.retain(|listed| listed.group_id == group);
        scene.transcript.add("list", 5, &listed);
    }
}

/// Two static members that come back.
fn static_members(scene: &mut Scene, version: i16) {
    let group = scene.group("static");
    let mut second = Connection::new(&scene.address);
    let first = scene.connection.call(version, &scene.join(&group, "", Some("one")));
    let one = first.member_id.clone();
    scene.transcript.name(&one, "ONE");
    scene.transcript.add("join", version, &first);
    scene.show("sync", 5, &sync(&group, &one, first.generation_id, Some("one"), &[(&one, "all")]));
    second.send(version, &scene.join(&group, "", Some("two")));
    while scene.connection.call(4, &heartbeat(&group, &one, first.generation_id, None)).error_code == 0 {
        sleep(Duration::from_millis(20));
    }
    let mut first = scene.connection.call(version, &scene.join(&group, &one, Some("one")));
    let follower = second.receive::<JoinGroupRequest>(version);
    let two = follower.member_id.clone();
    scene.transcript.name(&two, "TWO");
    first.members.sort_by_key(|member| member.member_id == two);
    scene.transcript.add("join of the leader", version, &first);
    scene.transcript.add("join of the follower", version, &follower);
    let generation = first.generation_id;
    second.send(5, &sync(&group, &two, generation, Some("two"), &[]));
    let given = [(one.as_str(), "left"), (two.as_str(), "right")];
    scene.show("sync of the leader", 5, &sync(&group, &one, generation, Some("one"), &given));
    scene.transcript.add("sync of the follower", 5, &second.receive::<SyncGroupRequest>(5));

    let back = scene.connection.call(version, &scene.join(&group, "", Some("two")));
    scene.transcript.name(&back.member_id, "TWO-BACK");
    scene.transcript.add("the follower is back", version, &back);
    scene.show("its sync", 5, &sync(&group, &back.member_id, generation, Some("two"), &[]));
    scene.show("heartbeat as before", 4, &heartbeat(&group, &two, generation, Some("two")));
    scene.show("heartbeat without a name", 4, &heartbeat(&group, &two, generation, None));
    scene.show("join as before", version, &scene.join(&group, &two, Some("two")));
    scene.show("join by another name", version, &scene.join(&group, &back.member_id, Some("three")));
    let mut fenced = commit(9, &group, &two, generation, Some(&scene.topic), None);
    fenced.group_instance_id = Some("two".to_owned());
    scene.show("commit as before", 9, &fenced);
    let mut leader = scene.connection.call(version, &scene.join(&group, "", Some("one")));
    scene.transcript.name(&leader.member_id, "ONE-BACK");
    leader.members.sort_by_key(|member| member.member_id == back.member_id);
    scene.transcript.add("the leader is back", version, &leader);
    let mut described = scene.connection.call(6, &describe(6, &group));
    described.groups[0].members.sort_by_key(|member| member.group_instance_id.clone());
    scene.transcript.add("describe", 6, &described);
    scene.show("leave by name", 4, &leave(4, &group, &[("", Some("two")), ("", Some("nobody"))]));
    scene.show("leave as another", 4, &leave(4, &group, &[("somebody", Some("one"))]));
    scene.show("heartbeat of the leader", 4, &heartbeat(&group, &leader.member_id, generation, Some("one")));
    scene.show("leave of the leader", 4, &leave(4, &group, &[("", Some("one"))]));
    scene.show("describe, empty", 6, &describe(6, &group));
}

#[test]
fn group_apis_answer_as_apache_kafka_does() {
    let mut scene = Scene::new();
    nothing_is_there(&mut scene);
    simple_groups(&mut scene);
    for version in [0, 3, 4, 6, 7, 9] {
        dynamic_members(&mut scene, version);
    }
    for version in [5, 8, 9] {
        static_members(&mut scene, version);
    }
    let said = scene.transcript.lines;
    if std::env::var_os("MOLDAU_RECORD_ANSWERS").is_some() {
        return std::fs::write(FIXTURE, said).expect("the fixture is written");
    }
    let expected = include_str!("../../fixtures/group_answers.txt");
    let (mut said, mut expected) = (said.lines(), expected.lines());
    loop {
        let (ours, theirs) = (said.next(), expected.next());
        assert_eq!(ours, theirs, "ours, and Apache Kafka's");
        if ours.is_none() {
            break;
        }
    }
}
