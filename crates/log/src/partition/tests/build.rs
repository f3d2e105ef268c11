//! Batches for the tests.

use moldau_protocol::records::{BATCH_HEADER_LEN, BatchHeader, update_crc};

use crate::{AppendBatch, AppendOrigin};

/// A batch to be built.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub(crate) base_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) producer: Option<(i64, i16, i32)>,
    pub(crate) transactional: bool,
    /// COMMIT or ABORT with a coordinator epoch.
    pub(crate) marker: Option<(bool, i32)>,
    /// One record for each timestamp.
    pub(crate) timestamps: Vec<i64>,
    pub(crate) value_len: usize,
}

impl Default for Build {
    fn default() -> Build {
        Build {
            base_offset: 0,
            leader_epoch: 0,
            producer: None,
            transactional: false,
            marker: None,
            timestamps: vec![1000],
            value_len: 10,
        }
    }
}

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

impl Build {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let base_timestamp = self.timestamps[0];
        let mut out = vec![0; BATCH_HEADER_LEN];
        for (i, timestamp) in self.timestamps.iter().enumerate() {
            let (key, value) = match self.marker {
                Some((abort, epoch)) => {
                    (vec![0, 0, 0, u8::from(!abort)], [&[0, 0], &epoch.to_be_bytes()[..]].concat())
                }
                None => (format!("k{i}").into_bytes(), vec![b'x'; self.value_len]),
            };
            let mut record = vec![0];
            varint(&mut record, timestamp - base_timestamp);
            varint(&mut record, i as i64);
            varint(&mut record, key.len() as i64);
            record.extend_from_slice(&key);
            varint(&mut record, value.len() as i64);
            record.extend_from_slice(&value);
            varint(&mut record, 0);
            varint(&mut out, record.len() as i64);
            out.extend_from_slice(&record);
        }
        let (producer_id, producer_epoch, base_sequence) = self.producer.unwrap_or((-1, -1, -1));
        let header = BatchHeader {
            base_offset: self.base_offset,
            batch_length: (out.len() - 12) as i32,
            partition_leader_epoch: self.leader_epoch,
            magic: 2,
            crc: 0,
            attributes: if self.transactional { 0x10 } else { 0 }
                | if self.marker.is_some() { 0x20 } else { 0 },
            last_offset_delta: self.timestamps.len() as i32 - 1,
            base_timestamp,
            max_timestamp: *self.timestamps.iter().max().unwrap(),
            producer_id,
            producer_epoch,
            base_sequence,
            record_count: self.timestamps.len() as i32,
        };
        let mut head = [0; BATCH_HEADER_LEN];
        header.write(&mut head);
        out[..BATCH_HEADER_LEN].copy_from_slice(&head);
        update_crc(&mut out).unwrap();
        out
    }
}

/// A batch as the server gives it to the log.
pub(crate) fn given(bytes: &mut [u8], origin: AppendOrigin) -> AppendBatch<'_> {
    let header = BatchHeader::parse(bytes).unwrap();
    AppendBatch { header, max_timestamp: header.max_timestamp, offset_of_max_timestamp: 0, origin, bytes }
}
