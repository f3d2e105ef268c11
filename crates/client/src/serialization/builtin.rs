//! The serializers and deserializers of Kafka's own types.

use bytes::Bytes;
use moldau_types::Uuid;

use super::{Deserializer, SerdeResult, Serializer};

/// Bytes as they are: Kafka's `ByteArray`, `ByteBuffer` and `Bytes`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesSerde;

impl Serializer<Bytes> for BytesSerde {
    fn serialize(&self, _topic: &str, value: &Bytes) -> SerdeResult<Bytes> {
        Ok(value.clone())
    }
}

impl Serializer<[u8]> for BytesSerde {
    fn serialize(&self, _topic: &str, value: &[u8]) -> SerdeResult<Bytes> {
        Ok(Bytes::copy_from_slice(value))
    }
}

impl Serializer<Vec<u8>> for BytesSerde {
    fn serialize(&self, _topic: &str, value: &Vec<u8>) -> SerdeResult<Bytes> {
        Ok(Bytes::copy_from_slice(value))
    }
}

impl Deserializer<Bytes> for BytesSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<Bytes> {
        Ok(bytes.clone())
    }
}

impl Deserializer<Vec<u8>> for BytesSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<Vec<u8>> {
        Ok(bytes.to_vec())
    }
}

/// Text in UTF-8. Bytes that are none are an error, where Java puts in replacement characters.
#[derive(Clone, Copy, Debug, Default)]
pub struct StringSerde;

impl Serializer<str> for StringSerde {
    fn serialize(&self, _topic: &str, value: &str) -> SerdeResult<Bytes> {
        Ok(Bytes::copy_from_slice(value.as_bytes()))
    }
}

impl Serializer<String> for StringSerde {
    fn serialize(&self, _topic: &str, value: &String) -> SerdeResult<Bytes> {
        Ok(Bytes::copy_from_slice(value.as_bytes()))
    }
}

impl Deserializer<String> for StringSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<String> {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| format!("it is not UTF-8: {error}"))
    }
}

/// Numbers with the highest byte first: `i16`, `i32`, `i64`, `f32` and `f64`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberSerde;

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Serializer<$type> for NumberSerde {
            fn serialize(&self, _topic: &str, value: &$type) -> SerdeResult<Bytes> {
                Ok(Bytes::copy_from_slice(&value.to_be_bytes()))
            }
        }

        impl Deserializer<$type> for NumberSerde {
            fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<$type> {
                let found = <[u8; size_of::<$type>()]>::try_from(&bytes[..]);
                let wrong = |_| format!("it has {} bytes instead of {}", bytes.len(), size_of::<$type>());
                found.map(<$type>::from_be_bytes).map_err(wrong)
            }
        }
    )*};
}

numbers!(i16, i32, i64, f32, f64);

/// True and false as one byte, 1 and 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct BooleanSerde;

impl Serializer<bool> for BooleanSerde {
    fn serialize(&self, _topic: &str, value: &bool) -> SerdeResult<Bytes> {
        Ok(Bytes::copy_from_slice(&[u8::from(*value)]))
    }
}

impl Deserializer<bool> for BooleanSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<bool> {
        match bytes[..] {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(format!("its byte is {other} instead of 0 or 1")),
            _ => Err(format!("it has {} bytes instead of 1", bytes.len())),
        }
    }
}

/// UUIDs as text with hyphens. The type is that of topic ids; only its 16 bytes count.
#[derive(Clone, Copy, Debug, Default)]
pub struct UuidSerde;

/// After which bytes there is a hyphen.
const HYPHENS: [usize; 4] = [4, 6, 8, 10];

impl Serializer<Uuid> for UuidSerde {
    fn serialize(&self, _topic: &str, value: &Uuid) -> SerdeResult<Bytes> {
        let mut text = String::with_capacity(36);
        for (at, byte) in value.0.iter().enumerate() {
            if HYPHENS.contains(&at) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        Ok(text.into())
    }
}

impl Deserializer<Uuid> for UuidSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<Uuid> {
        let wrong = || format!("`{}` is not a UUID", String::from_utf8_lossy(bytes));
        let parts: Vec<&str> = std::str::from_utf8(bytes).map_err(|_| wrong())?.split('-').collect();
        if parts.iter().map(|part| part.len()).ne([8, 4, 4, 4, 12]) {
            return Err(wrong());
        }
        let number = u128::from_str_radix(&parts.concat(), 16).map_err(|_| wrong())?;
        Ok(Uuid(number.to_be_bytes()))
    }
}

/// Nothing: for keys or values that are always null.
#[derive(Clone, Copy, Debug, Default)]
pub struct VoidSerde;

impl Serializer<()> for VoidSerde {
    fn serialize(&self, _topic: &str, (): &()) -> SerdeResult<Bytes> {
        Err("it must be null".to_owned())
    }
}

impl Deserializer<()> for VoidSerde {
    fn deserialize(&self, _topic: &str, bytes: &Bytes) -> SerdeResult<()> {
        Err(format!("it has {} bytes and should be null", bytes.len()))
    }
}
