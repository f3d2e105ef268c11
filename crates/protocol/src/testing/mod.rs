//! For tests: every message in one list, with random values and what can be checked of each.
//!
//! Only behind the feature `testing`.

pub(crate) mod random;

use rand::RngCore;
use serde_json::Value;

use crate::json::JsonMessage;
use crate::{DecodeError, Message};

/// A message of which random values can be drawn.
pub trait RandomMessage: Message {
    /// A random value that `version` can carry.
    fn random(rng: &mut dyn RngCore, version: i16) -> Self;
}

/// A message without its type.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Kafka's name.
    pub name: &'static str,
    /// The key of its API or record type.
    pub api_key: Option<i16>,
    /// The lowest version.
    pub min_version: i16,
    /// The highest version.
    pub max_version: i16,
    /// The first flexible version.
    pub first_flexible: Option<i16>,
    /// Decodes the whole input and drops the message.
    pub decode: fn(&[u8], i16) -> Result<(), DecodeError>,
    /// Decodes the whole input and encodes the message again.
    pub reencode: fn(&[u8], i16) -> Result<Vec<u8>, String>,
    /// The bytes of a random message, after checking that decoding and JSON both give it back.
    pub random_round_trip: fn(&mut dyn RngCore, i16) -> Result<Vec<u8>, String>,
    /// Checks that these bytes are this JSON, by the message's fields: each decodes to the same message, and the
    /// message encodes to each.
    pub compare: fn(&[u8], &Value, i16) -> Result<(), String>,
}

/// Every message that has versions.
pub fn all() -> &'static [Entry] {
    crate::messages::ALL
}

impl Entry {
    pub(crate) const fn of<M: RandomMessage + JsonMessage + PartialEq + std::fmt::Debug>() -> Entry {
        Entry {
            name: M::NAME,
            api_key: M::API_KEY,
            min_version: M::MIN_VERSION,
            max_version: M::MAX_VERSION,
            first_flexible: M::FIRST_FLEXIBLE,
            decode: |input, version| M::decode_all(input, version).map(drop),
            reencode: |input, version| {
                let message = M::decode_all(input, version).map_err(|e| e.to_string())?;
                message.encode_to_vec(version).map_err(|e| e.to_string())
            },
            random_round_trip: random_round_trip::<M>,
            compare: compare::<M>,
        }
    }
}

fn random_round_trip<M: RandomMessage + JsonMessage + PartialEq + std::fmt::Debug>(
    rng: &mut dyn RngCore,
    version: i16,
) -> Result<Vec<u8>, String> {
    let message = M::random(rng, version);
    let bytes = message.encode_to_vec(version).map_err(|e| format!("{message:?} does not encode: {e}"))?;
    compare::<M>(&bytes, &message.to_json(version), version)?;
    let decoded = M::decode_all(&bytes, version).map_err(|e| format!("{message:?} does not decode: {e}"))?;
    if decoded != message {
        return Err(format!("{message:?} was decoded as {decoded:?}"));
    }
    Ok(bytes)
}

fn compare<M: JsonMessage + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    json: &Value,
    version: i16,
) -> Result<(), String> {
    let message = M::decode_all(bytes, version).map_err(|e| format!("the bytes do not decode: {e}"))?;
    let expected = M::from_json(json, version).map_err(|e| format!("the JSON does not read: {e}"))?;
    if message != expected {
        return Err(format!("the bytes are {message:?}, the JSON is {expected:?}"));
    }
    let encoded = message.encode_to_vec(version).map_err(|e| format!("{message:?} does not encode: {e}"))?;
    if encoded != bytes {
        return Err(format!("{message:?} is encoded as {encoded:02x?}, not as {bytes:02x?}"));
    }
    let written = message.to_json(version);
    if written != *json {
        return Err(format!("{message:?} is written as {written}, not as {json}"));
    }
    Ok(())
}
