//! Writing primitives to the end of a byte vector.

use bytes::Bytes;
use moldau_types::Uuid;

use super::EncodeError;

const STRING_LEN_MAX: usize = i16::MAX as usize;
const LEN_MAX: usize = i32::MAX as usize;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident $ty:ty;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(out: &mut Vec<u8>, value: $ty) {
            out.extend_from_slice(&value.to_be_bytes());
        }
    )*};
}

numbers! {
    /// An `int8`.
    i8 i8;
    /// An `int16`.
    i16 i16;
    /// A `uint16`.
    u16 u16;
    /// An `int32`.
    i32 i32;
    /// A `uint32`.
    u32 u32;
    /// An `int64`.
    i64 i64;
    /// A `float64`.
    f64 f64;
}

/// A `bool`.
#[inline]
pub fn bool(out: &mut Vec<u8>, value: bool) {
    out.push(u8::from(value));
}

/// A `uuid`.
#[inline]
pub fn uuid(out: &mut Vec<u8>, value: Uuid) {
    out.extend_from_slice(&value.0);
}

/// An unsigned variable-length number.
#[inline]
pub fn unsigned_varint(out: &mut Vec<u8>, value: u32) {
    unsigned_varlong(out, u64::from(value));
}

/// An unsigned variable-length number of up to 64 bits.
#[inline]
pub fn unsigned_varlong(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed (zigzag) variable-length number.
#[inline]
pub fn varint(out: &mut Vec<u8>, value: i32) {
    unsigned_varint(out, ((value << 1) ^ (value >> 31)) as u32);
}

/// A signed (zigzag) variable-length number of up to 64 bits.
#[inline]
pub fn varlong(out: &mut Vec<u8>, value: i64) {
    unsigned_varlong(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// How many bytes [`unsigned_varint`] takes for `value`.
pub const fn unsigned_varint_len(value: u32) -> usize {
    (38 - (value | 1).leading_zeros() as usize) / 7
}

/// A string.
pub fn string(out: &mut Vec<u8>, flexible: bool, value: &str) -> Result<(), EncodeError> {
    if value.len() > STRING_LEN_MAX {
        return Err(EncodeError::TooLong { length: value.len() });
    }
    if flexible {
        unsigned_varint(out, value.len() as u32 + 1);
    } else {
        i16(out, value.len() as i16);
    }
    out.extend_from_slice(value.as_bytes());
    Ok(())
}

/// The null string.
pub fn null_string(out: &mut Vec<u8>, flexible: bool) {
    if flexible { out.push(0) } else { i16(out, -1) }
}

/// The length of bytes, or the count of an array.
pub fn len(out: &mut Vec<u8>, flexible: bool, length: usize) -> Result<(), EncodeError> {
    if length > LEN_MAX {
        return Err(EncodeError::TooLong { length });
    }
    if flexible {
        unsigned_varint(out, length as u32 + 1);
    } else {
        i32(out, length as i32);
    }
    Ok(())
}

/// Null bytes or a null array.
pub fn null(out: &mut Vec<u8>, flexible: bool) {
    if flexible { out.push(0) } else { i32(out, -1) }
}

/// Bytes.
pub fn bytes(out: &mut Vec<u8>, flexible: bool, value: &Bytes) -> Result<(), EncodeError> {
    len(out, flexible, value.len())?;
    out.extend_from_slice(value);
    Ok(())
}

/// An array.
pub fn array<T>(
    out: &mut Vec<u8>,
    flexible: bool,
    elements: &[T],
    mut element: impl FnMut(&mut Vec<u8>, &T) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    len(out, flexible, elements.len())?;
    elements.iter().try_for_each(|e| element(out, e))
}

/// A tagged field: its tag, its size, itself.
pub fn tagged(
    out: &mut Vec<u8>,
    tag: u32,
    field: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    unsigned_varint(out, tag);
    let start = out.len();
    field(out)?;
    let size = out.len() - start;
    if size > LEN_MAX {
        return Err(EncodeError::TooLong { length: size });
    }
    // The size goes before the field but is only known after it.
    unsigned_varint(out, size as u32);
    let size_len = out.len() - start - size;
    out[start..].rotate_right(size_len);
    Ok(())
}
