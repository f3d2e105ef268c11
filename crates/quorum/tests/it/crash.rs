//! The metadata log's file cut at any byte, as a crash of the machine may leave it.

use std::fs::{self, OpenOptions};
use std::path::Path;

use moldau_quorum::{CommittedBatch, MetadataQuorum, RaftQuorum};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{append, batches, config, open, read_all, record};

const LOG: &str = "__cluster_metadata-0/00000000000000000000.log";
const SYNCED: &str = "__cluster_metadata-0/synced-offset";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_log_cut_anywhere_is_a_prefix_of_what_was_written() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let quorum = open(dir.path()).await;
    for number in 0..40 {
        let texts =
            (0..rng.random_range(1..4)).map(|_| record(&"r".repeat(rng.random_range(1..200)))).collect();
        append(&quorum, texts).await;
        if number == 20 {
            copy(dir.path(), &dir.path().join("..").join(format!("half-{seed}")));
        }
    }
    let written = batches(read_all(&quorum, 0));
    // Not shut down: as after a kill -9.
    let size = fs::metadata(dir.path().join(LOG)).unwrap().len();
    let half = dir.path().join("..").join(format!("half-{seed}"));
    reopened_is_prefix(&half, &written, 22, seed).await;
    fs::remove_dir_all(&half).unwrap();
    for round in 0..12 {
        let crashed = tempfile::tempdir().unwrap();
        copy(dir.path(), crashed.path());
        let cut = if round == 0 { size } else { rng.random_range(0..=size) };
        let file = OpenOptions::new().write(true).open(crashed.path().join(LOG)).unwrap();
        file.set_len(cut).unwrap();
        if round % 3 == 0 {
            // Index files are not synced with the records: they may be lost.
            let _ = fs::remove_file(crashed.path().join("__cluster_metadata-0/00000000000000000000.index"));
        }
        println!("cut at {cut} of {size}");
        if cut < size {
            let refused =
                RaftQuorum::open(config(crashed.path())).await.err().expect("acknowledged, and gone");
            assert!(refused.to_string().contains("were acknowledged"), "seed {seed}: {refused}");
        }
        // The file is not synced itself: after a crash of the machine it may say nothing yet.
        fs::remove_file(crashed.path().join(SYNCED)).unwrap();
        let whole = if cut == size { written.len() } else { 0 };
        reopened_is_prefix(crashed.path(), &written, whole, seed).await;
    }
}

/// Opens, finds at least `least` of the batches and no others, can append, and finds all again.
async fn reopened_is_prefix(dir: &Path, written: &[CommittedBatch], least: usize, seed: u64) {
    let quorum = open(dir).await;
    let found = batches(read_all(&quorum, 0));
    // The last is the new epoch's.
    let (kept, new) = found.split_at(found.len() - 1);
    assert!(kept.len() >= least && kept.len() <= written.len(), "seed {seed}: {} batches", kept.len());
    assert_eq!(kept, &written[..kept.len()], "seed {seed}");
    assert!(new[0].control.is_some() && new[0].leader_epoch.0 == 2, "seed {seed}: {new:?}");
    append(&quorum, vec![record("after")]).await;
    let before = read_all(&quorum, 0);
    drop(quorum);
    let quorum = open(dir).await;
    let after = read_all(&quorum, 0);
    assert_eq!(after[..before.len()], before[..], "seed {seed}");
    assert_eq!(quorum.leader().unwrap().epoch.0, 3);
}
