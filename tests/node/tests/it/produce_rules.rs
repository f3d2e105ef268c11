//! What Produce refuses, what it takes, and what it answers, as clients depend on it.

use moldau_node_tests::wire::{Wire, batch, name_of, one, produce_request};
use moldau_node_tests::{Bystander, Node};
use moldau_protocol::messages::produce_response::PartitionProduceResponse;
use moldau_protocol::messages::{InitProducerIdRequest, ProduceRequest};
use moldau_protocol::records::{
    BatchBuilder, BatchHeader, BatchView, Compression, Encoder, default_decompressed_limit, update_crc,
};

/// The error's name and the base offset.
fn outcome(answer: &PartitionProduceResponse) -> (&'static str, i64) {
    (name_of(answer.error_code), answer.base_offset)
}

async fn connect(node: &Node, topic: &str, configs: &[(&str, &str)]) -> (Wire, String) {
    let topic = node.topic(topic, 1, configs).await.expect("a topic");
    (Wire::connect(node.address()).await, topic)
}

async fn producer_id(wire: &mut Wire) -> i64 {
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let answer = wire.ask(4, &request).await;
    assert_eq!((name_of(answer.error_code), answer.producer_epoch), ("NONE", 0));
    answer.producer_id
}

/// Two records of a producer, from this sequence number on.
fn sequenced(id: i64, sequence: i32) -> Vec<u8> {
    batch(BatchBuilder::new().producer(id, 0, sequence), [(None, "a"), (None, "b")])
}

/// A number as records have it.
fn varint(number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    moldau_protocol::wire::writer::unsigned_varint(&mut bytes, number << 1);
    bytes
}

/// A batch of one record that says it is this many zeros, and is, but for its end; each frame has so many of them.
fn bomb(codec: Compression, size: u32, frame_bytes: u32) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = Encoder::new(codec, None).expect("an encoder");
    let head = [varint(size), vec![0, 0, 0, 1], varint(size - 1000)].concat();
    encoder.write(&head, &mut packed).expect("packed");
    let zeros = vec![0; 1 << 20];
    let frame = |encoder: &mut Encoder, out: &mut Vec<u8>| {
        for _ in 0..frame_bytes >> 20 {
            encoder.write(&zeros, out).expect("packed");
        }
    };
    frame(&mut encoder, &mut packed);
    encoder.finish(&mut packed).expect("packed");
    // Frames may follow each other, and equal ones are made once.
    let mut again = Vec::new();
    if size > frame_bytes {
        let mut encoder = Encoder::new(codec, None).expect("an encoder");
        frame(&mut encoder, &mut again);
        encoder.finish(&mut again).expect("packed");
    }
    packed.extend_from_slice(&again.repeat((size / frame_bytes - 1) as usize));

    let mut bytes = batch(BatchBuilder::new().compression(codec, None), [(None, "v")]);
    bytes.truncate(61);
    bytes.extend_from_slice(&packed);
    let length = bytes.len() as i32 - 12;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    update_crc(&mut bytes).expect("a batch");
    bytes
}

#[tokio::test]
async fn a_bomb_of_any_codec_is_refused() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let (mut wire, topic) = connect(&node, "bomb", &[]).await;
    const SIZE: u32 = 32 << 20;
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        // What snappy makes of it is too large.
        let answer = wire.produce(9, -1, &topic, bomb(codec, SIZE, SIZE)).await;
        let error = name_of(answer.error_code);
        let refused = ["MESSAGE_TOO_LARGE", "CORRUPT_MESSAGE", "INVALID_RECORD"].contains(&error);
        assert!(refused, "{codec:?}: {error}");
        assert!(answer.error_message.is_some(), "{codec:?}");
    }
    assert_eq!(outcome(&wire.produce(9, -1, &topic, one("v")).await), ("NONE", 0));
    bystander.unharmed().await;
}

/// The resident bytes of this process, where they can be told.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}

/// Looks again and again how much memory this process has, until it is asked for the most that it saw.
struct Watch {
    stop: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<Option<usize>>,
}

impl Watch {
    fn start() -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut most = resident_bytes()?;
            let pause = std::time::Duration::from_millis(5);
            while stopped.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                most = most.max(resident_bytes()?);
            }
            Some(most)
        });
        Self { stop, thread }
    }

    fn most(self) -> Option<usize> {
        drop(self.stop);
        self.thread.join().expect("it looked")
    }
}

