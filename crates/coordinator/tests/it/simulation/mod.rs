//! Random histories of one group: members that join, sync, crash and come back, appends that are slow or refused, reloads.
//!
//! After each step what must hold is checked; at the end the chaos stops, and everybody who is left must find together. A failure
//! prints its seed: `MOLDAU_SEED=n cargo test -p moldau-coordinator simulation` repeats it alone,
//! `MOLDAU_SEEDS=n` asks for more seeds.

mod client;
mod world;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use world::World;

struct PrintSeed(u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("MOLDAU_SEED={} fails", self.0);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

fn run(seed: u64) {
    let _print = PrintSeed(seed);
    let mut random = SmallRng::seed_from_u64(seed);
    let steps = random.random_range(50..500);
    let mut world = World::new(random);
    for _ in 0..steps {
        world.step();
    }
    world.calm_down();
    world.everybody_leaves();
}

#[test]
fn whatever_happens_each_generation_is_given_once_and_nobody_waits_forever() {
    if let Some(seed) = number("MOLDAU_SEED") {
        return run(seed);
    }
    for seed in 0..number("MOLDAU_SEEDS").unwrap_or(200) {
        run(seed);
    }
}
