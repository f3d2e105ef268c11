//! Names of files and directories: `<20 digits><suffix>` in `<topic>-<partition>`.

use std::path::{Path, PathBuf};

/// Records.
pub(crate) const LOG_SUFFIX: &str = ".log";
/// Offset index.
pub(crate) const INDEX_SUFFIX: &str = ".index";
/// Time index.
pub(crate) const TIME_INDEX_SUFFIX: &str = ".timeindex";
/// Aborted transactions.
pub(crate) const TXN_INDEX_SUFFIX: &str = ".txnindex";
/// Producer state.
pub(crate) const SNAPSHOT_SUFFIX: &str = ".snapshot";
/// Added to a file that waits for its removal.
pub(crate) const DELETED_SUFFIX: &str = ".deleted";
/// Added to a file that compaction is writing.
pub(crate) const CLEANED_SUFFIX: &str = ".cleaned";
/// Added to a finished file of compaction that is about to replace others.
pub(crate) const SWAP_SUFFIX: &str = ".swap";
/// Ends the directory of a deleted partition.
pub(crate) const DELETE_DIR_SUFFIX: &str = "-delete";
/// Ends the directory of a partition that is being moved here from another log directory.
pub(crate) const FUTURE_DIR_SUFFIX: &str = "-future";
/// Ends the directory of a partition that the cluster does not know.
pub(crate) const STRAY_DIR_SUFFIX: &str = "-stray";

/// The file name for a base offset: 20 digits and the suffix.
pub(crate) fn file_name(base_offset: i64, suffix: &str) -> String {
    format!("{base_offset:020}{suffix}")
}

/// The base offset in a file name with this suffix, `None` if it is no such name.
pub(crate) fn offset_of_file_name(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Topic and partition of a directory name `<topic>-<partition>`; topics may contain dashes.
pub(crate) fn split_dir_name(name: &str) -> Option<(&str, i32)> {
    let (topic, partition) = name.rsplit_once('-')?;
    if topic.is_empty() || partition.is_empty() || !partition.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((topic, partition.parse().ok()?))
}

/// Topic and partition of the directory of a copy, `<topic>-<partition>.<unique>-future`.
pub(crate) fn split_future_dir_name(name: &str) -> Option<(&str, i32)> {
    let (partition, _unique) = name.strip_suffix(FUTURE_DIR_SUFFIX)?.rsplit_once('.')?;
    split_dir_name(partition)
}

/// A name beside `from` for the directory of a partition that is given up, which nothing else has.
pub(crate) fn named_apart(from: &Path, topic: &str, partition: i32, suffix: &str) -> PathBuf {
    let unique = moldau_types::Uuid::random().as_u128();
    let tail = format!("-{partition}.{unique:032x}{suffix}");
    let topic: String = topic.chars().take(255 - tail.len()).collect();
    from.with_file_name(format!("{topic}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        assert_eq!(file_name(31, LOG_SUFFIX), "00000000000000000031.log");
        assert_eq!(offset_of_file_name("00000000000000000031.log", LOG_SUFFIX), Some(31));
        assert_eq!(offset_of_file_name("00000000000000000031.log.deleted", LOG_SUFFIX), None);
        assert_eq!(offset_of_file_name(".log", LOG_SUFFIX), None);
        assert_eq!(split_dir_name("a-b-12"), Some(("a-b", 12)));
        assert_eq!(split_dir_name("a-b-1x"), None);
        assert_eq!(split_dir_name("-1"), None);
        assert_eq!(split_future_dir_name("a.b-c-3.0123abcd-future"), Some(("a.b-c", 3)));
        assert_eq!(split_future_dir_name("a-3-future"), None);
        assert_eq!(split_dir_name("a.b-c-3.0123abcd-future"), None);
    }
}
