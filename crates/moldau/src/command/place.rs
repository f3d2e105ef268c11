//! A place in a partition as the command line names it, and the offset that it means.

use std::collections::BTreeMap;

use moldau_client::{ClientError, FoundOffset, OffsetSpec, TopicPartition};

/// A place in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Beginning,
    End,
    Offset(i64),
    /// This many records before the end.
    BeforeEnd(i64),
    /// The first record that is not older.
    Time(i64),
}

/// Reads what `--from`, `--to` and `--before` take.
pub(crate) fn place(text: &str) -> Result<Place, String> {
    let number =
        |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match text {
        "beginning" | "start" | "earliest" => return Ok(Place::Beginning),
        "end" | "latest" => return Ok(Place::End),
        _ => {}
    }
    if let Some(ms) = text.strip_prefix('@') {
        return crate::time::parse(ms).map(Place::Time);
    }
    if let Some(back) = text.strip_prefix('-').and_then(number) {
        return Ok(Place::BeforeEnd(back));
    }
    if let Some(offset) = number(text) {
        return Ok(Place::Offset(offset));
    }
    crate::time::iso(text).map(Place::Time).ok_or_else(|| {
        "must be beginning, end, an offset, -N, or a time such as 2013-01-01T05:15:00Z or @MS".to_owned()
    })
}

impl Place {
    /// What must be looked up to know its offset.
    fn needs(self) -> &'static [Lookup] {
        match self {
            Self::Offset(_) => &[],
            Self::Beginning => &[Lookup::Beginning],
            Self::End => &[Lookup::End],
            Self::BeforeEnd(_) => &[Lookup::Beginning, Lookup::End],
            Self::Time(_) => &[Lookup::Time, Lookup::End],
        }
    }

    /// The offset it means: within what there is, but for an offset, which is taken as it is.
    fn offset(self, beginning: i64, end: i64, at_time: Option<i64>) -> i64 {
        match self {
            Self::Beginning => beginning,
            Self::End => end,
            Self::Offset(offset) => offset,
            Self::BeforeEnd(back) => end.saturating_sub(back).max(beginning),
            Self::Time(_) => at_time.unwrap_or(end),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    Beginning,
    End,
    Time,
}

/// Says that a topic has no such partition.
pub(crate) fn no_partition(topic: &str, partition: i32, count: usize) -> String {
    match count {
        1 => format!("topic {topic} has no partition {partition}; it has 1 partition, whose number is 0"),
        _ => format!("topic {topic} has no partition {partition}; it has {count} partitions, from 0"),
    }
}

/// Looks offsets up, each spec for all partitions.
pub(crate) trait OffsetLookup {
    async fn look_up(
        &self,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>, ClientError>;
}

impl OffsetLookup for moldau_client::Consumer {
    async fn look_up(
        &self,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>, ClientError> {
        self.offsets(partitions.iter().map(|partition| (partition.clone(), spec))).await
    }
}

impl OffsetLookup for moldau_client::Admin {
    async fn look_up(
        &self,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, Option<FoundOffset>>, ClientError> {
        let wanted = partitions.iter().map(|partition| (partition.clone(), spec));
        self.list_offsets(wanted, moldau_client::IsolationLevel::ReadUncommitted).await
    }
}

/// The offsets that a place means in each partition.
pub(crate) async fn offsets_of(
    lookup: &impl OffsetLookup,
    partitions: &[TopicPartition],
    place: Place,
) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
    let mut found: [BTreeMap<TopicPartition, Option<FoundOffset>>; 3] = Default::default();
    for need in place.needs() {
        let spec = match (need, place) {
            (Lookup::Beginning, _) => OffsetSpec::Earliest,
            (Lookup::Time, Place::Time(ms)) => OffsetSpec::Timestamp(ms),
            (Lookup::End | Lookup::Time, _) => OffsetSpec::Latest,
        };
        found[*need as usize] = lookup.look_up(partitions, spec).await?;
    }
    let of = |need: Lookup, partition| {
        found[need as usize].get(partition).copied().flatten().map(|found| found.offset)
    };
    Ok(partitions
        .iter()
        .map(|partition| {
            let beginning = of(Lookup::Beginning, partition).unwrap_or(0);
            let end = of(Lookup::End, partition).unwrap_or(0);
            (partition.clone(), place.offset(beginning, end, of(Lookup::Time, partition)))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        for (text, wanted) in [
            ("beginning", Place::Beginning),
            ("latest", Place::End),
            ("17", Place::Offset(17)),
            ("-5", Place::BeforeEnd(5)),
            ("@1357017300000", Place::Time(1_357_017_300_000)),
            ("2013-01-01T05:15:00Z", Place::Time(1_357_017_300_000)),
        ] {
            assert_eq!(place(text), Ok(wanted), "{text}");
        }
        for text in ["nowhere", "--5", "", "+5", "-"] {
            assert!(place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_stays_within_what_there_is() {
        assert_eq!(Place::BeforeEnd(5).offset(3, 10, None), 5);
        assert_eq!(Place::BeforeEnd(50).offset(3, 10, None), 3);
        assert_eq!(Place::Time(1).offset(3, 10, Some(7)), 7);
        assert_eq!(Place::Time(1).offset(3, 10, None), 10);
        assert_eq!(Place::Offset(99).offset(3, 10, None), 99);
    }
}
