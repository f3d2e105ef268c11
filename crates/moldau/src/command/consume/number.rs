//! Numbers and ids as Kafka's serializers write them: big-endian, of a fixed size.

/// A serializer's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Short,
    Int,
    Long,
    Float,
    Double,
    /// The text of a UUID, as `UUIDSerializer` writes it, or its 16 bytes.
    Uuid,
}

impl Number {
    /// By the word that Kafka's serializers have in their names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "short" => Self::Short,
            "int" | "integer" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// The text of it; an error for bytes that are none.
    pub(crate) fn text(self, bytes: &[u8]) -> Result<String, String> {
        let text = match self {
            Self::Short => bytes.try_into().ok().map(|bytes| i16::from_be_bytes(bytes).to_string()),
            Self::Int => bytes.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).to_string()),
            Self::Long => bytes.try_into().ok().map(|bytes| i64::from_be_bytes(bytes).to_string()),
            Self::Float => bytes.try_into().ok().map(|bytes| f32::from_be_bytes(bytes).to_string()),
            Self::Double => bytes.try_into().ok().map(|bytes| f64::from_be_bytes(bytes).to_string()),
            Self::Uuid => uuid(bytes),
        };
        text.ok_or_else(|| format!("{} bytes are no {self:?}", bytes.len()))
    }
}

fn uuid(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.len() == 36
    {
        return Some(text.to_owned());
    }
    let bits = u128::from_be_bytes(bytes.try_into().ok()?);
    let hex = format!("{bits:032x}");
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_javas_serializers_write_is_read() {
        assert_eq!(Number::Short.text(&[0xff, 0xfe]).as_deref(), Ok("-2"));
        assert_eq!(Number::Int.text(&[0, 0, 1, 0]).as_deref(), Ok("256"));
        assert_eq!(Number::Long.text(&[0, 0, 0, 0, 0, 0, 0, 7]).as_deref(), Ok("7"));
        assert_eq!(Number::Float.text(&1.5f32.to_be_bytes()).as_deref(), Ok("1.5"));
        assert_eq!(Number::Double.text(&(-0.25f64).to_be_bytes()).as_deref(), Ok("-0.25"));
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(Number::Uuid.text(text.as_bytes()).as_deref(), Ok(text));
        let bytes: Vec<u8> = (0..16).map(|at| at * 0x11).collect();
        assert_eq!(Number::Uuid.text(&bytes).as_deref(), Ok(text));
        assert_eq!(Number::Int.text(b"abc"), Err("3 bytes are no Int".to_owned()));
    }
}
