//! Why bytes are not a message, or a message cannot be bytes.

/// Why bytes could not be decoded. `remaining` is how many bytes were left where it was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("a field needs {needed} bytes but {remaining} are left")]
    Truncated {
        /// What the field needs.
        needed: usize,
        /// What is left.
        remaining: usize,
    },
    /// A length or count is negative and not the null mark, or above the format's limit.
    #[error("the length {length} is not possible")]
    InvalidLength {
        /// The length as it was read.
        length: i64,
    },
    /// A count promises more elements than the bytes left can hold.
    #[error("{count} elements cannot be in the {remaining} bytes that are left")]
    TooManyElements {
        /// The count as it was read.
        count: usize,
        /// What is left.
        remaining: usize,
    },
    /// The decoded message would take more memory than its size on the wire justifies.
    #[error("the message would take more memory than its size allows")]
    MemoryLimit,
    /// A null stands where the version does not allow it.
    #[error("null where a value is required, {remaining} bytes before the end")]
    NullNotAllowed {
        /// What is left.
        remaining: usize,
    },
    /// A variable-length number has too many bytes.
    #[error("a variable-length number is too long, {remaining} bytes before the end")]
    InvalidVarint {
        /// What is left.
        remaining: usize,
    },
    /// A borrowed string is not UTF-8.
    #[error("a string is not UTF-8, {remaining} bytes before the end")]
    InvalidUtf8 {
        /// What is left.
        remaining: usize,
    },
    /// Tags repeat or descend.
    #[error("tag {tag} does not follow the tags before it in ascending order")]
    TagOrder {
        /// The tag out of order.
        tag: u32,
    },
    /// A known tagged field is shorter than its size says.
    #[error("the tagged field {tag} leaves {unread} bytes of its size unread")]
    TagSize {
        /// The field's tag.
        tag: u32,
        /// The bytes that the field did not use.
        unread: usize,
    },
    /// The mark before a nullable struct is neither null nor present.
    #[error("the mark {mark} before a struct says neither null nor present")]
    InvalidMark {
        /// The mark as it was read.
        mark: i8,
    },
    /// The message does not exist in this version.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// The message's name.
        message: &'static str,
        /// The version that was asked for.
        version: i16,
    },
    /// Bytes are left after the message.
    #[error("{remaining} bytes are left after the message")]
    TrailingBytes {
        /// What is left.
        remaining: usize,
    },
    /// A frame or record type number that is not known.
    #[error("{what} {number} is not known")]
    Unknown {
        /// What the number names.
        what: &'static str,
        /// The number.
        number: i64,
    },
}

/// Why a message could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The message does not exist in this version.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// The message's name.
        message: &'static str,
        /// The version that was asked for.
        version: i16,
    },
    /// A field that must not be lost is set, and this version does not have it.
    #[error("{message}.{field} is set but version {version} cannot carry it")]
    UnsupportedField {
        /// The struct's name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
        /// The version that was asked for.
        version: i16,
    },
    /// A field is null, and this version does not allow that.
    #[error("{message}.{field} must not be null in version {version}")]
    NullNotAllowed {
        /// The struct's name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
        /// The version that was asked for.
        version: i16,
    },
    /// A string, a bytes field or an array exceeds the format's limit.
    #[error("a field of length {length} is too long to be encoded")]
    TooLong {
        /// Its length.
        length: usize,
    },
}
