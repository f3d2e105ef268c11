//! The control record of a transaction's end, as far as the log needs it.

use moldau_protocol::records::{BATCH_HEADER_LEN, BatchHeader};

/// A COMMIT or ABORT marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndTransaction {
    /// ABORT, not COMMIT.
    pub(crate) aborted: bool,
    /// Epoch of the transaction coordinator that wrote it.
    pub(crate) coordinator_epoch: i32,
    /// The record's timestamp.
    pub(crate) timestamp: i64,
}

/// Reads the marker of a control batch. `None` for control records of other types and for what cannot be read.
pub(crate) fn end_transaction(header: &BatchHeader, batch: &[u8]) -> Option<EndTransaction> {
    if !header.is_control() || header.compression_id() != 0 {
        return None;
    }
    let mut rest = batch.get(BATCH_HEADER_LEN..header.size_in_bytes())?;
    varint(&mut rest)?; // length of the record
    rest = rest.get(1..)?; // attributes
    let timestamp_delta = varint(&mut rest)?;
    varint(&mut rest)?; // offset delta
    let key = field(&mut rest)?;
    let value = field(&mut rest)?;
    let aborted = match key.get(2..4)? {
        [0, 0] => true,
        [0, 1] => false,
        _ => return None,
    };
    let coordinator_epoch = i32::from_be_bytes(value.get(2..6)?.try_into().ok()?);
    Some(EndTransaction {
        aborted,
        coordinator_epoch,
        timestamp: header.base_timestamp.wrapping_add(timestamp_delta),
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (field, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(field)
}

/// A zigzag-coded number of up to 64 bits.
fn varint(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}
