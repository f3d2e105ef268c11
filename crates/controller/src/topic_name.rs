//! Which topic names are allowed.

/// Longest topic name: it must fit a directory name with its partition and a suffix.
const NAME_LENGTH_MAX: usize = 249;

/// The one topic that is not a topic for users: the metadata log.
pub(crate) const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// Why a text cannot be a topic's name. The texts are those that Kafka's tools show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopicName {
    /// No characters.
    #[error("Topic name is invalid: the empty string is not allowed")]
    Empty,
    /// `.` or `..`.
    #[error("Topic name is invalid: '{0}' is not allowed")]
    Dots(String),
    /// Too long for a directory.
    #[error("Topic name is invalid: the length of '{0}' is longer than the max allowed length 249")]
    TooLong(String),
    /// A character that is not allowed.
    #[error(
        "Topic name is invalid: '{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    )]
    Characters(String),
}

/// Whether a text can be a topic's name.
pub fn validate_topic_name(name: &str) -> Result<(), InvalidTopicName> {
    if name.is_empty() {
        Err(InvalidTopicName::Empty)
    } else if name == "." || name == ".." {
        Err(InvalidTopicName::Dots(name.to_owned()))
    } else if name.chars().count() > NAME_LENGTH_MAX {
        Err(InvalidTopicName::TooLong(name.to_owned()))
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        Err(InvalidTopicName::Characters(name.to_owned()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_kafka_does() {
        for good in ["a", "a.b_c-D9", "...", &"x".repeat(249)] {
            assert_eq!(validate_topic_name(good), Ok(()), "{good}");
        }
        assert_eq!(validate_topic_name(""), Err(InvalidTopicName::Empty));
        assert_eq!(validate_topic_name(".."), Err(InvalidTopicName::Dots("..".into())));
        assert!(matches!(validate_topic_name(&"x".repeat(250)), Err(InvalidTopicName::TooLong(_))));
        assert!(matches!(validate_topic_name("a/b"), Err(InvalidTopicName::Characters(_))));
        assert!(matches!(validate_topic_name("žluťoučký"), Err(InvalidTopicName::Characters(_))));
    }
}
