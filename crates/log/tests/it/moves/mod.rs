//! Logs that are moved between log directories while they are written to, against a model in memory: moves that are
//! begun, given up, begun elsewhere; deletions, retention, restarts and crashes at any step, also between the two
//! renames at a move's end. After each step the log must say what the model says.
//!
//! `MOLDAU_SEED` runs one seed, `MOLDAU_SEEDS` that many.

mod cases;
mod world;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use world::World;

const SEEDS: u64 = 10;
const STEPS: usize = 150;

fn run(seed: u64) -> usize {
    let result = std::panic::catch_unwind(|| {
        let mut world = World::new(SmallRng::seed_from_u64(seed));
        for _ in 0..STEPS {
            world.step();
            world.check();
        }
        world.moves
    });
    result.unwrap_or_else(|panic| {
        eprintln!("the model test of moves failed with MOLDAU_SEED={seed}");
        std::panic::resume_unwind(panic);
    })
}

#[test]
fn a_log_that_is_moved_under_load_and_through_crashes_loses_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let moves: usize = match number("MOLDAU_SEED") {
        Some(seed) => run(seed),
        None => (0..number("MOLDAU_SEEDS").unwrap_or(SEEDS)).map(run).sum(),
    };
    assert!(moves > 0, "no log was moved");
}
