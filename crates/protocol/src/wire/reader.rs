//! Reading primitives from a byte slice.
//!
//! What always holds: nothing panics on any input; an array is allocated only after its count was checked against the
//! bytes that are left and against the memory allowance of the whole message.

use bytes::Bytes;
use moldau_types::Uuid;

use super::DecodeError;

/// Memory that arrays may take for each byte of input; every real message needs less.
const ALLOWANCE_PER_BYTE: usize = 32;
/// Memory that arrays may take whatever the input's size.
const ALLOWANCE_BASE: usize = 64 * 1024;
/// The longest string of the protocol.
const STRING_LEN_MAX: usize = i16::MAX as usize;

/// A position in a message's bytes.
#[derive(Debug)]
pub struct Reader<'a> {
    buf: &'a [u8],
    shared: Option<&'a Bytes>,
    allowance: usize,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident $ty:ty;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self) -> Result<$ty, DecodeError> {
            let Some((head, rest)) = self.buf.split_first_chunk() else {
                return Err(self.truncated(size_of::<$ty>()));
            };
            self.buf = rest;
            Ok(<$ty>::from_be_bytes(*head))
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Reads from `buf`; byte fields are copied out of it.
    pub fn new(buf: &'a [u8]) -> Reader<'a> {
        let allowance = buf.len().saturating_mul(ALLOWANCE_PER_BYTE).saturating_add(ALLOWANCE_BASE);
        Reader { buf, shared: None, allowance }
    }

    /// Reads from `bytes`; byte fields become slices of it, and keep the whole of it in memory.
    pub fn shared(bytes: &'a Bytes) -> Reader<'a> {
        Reader { shared: Some(bytes), ..Reader::new(bytes) }
    }

    /// Lowers the memory that the arrays of what is read may take in all.
    pub fn limit_memory(&mut self, bytes_max: usize) {
        self.allowance = self.allowance.min(bytes_max);
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// The bytes that are left, without consuming them.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.buf
    }

    /// Errs unless everything was read.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            remaining => Err(DecodeError::TrailingBytes { remaining }),
        }
    }

    /// The next `len` bytes.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, rest)) = self.buf.split_at_checked(len) else {
            return Err(self.truncated(len));
        };
        self.buf = rest;
        Ok(head)
    }

    /// The next `len` bytes as [`Bytes`]: shared where the reader is, else copied.
    pub fn take_bytes(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        let slice = self.take(len)?;
        Ok(match self.shared {
            Some(shared) => shared.slice_ref(slice),
            None => Bytes::copy_from_slice(slice),
        })
    }

    numbers! {
        /// An `int8`.
        i8 i8;
        /// An unsigned byte.
        u8 u8;
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

    /// A `bool`: any byte but zero is true.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    /// A `uuid`.
    #[inline]
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        let Some((head, rest)) = self.buf.split_first_chunk() else {
            return Err(self.truncated(16));
        };
        self.buf = rest;
        Ok(Uuid(*head))
    }

    /// An unsigned variable-length number of at most 5 bytes.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        match self.buf {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.buf = rest;
                Ok(u32::from(*byte))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.buf = rest;
                Ok(u32::from(*low & 0x7f) | u32::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u32, DecodeError> {
        let value = self.unsigned_varlong_of(5)?;
        u32::try_from(value).map_err(|_| DecodeError::InvalidVarint { remaining: self.remaining() })
    }

    /// An unsigned variable-length number of at most 10 bytes.
    pub fn unsigned_varlong(&mut self) -> Result<u64, DecodeError> {
        self.unsigned_varlong_of(10)
    }

    fn unsigned_varlong_of(&mut self, len_max: u32) -> Result<u64, DecodeError> {
        let mut value = 0;
        for i in 0..len_max {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if i == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::InvalidVarint { remaining: self.remaining() })
    }

    /// A signed (zigzag) variable-length number of at most 5 bytes.
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let raw = self.unsigned_varint()?;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    /// A signed (zigzag) variable-length number of at most 10 bytes.
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let raw = self.unsigned_varlong()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// The length of a string: `None` is null.
    #[inline]
    fn string_len(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        let len = if flexible { i64::from(self.unsigned_varint()?) - 1 } else { i64::from(self.i16()?) };
        self.checked_len(len, STRING_LEN_MAX)
    }

    /// The length of bytes, or the count of an array: `None` is null.
    #[inline]
    fn len(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        let len = if flexible { i64::from(self.unsigned_varint()?) - 1 } else { i64::from(self.i32()?) };
        self.checked_len(len, i32::MAX as usize)
    }

    #[inline]
    fn checked_len(&self, length: i64, length_max: usize) -> Result<Option<usize>, DecodeError> {
        match usize::try_from(length) {
            Ok(len) if len <= length_max => Ok(Some(len)),
            Err(_) if length == -1 => Ok(None),
            _ => Err(DecodeError::InvalidLength { length }),
        }
    }

    /// A string, borrowed; it must be UTF-8.
    #[inline]
    pub fn str(&mut self, flexible: bool) -> Result<&'a str, DecodeError> {
        self.nullable_str(flexible)?.ok_or(self.null())
    }

    /// A string or null, borrowed; it must be UTF-8.
    #[inline]
    pub fn nullable_str(&mut self, flexible: bool) -> Result<Option<&'a str>, DecodeError> {
        let Some(len) = self.string_len(flexible)? else { return Ok(None) };
        let bytes = self.take(len)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(DecodeError::InvalidUtf8 { remaining: self.remaining() }),
        }
    }

    /// A string. Bytes that are not UTF-8 become U+FFFD, as Kafka reads them.
    pub fn string(&mut self, flexible: bool) -> Result<String, DecodeError> {
        self.nullable_string(flexible)?.ok_or(self.null())
    }

    /// A string or null, read as [`Reader::string`].
    pub fn nullable_string(&mut self, flexible: bool) -> Result<Option<String>, DecodeError> {
        let Some(len) = self.string_len(flexible)? else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(self.take(len)?).into_owned()))
    }

    /// Bytes, borrowed.
    pub fn byte_slice(&mut self, flexible: bool) -> Result<&'a [u8], DecodeError> {
        self.nullable_byte_slice(flexible)?.ok_or(self.null())
    }

    /// Bytes or null, borrowed.
    pub fn nullable_byte_slice(&mut self, flexible: bool) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.len(flexible)? {
            Some(len) => self.take(len).map(Some),
            None => Ok(None),
        }
    }

    /// Bytes: shared where the reader is, else copied.
    pub fn bytes(&mut self, flexible: bool) -> Result<Bytes, DecodeError> {
        self.nullable_bytes(flexible)?.ok_or(self.null())
    }

    /// Bytes or null: shared where the reader is, else copied.
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, DecodeError> {
        match self.len(flexible)? {
            Some(len) => self.take_bytes(len).map(Some),
            None => Ok(None),
        }
    }

    /// An array whose elements take at least `element_size_min` bytes each.
    pub fn array<T>(
        &mut self,
        flexible: bool,
        element_size_min: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(flexible, element_size_min, element)?.ok_or(self.null())
    }

    /// An array or null, read as [`Reader::array`].
    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        element_size_min: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.len(flexible)? else { return Ok(None) };
        self.reserve(count, element_size_min, size_of::<T>())?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// Checks a count against the bytes left and takes the elements' memory from the allowance.
    fn reserve(&mut self, count: usize, wire_size_min: usize, memory_size: usize) -> Result<(), DecodeError> {
        match count.checked_mul(wire_size_min) {
            Some(size_min) if size_min <= self.remaining() => {}
            _ => return Err(DecodeError::TooManyElements { count, remaining: self.remaining() }),
        }
        let left = count.checked_mul(memory_size.max(1)).and_then(|size| self.allowance.checked_sub(size));
        self.allowance = left.ok_or(DecodeError::MemoryLimit)?;
        Ok(())
    }

    /// A struct that may be null.
    pub fn nullable_struct<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Box<T>>, DecodeError> {
        match self.i8()? {
            -1 => Ok(None),
            1 => Ok(Some(Box::new(read(self)?))),
            mark => Err(DecodeError::InvalidMark { mark }),
        }
    }

    /// A tagged struct that may be null.
    pub fn nullable_tagged_struct<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Box<T>>, DecodeError> {
        match self.i8()? {
            0 => Ok(None),
            1 => Ok(Some(Box::new(read(self)?))),
            mark => Err(DecodeError::InvalidMark { mark }),
        }
    }

    /// The tagged fields at a struct's end. `known` reads the field of a tag, or answers false for a tag that it does
    /// not know, which is then skipped. Tags ascend strictly, and a field fills its size exactly.
    pub fn tagged_fields(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.unsigned_varint()?;
        let mut previous = None;
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            if previous.is_some_and(|p| tag <= p) {
                return Err(DecodeError::TagOrder { tag });
            }
            previous = Some(tag);
            let size = self.unsigned_varint()? as usize;
            let field = self.take(size)?;
            let after = std::mem::replace(&mut self.buf, field);
            if known(self, tag)? && !self.is_empty() {
                return Err(DecodeError::TagSize { tag, unread: self.remaining() });
            }
            self.buf = after;
        }
        Ok(())
    }

    /// The tagged fields at the end of a struct that knows none.
    #[inline]
    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        if let [0, rest @ ..] = self.buf {
            self.buf = rest;
            return Ok(());
        }
        self.tagged_fields(|_, _| Ok(false))
    }

    #[cold]
    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::Truncated { needed, remaining: self.remaining() }
    }

    fn null(&self) -> DecodeError {
        DecodeError::NullNotAllowed { remaining: self.remaining() }
    }
}
