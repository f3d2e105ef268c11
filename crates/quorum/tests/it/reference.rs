//! The metadata log of Apache Kafka 4.3.1: read, continued, and written the same way.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use moldau_quorum::{Committed, ControlBatch, Leader, MetadataQuorum, decode_bootstrap};
use moldau_types::{BrokerId, LeaderEpoch, Offset, Uuid};

use super::{append, batches, open, read_all, record};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kafka-4.3.1")
}

/// A copy of the reference's directory.
fn copied() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("__cluster_metadata-0");
    fs::create_dir(&log).unwrap();
    for entry in fs::read_dir(fixture().join("__cluster_metadata-0")).unwrap() {
        let entry = entry.unwrap();
        fs::write(log.join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    dir
}

#[tokio::test]
async fn the_references_log_is_read_and_continued() {
    let dir = copied();
    let quorum = open(dir.path()).await;
    let status = quorum.status();
    assert_eq!(status.leader, Some(Leader { id: BrokerId(1), epoch: LeaderEpoch(3) }));
    assert_eq!(status.voters[0].directory_id, "BSZFcsPcQnaRsWRuHrx7oQ".parse::<Uuid>().unwrap());
    let log = batches(read_all(&quorum, 0));
    let first = Leader { id: BrokerId(1), epoch: LeaderEpoch(1) };
    assert_eq!(log[0].control, Some(ControlBatch::LeaderChange(first)));
    assert_eq!((log[1].base_offset, log[1].records.len()), (Offset(3), 9));
    let own = log.iter().find(|batch| batch.leader_epoch.0 == 3).unwrap();
    assert_eq!(own.base_offset, Offset(137));
    let found = read_all(&quorum, -1);
    let Committed::Snapshot(snapshot) = &found[0] else { panic!("{:?}", found[0]) };
    assert_eq!(
        (snapshot.id.to_string().as_str(), snapshot.records.len()),
        ("00000000000000000121-0000000002", 74)
    );
    append(&quorum, vec![record("more")]).await;
    drop(quorum);
    assert_eq!(open(dir.path()).await.leader().unwrap().epoch, LeaderEpoch(4));
}

#[test]
fn the_references_bootstrap_checkpoint_is_read() {
    let bytes = Bytes::from(fs::read(fixture().join("bootstrap.checkpoint")).unwrap());
    let records = decode_bootstrap(&bytes).unwrap();
    assert_eq!(records.len(), 6);
    assert!(String::from_utf8_lossy(&records[0]).contains("metadata.version"));
    assert!(decode_bootstrap(&bytes.slice(..bytes.len() - 1)).is_err());
}
