//! Random values of the primitive types, small enough for many messages a second, with the edges among them.

use bytes::Bytes;
use moldau_types::Uuid;
use rand::{Rng, RngCore};

pub(crate) fn coin(rng: &mut dyn RngCore) -> bool {
    rng.random()
}

pub(crate) fn integer(rng: &mut dyn RngCore) -> i64 {
    match rng.random_range(0..4) {
        0 => rng.random_range(-2..3),
        1 => i64::MAX,
        2 => i64::MIN,
        _ => rng.random(),
    }
}

pub(crate) fn float(rng: &mut dyn RngCore) -> f64 {
    rng.random_range(-1e9..1e9)
}

pub(crate) fn uuid(rng: &mut dyn RngCore) -> Uuid {
    if coin(rng) { Uuid::from_u128(rng.random()) } else { Uuid::from_u128(rng.random_range(0..3)) }
}

pub(crate) fn string(rng: &mut dyn RngCore) -> String {
    // Lengths on both sides of where a compact length takes a second byte.
    let len = if rng.random_ratio(1, 30) { rng.random_range(120..140) } else { rng.random_range(0..12) };
    (0..len)
        .map(|_| if rng.random_ratio(1, 10) { rng.random() } else { rng.random_range('a'..='z') })
        .collect()
}

pub(crate) fn bytes(rng: &mut dyn RngCore) -> Bytes {
    let len = if rng.random_ratio(1, 30) { rng.random_range(120..140) } else { rng.random_range(0..12) };
    (0..len).map(|_| rng.random::<u8>()).collect()
}

pub(crate) fn nullable<T>(
    rng: &mut dyn RngCore,
    allowed: bool,
    value: impl FnOnce(&mut dyn RngCore) -> T,
) -> Option<T> {
    if allowed && coin(rng) { None } else { Some(value(rng)) }
}

pub(crate) fn array<T>(rng: &mut dyn RngCore, mut element: impl FnMut(&mut dyn RngCore) -> T) -> Vec<T> {
    let len = rng.random_range(0..4);
    (0..len).map(|_| element(rng)).collect()
}
