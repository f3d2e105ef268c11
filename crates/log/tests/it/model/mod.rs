//! A log against a model in memory: random appends, retries, transactions, rolls, flushes, truncations, deletions,
//! retention, clean stops and crashes. After each step the log must say what the model says.
//!
//! A crash is either the process's (everything written is there) or the machine's (of what was not synced, any part of
//! the tail is lost or damaged, index files and snapshots too). Now and then the files of a new segment, or those that go
//! with a roll, cannot be made. `MOLDAU_SEED` runs one seed, `MOLDAU_SEEDS` that
//! many.

pub(crate) mod shadow;
mod world;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use world::World;

const SEEDS: u64 = 16;
const STEPS: usize = 120;

fn run(seed: u64) {
    let result = std::panic::catch_unwind(|| {
        let mut world = World::new(SmallRng::seed_from_u64(seed));
        for _ in 0..STEPS {
            world.step();
            world.check();
        }
    });
    if let Err(panic) = result {
        eprintln!("the model test failed with MOLDAU_SEED={seed}");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_log_does_what_its_model_does_through_crashes() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("MOLDAU_SEED") {
        Some(seed) => run(seed),
        None => (0..number("MOLDAU_SEEDS").unwrap_or(SEEDS)).for_each(run),
    }
}
