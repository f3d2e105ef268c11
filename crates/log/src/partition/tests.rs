//! Tests of one log, by what is done to it.

mod basics;
pub(crate) mod build;
mod failed_files;
mod snapshots;
