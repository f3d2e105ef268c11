//! Whole quorums in one thread, on simulated disks, an unreliable network and a paused clock, all from one seed.
//!
//! A history is a few hundred random steps: proposals to whoever thinks that it leads, crashes that lose what was not
//! synced, restarts, partitions, snapshots that let the log go. After each step [`oracle`] checks what must always hold;
//! at the end everything heals, and all nodes must come to the same log with all that was acknowledged in it.
//!
//! Every failure names its seed; `MOLDAU_SEED=<seed> cargo test -p moldau-quorum simulation` runs it again.

mod network;
mod oracle;
mod world;

use std::time::Duration;

use world::World;

/// Steps of a history.
const STEPS: usize = 250;

fn history(seed: u64, nodes: u64, steps: usize) -> String {
    crate::raft::seed_this_thread(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async move {
        let mut world = World::new(seed, nodes).await;
        for step in 0..steps {
            world.step().await;
            world.check();
            if step % 10 == 0 {
                world.check_logs();
            }
        }
        world.heal_and_converge(Duration::from_secs(120)).await
    })
}

/// The seeds of this run: the one that `MOLDAU_SEED` names, or as many as `MOLDAU_SEEDS` says.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match given("MOLDAU_SEED") {
        Some(seed) => (seed, 1),
        None => (u64::from(rand::random::<u32>()), given("MOLDAU_SEEDS").unwrap_or(count)),
    };
    (first..).take(usize::try_from(count).unwrap_or(usize::MAX))
}

#[test]
fn three_nodes_agree_whatever_happens() {
    for seed in seeds(4) {
        println!("seed {seed}: {}", history(seed, 3, STEPS));
    }
}

#[test]
fn five_nodes_agree_whatever_happens() {
    for seed in seeds(1) {
        println!("seed {seed}: {}", history(seed, 5, STEPS));
    }
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    for seed in seeds(1) {
        assert_eq!(history(seed, 3, 60), history(seed, 3, 60), "seed {seed}");
    }
}

#[test]
fn a_node_alone_loses_nothing_over_its_crashes() {
    for seed in seeds(4) {
        println!("seed {seed}: {}", history(seed, 1, STEPS));
    }
}