/// Other tests run in this process too, so the bound leaves them room; a bomb that was unpacked would pass it by itself.
#[tokio::test]
async fn a_bomb_beyond_the_limit_is_refused_in_bounded_memory() {
    const SIZE: u32 = 264 << 20;
    const GROWTH_MAX: usize = 128 << 20;
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let (mut wire, topic) = connect(&node, "large-bomb", &[("max.message.bytes", "4000000")]).await;
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let bytes = bomb(codec, SIZE, 1 << 20);
        assert!((SIZE as usize) > default_decompressed_limit(bytes.len()), "{codec:?}: no bomb");
        let before = resident_bytes();
        let watch = Watch::start();
        let answer = wire.produce(9, -1, &topic, bytes).await;
        let most = watch.most();
        let error = name_of(answer.error_code);
        if node.is_own() {
            assert_eq!(error, "MESSAGE_TOO_LARGE", "{codec:?}: {:?}", answer.error_message);
            if let (Some(before), Some(most)) = (before, most) {
                let growth = most.saturating_sub(before);
                assert!(growth <= GROWTH_MAX, "{codec:?}: {growth} bytes more are resident");
            }
        } else {
            assert_ne!(error, "NONE", "{codec:?}");
        }
    }
    assert_eq!(outcome(&wire.produce(9, -1, &topic, one("v")).await), ("NONE", 0));
    bystander.unharmed().await;
}

#[tokio::test]
async fn damaged_batches_are_refused_and_never_written() {
    let node = Node::get();
    let bystander = Bystander::start(&node).await;
    let (mut wire, topic) = connect(&node, "damaged", &[]).await;
    let good = batch(BatchBuilder::new(), [(None, "first"), (None, "second")]);
    // Anything that the checksum covers is caught by it.
    for at in (17..good.len()).step_by(3) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(outcome(&wire.produce(9, -1, &topic, bad).await), ("CORRUPT_MESSAGE", -1), "byte {at}");
    }
    // Cut anywhere.
    for cut in 0..good.len() {
        let answer = wire.produce(9, -1, &topic, good[..cut].to_vec()).await;
        assert_ne!(answer.error_code, 0, "cut at {cut}");
    }
    // What says something else of itself, with a good checksum.
    type Change = fn(&mut [u8]);
    let changes: [(Change, &str); 9] = [
        (|b| b[0..8].copy_from_slice(&1i64.to_be_bytes()), "INVALID_RECORD"), // base offset
        (|b| b[8..12].copy_from_slice(&i32::MAX.to_be_bytes()), "INVALID_RECORD"),
        (|b| b[8..12].copy_from_slice(&(-1i32).to_be_bytes()), "CORRUPT_MESSAGE"),
        (|b| b[16] = 9, "CORRUPT_MESSAGE"),    // magic
        (|b| b[22] |= 0x20, "INVALID_RECORD"), // control batch
        (|b| b[22] |= 7, "UNSUPPORTED_COMPRESSION_TYPE"),
        (|b| b[57..61].copy_from_slice(&i32::MAX.to_be_bytes()), "INVALID_RECORD"), // count
        (|b| b[57..61].copy_from_slice(&(-1i32).to_be_bytes()), "INVALID_RECORD"),
        (|b| b[23..27].copy_from_slice(&7i32.to_be_bytes()), "INVALID_RECORD"), // last offset delta
    ];
    for (number, (change, wanted)) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        // A length that is wrong leaves no checksum to be made.
        let _length = update_crc(&mut bad);
        assert_eq!(outcome(&wire.produce(9, -1, &topic, bad).await), (wanted, -1), "change {number}");
    }
    let two = [good.clone(), good.clone()].concat();
    assert_eq!(outcome(&wire.produce(9, -1, &topic, two).await).0, "INVALID_RECORD");
    assert_eq!(outcome(&wire.produce(9, -1, &topic, good).await), ("NONE", 0));
    bystander.unharmed().await;
}

#[tokio::test]
async fn acks_0_is_never_answered_and_an_error_closes_the_connection() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "acks-0", &[]).await;
    wire.send(9, &produce_request(0, &topic, one("v"))).await;
    // The next answer is the next request's.
    assert_eq!(outcome(&wire.produce(9, 1, &topic, one("v")).await), ("NONE", 1));
    wire.send(9, &produce_request(0, "there-is-no-such-topic", one("v"))).await;
    wire.closed("acks=0 for an unknown topic").await;
    let mut wire = Wire::connect(node.address()).await;
    assert_eq!(outcome(&wire.produce(9, 2, &topic, one("v")).await), ("INVALID_REQUIRED_ACKS", -1));
}

