//! What every generated message can do.

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::wire::{DecodeError, EncodeError, Reader};

/// A request, a response, a header or a persisted record, generated from its schema.
pub trait Message: Sized + Default {
    /// Kafka's name of the message.
    const NAME: &'static str;
    /// The API key of a request or response, or the type number of a metadata or coordinator record.
    const API_KEY: Option<i16>;
    /// The lowest version there is.
    const MIN_VERSION: i16;
    /// The highest version there is.
    const MAX_VERSION: i16;
    /// The first version with compact lengths and tagged fields.
    const FIRST_FLEXIBLE: Option<i16>;

    /// Decodes a message of this version; fields that the version lacks get their defaults.
    fn decode(r: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError>;

    /// Appends the message in this version to `out`; after an error `out` ends in a part of it.
    ///
    /// Errs when the version lacks a field that is set and must not be lost, or does not allow a null.
    fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError>;

    /// Whether this version is flexible.
    fn is_flexible(version: i16) -> bool {
        Self::FIRST_FLEXIBLE.is_some_and(|first| version >= first)
    }

    /// The message in this version.
    fn encode_to_vec(&self, version: i16) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        self.encode(&mut out, version)?;
        Ok(out)
    }

    /// Decodes a message that fills the whole input; its byte fields are copies.
    fn decode_all(input: &[u8], version: i16) -> Result<Self, DecodeError> {
        decode_to_end(Reader::new(input), version)
    }

    /// Decodes a message that fills the whole input; its byte fields are slices of it.
    fn decode_shared(input: &Bytes, version: i16) -> Result<Self, DecodeError> {
        decode_to_end(Reader::shared(input), version)
    }
}

/// A request, with the response that answers it in the same version.
pub trait Request: Message {
    /// The request's API.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Message;
}

/// Decodes a message that fills the whole input.
pub fn decode_all<M: Message>(input: &[u8], version: i16) -> Result<M, DecodeError> {
    M::decode_all(input, version)
}

fn decode_to_end<M: Message>(mut r: Reader<'_>, version: i16) -> Result<M, DecodeError> {
    let message = M::decode(&mut r, version)?;
    r.finish()?;
    Ok(message)
}
