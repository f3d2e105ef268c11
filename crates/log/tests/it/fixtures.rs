//! The reference's data directory in `tests/fixtures`: `logs`, and `expected` with what the reference's dump tool says
//! of each file.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_log::{LogConfig, LogDir, OpenLog, PartitionLog, ReadUpTo};
use moldau_protocol::records::batches;
use moldau_types::Offset;

/// Partitions whose records have no schema, so that the dump shows their bytes.
pub(crate) const PLAIN: [&str; 6] =
    ["mixed-0", "segments-0", "compacted-0", "appendtime-0", "appendtime-1", "trimmed-0"];

/// All partitions but the metadata log.
pub(crate) const ALL: [&str; 9] = [
    "mixed-0",
    "segments-0",
    "compacted-0",
    "appendtime-0",
    "appendtime-1",
    "trimmed-0",
    "__consumer_offsets-0",
    "__share_group_state-0",
    "__transaction_state-0",
];

/// Just before the reference wrote its last files: nothing it still knew is expired.
pub(crate) const NOW_MS: i64 = 1_795_384_930_000;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A copy of a directory of `logs` that a test may change.
pub(crate) fn copy(name: &str, to: &Path) -> PathBuf {
    let to = to.join(name);
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(root().join("logs").join(name)).unwrap() {
        let file = file.unwrap();
        fs::write(to.join(file.file_name()), fs::read(file.path()).unwrap()).unwrap();
    }
    to
}

/// Opens a partition's directory.
pub(crate) fn open(
    path: &Path,
    config: LogConfig,
    clean: bool,
    log_start: i64,
    now_ms: i64,
) -> Arc<PartitionLog> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (topic, partition) = name.rsplit_once('-').unwrap();
    let (log, _) = OpenLog {
        path: path.to_owned(),
        topic: topic.into(),
        partition: partition.parse().unwrap(),
        topic_id: None,
        directory: Arc::new(LogDir::new(path.parent().unwrap())),
        config,
        log_start: Offset(log_start),
        recovery_point: Offset(0),
        high_watermark: Offset(0),
        clean,
        now_ms,
    }
    .open()
    .unwrap();
    log.set_high_watermark_follows_log_end(true);
    log
}

/// All bytes that can be read from the log start on.
pub(crate) fn all_bytes(log: &PartitionLog) -> Vec<u8> {
    let mut all = Vec::new();
    let offsets = log.offsets();
    let mut from = offsets.log_start;
    while from < offsets.log_end {
        let read = log.read(from, 1 << 20, ReadUpTo::LogEnd, true).unwrap();
        let Some(slice) = read.slice else { break };
        let mut bytes = vec![0; slice.len];
        slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
        let last = batches(&bytes).map(|batch| batch.unwrap().header.next_offset()).last().unwrap();
        from = Offset(last);
        all.extend_from_slice(&bytes);
    }
    all
}

/// The files of a directory, by name.
pub(crate) fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// The end offset in one of the checkpoint files of `logs`.
pub(crate) fn checkpoint(file: &str, partition: &str) -> Option<i64> {
    let (topic, number) = partition.rsplit_once('-').unwrap();
    let text = fs::read_to_string(root().join("logs").join(file)).unwrap();
    text.lines().find_map(|line| line.strip_prefix(&format!("{topic} {number} "))?.parse().ok())
}
