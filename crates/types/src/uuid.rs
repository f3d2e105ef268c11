//! Kafka's UUID: 16 bytes, written as 22 characters of URL-safe base64 without padding.
//!
//! It leaves the meaning of an id (topic, log directory, incarnation, …) to whoever holds it.

use std::fmt;
use std::str::FromStr;

use rand::RngCore;

/// A 128-bit id in Kafka's notation. The zero id means "none" throughout the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Uuid(pub [u8; 16]);

/// Why a text is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseUuidError {
    /// The text does not have 22 characters (24 with padding).
    #[error("a UUID has 22 characters of base64, this text has {0}")]
    Length(usize),
    /// A character is outside the URL-safe base64 alphabet.
    #[error("a UUID holds only letters, digits, '-' and '_', this text has another character at byte {0}")]
    Character(usize),
    /// The last character carries bits beyond the 128th.
    #[error("the last character of this UUID carries bits that do not belong to it")]
    TrailingBits,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// The id that means "none"; for a log directory, "not known yet".
    pub const ZERO: Uuid = Uuid::from_u128(0);
    /// The id one: the metadata topic's; for a log directory, "not assigned yet".
    pub const ONE: Uuid = Uuid::from_u128(1);
    /// The topic id of `__cluster_metadata`.
    pub const METADATA_TOPIC_ID: Uuid = Uuid::ONE;
    /// The directory id of a replica that was placed before its broker had directory ids.
    pub const MIGRATING_DIR: Uuid = Uuid::ZERO;
    /// The directory id of a replica that has no directory assigned yet.
    pub const UNASSIGNED_DIR: Uuid = Uuid::ONE;
    /// The directory id of a replica whose directory is lost.
    pub const LOST_DIR: Uuid = Uuid::from_u128(2);

    /// The id with this value, most significant byte first.
    pub const fn from_u128(value: u128) -> Uuid {
        Uuid(value.to_be_bytes())
    }

    /// The id's value, most significant byte first.
    pub const fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The id's 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether this is the zero id.
    pub fn is_zero(self) -> bool {
        self == Uuid::ZERO
    }

    /// Whether the id is one of the first hundred, which Kafka keeps for special directories and its metadata topic.
    pub fn is_reserved(self) -> bool {
        self.as_u128() < 100
    }

    /// A random version 4 id; never a reserved one, and never one whose text starts with `-`.
    pub fn random() -> Uuid {
        Uuid::random_from(&mut rand::rng())
    }

    /// As [`Uuid::random`], from the given source, so that a simulation stays reproducible.
    pub fn random_from(rng: &mut (impl RngCore + ?Sized)) -> Uuid {
        loop {
            let mut bytes = [0; 16];
            rng.fill_bytes(&mut bytes);
            bytes[6] = (bytes[6] & 0x0f) | 0x40;
            bytes[8] = (bytes[8] & 0x3f) | 0x80;
            // '-' is the alphabet's 62nd: such a text looks like an option to command line tools.
            if bytes[0] >> 2 != 62 {
                return Uuid(bytes);
            }
        }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.as_u128();
        let mut text = [0; 22];
        for (i, c) in text.iter_mut().enumerate() {
            let sextet = if i < 21 { value >> (122 - 6 * i) } else { value << 4 };
            *c = ALPHABET[(sextet & 63) as usize];
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Uuid, ParseUuidError> {
        let text = text.strip_suffix("==").unwrap_or(text).as_bytes();
        if text.len() != 22 {
            return Err(ParseUuidError::Length(text.len()));
        }
        let mut value: u128 = 0;
        for (i, &c) in text.iter().enumerate() {
            let sextet = match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return Err(ParseUuidError::Character(i)),
            };
            if i < 21 {
                value = value << 6 | u128::from(sextet);
            } else if sextet & 15 != 0 {
                return Err(ParseUuidError::TrailingBits);
            } else {
                value = value << 2 | u128::from(sextet >> 4);
            }
        }
        Ok(Uuid::from_u128(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree_with_kafka() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::ONE.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAg".parse(), Ok(Uuid::LOST_DIR));
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAg==".parse(), Ok(Uuid::LOST_DIR));
    }

    #[test]
    fn random_ids_round_trip_through_text() {
        for _ in 0..1000 {
            let id = Uuid::random();
            let text = id.to_string();
            assert_eq!(text.parse(), Ok(id));
            assert!(!text.starts_with('-') && !id.is_reserved());
        }
    }

    #[test]
    fn bad_text_is_refused() {
        assert_eq!("".parse::<Uuid>(), Err(ParseUuidError::Length(0)));
        assert_eq!("AAAAAAAAAAAAAAAAAAAAA+".parse::<Uuid>(), Err(ParseUuidError::Character(21)));
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAB".parse::<Uuid>(), Err(ParseUuidError::TrailingBits));
    }
}
