//! Whole quorums in one thread, on simulated disks, an unreliable network and a paused clock, all from one seed.
//!
//! A history is a few hundred random steps: proposals to whoever thinks that it leads, crashes that lose what was not
//! synced, restarts, partitions, snapshots that let the log go. After each step [`oracle`] checks what must always hold;
//! at the end everything heals, and all nodes must come to the same log with all that was acknowledged in it.

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

#[test]
fn three_nodes_agree_whatever_happens() {
    let first = rand::random::<u32>();
    for seed in (0..8).map(|n| u64::from(first) + n) {
        println!("seed {seed}: {}", history(seed, 3, STEPS));
    }
}

#[test]
fn five_nodes_agree_whatever_happens() {
    let seed = u64::from(rand::random::<u32>());
    println!("seed {seed}: {}", history(seed, 5, STEPS));
}

#[test]
fn a_node_alone_loses_nothing_over_its_crashes() {
    let first = rand::random::<u32>();
    for seed in (0..4).map(|n| u64::from(first) + n) {
        println!("seed {seed}: {}", history(seed, 1, STEPS));
    }
}
