//! Tests of one log, by what is done to it.

mod basics;
pub(super) mod build;
