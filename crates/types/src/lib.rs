//! Ids, offsets and error codes of Kafka as types.
