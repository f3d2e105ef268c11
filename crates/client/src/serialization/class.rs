//! The Java classes that a `.properties` file names, and a value of any of their types.

use std::fmt;

use bytes::Bytes;
use moldau_types::Uuid;

use super::{
    BooleanSerde, BytesSerde, Deserializer, NumberSerde, SerdeResult, Serializer, StringSerde, UuidSerde,
    VoidSerde,
};
use crate::config::ConfigValue;

/// A key or value whose type is only known when the program runs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Datum {
    /// Bytes.
    Bytes(Bytes),
    /// Text.
    String(String),
    /// True or false.
    Boolean(bool),
    /// A number of two bytes.
    Short(i16),
    /// A number of four bytes.
    Integer(i32),
    /// A number of eight bytes.
    Long(i64),
    /// A floating-point number of four bytes.
    Float(f32),
    /// A floating-point number of eight bytes.
    Double(f64),
    /// A UUID.
    Uuid(Uuid),
}

macro_rules! from {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Datum {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(Bytes => Bytes, Vec<u8> => Bytes, String => String, &str => String, bool => Boolean, i16 => Short, i32 => Integer,
    i64 => Long, f32 => Float, f64 => Double, Uuid => Uuid);

impl Datum {
    fn kind(&self) -> &'static str {
        match self {
            Self::Bytes(_) => "bytes",
            Self::String(_) => "a string",
            Self::Boolean(_) => "a boolean",
            Self::Short(_) => "a short",
            Self::Integer(_) => "an integer",
            Self::Long(_) => "a long",
            Self::Float(_) => "a float",
            Self::Double(_) => "a double",
            Self::Uuid(_) => "a UUID",
        }
    }
}

/// A serializer or deserializer of Kafka's Java library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SerdeClass {
    /// `ByteArraySerializer`.
    ByteArray,
    /// `ByteBufferSerializer`.
    ByteBuffer,
    /// `BytesSerializer`.
    Bytes,
    /// `StringSerializer`.
    String,
    /// `BooleanSerializer`.
    Boolean,
    /// `ShortSerializer`.
    Short,
    /// `IntegerSerializer`.
    Integer,
    /// `LongSerializer`.
    Long,
    /// `FloatSerializer`.
    Float,
    /// `DoubleSerializer`.
    Double,
    /// `UUIDSerializer`.
    Uuid,
    /// `VoidSerializer`.
    Void,
}

const PACKAGE: &str = "org.apache.kafka.common.serialization.";

impl SerdeClass {
    const ALL: [(Self, &'static str); 12] = [
        (Self::ByteArray, "ByteArray"),
        (Self::ByteBuffer, "ByteBuffer"),
        (Self::Bytes, "Bytes"),
        (Self::String, "String"),
        (Self::Boolean, "Boolean"),
        (Self::Short, "Short"),
        (Self::Integer, "Integer"),
        (Self::Long, "Long"),
        (Self::Float, "Float"),
        (Self::Double, "Double"),
        (Self::Uuid, "UUID"),
        (Self::Void, "Void"),
    ];

    /// The class of this Java name, of a serializer or a deserializer, with or without the package.
    pub fn of_java(name: &str) -> Option<Self> {
        let name = name.strip_prefix(PACKAGE).unwrap_or(name);
        let kind = name.strip_suffix("Deserializer").or_else(|| name.strip_suffix("Serializer"))?;
        Self::ALL.iter().find(|(_, known)| *known == kind).map(|(class, _)| *class)
    }
}

impl fmt::Display for SerdeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(class, _)| class == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl ConfigValue for Option<SerdeClass> {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        SerdeClass::of_java(text).map(Some).ok_or_else(|| {
            format!(
                "must be one of {PACKAGE}: {}; for another one give a Serializer or Deserializer in code",
                SerdeClass::ALL.map(|(_, name)| name).join(", ")
            )
        })
    }

    fn text(&self) -> String {
        self.map(|class| format!("{PACKAGE}{class}Serializer")).unwrap_or_default()
    }
}

impl Serializer<Datum> for SerdeClass {
    fn serialize(&self, topic: &str, value: &Datum) -> SerdeResult<Bytes> {
        match (self, value) {
            (Self::ByteArray | Self::ByteBuffer | Self::Bytes, Datum::Bytes(value)) => {
                BytesSerde.serialize(topic, value)
            }
            (Self::String, Datum::String(value)) => StringSerde.serialize(topic, value),
            (Self::Boolean, Datum::Boolean(value)) => BooleanSerde.serialize(topic, value),
            (Self::Short, Datum::Short(value)) => NumberSerde.serialize(topic, value),
            (Self::Integer, Datum::Integer(value)) => NumberSerde.serialize(topic, value),
            (Self::Long, Datum::Long(value)) => NumberSerde.serialize(topic, value),
            (Self::Float, Datum::Float(value)) => NumberSerde.serialize(topic, value),
            (Self::Double, Datum::Double(value)) => NumberSerde.serialize(topic, value),
            (Self::Uuid, Datum::Uuid(value)) => UuidSerde.serialize(topic, value),
            (Self::Void, _) => VoidSerde.serialize(topic, &()),
            _ => Err(format!("{self}Serializer can't take {}", value.kind())),
        }
    }
}

impl Deserializer<Datum> for SerdeClass {
    fn deserialize(&self, topic: &str, bytes: &Bytes) -> SerdeResult<Datum> {
        match self {
            Self::ByteArray | Self::ByteBuffer | Self::Bytes => Ok(Datum::Bytes(bytes.clone())),
            Self::String => StringSerde.deserialize(topic, bytes).map(Datum::String),
            Self::Boolean => BooleanSerde.deserialize(topic, bytes).map(Datum::Boolean),
            Self::Short => NumberSerde.deserialize(topic, bytes).map(Datum::Short),
            Self::Integer => NumberSerde.deserialize(topic, bytes).map(Datum::Integer),
            Self::Long => NumberSerde.deserialize(topic, bytes).map(Datum::Long),
            Self::Float => NumberSerde.deserialize(topic, bytes).map(Datum::Float),
            Self::Double => NumberSerde.deserialize(topic, bytes).map(Datum::Double),
            Self::Uuid => UuidSerde.deserialize(topic, bytes).map(Datum::Uuid),
            Self::Void => VoidSerde.deserialize(topic, bytes).map(|()| Datum::Bytes(Bytes::new())),
        }
    }
}
