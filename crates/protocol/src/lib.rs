//! Kafka's wire protocol: messages generated from schemas, record batches, compression.
//!
//! - [`messages`]: every request, response, header and persisted record; [`Message`] is what they can do.
//! - [`ApiKey`]: the APIs with their versions, header versions and listeners.
//! - [`frame`]: the frames of requests, responses and metadata records.
//! - [`coordinator_records`]: keys and values of the coordinators' logs.
//! - [`wire`]: the primitives below the messages.
//! - [`records`]: record batches and compression.
//!
//! Decoding never panics, and allocates only in proportion to the bytes that are there.

mod api_key;
pub mod coordinator_records;
pub mod frame;
#[cfg(feature = "json")]
pub mod json;
mod message;
pub mod messages;
pub mod records;
#[cfg(feature = "testing")]
pub mod testing;
pub mod wire;

pub use api_key::{ApiKey, Listeners, VersionRange};
pub use message::{Message, Request, decode_all};
pub use wire::{DecodeError, EncodeError, Reader};