/// It was refused for good: min.insync.replicas asks for no more replicas than the partition has.
#[tokio::test]
async fn min_insync_replicas_above_the_replicas_of_a_topic_does_not_block_acks_all() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "min-isr", &[("min.insync.replicas", "3")]).await;
    assert_eq!(outcome(&wire.produce(9, -1, &topic, one("v")).await), ("NONE", 0));
}

#[tokio::test]
async fn a_duplicate_is_answered_with_its_first_offset_as_long_as_it_is_remembered() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "duplicates", &[]).await;
    let id = producer_id(&mut wire).await;
    for number in 0..6 {
        let answer = wire.produce(9, -1, &topic, sequenced(id, number * 2)).await;
        assert_eq!(outcome(&answer), ("NONE", i64::from(number) * 2));
    }
    for number in (1..6).rev() {
        let answer = wire.produce(9, -1, &topic, sequenced(id, number * 2)).await;
        assert_eq!(outcome(&answer), ("NONE", i64::from(number) * 2), "duplicate of batch {number}");
    }
    // Five are remembered: the sixth-last is out of order, as is one from the future.
    for sequence in [0, 14, i32::MAX] {
        let answer = wire.produce(9, -1, &topic, sequenced(id, sequence)).await;
        assert_eq!(outcome(&answer), ("OUT_OF_ORDER_SEQUENCE_NUMBER", -1), "sequence {sequence}");
    }
    assert_eq!(outcome(&wire.produce(9, -1, &topic, sequenced(id, 12)).await), ("NONE", 12));
    // An older epoch of the producer is fenced.
    let newer = batch(BatchBuilder::new().producer(id, 1, 0), [(None, "v")]);
    assert_eq!(outcome(&wire.produce(9, -1, &topic, newer).await), ("NONE", 14));
    assert_eq!(
        outcome(&wire.produce(9, -1, &topic, sequenced(id, 14)).await),
        ("INVALID_PRODUCER_EPOCH", -1)
    );
    // A producer that is not known may begin anywhere.
    let unknown = producer_id(&mut wire).await;
    assert_eq!(outcome(&wire.produce(9, -1, &topic, sequenced(unknown, 77)).await), ("NONE", 15));
    assert_eq!(wire.fetch(12, &topic, 0).await.high_watermark, 17);
}

#[tokio::test]
async fn a_compacted_topic_names_each_record_without_a_key() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "keys", &[("cleanup.policy", "compact")]).await;
    let mixed = || batch(BatchBuilder::new(), [(Some("k"), "a"), (None, "b"), (Some("k"), "c"), (None, "d")]);
    let answer = wire.produce(9, -1, &topic, mixed()).await;
    assert_eq!(outcome(&answer), ("INVALID_RECORD", -1));
    let named: Vec<_> = answer.record_errors.iter().map(|error| error.batch_index).collect();
    assert_eq!(named, [1, 3]);
    assert!(answer.record_errors.iter().all(|error| error.batch_index_error_message.is_some()));
    assert!(answer.error_message.is_some());
    // Version 7 has no place for the records, but the error all the same.
    let answer = wire.produce(7, -1, &topic, mixed()).await;
    assert_eq!((outcome(&answer), answer.record_errors.len()), (("INVALID_RECORD", -1), 0));
    let keyed = batch(BatchBuilder::new(), [(Some("k"), "a")]);
    assert_eq!(outcome(&wire.produce(9, -1, &topic, keyed).await), ("NONE", 0));
}

/// The text of the whole batch's error counted the records and quoted the first; Kafka's own is fixed, and tests look for it.
#[tokio::test]
async fn a_timestamp_out_of_range_is_refused_in_the_words_of_kafka() {
    let node = Node::get();
    let configs = [("message.timestamp.before.max.ms", "1000")];
    let (mut wire, topic) = connect(&node, "timestamps", &configs).await;
    let answer = wire.produce(9, -1, &topic, batch(BatchBuilder::new(), [(None, "a"), (None, "b")])).await;
    assert_eq!(outcome(&answer), ("INVALID_TIMESTAMP", -1));
    let text = "One or more records have been rejected due to invalid timestamp";
    assert_eq!(answer.error_message.as_deref(), Some(text));
    let named: Vec<_> = answer.record_errors.iter().map(|error| error.batch_index).collect();
    assert_eq!(named, [0, 1]);
}

