//! The active controller's loop: one writer that turns requests into metadata records, and records into images.
//!
//! ```text
//! submit ──► compute on the newest image ──► propose ──► (fsync, majority) ──► publish the image ──► answer
//!                 ▲                            │
//!                 └──── image with the records ┘      several proposals may be under way and share an fsync
//! ```
//!
//! What always holds: decisions are the pure functions of `moldau-controller`; an image is published when its records
//! are committed, and all that follows from it on this node (logs made, topics dropped) is done before the request is
//! answered, so that a topic is ready when it is announced; a failed proposal undoes what was computed on top of it.

mod handle;
mod load;
mod open;
mod run;
mod snapshot;
#[cfg(test)]
mod tests;

pub(crate) use handle::ControllerHandle;
pub(crate) use load::load;
pub(crate) use open::open_quorum;
pub(crate) use run::{ControllerTask, Publish, run};
pub(crate) use snapshot::SnapshotRules;
