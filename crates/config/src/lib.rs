//! Every configuration key of Kafka: type, default, range, how it may change, what Moldau does with it.

pub mod properties;