#[tokio::test]
async fn log_append_time_is_in_the_answer_and_in_the_batch() {
    let node = Node::get();
    let (mut wire, topic) =
        connect(&node, "append-time", &[("message.timestamp.type", "LogAppendTime")]).await;
    let sent = batch(BatchBuilder::new(), [(None, "a"), (None, "b")]);
    let answer = wire.produce(9, -1, &topic, sent).await;
    assert_eq!(outcome(&answer), ("NONE", 0));
    assert!(answer.log_append_time_ms > 1_600_000_000_000, "{answer:?}");
    let read = wire.fetch(12, &topic, 0).await;
    let records = read.records.expect("records");
    let stored = BatchView::parse(&records).expect("a batch");
    stored.verify_crc().expect("a good checksum");
    assert_eq!(stored.header.max_timestamp, answer.log_append_time_ms);
    assert_eq!(stored.header.attributes & 8, 8, "the bit that says append time");
}

#[tokio::test]
async fn valid_batches_stay_as_they_were_sent() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "as-sent", &[]).await;
    let mut offset = 0;
    for codec in
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let sent = batch(BatchBuilder::new().compression(codec, None), [(Some("k"), "a"), (None, "b")]);
        let answer = wire.produce(9, -1, &topic, sent.clone()).await;
        assert_eq!((outcome(&answer), answer.log_append_time_ms), (("NONE", offset), -1));
        let records = wire.fetch(12, &topic, offset).await.records.expect("records");
        let header = BatchHeader::parse(&records).expect("a header");
        assert_eq!((header.base_offset, header.partition_leader_epoch), (offset, 0));
        assert_eq!(records[16..], sent[16..], "{codec:?}");
        offset += 2;
    }
    // zstd is for those who know it.
    let packed = batch(BatchBuilder::new().compression(Compression::Zstd, None), [(None, "a")]);
    assert_eq!(outcome(&wire.produce(6, -1, &topic, packed).await).0, "UNSUPPORTED_COMPRESSION_TYPE");
}

#[tokio::test]
async fn a_transactional_producer_and_internal_topics_are_refused() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "refused", &[]).await;
    let transactional =
        ProduceRequest { transactional_id: Some("t".into()), ..produce_request(-1, &topic, one("v")) };
    let answer = wire.ask(9, &transactional).await;
    let refused = ("TRANSACTIONAL_ID_AUTHORIZATION_FAILED", -1);
    assert_eq!(outcome(&answer.responses[0].partition_responses[0]), refused);
    let batch_of_transaction = batch(
        BatchBuilder::new().producer(producer_id(&mut wire).await, 0, 0).transactional(true),
        [(None, "v")],
    );
    let answer = wire.produce(9, -1, &topic, batch_of_transaction).await;
    assert_eq!(outcome(&answer), refused, "a transactional batch without a transaction");
    assert_eq!(wire.fetch(12, &topic, 0).await.high_watermark, 0);
    let internal = wire.produce(9, -1, "__consumer_offsets", one("v")).await;
    assert!(["INVALID_TOPIC_EXCEPTION", "UNKNOWN_TOPIC_OR_PARTITION"].contains(&outcome(&internal).0));
}

#[tokio::test]
async fn unknown_topics_ids_and_partitions_are_told_apart() {
    let node = Node::get();
    let (mut wire, topic) = connect(&node, "by-id", &[]).await;
    let id = wire.topic_id(&topic).await;
    let mut request = produce_request(-1, &topic, one("v"));
    request.topic_data[0].topic_id = id;
    let error_of = async |wire: &mut Wire, request: &ProduceRequest| {
        let answer = wire.ask(13, request).await;
        name_of(answer.responses[0].partition_responses[0].error_code)
    };
    assert_eq!(error_of(&mut wire, &request).await, "NONE");
    request.topic_data[0].partition_data[0].index = 1;
    assert_eq!(error_of(&mut wire, &request).await, "UNKNOWN_TOPIC_OR_PARTITION");
    request.topic_data[0].partition_data[0].index = -1;
    assert_eq!(error_of(&mut wire, &request).await, "UNKNOWN_TOPIC_OR_PARTITION");
    request.topic_data[0].topic_id = Default::default();
    assert_eq!(error_of(&mut wire, &request).await, "UNKNOWN_TOPIC_ID");
    assert_eq!(
        outcome(&wire.produce(9, -1, "no-such-topic", one("v")).await).0,
        "UNKNOWN_TOPIC_OR_PARTITION"
    );
}
