//! The entries of offset and time index, big-endian.

/// An entry of fixed size in a file sorted by its key.
pub(crate) trait IndexEntry: Copy {
    /// Bytes in the file.
    const SIZE: usize;
    /// Reads an entry from its bytes, of which there are `SIZE`.
    fn read(bytes: &[u8]) -> Self;
    /// Appends the entry's bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// What the file is sorted by.
    fn key(&self) -> i64;
}

/// Offset index: the batch that ends at this offset starts at this position (8 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    /// Offset of the batch's last record, less the segment's base offset.
    pub(crate) relative_offset: u32,
    /// Byte position of the batch in the segment.
    pub(crate) position: u32,
}

impl IndexEntry for OffsetEntry {
    const SIZE: usize = 8;

    fn read(bytes: &[u8]) -> OffsetEntry {
        OffsetEntry { relative_offset: be_u32(bytes, 0), position: be_u32(bytes, 4) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn key(&self) -> i64 {
        i64::from(self.relative_offset)
    }
}

/// Time index: the largest timestamp so far is in the batch that ends at this offset (12 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    /// Milliseconds.
    pub(crate) timestamp: i64,
    /// Offset of that batch's last record, less the segment's base offset.
    pub(crate) relative_offset: u32,
}

impl IndexEntry for TimeEntry {
    const SIZE: usize = 12;

    fn read(bytes: &[u8]) -> TimeEntry {
        let high = i64::from(be_u32(bytes, 0));
        TimeEntry { timestamp: (high << 32) | i64::from(be_u32(bytes, 4)), relative_offset: be_u32(bytes, 8) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn key(&self) -> i64 {
        self.timestamp
    }
}

fn be_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
