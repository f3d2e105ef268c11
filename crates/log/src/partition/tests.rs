//! Tests of one log, by what is done to it.

mod at_once;
mod basics;
pub(crate) mod build;
mod failed_files;
mod snapshots;
