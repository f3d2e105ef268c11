//! The text files that hold numbers: a version line, a line with the number of entries, one entry a line.
//!
//! Offsets by partition (`recovery-point-offset-checkpoint` and its siblings, version 0: `topic partition offset`) and
//! `leader-epoch-checkpoint` of one partition (version 0: `epoch start-offset`). A file that breaks the form is an
//! error, never half read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::whole::write_whole;
use crate::error::StorageError;

/// Offsets up to which each log was synced.
pub(crate) const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// High watermarks.
pub(crate) const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// Log start offsets that are not a segment's base offset.
pub(crate) const LOG_STARTS: &str = "log-start-offset-checkpoint";
/// Offsets up to which each log was compacted.
pub(crate) const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";
/// Leader epochs of one partition.
pub(crate) const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";

/// Offsets by topic and partition.
pub(crate) type PartitionOffsets = BTreeMap<(String, i32), i64>;

fn parse<T>(
    path: &Path,
    text: &str,
    mut entry: impl FnMut(&mut std::str::SplitAsciiWhitespace<'_>) -> Option<T>,
) -> Result<Vec<T>, StorageError> {
    let mut lines = text.lines();
    match lines.next() {
        Some("0") => {}
        other => return Err(StorageError::corrupt(path, format!("unknown version line {other:?}"))),
    }
    let count: usize = lines
        .next()
        .and_then(|line| line.trim().parse().ok())
        .ok_or_else(|| StorageError::corrupt(path, "no count of entries in line 2"))?;
    let mut entries = Vec::with_capacity(count.min(text.len()));
    for (number, line) in lines.enumerate() {
        let mut words = line.split_ascii_whitespace();
        match entry(&mut words) {
            Some(value) if words.next().is_none() => entries.push(value),
            _ => {
                return Err(StorageError::corrupt(
                    path,
                    format!("line {} is malformed: {line:?}", number + 3),
                ));
            }
        }
    }
    if entries.len() != count {
        return Err(StorageError::corrupt(
            path,
            format!("{count} entries announced, {} found", entries.len()),
        ));
    }
    Ok(entries)
}

fn read_text(path: &Path) -> Result<Option<String>, StorageError> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("reading", path, error)),
    }
}

/// Reads a file of offsets; an absent one is empty.
pub(crate) fn read_offsets(path: &Path) -> Result<PartitionOffsets, StorageError> {
    let Some(text) = read_text(path)? else { return Ok(BTreeMap::new()) };
    let entries = parse(path, &text, |words| {
        let topic = words.next()?.to_owned();
        Some(((topic, words.next()?.parse().ok()?), words.next()?.parse().ok()?))
    })?;
    Ok(entries.into_iter().collect())
}

/// Replaces a file of offsets.
pub(crate) fn write_offsets(path: &Path, offsets: &PartitionOffsets, sync: bool) -> Result<(), StorageError> {
    let mut text = format!("0\n{}\n", offsets.len());
    for ((topic, partition), offset) in offsets {
        let _ = writeln!(text, "{topic} {partition} {offset}");
    }
    write_whole(path, text.as_bytes(), sync)
}

/// Reads `leader-epoch-checkpoint`: epochs with their start offsets; an absent file is empty.
pub(crate) fn read_leader_epochs(path: &Path) -> Result<Vec<(i32, i64)>, StorageError> {
    let Some(text) = read_text(path)? else { return Ok(Vec::new()) };
    parse(path, &text, |words| Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?)))
}

/// Replaces `leader-epoch-checkpoint`.
pub(crate) fn write_leader_epochs(
    path: &Path,
    epochs: &[(i32, i64)],
    sync: bool,
) -> Result<(), StorageError> {
    let mut text = format!("0\n{}\n", epochs.len());
    for (epoch, start) in epochs {
        let _ = writeln!(text, "{epoch} {start}");
    }
    write_whole(path, text.as_bytes(), sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(RECOVERY_POINTS);
        assert!(read_offsets(&path).unwrap().is_empty(), "an absent file is empty");
        let offsets = PartitionOffsets::from([(("a-b".to_owned(), 3), 7), (("z".to_owned(), 0), i64::MAX)]);
        write_offsets(&path, &offsets, true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("0\n2\na-b 3 7\nz 0 {}\n", i64::MAX));
        assert_eq!(read_offsets(&path).unwrap(), offsets);
    }

    #[test]
    fn a_malformed_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for text in
            ["1\n0\n", "0\n", "0\n2\na 0 1\n", "0\n1\na 0\n", "0\n1\na 0 1 2\n", "0\n1\na 0 x\n", "junk"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(read_offsets(&path).is_err(), "{text:?}");
        }
    }
}
