//! The bytes that members of a `consumer` group exchange through the coordinator: subscriptions and assignments.
//!
//! Always: both begin with a version of two bytes; a version from the future is read as the newest one known, as it only adds fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use moldau_protocol::messages::{consumer_protocol_assignment, consumer_protocol_subscription};
use moldau_protocol::{Message, Reader};

use crate::consumer::record::TopicPartition;

/// What a member wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// The topics.
    pub(crate) topics: Vec<String>,
    /// What it owned when it joined.
    pub(crate) owned: Vec<TopicPartition>,
    /// In which generation that was, −1 for none.
    pub(crate) generation: i32,
    /// Where it is.
    pub(crate) rack: Option<String>,
    /// What its assignor adds.
    pub(crate) user_data: Option<Bytes>,
}

/// What a member had after its last join: what the sticky assignors build on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    /// The partitions.
    pub(crate) partitions: Vec<TopicPartition>,
    /// The generation that gave them, −1 before the first.
    pub(crate) generation: i32,
}

impl Default for Previous {
    fn default() -> Self {
        Self { partitions: Vec::new(), generation: -1 }
    }
}

/// The sticky assignor's data: topics with partitions, then the generation. The Java class writes the same.
pub(super) fn encode_previous(previous: &Previous) -> Bytes {
    let topics = by_topic(&previous.partitions);
    let mut out = (topics.len() as i32).to_be_bytes().to_vec();
    for (topic, partitions) in topics {
        out.extend_from_slice(&(topic.len() as i16).to_be_bytes());
        out.extend_from_slice(topic.as_bytes());
        out.extend_from_slice(&(partitions.len() as i32).to_be_bytes());
        partitions.iter().for_each(|partition| out.extend_from_slice(&partition.to_be_bytes()));
    }
    out.extend_from_slice(&previous.generation.to_be_bytes());
    out.into()
}

/// Reads the sticky assignor's data; its first version has no generation.
pub(super) fn decode_previous(bytes: &Bytes) -> Result<Previous, String> {
    let read = || {
        let mut reader = Reader::new(bytes);
        let mut partitions = Vec::new();
        for _ in 0..reader.i32()? {
            let topic: Arc<str> = reader.string(false)?.into();
            for _ in 0..reader.i32()? {
                partitions.push(TopicPartition::new(topic.clone(), reader.i32()?));
            }
        }
        let generation = if reader.remaining() >= 4 { reader.i32()? } else { -1 };
        Ok(Previous { partitions, generation })
    };
    read().map_err(|error: moldau_protocol::DecodeError| error.to_string())
}

/// The cooperative sticky assignor's data: the generation, which members of old versions say nowhere else.
pub(super) fn encode_generation(generation: i32) -> Bytes {
    generation.to_be_bytes().to_vec().into()
}

/// The generation in which a member had what it owns.
pub(super) fn generation_of(subscription: &Subscription) -> i32 {
    let said = subscription.user_data.as_ref().and_then(|data| data.first_chunk::<4>());
    match subscription.generation {
        -1 => said.map_or(-1, |bytes| i32::from_be_bytes(*bytes)),
        generation => generation,
    }
}

pub(super) fn encode_subscription(subscription: &Subscription) -> Result<Bytes, String> {
    let version = ConsumerProtocolSubscription::MAX_VERSION;
    let owned_partitions = by_topic(&subscription.owned)
        .into_iter()
        .map(|(topic, partitions)| consumer_protocol_subscription::TopicPartition { topic, partitions })
        .collect();
    let message = ConsumerProtocolSubscription {
        topics: subscription.topics.clone(),
        owned_partitions,
        generation_id: subscription.generation,
        rack_id: subscription.rack.clone(),
        user_data: subscription.user_data.clone(),
    };
    encode(&message, version)
}

/// Reads a member's subscription.
pub(crate) fn decode_subscription(bytes: &Bytes) -> Result<Subscription, String> {
    let message: ConsumerProtocolSubscription = decode(bytes)?;
    let owned = message
        .owned_partitions
        .into_iter()
        .flat_map(|topic| {
            let name: Arc<str> = topic.topic.into();
            topic.partitions.into_iter().map(move |partition| TopicPartition::new(name.clone(), partition))
        })
        .collect();
    Ok(Subscription {
        topics: message.topics,
        owned,
        generation: message.generation_id,
        rack: message.rack_id,
        user_data: message.user_data,
    })
}

