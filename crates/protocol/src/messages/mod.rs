//! Every request, response, header and persisted record, generated from `schemas/`.
//!
//! The message `FetchRequest` and its structs are in the module `fetch_request`; the message itself is re-exported
//! here. Names are Kafka's in Rust's spelling (`type_` and `match_` where a keyword is in the way), fields have the
//! schema's defaults, and a field's doc says in which versions it is on the wire. Tagged fields of unknown tags are
//! skipped.

use crate::api_key::ApiKey;
use crate::message::Request;

/// What the generated modules use.
mod prelude {
    pub(super) use bytes::Bytes;
    pub(super) use moldau_types::Uuid;

    #[cfg(feature = "json")]
    pub(super) use crate::json;
    pub(super) use crate::message::Message;
    #[cfg(feature = "testing")]
    pub(super) use crate::testing::random;
    pub(super) use crate::wire::writer as w;
    pub(super) use crate::wire::{DecodeError, EncodeError, Gaps, Reader};
    #[cfg(feature = "testing")]
    pub(super) use rand::RngCore;

    pub(super) fn decodable<M: Message>(version: i16) -> Result<(), DecodeError> {
        if (M::MIN_VERSION..=M::MAX_VERSION).contains(&version) {
            return Ok(());
        }
        Err(DecodeError::UnsupportedVersion { message: M::NAME, version })
    }

    pub(super) fn encodable<M: Message>(version: i16) -> Result<(), EncodeError> {
        if (M::MIN_VERSION..=M::MAX_VERSION).contains(&version) {
            return Ok(());
        }
        Err(EncodeError::UnsupportedVersion { message: M::NAME, version })
    }

    #[cold]
    pub(super) fn unsupported_field(message: &'static str, field: &'static str, version: i16) -> EncodeError {
        EncodeError::UnsupportedField { message, field, version }
    }

    #[cold]
    pub(super) fn null_error(message: &'static str, field: &'static str, version: i16) -> EncodeError {
        EncodeError::NullNotAllowed { message, field, version }
    }
}

#[allow(clippy::all, unused_variables, unused_parens, unused_mut)]
mod generated {
    use super::*;

    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

#[cfg(feature = "testing")]
pub(crate) use generated::ALL;
pub use generated::*;

#[cfg(test)]
mod tests;
