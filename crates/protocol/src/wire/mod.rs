//! The primitives of the wire format: reading, writing and what can go wrong.
//!
//! Reading never panics and never allocates by a number that the peer chose; the generated messages are built on
//! nothing else.

mod error;
mod gaps;
mod reader;
pub mod writer;

pub use error::{DecodeError, EncodeError};
pub use gaps::{Gap, Gaps};
pub use reader::Reader;

#[cfg(test)]
mod tests;
