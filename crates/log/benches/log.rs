//! What an append and a read of a log cost, without a server around them.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moldau_log::{AppendBatch, AppendOrigin, LogConfig, LogDir, LogManager, OpenLog, PartitionLog, ReadUpTo};
use moldau_protocol::records::{BatchBuilder, BatchHeader};
use moldau_types::{LeaderEpoch, Offset};

fn open(dir: &std::path::Path) -> Arc<PartitionLog> {
    let (log, _) = OpenLog {
        path: dir.join("bench-0"),
        topic: "bench".into(),
        partition: 0,
        topic_id: None,
        directory: Arc::new(LogDir::new(dir)),
        config: LogConfig { max_message_bytes: 2 << 20, file_delete_delay_ms: 0, ..LogConfig::default() },
        log_start: Offset(0),
        recovery_point: Offset(0),
        high_watermark: Offset(0),
        clean: false,
        now_ms: 0,
    }
    .open()
    .expect("a new log opens");
    log.set_high_watermark_follows_log_end(true);
    log
}

fn batch(size: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    let value = vec![b'x'; 90];
    while builder.uncompressed_size() + 100 < size {
        builder.append(1000, None, Some(&value), &[]).expect("a record fits");
    }
    builder.build().expect("the batch builds")
}

fn append(log: &PartitionLog, batches: &mut [Vec<u8>]) {
    let mut given: Vec<AppendBatch<'_>> = batches
        .iter_mut()
        .map(|bytes| {
            let header = BatchHeader::parse(bytes).expect("a sound batch");
            AppendBatch {
                max_timestamp: header.max_timestamp,
                offset_of_max_timestamp: 0,
                origin: AppendOrigin::Client,
                header,
                bytes,
            }
        })
        .collect();
    black_box(log.append_as_leader(&mut given, LeaderEpoch(0), 1000));
    if log.size() > 1 << 30 {
        log.truncate_fully_and_start_at(Offset(0), 0).expect("the log starts anew");
        log.remove_deleted_files(0);
    }
}

fn appends(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(dir.path());
    let mut group = c.benchmark_group("append");
    for (name, size, count) in
        [("1KB", 1 << 10, 1), ("1KB x 20 gathered", 1 << 10, 20), ("16KB", 16 << 10, 1), ("1MB", 1 << 20, 1)]
    {
        let mut batches = vec![batch(size); count];
        group.throughput(Throughput::Bytes((size * count) as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| append(&log, &mut batches)));
    }
    group.finish();
}

fn reads(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(dir.path());
    let mut batches = vec![batch(16 << 10); 64];
    for _ in 0..100 {
        append(&log, &mut batches);
    }
    let end = log.offsets().log_end.0;
    let mut group = c.benchmark_group("read");
    group.bench_function("at the end", |b| {
        b.iter(|| black_box(log.read(Offset(end - 1), 1 << 20, ReadUpTo::HighWatermark, true)).is_ok())
    });
    let mut from = 0;
    group.bench_function("anywhere", |b| {
        b.iter(|| {
            from = (from + 7_919) % end;
            black_box(log.read(Offset(from), 1 << 20, ReadUpTo::HighWatermark, true)).is_ok()
        })
    });
    group.finish();
}

/// 2,000 partitions with a few batches each, as after a crash: nothing of them was synced.
fn recovery(c: &mut Criterion) {
    const PARTITIONS: i32 = 2000;
    let dir = tempfile::tempdir().expect("a directory");
    let dirs = [dir.path().to_owned()];
    {
        let manager = LogManager::lock(&dirs).expect("the directory is free");
        manager.load(&|_, _| LogConfig::default(), 2, 0);
        let mut batches = vec![batch(16 << 10); 8];
        for partition in 0..PARTITIONS {
            let log = manager
                .get_or_create("bench", partition, None, LogConfig::default(), None, 0)
                .expect("a new log opens");
            append(&log, &mut batches);
            log.release_idle();
        }
    }
    let mut group = c.benchmark_group("recovery");
    group.sample_size(10);
    group.bench_function("2,000 partitions of 128 KB", |b| {
        b.iter(|| {
            let manager = LogManager::lock(&dirs).expect("the directory is free");
            let report = manager.load(&|_, _| LogConfig::default(), 2, 0);
            assert_eq!(report.partitions, PARTITIONS as usize);
        })
    });
    group.finish();
}

criterion_group!(benches, appends, reads, recovery);
criterion_main!(benches);
