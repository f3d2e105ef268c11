//! The cost of a batch on the produce path: checksum, validation, decompression, recompression.

#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moldau_protocol::records::{
    BatchBuilder, BatchView, Compression, ValidationRules, crc32c, validate_batch,
};

const TIME: i64 = 1_700_000_000_000;

/// A batch of about `size` bytes before compression, of 100-byte values that look like text.
fn batch(codec: Compression, size: usize) -> (Vec<u8>, usize) {
    let mut builder = BatchBuilder::new().compression(codec, None);
    let mut seed = 1u32;
    while builder.uncompressed_size() + 110 <= size {
        let value: Vec<u8> = (0..100)
            .map(|i| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if i % 10 < 6 { b"flight delayed "[i % 15] } else { b'a' + (seed >> 28) as u8 }
            })
            .collect();
        builder.append(TIME, None, Some(&value), &[]).expect("a record fits");
    }
    let size = builder.uncompressed_size();
    (builder.build().expect("a batch is built"), size)
}

fn rules() -> ValidationRules {
    ValidationRules { now_ms: TIME, timestamp_after_max_ms: 3_600_000, ..ValidationRules::default() }
}

fn uncompressed(criterion: &mut Criterion) {
    for size in [1 << 10, 16 << 10, 1 << 20] {
        let (data, _) = batch(Compression::None, size);
        let mut group = criterion.benchmark_group("uncompressed");
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(BenchmarkId::new("crc32c", size), |b| b.iter(|| crc32c(&data)));
        group.bench_function(BenchmarkId::new("validate", size), |b| {
            b.iter(|| validate_batch(&data, &rules()).expect("it is valid"));
        });
        group.bench_function(BenchmarkId::new("read records", size), |b| {
            let view = BatchView::parse(&data).expect("it is a batch");
            b.iter(|| {
                let mut records = view.records().expect("they can be read");
                let mut total = 0;
                while let Some(record) = records.next_record().expect("they can be read") {
                    total += record.value.map_or(0, <[u8]>::len);
                }
                total
            });
        });
        group.finish();
    }
}

fn compressed(criterion: &mut Criterion) {
    for codec in [Compression::Lz4, Compression::Zstd, Compression::Snappy, Compression::Gzip] {
        let (data, size) = batch(codec, 1 << 20);
        let mut group = criterion.benchmark_group(codec.name());
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function("validate", |b| {
            b.iter(|| validate_batch(&data, &rules()).expect("it is valid"));
        });
        let payload = BatchView::parse(&data).expect("it is a batch").payload();
        match codec {
            Compression::Lz4 => {
                group.bench_function("bare", |b| {
                    use std::io::Read;
                    let mut out = vec![0; size];
                    b.iter(|| lz4_flex::frame::FrameDecoder::new(payload).read_exact(&mut out[61..]));
                });
            }
            Compression::Zstd => {
                group.bench_function("bare", |b| {
                    let mut out = vec![0; size];
                    let mut context = zstd::bulk::Decompressor::new().expect("a context");
                    b.iter(|| context.decompress_to_buffer(payload, &mut out).expect("it is valid"));
                });
            }
            _ => {}
        }
        let to_lz4 = ValidationRules { compression: Some((Compression::Lz4, None)), ..rules() };
        if codec == Compression::Zstd {
            group.bench_function("validate and recompress to lz4", |b| {
                b.iter(|| validate_batch(&data, &to_lz4).expect("it is valid"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, uncompressed, compressed);
criterion_main!(benches);
