//! Every message in every version: random values come back as they were, random bytes never do harm.

use moldau_protocol::testing::all;
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

/// A seed from `MOLDAU_SEED`, else a new one; a failing test prints it.
fn seed() -> u64 {
    let given = std::env::var("MOLDAU_SEED").ok();
    given.map_or_else(rand::random, |text| text.parse().expect("MOLDAU_SEED is a number"))
}

#[test]
fn random_messages_come_back_from_bytes_and_json() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    for entry in all() {
        for version in entry.min_version..=entry.max_version {
            for _ in 0..8 {
                if let Err(e) = (entry.random_round_trip)(&mut rng, version) {
                    panic!("seed {seed}: {} version {version}: {e}", entry.name);
                }
            }
        }
    }
}

#[test]
fn damaged_messages_and_random_bytes_never_panic() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    for entry in all() {
        for version in entry.min_version..=entry.max_version {
            let message =
                (entry.random_round_trip)(&mut rng, version).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            for _ in 0..16 {
                let mut bytes = message.clone();
                for _ in 0..rng.random_range(0..4) {
                    if let Some(at) = bytes.len().checked_sub(1).map(|last| rng.random_range(0..=last)) {
                        bytes[at] = [0, 1, 0x7f, 0x80, 0xff, rng.random()][rng.random_range(0..6)];
                    }
                }
                let _ = (entry.decode)(&bytes, version);
            }
            let mut noise = vec![0; rng.random_range(0..200)];
            rng.fill_bytes(&mut noise);
            let _ = (entry.decode)(&noise, version);
        }
    }
}
