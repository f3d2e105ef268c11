//! Keys and values as types: serializers, deserializers, and a producer and a consumer that use them.
//!
//! Always: the bytes of the built-in ones are those of Kafka's own classes of the same kind, so that Java clients read
//! them. A null key or value stays null and is never given to a serializer.

mod builtin;
mod class;
#[cfg(feature = "json")]
mod json;
mod typed;

use bytes::Bytes;

pub use builtin::{BooleanSerde, BytesSerde, NumberSerde, StringSerde, UuidSerde, VoidSerde};
pub use class::{Datum, SerdeClass};
#[cfg(feature = "json")]
pub use json::JsonSerde;
pub use typed::{TypedConsumer, TypedConsumerRecord, TypedProducer};

use crate::producer::Header;

/// Why something could not be serialized or deserialized, as a text for people.
pub type SerdeResult<T> = std::result::Result<T, String>;

/// Makes bytes of a `T`.
///
/// ```
/// use bytes::Bytes;
/// use moldau_client::serialization::{SerdeResult, Serializer};
///
/// struct Celsius;
///
/// impl Serializer<f32> for Celsius {
///     fn serialize(&self, _topic: &str, value: &f32) -> SerdeResult<Bytes> {
///         if *value < -273.15 { Err(format!("{value} °C is too cold")) } else { Ok(format!("{value}").into()) }
///     }
/// }
///
/// assert_eq!(Celsius.serialize("t", &21.5), Ok(Bytes::from("21.5")));
/// assert!(Celsius.serialize("t", &-300.0).is_err());
/// ```
pub trait Serializer<T: ?Sized>: Send + Sync {
    /// The bytes of `value`, which goes to `topic`.
    fn serialize(&self, topic: &str, value: &T) -> SerdeResult<Bytes>;

    /// As [`Serializer::serialize`], where the bytes depend on the record's headers, or say something in them.
    fn serialize_with(&self, topic: &str, headers: &mut Vec<Header>, value: &T) -> SerdeResult<Bytes> {
        let _ = headers;
        self.serialize(topic, value)
    }
}

/// Reads a `T` from bytes.
pub trait Deserializer<T>: Send + Sync {
    /// What `bytes`, which came from `topic`, stand for.
    fn deserialize(&self, topic: &str, bytes: &Bytes) -> SerdeResult<T>;

    /// As [`Deserializer::deserialize`], where the bytes' meaning depends on the record's headers.
    fn deserialize_with(&self, topic: &str, headers: &[Header], bytes: &Bytes) -> SerdeResult<T> {
        let _ = headers;
        self.deserialize(topic, bytes)
    }
}

#[cfg(test)]
mod tests;
