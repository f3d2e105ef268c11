//! Topics and partitions as the command line names them: `flights`, `flights:0,2`, `flights:0-3`.

use std::str::FromStr;

/// A topic, or some of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicPartitions {
    pub(crate) topic: String,
    /// `None` for all.
    pub(crate) partitions: Option<Vec<i32>>,
}

/// A range names no more partitions than this.
const RANGE_MAX: i32 = 100_000;

impl FromStr for TopicPartitions {
    type Err = String;

    /// A range counts both its ends. No topic has a colon in its name.
    fn from_str(text: &str) -> Result<Self, String> {
        let (topic, partitions) = match text.split_once(':') {
            None => (text, None),
            Some((topic, list)) => (topic, Some(numbers(list)?)),
        };
        if topic.is_empty() {
            return Err("must begin with the name of a topic".to_owned());
        }
        Ok(Self { topic: topic.to_owned(), partitions })
    }
}

fn numbers(list: &str) -> Result<Vec<i32>, String> {
    let wrong = || "partitions must be numbers such as 0,2 or 0-3".to_owned();
    let number = |text: &str| {
        text.trim().parse::<i32>().ok().filter(|number| *number >= 0 && !text.contains('+')).ok_or_else(wrong)
    };
    let mut all = Vec::new();
    for piece in list.split(',') {
        match piece.split_once('-') {
            None => all.push(number(piece)?),
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last || last - first >= RANGE_MAX {
                    return Err(wrong());
                }
                all.extend(first..=last);
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_read_and_put_in_order() {
        for (text, wanted) in [
            ("flights", None),
            ("flights:0", Some(vec![0])),
            ("flights:2,0", Some(vec![0, 2])),
            ("flights:0-2,2,7", Some(vec![0, 1, 2, 7])),
        ] {
            let read: TopicPartitions = text.parse().expect(text);
            assert_eq!((read.topic.as_str(), read.partitions), ("flights", wanted), "{text}");
        }
        for text in [":0", "t:", "t:a", "t:3-1", "t:-1", "t:0-", "t:0-2000000000", "t:0:1"] {
            assert!(text.parse::<TopicPartitions>().is_err(), "{text}");
        }
    }
}
