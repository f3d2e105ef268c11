//! JSON by serde, as Kafka's `JsonSerializer` writes it: the document alone, without a schema.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Deserializer, SerdeResult, Serializer};

/// Any type of serde as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonSerde;

impl<T: Serialize + ?Sized> Serializer<T> for JsonSerde {
    fn serialize(&self, _topic: &str, value: &T) -> SerdeResult<Bytes> {
        serde_json::to_vec(value).map(Bytes::from).map_err(|error| error.to_string())
    }
}

impl<T: DeserializeOwned> Deserializer<T> for JsonSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<T> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}
