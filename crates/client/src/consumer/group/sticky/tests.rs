//! Properties of the sticky assignments over random groups: members come and go, change their topics, and topics grow.

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::super::protocol::Subscription;
use super::*;

fn member(id: usize, topics: &[&str], owned: &[TopicPartition], generation: i32) -> Member {
    Member {
        id: format!("m{id}"),
        instance_id: None,
        subscription: Subscription {
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            owned: owned.to_vec(),
            generation,
            rack: None,
            user_data: None,
        },
    }
}

fn counts(topics: &[(&str, usize)]) -> BTreeMap<String, usize> {
    topics.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
}

fn refs(members: &[Member]) -> Vec<&Member> {
    members.iter().collect()
}

/// The members as they are after the assignment was taken up.
fn with(members: &[Member], assignment: &Assignment, generation: i32) -> Vec<Member> {
    let mut members = members.to_vec();
    for member in &mut members {
        member.subscription.owned = assignment[&member.id].clone();
        member.subscription.generation = generation;
    }
    members
}

fn assert_complete_and_balanced(members: &[Member], counts: &BTreeMap<String, usize>, got: &Assignment) {
    let mut all: Vec<TopicPartition> = got.values().flatten().cloned().collect();
    all.sort();
    let wanted: Vec<TopicPartition> = counts
        .iter()
        .filter(|(topic, _)| members.iter().any(|member| wants(member, topic)))
        .flat_map(|(topic, count)| (0..*count as i32).map(move |p| TopicPartition::new(topic.as_str(), p)))
        .collect();
    assert_eq!(all, wanted, "each partition goes to exactly one member");
    for member in members {
        let mine = &got[&member.id];
        for partition in mine {
            assert!(wants(member, &partition.topic));
            let better = members
                .iter()
                .find(|other| wants(other, &partition.topic) && got[&other.id].len() + 2 <= mine.len());
            assert!(better.is_none(), "{partition} of {} could go to {better:?}", member.id);
        }
    }
}

#[test]
fn a_new_member_gets_its_share_and_nobody_else_gets_anything() {
    let counts = counts(&[("t", 6), ("u", 3)]);
    let old = [member(0, &["t", "u"], &[], -1), member(1, &["t", "u"], &[], -1)];
    let before = eager(&refs(&old), &counts);
    let mut members = with(&old, &before, 1);
    members.push(member(2, &["t", "u"], &[], -1));
    let after = eager(&refs(&members), &counts);
    assert_complete_and_balanced(&members, &counts, &after);
    for id in ["m0", "m1"] {
        assert!(after[id].iter().all(|partition| before[id].contains(partition)), "{before:?} {after:?}");
    }
}

#[test]
fn the_cooperative_assignment_gives_away_nothing_that_somebody_still_has() {
    let counts = counts(&[("t", 4)]);
    let all: Vec<TopicPartition> = (0..4).map(|p| TopicPartition::new("t", p)).collect();
    let members = [member(0, &["t"], &all, 5), member(1, &["t"], &[], -1)];
    let first = cooperative(&refs(&members), &counts);
    assert_eq!((first["m0"].len(), first["m1"].len()), (2, 0), "m0 lets go of two first");
    let members = with(&members, &first, 6);
    let second = cooperative(&refs(&members), &counts);
    assert_eq!((second["m0"].clone(), second["m1"].len()), (first["m0"].clone(), 2));
}

#[test]
fn the_newest_generation_owns_and_a_dispute_is_nobodys() {
    let counts = counts(&[("t", 2)]);
    let (a, b) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
    let stale =
        [member(0, &["t"], &[a.clone(), b.clone()], 3), member(1, &["t"], &[a.clone(), b.clone()], 4)];
    let got = cooperative(&refs(&stale), &counts);
    assert_eq!((got["m0"].len(), got["m1"].len()), (0, 1), "m1 owns both and lets go of one");
    let disputed = [member(0, &["t"], std::slice::from_ref(&a), 4), member(1, &["t"], &[a, b.clone()], 4)];
    let got = cooperative(&refs(&disputed), &counts);
    assert_eq!(
        (got["m0"].clone(), got["m1"].clone()),
        (vec![], vec![b]),
        "nobody keeps what two say is theirs"
    );
}

#[test]
fn random_groups_are_balanced_sticky_and_settle() {
    for seed in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut topics: Vec<(&str, usize)> =
            ["t", "u", "v", "w"].into_iter().map(|topic| (topic, random.random_range(0..12))).collect();
        let mut members: Vec<Member> = Vec::new();
        let mut generation = 0;
        for id in 0..12 {
            match random.random_range(0..4) {
                0 if members.len() > 1 => drop(members.remove(random.random_range(0..members.len()))),
                1 => topics[random.random_range(0..4)].1 += 1,
                _ => {
                    let some: Vec<&str> =
                        topics.iter().map(|(topic, _)| *topic).filter(|_| random.random_bool(0.7)).collect();
                    members.push(member(id, &some, &[], -1));
                }
            }
            if members.is_empty() {
                continue;
            }
            let counts = counts(&topics);
            let got = eager(&refs(&members), &counts);
            assert_complete_and_balanced(&members, &counts, &got);
            generation += 1;
            let settled = with(&members, &got, generation);
            assert_eq!(eager(&refs(&settled), &counts), got, "seed {seed}: what is balanced stays");

            // Rebalances follow each other until nobody lets go of anything, and then all is assigned.
            for round in 0.. {
                assert!(round < 3, "seed {seed}: the group does not settle");
                let got = cooperative(&refs(&members), &counts);
                let mut taken: BTreeSet<&TopicPartition> = BTreeSet::new();
                let mut released = false;
                for member in &members {
                    let kept = |partition: &&TopicPartition| got[&member.id].contains(partition);
                    released |= !member.subscription.owned.iter().all(|partition| kept(&partition));
                    for partition in &got[&member.id] {
                        assert!(taken.insert(partition), "seed {seed}: {partition} has two owners");
                        let others = members.iter().filter(|other| other.id != member.id);
                        let elsewhere =
                            others.flat_map(|other| &other.subscription.owned).any(|p| p == partition);
                        assert!(!elsewhere, "seed {seed}: {partition} is given away while somebody has it");
                    }
                }
                generation += 1;
                let next = with(&members, &got, generation);
                if !released {
                    assert_complete_and_balanced(&next, &counts, &got);
                    members = next;
                    break;
                }
                members = next;
            }
        }
    }
}
