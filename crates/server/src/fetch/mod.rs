//! Fetching: sessions (KIP-227), long polls, reads, and responses that are sent from the segment files.

mod cold;
mod long_poll;
mod read;
mod respond;
mod session;
mod session_cache;

pub(crate) use long_poll::Waiters;
pub(crate) use session::{FetchTopic, SessionKey};
pub(crate) use session_cache::SessionCache;