pub(super) fn encode_assignment(partitions: &[TopicPartition]) -> Result<Bytes, String> {
    let assigned_partitions = by_topic(partitions)
        .into_iter()
        .map(|(topic, partitions)| consumer_protocol_assignment::TopicPartition { topic, partitions })
        .collect();
    encode(
        &ConsumerProtocolAssignment { assigned_partitions, ..Default::default() },
        ConsumerProtocolAssignment::MAX_VERSION,
    )
}

/// Reads a member's assignment; no bytes at all are no partitions.
pub(crate) fn decode_assignment(bytes: &Bytes) -> Result<Vec<TopicPartition>, String> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let message: ConsumerProtocolAssignment = decode(bytes)?;
    Ok(message
        .assigned_partitions
        .into_iter()
        .flat_map(|topic| {
            let name: Arc<str> = topic.topic.into();
            topic.partitions.into_iter().map(move |partition| TopicPartition::new(name.clone(), partition))
        })
        .collect())
}

fn by_topic(partitions: &[TopicPartition]) -> BTreeMap<String, Vec<i32>> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(partition.topic.to_string()).or_default().push(partition.partition);
    }
    topics
}

fn encode<M: Message>(message: &M, version: i16) -> Result<Bytes, String> {
    let mut out = version.to_be_bytes().to_vec();
    message.encode(&mut out, version).map_err(|error| error.to_string())?;
    Ok(out.into())
}

fn decode<M: Message>(bytes: &Bytes) -> Result<M, String> {
    let Some(version) = bytes.first_chunk::<2>() else { return Err("it has no version".to_owned()) };
    let version = i16::from_be_bytes(*version);
    if version < M::MIN_VERSION {
        return Err(format!("version {version} is unknown"));
    }
    let body = bytes.slice(2..);
    M::decode(&mut Reader::shared(&body), version.min(M::MAX_VERSION)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_and_assignment_come_back_as_they_went() {
        let owned =
            vec![TopicPartition::new("a", 0), TopicPartition::new("a", 2), TopicPartition::new("b", 1)];
        let subscription = Subscription {
            topics: vec!["a".to_owned(), "b".to_owned()],
            owned: owned.clone(),
            generation: 4,
            rack: Some("r1".to_owned()),
            user_data: Some(Bytes::from_static(b"data")),
        };
        let bytes = encode_subscription(&subscription).expect("encodes");
        assert_eq!(decode_subscription(&bytes), Ok(subscription));
        assert_eq!(decode_assignment(&encode_assignment(&owned).expect("encodes")), Ok(owned));
    }

    #[test]
    fn the_sticky_data_is_that_of_the_java_class() {
        let partitions = vec![TopicPartition::new("t", 1), TopicPartition::new("t", 4)];
        let bytes = encode_previous(&Previous { partitions: partitions.clone(), generation: 7 });
        assert_eq!(*bytes, [0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7]);
        assert_eq!(decode_previous(&bytes), Ok(Previous { partitions: partitions.clone(), generation: 7 }));
        let first_version = bytes.slice(..bytes.len() - 4);
        assert_eq!(decode_previous(&first_version), Ok(Previous { partitions, generation: -1 }));
        for cut in 1..bytes.len() - 4 {
            assert!(decode_previous(&bytes.slice(..cut)).is_err(), "{cut} bytes");
        }
    }

    #[test]
    fn a_member_of_an_old_version_says_its_generation_in_its_data() {
        let mut subscription = Subscription { generation: -1, ..Default::default() };
        assert_eq!(generation_of(&subscription), -1);
        subscription.user_data = Some(encode_generation(5));
        assert_eq!(generation_of(&subscription), 5);
        subscription.generation = 6;
        assert_eq!(generation_of(&subscription), 6);
    }

    #[test]
    fn a_subscription_of_a_later_version_is_read_as_far_as_it_is_known() {
        let mut bytes =
            encode_subscription(&Subscription { topics: vec!["a".to_owned()], ..Default::default() })
                .expect("encodes")
                .to_vec();
        bytes[1] = 9;
        bytes.extend_from_slice(&[1, 2, 3]);
        assert_eq!(decode_subscription(&bytes.into()).expect("reads").topics, ["a"]);
    }

    #[test]
    fn bytes_without_a_version_are_refused() {
        assert!(decode_subscription(&Bytes::from_static(&[0])).is_err());
        assert!(decode_assignment(&Bytes::from_static(&[0, 0, 0xff])).is_err());
        assert_eq!(decode_assignment(&Bytes::new()), Ok(Vec::new()));
    }
}
