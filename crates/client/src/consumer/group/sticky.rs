//! The sticky assignments (KIP-54, KIP-429): as balanced as subscriptions allow, and of all such assignments one that
//! leaves most partitions where they are.
//!
//! Always: balanced means that no partition could go to a member with at least two partitions fewer that wants its
//! topic. Only the newest generation's claim to a partition counts; two claims of one generation count for nobody. In
//! the cooperative assignment a partition that changes hands is given to nobody until its owner has let go of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::assignor::{Assignment, Member, wants};
use crate::consumer::record::TopicPartition;

/// What a partition's claims come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// This member has it.
    Of(usize),
    /// Several members say that they have it.
    Disputed,
}

/// The state of the search.
struct Search {
    partitions: Vec<TopicPartition>,
    claims: Vec<Option<Claim>>,
    /// For each partition, which of `takers` may have it.
    group_of: Vec<usize>,
    /// Distinct sets of members that want the same topics.
    takers: Vec<Vec<usize>>,
    /// For each member and each group, the partitions that it has.
    held: Vec<Vec<Vec<usize>>>,
    load: Vec<usize>,
}

/// Assigns all partitions at once, for members that own nothing while they rebalance.
pub(super) fn eager(members: &[&Member], counts: &BTreeMap<String, usize>) -> Assignment {
    let mut search = Search::new(members, counts);
    search.run();
    search.assignment(members, |_, _| true)
}

/// Assigns partitions that nobody has to give up; those that move come in the rebalance after it.
pub(super) fn cooperative(members: &[&Member], counts: &BTreeMap<String, usize>) -> Assignment {
    let mut search = Search::new(members, counts);
    search.run();
    search.assignment(members, |search, (partition, member)| match search.claims[partition] {
        None => true,
        Some(claim) => claim == Claim::Of(member),
    })
}

impl Search {
    fn new(members: &[&Member], counts: &BTreeMap<String, usize>) -> Self {
        let mut takers: Vec<Vec<usize>> = Vec::new();
        let (mut partitions, mut group_of) = (Vec::new(), Vec::new());
        for (topic, count) in counts {
            let wanting: Vec<usize> = (0..members.len()).filter(|&m| wants(members[m], topic)).collect();
            if wanting.is_empty() {
                continue;
            }
            let group = takers.iter().position(|known| *known == wanting).unwrap_or_else(|| {
                takers.push(wanting);
                takers.len() - 1
            });
            let name: Arc<str> = topic.as_str().into();
            for partition in 0..*count {
                partitions.push(TopicPartition::new(name.clone(), partition as i32));
                group_of.push(group);
            }
        }
        let claimed = claims(members);
        let claims = partitions.iter().map(|partition| claimed.get(partition).copied()).collect();
        let held = vec![vec![Vec::new(); takers.len()]; members.len()];
        Search { partitions, claims, group_of, takers, held, load: vec![0; members.len()] }
    }

    fn run(&mut self) {
        let mut free = Vec::new();
        for partition in 0..self.partitions.len() {
            match self.claims[partition] {
                Some(Claim::Of(member)) if self.takers[self.group_of[partition]].contains(&member) => {
                    self.give(partition, member);
                }
                _ => free.push(partition),
            }
        }
        // Where there is the least choice it is made first.
        free.sort_by_key(|&partition| self.takers[self.group_of[partition]].len());
        for partition in free {
            let member = self.least_loaded(self.group_of[partition]);
            self.give(partition, member);
        }
        while self.move_one() {}
    }

    fn give(&mut self, partition: usize, member: usize) {
        self.held[member][self.group_of[partition]].push(partition);
        self.load[member] += 1;
    }

    /// The first of those with the fewest partitions.
    fn least_loaded(&self, group: usize) -> usize {
        let least = self.takers[group].iter().min_by_key(|&&member| self.load[member]);
        least.copied().unwrap_or(0)
    }

    /// Moves one partition from the fullest member that can give one away; false if none can. Each move makes the sum of
    /// the squares of the loads smaller, so moving ends.
    fn move_one(&mut self) -> bool {
        let mut fullest: Vec<usize> = (0..self.load.len()).collect();
        fullest.sort_by_key(|&member| std::cmp::Reverse(self.load[member]));
        for from in fullest {
            let targets = (0..self.takers.len()).filter(|&group| !self.held[from][group].is_empty());
            let best =
                targets.map(|group| (group, self.least_loaded(group))).min_by_key(|&(_, to)| self.load[to]);
            if let Some((group, to)) = best
                && self.load[to] + 2 <= self.load[from]
            {
                let at = self.cheapest(from, group, to);
                let partition = self.held[from][group].remove(at);
                self.load[from] -= 1;
                self.give(partition, to);
                return true;
            }
        }
        false
    }

    /// The place of the partition that is best moved: one that goes back to its owner, else one that its holder did not
    /// have before, else the last.
    fn cheapest(&self, from: usize, group: usize, to: usize) -> usize {
        let held = &self.held[from][group];
        let claim = |partition: &usize| self.claims[*partition];
        let back = held.iter().position(|partition| claim(partition) == Some(Claim::Of(to)));
        let new = || held.iter().rposition(|partition| claim(partition) != Some(Claim::Of(from)));
        back.or_else(new).unwrap_or(held.len() - 1)
    }

    fn assignment(&self, members: &[&Member], given: impl Fn(&Search, (usize, usize)) -> bool) -> Assignment {
        let of_member = |(at, member): (usize, &&Member)| {
            let mut partitions: Vec<TopicPartition> = self.held[at]
                .iter()
                .flatten()
                .filter(|&&partition| given(self, (partition, at)))
                .map(|&partition| self.partitions[partition].clone())
                .collect();
            partitions.sort();
            (member.id.clone(), partitions)
        };
        members.iter().enumerate().map(of_member).collect()
    }
}

/// Who has which partition, by what members say of themselves.
fn claims(members: &[&Member]) -> HashMap<TopicPartition, Claim> {
    let mut newest: HashMap<&TopicPartition, (i32, Claim)> = HashMap::new();
    for (at, member) in members.iter().enumerate() {
        let generation = member.subscription.generation;
        for partition in &member.subscription.owned {
            let entry = newest.entry(partition).or_insert((generation, Claim::Of(at)));
            if generation > entry.0 {
                *entry = (generation, Claim::Of(at));
            } else if generation == entry.0 && entry.1 != Claim::Of(at) {
                entry.1 = Claim::Disputed;
            }
        }
    }
    newest.into_iter().map(|(partition, (_, claim))| (partition.clone(), claim)).collect()
}

#[cfg(test)]
mod tests;
