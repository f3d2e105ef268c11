//! Fetching: sessions (KIP-227), long polls, reads, and responses that are sent from the segment files.

mod cold;
mod long_poll;
mod read;
mod respond;
mod session;
mod session_cache;

pub(crate) use cold::{may_be_cold, warm};
pub(crate) use long_poll::{Wait, Waiters};
pub(crate) use read::{
    Limits, PartitionAnswer, Pass, Target, check_leader_epoch, find, read_all, read_at_once,
};
pub(crate) use respond::{ResponseHead, write};
pub(crate) use session::{Asked, FetchTopic, Session, SessionKey};
pub(crate) use session_cache::{FINAL_EPOCH, INITIAL_EPOCH, SessionCache};
