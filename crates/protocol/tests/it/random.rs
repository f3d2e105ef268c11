//! Every message in every version: random values come back as they were, random bytes never do harm.

use bytes::Bytes;
use moldau_protocol::messages::fetch_request::FetchRequestView;
use moldau_protocol::messages::produce_request::{
    PartitionProduceData, PartitionProduceDataView, ProduceRequestView, TopicProduceData,
    TopicProduceDataView,
};
use moldau_protocol::messages::{FetchRequest, ProduceRequest};
use moldau_protocol::testing::{RandomMessage, all};
use moldau_protocol::{Message, Reader};
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

/// A seed from `MOLDAU_SEED`, else a new one; a failing test prints it.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MOLDAU_SEED").ok();
    given.map_or_else(rand::random, |text| text.parse().expect("MOLDAU_SEED is a number"))
}

#[test]
fn random_messages_come_back_from_bytes_and_json() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    for entry in all() {
        for version in entry.min_version..=entry.max_version {
            for _ in 0..8 {
                if let Err(e) = (entry.random_round_trip)(&mut rng, version) {
                    panic!("seed {seed}: {} version {version}: {e}", entry.name);
                }
            }
        }
    }
}

#[test]
fn damaged_messages_and_random_bytes_never_panic() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    for entry in all() {
        for version in entry.min_version..=entry.max_version {
            let message =
                (entry.random_round_trip)(&mut rng, version).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            for _ in 0..16 {
                let mut bytes = message.clone();
                for _ in 0..rng.random_range(0..4) {
                    if let Some(at) = bytes.len().checked_sub(1).map(|last| rng.random_range(0..=last)) {
                        bytes[at] = [0, 1, 0x7f, 0x80, 0xff, rng.random()][rng.random_range(0..6)];
                    }
                }
                let _ = (entry.decode)(&bytes, version);
            }
            let mut noise = vec![0; rng.random_range(0..200)];
            rng.fill_bytes(&mut noise);
            let _ = (entry.decode)(&noise, version);
        }
    }
}

#[test]
fn views_say_what_the_messages_say() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    for _ in 0..50 {
        for version in ProduceRequest::MIN_VERSION..=ProduceRequest::MAX_VERSION {
            let message = ProduceRequest::random(&mut rng, version);
            let bytes = message.encode_to_vec(version).expect("encodes");
            let view = ProduceRequestView::decode_all(&bytes, version).expect("decodes");
            assert_eq!(owned(&view), message, "seed {seed} version {version}");
        }
        for version in FetchRequest::MIN_VERSION..=FetchRequest::MAX_VERSION {
            let message = FetchRequest::random(&mut rng, version);
            let bytes = message.encode_to_vec(version).expect("encodes");
            let view = FetchRequestView::decode_all(&bytes, version).expect("decodes");
            // Debug text has no other difference than the names of the structs that borrow.
            let text = format!("{view:?}").replace("View {", " {");
            assert_eq!(text, format!("{message:?}"), "seed {seed} version {version}");
        }
    }
}

/// The request that a view shows.
fn owned(view: &ProduceRequestView<'_>) -> ProduceRequest {
    let partition = |p: &PartitionProduceDataView<'_>| PartitionProduceData {
        index: p.index,
        records: p.records.map(Bytes::copy_from_slice),
    };
    let topic = |t: &TopicProduceDataView<'_>| TopicProduceData {
        name: t.name.to_owned(),
        topic_id: t.topic_id,
        partition_data: t.partition_data.iter().map(partition).collect(),
    };
    ProduceRequest {
        transactional_id: view.transactional_id.map(str::to_owned),
        acks: view.acks,
        timeout_ms: view.timeout_ms,
        topic_data: view.topic_data.iter().map(topic).collect(),
    }
}

#[test]
fn a_decoder_stops_at_the_end_of_its_message() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut bytes = FetchRequest::random(&mut rng, 17).encode_to_vec(17).expect("encodes");
    bytes.extend_from_slice(b"next");
    let mut r = Reader::new(&bytes);
    FetchRequest::decode(&mut r, 17).expect("decodes");
    assert_eq!(r.rest(), b"next", "seed {seed}");
}
