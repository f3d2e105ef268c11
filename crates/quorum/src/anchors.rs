//! `raft-index-checkpoint`: which raft index ends at which offset, where the log can no longer tell.
//!
//! Kafka's files know offsets and epochs only. A log that still begins at offset 0 needs no more: its first batch has
//! index 1. Once the begin of the log was removed, its first line says what was removed last, and there is one more line
//! for each snapshot. The form is that of Kafka's checkpoint files: version, count, and `index epoch offset` lines.

use std::collections::BTreeMap;

use crate::raft::{LogId, epoch_of, log_id};

/// The file's name.
pub(crate) const FILE_NAME: &str = "raft-index-checkpoint";
const VERSION: &str = "0";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anchors {
    /// What was removed last, and the offset after it.
    pub(crate) purged: Option<(LogId, i64)>,
    /// Log ids of snapshots by their end offset.
    pub(crate) snapshots: BTreeMap<i64, LogId>,
}

impl Anchors {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let line = |id: &LogId, offset: i64| format!("{} {} {}\n", id.index, epoch_of(id), offset);
        let mut text = format!("{VERSION}\n{}\n", 1 + self.snapshots.len());
        match &self.purged {
            Some((id, offset)) => text.push_str(&line(id, *offset)),
            None => text.push_str("-1 -1 0\n"),
        }
        for (offset, id) in &self.snapshots {
            text.push_str(&line(id, *offset));
        }
        text.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Anchors, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut lines = text.lines();
        if lines.next() != Some(VERSION) {
            return Err("unknown version".to_owned());
        }
        let count: usize = lines.next().and_then(|line| line.parse().ok()).ok_or("no count")?;
        let mut anchors = Anchors::default();
        let mut read = 0;
        for (number, line) in lines.enumerate() {
            let fields: Vec<i64> = line.split(' ').filter_map(|field| field.parse().ok()).collect();
            let [index, epoch, offset] = fields[..] else { return Err(format!("line {line:?}")) };
            read += 1;
            let epoch = i32::try_from(epoch).map_err(|_| format!("line {line:?}"))?;
            match (u64::try_from(index), number) {
                (Ok(index), 0) => anchors.purged = Some((log_id(epoch, index), offset)),
                (Ok(index), _) => {
                    anchors.snapshots.insert(offset, log_id(epoch, index));
                }
                (Err(_), 0) => {}
                (Err(_), _) => return Err(format!("line {line:?}")),
            }
        }
        if read == count { Ok(anchors) } else { Err(format!("{read} lines instead of {count}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_round_trip_and_torn_files_are_noticed() {
        let full = Anchors {
            purged: Some((log_id(3, 40), 120)),
            snapshots: BTreeMap::from([(120, log_id(3, 40)), (200, log_id(4, 77))]),
        };
        for anchors in [Anchors::default(), full.clone(), Anchors { purged: None, ..full.clone() }] {
            assert_eq!(Anchors::decode(&anchors.encode()), Ok(anchors));
        }
        let bytes = full.encode();
        assert!(Anchors::decode(&bytes[..bytes.len() - 12]).is_err());
    }
}
