//! Every configuration key of Kafka: type, default, range, how it may change, what Moldau does with it.
//!
//! What always holds: a key stands in one table ([`keys`]), and docs, validation, DescribeConfigs and the typed
//! configs are made from it. Nothing here opens a socket or a file, except [`properties::load`].

pub mod error;
pub mod key;
pub mod keys;
pub mod listener;
pub mod properties;
pub mod validator;
pub mod value;

pub use error::InvalidConfig;
pub use key::{Disposition, Key};
