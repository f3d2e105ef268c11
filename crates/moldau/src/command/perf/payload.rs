//! The values that are written in a measurement.

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::args::perf::PerfProduceArgs;
use crate::failure::Failure;

/// A fixed seed: two measurements write the same bytes.
const SEED: u64 = 0;

/// Where values come from.
#[derive(Debug)]
pub(super) enum Payload {
    /// So many random letters, new for each record.
    Letters { size: usize, random: SmallRng },
    /// One of these at random.
    Choice { values: Vec<Bytes>, random: SmallRng },
    /// The number of the record.
    Monotonic { next: u64 },
}

impl Payload {
    pub(super) fn of(args: &PerfProduceArgs) -> Result<Self, Failure> {
        if args.payload_monotonic {
            return Ok(Self::Monotonic { next: 0 });
        }
        match &args.payload_file {
            None => Ok(Self::letters(args.record_size)),
            Some(file) => {
                let wrong = |why: String| Failure::usage(format!("--payload-file {}: {why}", file.display()));
                let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
                let delimiter = args.payload_delimiter.as_deref().unwrap_or("\n");
                let values = split(&Bytes::from(text), delimiter.as_bytes());
                if values.is_empty() {
                    return Err(wrong("there is no value in it".to_owned()));
                }
                Ok(Self::Choice { values, random: SmallRng::seed_from_u64(SEED) })
            }
        }
    }

    /// Random letters.
    pub(super) fn letters(size: usize) -> Self {
        Self::Letters { size, random: SmallRng::seed_from_u64(SEED) }
    }

    /// The next value.
    pub(super) fn next(&mut self) -> Bytes {
        match self {
            Self::Letters { size, random } => {
                let mut value = vec![0; *size];
                random.fill(&mut value[..]);
                value.iter_mut().for_each(|byte| *byte = b'A' + *byte % 26);
                value.into()
            }
            Self::Choice { values, random } => values[random.random_range(0..values.len())].clone(),
            Self::Monotonic { next } => {
                let value = next.to_string().into();
                *next += 1;
                value
            }
        }
    }
}

/// The pieces between delimiters; one at the end does not begin another piece.
fn split(bytes: &Bytes, delimiter: &[u8]) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(delimiter) {
            pieces.push(bytes.slice(begin..at));
            at += delimiter.len().max(1);
            begin = at;
        } else {
            at += 1;
        }
    }
    if begin < bytes.len() {
        pieces.push(bytes.slice(begin..));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_letters_and_the_same_each_time() {
        let (mut one, mut other) = (Payload::letters(100), Payload::letters(100));
        let value = one.next();
        assert!(value.len() == 100 && value.iter().all(u8::is_ascii_uppercase));
        assert_eq!(value, other.next());
        assert_ne!(one.next(), value);
    }

    #[test]
    fn numbers_count_up() {
        let mut payload = Payload::Monotonic { next: 0 };
        assert_eq!([payload.next(), payload.next(), payload.next()], ["0", "1", "2"]);
    }

    #[test]
    fn files_are_split_at_their_delimiter() {
        let pieces = |text: &'static str, delimiter: &str| split(&Bytes::from(text), delimiter.as_bytes());
        assert_eq!(pieces("a\nb\n\nc\n", "\n"), ["a", "b", "", "c"]);
        assert_eq!(pieces("a||b|c", "||"), ["a", "b|c"]);
        assert!(pieces("", "\n").is_empty());
    }
}
