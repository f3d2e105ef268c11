//! The codec of Produce and Fetch: requests as a busy client sends them, responses as a busy broker does.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moldau_protocol::Message;
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchRequestView, FetchTopic};
use moldau_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use moldau_protocol::messages::produce_request::{
    PartitionProduceData, ProduceRequestView, TopicProduceData,
};
use moldau_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use moldau_protocol::messages::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse};
use moldau_protocol::wire::Gaps;

const PARTITIONS: i32 = 16;
const BATCH_SIZE: usize = 1024;

fn produce(c: &mut Criterion) {
    const VERSION: i16 = 12;
    let partition_data = (0..PARTITIONS)
        .map(|index| PartitionProduceData { index, records: Some(Bytes::from(vec![7; BATCH_SIZE])) })
        .collect();
    let topic = TopicProduceData { name: "flights".into(), partition_data, ..Default::default() };
    let request =
        ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() };
    let input = Bytes::from(request.encode_to_vec(VERSION).expect("encodes"));
    let mut group = c.benchmark_group("produce, 16 partitions of 1 KB");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function("decode request, view", |b| {
        b.iter(|| ProduceRequestView::decode_all(black_box(&input), VERSION).expect("decodes"))
    });
    group.bench_function("decode request, shared", |b| {
        b.iter(|| ProduceRequest::decode_shared(black_box(&input), VERSION).expect("decodes"))
    });
    group.bench_function("encode request", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            black_box(&request).encode(&mut out, VERSION).expect("encodes");
        })
    });
    let partition_responses = (0..PARTITIONS)
        .map(|index| PartitionProduceResponse { index, base_offset: 1 << 40, ..Default::default() })
        .collect();
    let topic = TopicProduceResponse { name: "flights".into(), partition_responses, ..Default::default() };
    let response = ProduceResponse { responses: vec![topic], ..Default::default() };
    group.bench_function("encode response", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            black_box(&response).encode(&mut out, VERSION).expect("encodes");
        })
    });
}

fn fetch(c: &mut Criterion) {
    const VERSION: i16 = 17;
    let partition = |partition| FetchPartition { partition, fetch_offset: 1 << 40, ..Default::default() };
    let topic = FetchTopic { partitions: (0..100).map(partition).collect(), ..Default::default() };
    let request = FetchRequest { max_wait_ms: 500, topics: vec![topic], ..Default::default() };
    let input = Bytes::from(request.encode_to_vec(VERSION).expect("encodes"));
    let mut group = c.benchmark_group("fetch, 100 partitions");
    group.bench_function("decode request, view", |b| {
        b.iter(|| FetchRequestView::decode_all(black_box(&input), VERSION).expect("decodes"))
    });
    group.bench_function("decode request", |b| {
        b.iter(|| FetchRequest::decode_all(black_box(&input), VERSION).expect("decodes"))
    });
    let partition = |partition_index| PartitionData { partition_index, records: None, ..Default::default() };
    let topic =
        FetchableTopicResponse { partitions: (0..100).map(partition).collect(), ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..Default::default() };
    group.bench_function("encode response around records in files", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            let mut gaps = Gaps::new(vec![Some(1 << 20); 100]);
            black_box(&response).encode_with_gaps(&mut out, VERSION, &mut gaps).expect("encodes");
            gaps
        })
    });
}

criterion_group!(benches, produce, fetch);
criterion_main!(benches);
