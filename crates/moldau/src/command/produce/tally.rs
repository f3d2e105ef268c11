//! Where the records went: how many to which partition, and at which offsets.

use std::collections::BTreeMap;

use moldau_client::RecordMetadata;
use serde_json::json;

use crate::output::Table;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct InPartition {
    records: u64,
    first: Option<i64>,
    last: Option<i64>,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Tally {
    partitions: BTreeMap<i32, InPartition>,
}

impl Tally {
    pub(super) fn add(&mut self, written: &RecordMetadata) {
        let partition = self.partitions.entry(written.partition).or_default();
        partition.records += 1;
        let both = |one: Option<i64>, choose: fn(i64, i64) -> i64| match (one, written.offset) {
            (Some(one), Some(other)) => Some(choose(one, other)),
            (one, other) => one.or(other),
        };
        partition.first = both(partition.first, i64::min);
        partition.last = both(partition.last, i64::max);
    }

    pub(super) fn records(&self) -> u64 {
        self.partitions.values().map(|partition| partition.records).sum()
    }

    pub(super) fn json(&self, topic: &str) -> serde_json::Value {
        json!({
            "topic": topic,
            "records": self.records(),
            "partitions": self.partitions.iter().map(|(index, partition)| json!({
                "partition": index,
                "records": partition.records,
                "first_offset": partition.first,
                "last_offset": partition.last,
            })).collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self) -> String {
        let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let mut table = Table::new(&["PARTITION", "RECORDS", "FIRST OFFSET", "LAST OFFSET"]);
        for (index, partition) in &self.partitions {
            table.row(vec![
                index.to_string(),
                partition.records.to_string(),
                number(partition.first),
                number(partition.last),
            ]);
        }
        table.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_the_first_and_the_last_whatever_their_order() {
        let mut tally = Tally::default();
        for (partition, offset) in [(1, Some(8)), (0, None), (1, Some(7)), (1, Some(9))] {
            tally.add(&RecordMetadata::new("t", partition, offset, 0));
        }
        assert_eq!(tally.records(), 4);
        let json = tally.json("t");
        assert_eq!(json["partitions"][0]["first_offset"], serde_json::Value::Null);
        assert_eq!(
            (&json["partitions"][1]["first_offset"], &json["partitions"][1]["last_offset"]),
            (&json!(7), &json!(9))
        );
    }
}
