//! What can be wrong with record data. The wire code it becomes is the caller's choice.

/// A failure to read, check or write record batches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// The data ends before the structure does.
    #[error("the data ends early: {needed} bytes needed, {available} there")]
    Truncated {
        /// Bytes the structure needs.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The length field of a batch is too small for a batch or larger than its limit.
    #[error("a batch length of {0} is not possible")]
    InvalidBatchLength(i32),
    /// The format version is not one that can be read here.
    #[error("record format version (magic) {0} is not supported here")]
    UnsupportedMagic(i8),
    /// The stored checksum is not the one of the data.
    #[error("the checksum is {stored:#010x} but the data has {computed:#010x}")]
    CrcMismatch {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// Attribute bits 0 to 2 name no codec.
    #[error("compression type {0} is unknown")]
    UnknownCompression(u8),
    /// The compressed data is damaged.
    #[error("the {codec} data cannot be decompressed: {reason}")]
    Decompression {
        /// Name of the codec.
        codec: &'static str,
        /// What the codec said.
        reason: String,
    },
    /// The data could not be compressed.
    #[error("cannot compress with {codec}: {reason}")]
    Compression {
        /// Name of the codec.
        codec: &'static str,
        /// What the codec said.
        reason: String,
    },
    /// Decompressed data or one record is larger than the given limit.
    #[error("more than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A record's fields contradict each other or its size.
    #[error("a record is invalid: {0}")]
    InvalidRecord(&'static str),
    /// A header field of the batch contradicts another or the records.
    #[error("the batch is invalid: {0}")]
    InvalidBatch(&'static str),
}
