//! Where replicas go: striped over racks and brokers.
//!
//! The first replica is on a broker that is not fenced. Replicas of a partition are on different brokers, and on
//! different racks as far as there are enough. Over many partitions each broker leads about as many as any other. Which
//! brokers come together is drawn at random, so that the loss of one spreads over many.

use std::collections::BTreeMap;

use moldau_types::BrokerId;
use rand::RngCore;
use rand::seq::SliceRandom;

/// A broker that may get replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsableBroker {
    /// The broker.
    pub id: BrokerId,
    /// Where it stands.
    pub rack: Option<String>,
    /// It may follow, but not lead.
    pub fenced: bool,
}

/// Why replicas cannot be placed. The texts are those that Kafka's tools show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// No replica was asked for.
    #[error("Invalid replication factor {0}: the replication factor must be positive.")]
    NotPositive(i16),
    /// No broker could lead.
    #[error("All brokers are currently fenced, or have all their log directories cordoned.")]
    AllFenced,
    /// Fewer brokers than replicas.
    #[error(
        "The target replication factor of {wanted} cannot be reached because only {brokers} broker(s) are registered \
         or some brokers have all their log directories cordoned."
    )]
    TooFewBrokers {
        /// Replicas of a partition that were asked for.
        wanted: i16,
        /// Usable brokers.
        brokers: usize,
    },
}

/// Brokers of one rack in the order of their turns; unfenced ones come first.
struct Rack {
    unfenced: Vec<BrokerId>,
    fenced: Vec<BrokerId>,
}

impl Rack {
    /// The rack's brokers for a turn: those that can lead, rotated, then the fenced ones, rotated.
    fn in_turn(&self, turn: usize) -> impl Iterator<Item = BrokerId> + '_ {
        let rotated = |list: &'_ [BrokerId]| {
            let at = if list.is_empty() { 0 } else { turn % list.len() };
            let (before, after) = list.split_at(at);
            [after, before].concat()
        };
        rotated(&self.unfenced).into_iter().chain(rotated(&self.fenced))
    }
}

/// The replicas of each of so many new partitions.
pub fn place_replicas(
    partitions: usize,
    replication_factor: i16,
    brokers: &[UsableBroker],
    rng: &mut dyn RngCore,
) -> Result<Vec<Vec<BrokerId>>, PlacementError> {
    let wanted = usize::try_from(replication_factor)
        .ok()
        .filter(|wanted| *wanted > 0)
        .ok_or(PlacementError::NotPositive(replication_factor))?;
    let unfenced = brokers.iter().filter(|broker| !broker.fenced).count();
    if unfenced == 0 {
        return Err(PlacementError::AllFenced);
    }
    if wanted > brokers.len() {
        return Err(PlacementError::TooFewBrokers { wanted: replication_factor, brokers: brokers.len() });
    }
    let mut racks = racks(brokers);
    let mut placed = Vec::with_capacity(partitions);
    while placed.len() < partitions {
        // A round gives each broker that can lead one partition to lead, then everything is shuffled.
        shuffle(&mut racks, rng);
        for leader in leaders_of_round(&racks).into_iter().take(partitions - placed.len()) {
            placed.push(replicas_behind(leader, &racks, wanted, placed.len()));
        }
    }
    Ok(placed)
}

fn racks(brokers: &[UsableBroker]) -> Vec<Rack> {
    let mut racks: BTreeMap<Option<&str>, Rack> = BTreeMap::new();
    for broker in brokers {
        let empty = Rack { unfenced: Vec::new(), fenced: Vec::new() };
        let rack = racks.entry(broker.rack.as_deref()).or_insert(empty);
        if broker.fenced { rack.fenced.push(broker.id) } else { rack.unfenced.push(broker.id) }
    }
    racks.into_values().collect()
}

fn shuffle(racks: &mut [Rack], rng: &mut dyn RngCore) {
    racks.shuffle(rng);
    for rack in racks {
        rack.unfenced.shuffle(rng);
        rack.fenced.shuffle(rng);
    }
}

/// Every unfenced broker with its rack's number, one rack after the other in turn.
fn leaders_of_round(racks: &[Rack]) -> Vec<(usize, BrokerId)> {
    let deepest = racks.iter().map(|rack| rack.unfenced.len()).max().unwrap_or(0);
    let level = |depth: usize| {
        racks.iter().enumerate().filter_map(move |(at, r)| Some((at, *r.unfenced.get(depth)?)))
    };
    (0..deepest).flat_map(level).collect()
}

/// The leader, then brokers from the racks after its own, one a rack, as often as it takes.
fn replicas_behind(leader: (usize, BrokerId), racks: &[Rack], wanted: usize, turn: usize) -> Vec<BrokerId> {
    let (leader_rack, leader) = leader;
    let mut rest: Vec<_> =
        racks.iter().map(|rack| rack.in_turn(turn).filter(|id| *id != leader).collect::<Vec<_>>()).collect();
    rest.iter_mut().for_each(|rack| rack.reverse());
    let mut replicas = vec![leader];
    let mut at = leader_rack;
    while replicas.len() < wanted && rest.iter().any(|rack| !rack.is_empty()) {
        at = (at + 1) % racks.len();
        // The leader's rack has had its turn once the others had theirs.
        replicas.extend(rest[at].pop());
    }
    replicas
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn broker(id: i32, rack: Option<&str>, fenced: bool) -> UsableBroker {
        UsableBroker { id: BrokerId(id), rack: rack.map(str::to_owned), fenced }
    }

    #[test]
    fn replicas_are_on_different_brokers_and_racks_and_leaders_are_spread() {
        for seed in 0..50 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let brokers: Vec<_> =
                (0..9).map(|i| broker(i, Some(["a", "b", "c"][i as usize % 3]), i == 8)).collect();
            let placed = place_replicas(80, 3, &brokers, &mut rng).unwrap();
            let mut leaders = HashMap::new();
            for replicas in &placed {
                let racks: BTreeSet<_> = replicas.iter().map(|id| id.0 % 3).collect();
                assert_eq!(racks.len(), 3, "seed {seed}: {replicas:?}");
                assert_ne!(replicas[0], BrokerId(8), "seed {seed}");
                *leaders.entry(replicas[0]).or_insert(0) += 1;
            }
            assert!(leaders.values().all(|n| *n == 10), "seed {seed}: {leaders:?}");
            let wide = place_replicas(5, 9, &brokers, &mut rng).unwrap();
            assert!(wide.iter().all(|r| r.iter().collect::<BTreeSet<_>>().len() == 9), "seed {seed}");
        }
    }

    #[test]
    fn what_cannot_be_placed_is_refused() {
        let mut rng = SmallRng::seed_from_u64(1);
        let one = [broker(1, None, false)];
        assert_eq!(place_replicas(1, 0, &one, &mut rng), Err(PlacementError::NotPositive(0)));
        let too_few = PlacementError::TooFewBrokers { wanted: 2, brokers: 1 };
        assert_eq!(place_replicas(1, 2, &one, &mut rng), Err(too_few));
        assert_eq!(place_replicas(1, 1, &[broker(1, None, true)], &mut rng), Err(PlacementError::AllFenced));
        assert_eq!(place_replicas(2, 1, &one, &mut rng), Ok(vec![vec![BrokerId(1)]; 2]));
    }
}
